// gRPC's message framing on the receiving side: one octet of flags, four of length, the message.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace grapevine::rpc {

// Puts the messages of one stream together from pieces of any size. Memory in use grows with what
// has arrived, not with what a length announces.
class MessageReader {
 public:
  enum class Outcome {
    kNeedMore,    // the input is used up
    kMessage,     // Take() gives a complete message; the input may hold more
    kCompressed,  // the message is compressed, which was not offered
    kBadFlags,
    kTooLarge,  // larger than the limit
  };

  explicit MessageReader(std::size_t limit) : limit_(limit) {}

  // For messages whose length has not been read yet.
  void SetLimit(std::size_t limit) { limit_ = limit; }
  std::size_t limit() const { return limit_; }

  // Reads from the front of `input` at most to the end of one message and removes what it has read. After an outcome
  // other than kNeedMore and kMessage the stream is over.
  Outcome Feed(base::ByteView& input);
  base::Bytes Take();

  // Length of the message that is being received; 0 when unknown.
  std::size_t expected() const { return in_body_ ? length_ : 0; }
  bool mid_message() const { return in_body_ || header_size_ > 0; }

 private:
  Outcome ParseHeader();

  std::size_t limit_;
  std::array<unsigned char, 5> header_{};
  std::size_t header_size_ = 0;
  bool in_body_ = false;
  std::size_t length_ = 0;
  std::string body_;
};

}  // namespace grapevine::rpc
