// gRPC's message framing on the sending side.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/ring_queue.h"

namespace grapevine::rpc {

// Messages that wait to be written, and how far the first of them has been. Copies a byte only into the output.
class MessageQueue {
 public:
  void Push(base::Bytes message);
  // Appends the next `count` bytes of framed messages to `out` and returns how many messages that has completed.
  // Precondition: count <= bytes().
  std::size_t Write(std::size_t count, std::string& out);
  void Clear();

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return messages_.empty(); }

 private:
  base::RingQueue<base::Bytes> messages_;
  std::size_t front_written_ = 0;  // of the first message, prefix included
  std::size_t bytes_ = 0;
};

}  // namespace grapevine::rpc
