#include "rpc/stream_probe.h"

#include <algorithm>

namespace grapevine::rpc {

namespace {

constexpr std::size_t kKeptMessageBytes = 1000;
constexpr std::size_t kCredit = 16;

}  // namespace

std::string Pattern(std::size_t index, std::size_t size) {
  std::string content(size, '\0');
  auto byte = static_cast<unsigned char>(index * 31);
  for (char& c : content) {
    c = static_cast<char>(byte);
    byte = static_cast<unsigned char>(byte + 7);
  }
  return content;
}

StreamProbe::StreamProbe(std::unique_ptr<base::Stream> stream) : stream_(std::move(stream)) {
  stream_->SetHandler(*this);
}

void StreamProbe::SendPatterns(std::size_t count, std::size_t size, bool half_close, std::size_t max_unsent) {
  next_ = 0;
  count_ = count;
  size_ = size;
  max_unsent_ = max_unsent;
  half_close_ = half_close;
  SendMore();
}

void StreamProbe::SendMore() {
  while (next_ < count_ && stream_->unsent() < max_unsent_) stream_->Send(base::Bytes(Pattern(next_++, size_)));
  max_unsent_seen_ = std::max(max_unsent_seen_, stream_->unsent());
  if (half_close_ && next_ == count_) {
    half_close_ = false;
    stream_->HalfClose();
  }
}

void StreamProbe::ReadAll() {
  reading_ = true;
  stream_->Read(kCredit);
}

void StreamProbe::OnMessage(base::Bytes message) {
  if (message.view() != Pattern(received_, message.size())) intact_ = false;
  ++received_;
  bytes_ += message.size();
  if (message.size() <= kKeptMessageBytes) messages_.push_back(message.ToString());
  if (reading_) stream_->Read(1);
}

void StreamProbe::OnSent(std::size_t count) {
  sent_ += count;
  SendMore();
}

}  // namespace grapevine::rpc
