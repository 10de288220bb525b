#include "ledger/varint.h"

#include "wire/field_reader.h"

namespace grapevine::ledger {
std::size_t VarintSize(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void AppendVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> ByteReader::Varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    if (i == rest_.size()) {
      truncated_ = true;
      return std::nullopt;
    }
    const auto byte = static_cast<unsigned char>(rest_[i]);
    if (i == 9 && byte > 1) return std::nullopt;  // more than 64 bits
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      rest_.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<base::ByteView> ByteReader::LengthPrefixed() {
  const auto length = Varint();
  if (!length) return std::nullopt;
  if (*length > rest_.size()) {
    truncated_ = true;
    return std::nullopt;
  }
  const base::ByteView content = rest_.substr(0, static_cast<std::size_t>(*length));
  rest_.remove_prefix(content.size());
  return content;
}

base::ByteView BytesField(base::ByteView message, std::uint32_t number) {
  base::ByteView found;
  wire::FieldReader reader(message);
  while (reader.Next()) {
    if (reader.field().IsBytes(number)) found = reader.field().bytes;
  }
  return reader.malformed() ? base::ByteView() : found;
}

std::uint64_t VarintField(base::ByteView message, std::uint32_t number) {
  std::uint64_t found = 0;
  wire::FieldReader reader(message);
  while (reader.Next()) {
    if (reader.field().IsVarint(number)) found = reader.field().integer;
  }
  return reader.malformed() ? 0 : found;
}

}  // namespace grapevine::ledger
