#include "wire/field_writer.h"

#include "wire/field_reader.h"

namespace grapevine::wire {

namespace {
std::uint64_t FieldTag(std::uint32_t number, WireType type) {
  return std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type);
}
}  // namespace

void FieldWriter::AppendVarint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
  out_.push_back(static_cast<char>(value));
}

FieldWriter& FieldWriter::Integer(std::uint32_t number, std::uint64_t value) {
  if (value == 0) return *this;
  AppendVarint(FieldTag(number, WireType::kVarint));
  AppendVarint(value);
  return *this;
}

FieldWriter& FieldWriter::Bytes(std::uint32_t number, base::ByteView content) {
  return content.empty() ? *this : Element(number, content);
}

FieldWriter& FieldWriter::Element(std::uint32_t number, base::ByteView content) {
  out_.reserve(out_.size() + content.size() + 15);
  AppendVarint(FieldTag(number, WireType::kBytes));
  AppendVarint(content.size());
  out_ += content;
  return *this;
}

}  // namespace grapevine::wire
