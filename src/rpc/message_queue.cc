#include "rpc/message_queue.h"

#include <algorithm>
#include <array>
#include <utility>

namespace grapevine::rpc {

namespace {

constexpr std::size_t kPrefixBytes = 5;

std::array<char, kPrefixBytes> Prefix(std::size_t length) {
  return {0, static_cast<char>(length >> 24), static_cast<char>(length >> 16), static_cast<char>(length >> 8),
          static_cast<char>(length)};
}

}  // namespace

void MessageQueue::Push(base::Bytes message) {
  bytes_ += kPrefixBytes + message.size();
  messages_.push_back(std::move(message));
}

std::size_t MessageQueue::Write(std::size_t count, std::string& out) {
  std::size_t completed = 0;
  bytes_ -= count;
  for (;;) {
    if (messages_.empty()) return completed;
    const base::Bytes& message = messages_.front();
    if (front_written_ < kPrefixBytes) {
      const auto prefix = Prefix(message.size());
      const std::size_t part = std::min(count, kPrefixBytes - front_written_);
      out.append(prefix.data() + front_written_, part);
      front_written_ += part;
      count -= part;
    }
    if (front_written_ >= kPrefixBytes) {
      const std::size_t from = front_written_ - kPrefixBytes;
      const std::size_t part = std::min(count, message.size() - from);
      out.append(message.data() + from, part);
      front_written_ += part;
      count -= part;
      if (front_written_ == kPrefixBytes + message.size()) {
        messages_.pop_front();
        front_written_ = 0;
        ++completed;
      }
    }
    if (count == 0) return completed;
  }
}

void MessageQueue::Clear() {
  messages_.clear();
  front_written_ = 0;
  bytes_ = 0;
}

}  // namespace grapevine::rpc
