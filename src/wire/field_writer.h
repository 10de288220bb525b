// Writes the wire format of protocol buffers as Go's library does: fields in the order of the calls, defaults left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace grapevine::wire {

class FieldWriter {
 public:
  // Left out if zero, false or empty.
  FieldWriter& Integer(std::uint32_t number, std::uint64_t value);
  FieldWriter& Bytes(std::uint32_t number, base::ByteView content);
  // Written even if empty: an element of a repeated field, or a message that is present.
  FieldWriter& Element(std::uint32_t number, base::ByteView content);

  // Makes room for so many more bytes: saves copying where much is to come.
  void Reserve(std::size_t bytes) { out_.reserve(out_.size() + bytes); }
  std::string Take() { return std::move(out_); }

 private:
  void AppendVarint(std::uint64_t value);

  std::string out_;
};

}  // namespace grapevine::wire
