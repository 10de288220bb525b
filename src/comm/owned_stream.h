// A transport stream together with what it depends on, served by one listener after the other: the handshake first, the
// peer's record afterwards. base::Stream takes only one handler for life. Internal to the room.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/transport.h"

namespace grapevine::comm {

// Owns the stream and, on the client side, its connection (02, 2.2: connections are never shared). Destroying it
// cancels the stream and closes the connection; allowed inside every event of the listener.
class OwnedStream final : public base::StreamHandler {
 public:
  // `connection` is null on the server side.
  OwnedStream(std::unique_ptr<base::Connection> connection, std::unique_ptr<base::Stream> stream)
      : connection_(std::move(connection)), stream_(std::move(stream)) {
    stream_->SetHandler(*this);
  }
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;

  // Null: events are only remembered (half_closed, over).
  void SetListener(base::StreamHandler* listener) { listener_ = listener; }

  base::Stream& operator*() { return *stream_; }
  base::Stream* operator->() { return stream_.get(); }
  // Opened here.
  bool outgoing() const { return connection_ != nullptr; }
  bool half_closed() const { return half_closed_; }  // by the remote
  bool over() const { return over_; }

  void OnMessage(base::Bytes message) override {
    if (listener_ != nullptr) listener_->OnMessage(std::move(message));
  }
  void OnSent(std::size_t count) override {
    if (listener_ != nullptr) listener_->OnSent(count);
  }
  void OnHalfClose() override {
    half_closed_ = true;
    if (listener_ != nullptr) listener_->OnHalfClose();
  }
  void OnEnd(const base::Status& status) override {
    over_ = true;
    if (listener_ != nullptr) listener_->OnEnd(status);
  }

 private:
  std::unique_ptr<base::Connection> connection_;
  std::unique_ptr<base::Stream> stream_;  // destroyed before its connection
  base::StreamHandler* listener_ = nullptr;
  bool half_closed_ = false;
  bool over_ = false;
};

}  // namespace grapevine::comm
