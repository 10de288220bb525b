// Reads the wire format of protocol buffers without copying: what Envelope, Message and block checks are built on.
//
// Borrows its input. Accepts exactly what Go's protobuf library accepts: any field order, repeated fields, unknown
// fields, groups; a message is malformed if a varint, length, tag or group is (01, section 2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace grapevine::wire {

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFixed32 = 5
};

struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t integer = 0;  // kVarint
  base::ByteView bytes;       // kBytes: the content, inside the reader's input
  base::ByteView raw;         // tag, length and content
  std::size_t tag_size = 0;   // bytes of the tag in `raw`

  // A known number with another wire type is an unknown field, not an error.
  bool IsVarint(std::uint32_t wanted) const { return number == wanted && type == WireType::kVarint; }
  bool IsBytes(std::uint32_t wanted) const { return number == wanted && type == WireType::kBytes; }
};

class FieldReader {
 public:
  explicit FieldReader(base::ByteView input) : rest_(input) {}

  // Moves to the next field; false at the end and at a malformed field: ask malformed() afterwards. An unknown group is
  // one field of type kGroupBegin.
  bool Next() {
    // Nearly all fields are short byte strings: tag and length have one byte each.
    if (rest_.size() >= 2) {
      const unsigned tag = static_cast<unsigned char>(rest_[0]);
      const unsigned size = static_cast<unsigned char>(rest_[1]);
      constexpr unsigned kTypeMask = 7;
      constexpr unsigned kContinues = 0x80;
      if ((tag & kTypeMask) == static_cast<unsigned>(WireType::kBytes) && tag > kTypeMask &&
          ((tag | size) & kContinues) == 0 && rest_.size() - 2 >= size) {
        field_ = {.number = tag >> 3,
                  .type = WireType::kBytes,
                  .bytes = {rest_.data() + 2, size},
                  .raw = {rest_.data(), size + 2},
                  .tag_size = 1};
        rest_.remove_prefix(size + 2);
        return true;
      }
    }
    return NextOfAnyKind();
  }
  const Field& field() const { return field_; }
  bool malformed() const { return malformed_; }

 private:
  bool NextOfAnyKind();
  bool ReadVarint(std::uint64_t& value);
  bool ReadTag(std::uint32_t& number, WireType& type);
  bool SkipContent(WireType type, base::ByteView& content, std::uint64_t& integer);
  bool SkipGroup(std::uint32_t number);
  bool Fail();

  base::ByteView rest_;
  Field field_;
  bool malformed_ = false;
};

// Bytes that a varint of this value takes when encoded minimally.
std::size_t VarintSize(std::uint64_t value);

// Whether `text` is what proto3 allows in a string field.
bool IsUtf8(base::ByteView text);

}  // namespace grapevine::wire
