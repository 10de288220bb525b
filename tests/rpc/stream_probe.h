// Handlers of streams for tests: they record, and do what a test tells them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/transport.h"

namespace grapevine::rpc {

// Byte `i` of message `index` is (index * 31 + i * 7) mod 256, as the oracles make and expect it.
std::string Pattern(std::size_t index, std::size_t size);

// Records the events of one stream; owns it. Sends pattern messages with a bounded number unsent.
class StreamProbe final : public base::StreamHandler {
 public:
  explicit StreamProbe(std::unique_ptr<base::Stream> stream);

  // Messages of `size` bytes, `count` in all, at most `max_unsent` of them unsent at a time; then half-closes if told.
  void SendPatterns(std::size_t count, std::size_t size, bool half_close, std::size_t max_unsent = 8);
  // Reads without end: credit is renewed as messages arrive.
  void ReadAll();
  void Cancel() { stream_.reset(); }

  base::Stream& stream() { return *stream_; }
  // Of each message while they are short; else only counted.
  const std::vector<std::string>& messages() const { return messages_; }
  std::size_t received() const { return received_; }
  std::size_t bytes() const { return bytes_; }
  bool intact() const { return intact_; }  // each message was the pattern of its index
  std::size_t sent() const { return sent_; }
  std::size_t max_unsent_seen() const { return max_unsent_seen_; }
  bool half_closed() const { return half_closed_; }
  const std::optional<base::Status>& end() const { return end_; }

 private:
  void OnMessage(base::Bytes message) override;
  void OnSent(std::size_t count) override;
  void OnHalfClose() override { half_closed_ = true; }
  void OnEnd(const base::Status& status) override { end_ = status; }
  void SendMore();

  std::unique_ptr<base::Stream> stream_;
  std::vector<std::string> messages_;
  std::size_t received_ = 0;
  std::size_t bytes_ = 0;
  bool intact_ = true;
  bool reading_ = false;
  std::size_t sent_ = 0;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
  std::size_t max_unsent_ = 0;
  std::size_t max_unsent_seen_ = 0;
  bool half_close_ = false;
  bool half_closed_ = false;
  std::optional<base::Status> end_;
};

}  // namespace grapevine::rpc
