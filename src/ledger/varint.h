// Reading and writing the varints and tagged fields of protobuf without copying what they carry.
//
// Blocks are large and their bytes are signed: this room looks into them in place instead of decoding them into
// objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace grapevine::ledger {

std::size_t VarintSize(std::uint64_t value);
void AppendVarint(std::string& out, std::uint64_t value);

// Takes things off the front of borrowed bytes. Total: hostile bytes give nullopt, never more than the input holds.
class ByteReader {
 public:
  explicit ByteReader(base::ByteView input) : rest_(input) {}

  // Nothing if the input ends within it (`truncated` becomes true) or it does not fit in 64 bits.
  std::optional<std::uint64_t> Varint();
  // varint length, then that many bytes; nothing likewise.
  std::optional<base::ByteView> LengthPrefixed();

  base::ByteView rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }
  // Whether a failure was caused by the end of the input: more input could have cured it.
  bool truncated() const { return truncated_; }

 private:
  base::ByteView rest_;
  bool truncated_ = false;
};

// The last occurrence of length-delimited field `number`, empty if absent or if the message is malformed: a decoder's
// view of a bytes field whose absence needs no distinction.
base::ByteView BytesField(base::ByteView message, std::uint32_t number);
std::uint64_t VarintField(base::ByteView message, std::uint32_t number);

}  // namespace grapevine::ledger
