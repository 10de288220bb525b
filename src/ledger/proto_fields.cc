#include "ledger/proto_fields.h"

namespace grapevine::ledger {
namespace {

constexpr std::uint32_t kMaxFieldNumber = (1U << 29) - 1;

}  // namespace

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

std::optional<ProtoField> ProtoFields::Malformed() {
  ok_ = false;
  return std::nullopt;
}

std::optional<ProtoField> ProtoFields::Next() {
  if (!ok_ || reader_.empty()) return std::nullopt;
  const auto tag = reader_.Varint();
  if (!tag || (*tag >> 3) == 0 || (*tag >> 3) > kMaxFieldNumber) return Malformed();
  ProtoField field;
  field.number = static_cast<std::uint32_t>(*tag >> 3);
  const auto skip = [&](std::size_t count) {
    if (reader_.rest().size() < count) return false;
    reader_ = ByteReader(reader_.rest().substr(count));
    return true;
  };
  switch (*tag & 7) {
    case 0: {
      const auto value = reader_.Varint();
      if (!value) return Malformed();
      field.value = *value;
      return field;
    }
    case 1:
      return skip(8) ? std::optional(field) : Malformed();
    case 2: {
      const auto bytes = reader_.LengthPrefixed();
      if (!bytes) return Malformed();
      field.is_bytes = true;
      field.bytes = *bytes;
      return field;
    }
    case 5:
      return skip(4) ? std::optional(field) : Malformed();
    default:
      return Malformed();
  }
}

base::ByteView BytesField(base::ByteView message, std::uint32_t number) {
  base::ByteView found;
  ProtoFields fields(message);
  while (const auto field = fields.Next()) {
    if (field->number == number && field->is_bytes) found = field->bytes;
  }
  return fields.ok() ? found : base::ByteView();
}

std::uint64_t VarintField(base::ByteView message, std::uint32_t number) {
  std::uint64_t found = 0;
  ProtoFields fields(message);
  while (const auto field = fields.Next()) {
    if (field->number == number && !field->is_bytes) found = field->value;
  }
  return fields.ok() ? found : 0;
}

}  // namespace grapevine::ledger
