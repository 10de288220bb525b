#include "wire/field_reader.h"

#include <array>

namespace grapevine::wire {

namespace {
constexpr std::uint64_t kMaxFieldNumber = (1U << 29) - 1;
constexpr std::size_t kMaxGroupDepth = 100;
}  // namespace

bool FieldReader::Fail() {
  malformed_ = true;
  rest_ = {};
  return false;
}

bool FieldReader::ReadVarint(std::uint64_t& value) {
  // Nearly all tags and lengths have one byte.
  if (!rest_.empty() && static_cast<unsigned char>(rest_[0]) < 0x80) {
    value = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return true;
  }
  value = 0;
  for (std::size_t i = 0; i < 10 && i < rest_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(rest_[i]);
    if (i == 9 && byte > 1) return false;  // more than 64 bits
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool FieldReader::ReadTag(std::uint32_t& number, WireType& type) {
  std::uint64_t tag = 0;
  if (!ReadVarint(tag)) return false;
  const std::uint64_t field_number = tag >> 3;
  if (field_number == 0 || field_number > kMaxFieldNumber || (tag & 7) > 5) return false;
  number = static_cast<std::uint32_t>(field_number);
  type = static_cast<WireType>(tag & 7);
  return true;
}

bool FieldReader::SkipContent(WireType type, base::ByteView& content, std::uint64_t& integer) {
  std::uint64_t size = 0;
  switch (type) {
    case WireType::kVarint:
      return ReadVarint(integer);
    case WireType::kFixed64:
      size = 8;
      break;
    case WireType::kFixed32:
      size = 4;
      break;
    case WireType::kBytes:
      if (!ReadVarint(size)) return false;
      break;
    case WireType::kGroupBegin:
    case WireType::kGroupEnd:
      return false;
  }
  if (size > rest_.size()) return false;
  content = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool FieldReader::SkipGroup(std::uint32_t number) {
  std::array<std::uint32_t, kMaxGroupDepth> open{number};
  std::size_t depth = 1;
  while (depth > 0) {
    std::uint32_t inner = 0;
    WireType type{};
    if (!ReadTag(inner, type)) return false;
    if (type == WireType::kGroupBegin) {
      if (depth == kMaxGroupDepth) return false;
      open[depth++] = inner;
    } else if (type == WireType::kGroupEnd) {
      if (open[--depth] != inner) return false;
    } else {
      base::ByteView content;
      std::uint64_t integer = 0;
      if (!SkipContent(type, content, integer)) return false;
    }
  }
  return true;
}

bool FieldReader::NextOfAnyKind() {
  if (rest_.empty()) return false;
  const base::ByteView start = rest_;
  field_ = Field{};
  if (!ReadTag(field_.number, field_.type)) return Fail();
  field_.tag_size = start.size() - rest_.size();
  const bool read = field_.type == WireType::kGroupBegin ? SkipGroup(field_.number)
                                                         : SkipContent(field_.type, field_.bytes, field_.integer);
  if (!read) return Fail();
  field_.raw = start.substr(0, start.size() - rest_.size());
  return true;
}

std::size_t VarintSize(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

bool IsUtf8(base::ByteView text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i < length) return false;
    const auto second = static_cast<unsigned char>(text[i + 1]);
    // Overlong forms, surrogates and values above U+10FFFF show in the second byte.
    const unsigned char lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return false;
    for (std::size_t k = 2; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace grapevine::wire
