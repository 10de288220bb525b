#include "msp/der.h"

#include <cstddef>

namespace grapevine::msp {
namespace {

constexpr unsigned char kBoolean = 0x01;
constexpr unsigned char kConstructed = 0x20;
constexpr unsigned char kHighTagNumber = 0x1f;
constexpr int kMaxDepth = 32;  // certificates nest about ten deep

unsigned char ByteAt(base::ByteView bytes, std::size_t index) { return static_cast<unsigned char>(bytes[index]); }

bool IsMinimalInteger(base::ByteView content) {
  if (content.empty()) return false;
  if (content.size() == 1) return true;
  const bool second_is_negative = (ByteAt(content, 1) & 0x80) != 0;
  return !(ByteAt(content, 0) == 0x00 && !second_is_negative) && !(ByteAt(content, 0) == 0xff && second_is_negative);
}

bool AreStrictElements(base::ByteView input, int depth) {
  if (depth > kMaxDepth) return false;
  while (!input.empty()) {
    const auto element = TakeDer(input);
    if (!element) return false;
    if (element->tag == kDerInteger && !IsMinimalInteger(element->content)) return false;
    if (element->tag == kBoolean &&
        (element->content.size() != 1 || (element->content[0] != '\x00' && element->content[0] != '\xff'))) {
      return false;
    }
    if ((element->tag & kConstructed) != 0 && !AreStrictElements(element->content, depth + 1)) return false;
  }
  return true;
}

}  // namespace

std::optional<DerElement> TakeDer(base::ByteView& input) {
  if (input.size() < 2 || (ByteAt(input, 0) & kHighTagNumber) == kHighTagNumber) return std::nullopt;
  std::size_t header = 2;
  std::size_t length = ByteAt(input, 1);
  if (length >= 0x80) {
    const std::size_t count = length & 0x7f;
    if (count == 0 || count > 4 || input.size() < 2 + count || ByteAt(input, 2) == 0) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | ByteAt(input, 2 + i);
    if (length < 0x80) return std::nullopt;
    header += count;
  }
  if (input.size() - header < length) return std::nullopt;
  const DerElement element{ByteAt(input, 0), input.substr(header, length), input.substr(0, header + length)};
  input.remove_prefix(header + length);
  return element;
}

bool IsStrictDer(base::ByteView der) {
  base::ByteView rest = der;
  return TakeDer(rest) && rest.empty() && AreStrictElements(der, 0);
}

std::string EncodeDer(unsigned char tag, base::ByteView content) {
  std::string length;
  for (std::size_t rest = content.size(); rest > 0; rest >>= 8) {
    length.insert(length.begin(), static_cast<char>(rest & 0xff));
  }
  std::string der(1, static_cast<char>(tag));
  if (content.size() >= 0x80) {
    der += static_cast<char>(0x80 | length.size());
    der += length;
  } else {
    der += static_cast<char>(content.size());
  }
  return der.append(content);
}

}  // namespace grapevine::msp
