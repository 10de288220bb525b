#include "app/cable.h"

#include <utility>
#include <vector>

namespace grapevine::app {

namespace {

// As packets that nobody answers: the dial fails when its time is over.
base::Handle NoAnswer(base::Executor& executor, base::Endpoint endpoint, base::Duration timeout,
                      std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) {
  return executor.After(timeout, [endpoint = std::move(endpoint), done = std::move(done)]() mutable {
    done(base::Fail(base::ErrorCode::kTimeout, "no answer from '{}'", endpoint));
  });
}

}  // namespace

// A stream that ends when the cable is cut.
class Cable::OrdererStream final : public base::Stream {
 public:
  OrdererStream(Cable& cable, std::unique_ptr<base::Stream> stream)
      : cable_(cable), peer_(stream->peer()), stream_(std::move(stream)) {
    cable_.streams_.insert(this);
  }
  ~OrdererStream() override { cable_.streams_.erase(this); }

  // May destroy this object.
  void Break() {
    stream_.reset();
    if (handler_ != nullptr) handler_->OnEnd({base::StatusCode::kUnavailable, "the cable is cut", ""});
  }

  void SetHandler(base::StreamHandler& handler) override {
    handler_ = &handler;
    if (stream_) stream_->SetHandler(handler);
  }
  void Send(base::Bytes message) override {
    if (stream_) stream_->Send(std::move(message));
  }
  std::size_t unsent() const override { return stream_ ? stream_->unsent() : 0; }
  void Read(std::size_t messages) override {
    if (stream_) stream_->Read(messages);
  }
  void SetReceiveLimit(std::size_t bytes) override {
    if (stream_) stream_->SetReceiveLimit(bytes);
  }
  void HalfClose() override {
    if (stream_) stream_->HalfClose();
  }
  void Finish(base::Status status) override {
    if (stream_) stream_->Finish(std::move(status));
  }
  const base::PeerInfo& peer() const override { return peer_; }
  const base::Metadata& metadata() const override { return stream_ ? stream_->metadata() : none_; }

 private:
  Cable& cable_;
  const base::PeerInfo peer_;
  const base::Metadata none_;
  base::StreamHandler* handler_ = nullptr;
  std::unique_ptr<base::Stream> stream_;  // null: cut
};

class Cable::OrdererConnection final : public base::Connection {
 public:
  OrdererConnection(Cable& cable, std::unique_ptr<base::Connection> connection)
      : cable_(cable), connection_(std::move(connection)) {}

  const base::PeerInfo& peer() const override { return connection_->peer(); }
  std::unique_ptr<base::Stream> Open(std::string_view method, base::CallOptions options) override {
    return std::make_unique<OrdererStream>(cable_, connection_->Open(method, std::move(options)));
  }
  base::Handle Unary(std::string_view method, base::Bytes request, base::CallOptions options,
                     std::move_only_function<void(base::UnaryResult)> done) override {
    return connection_->Unary(method, std::move(request), std::move(options), std::move(done));
  }
  void OnClosed(std::move_only_function<void(const base::Status&)> closed) override {
    connection_->OnClosed(std::move(closed));
  }

 private:
  Cable& cable_;
  std::unique_ptr<base::Connection> connection_;
};

void Cable::SetCut(bool cut) {
  cut_ = cut;
  if (!cut) return;
  for (OrdererStream* stream : std::vector<OrdererStream*>(streams_.begin(), streams_.end())) {
    if (streams_.contains(stream)) stream->Break();
  }
}

base::Handle Cable::Dial(base::Endpoint endpoint, base::Duration timeout,
                         std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) {
  if (cut_) return NoAnswer(executor_, std::move(endpoint), timeout, std::move(done));
  return transport_.Dial(std::move(endpoint), timeout, std::move(done));
}

base::Handle Cable::Dial(const delivery::OrdererAddress& address, base::Duration timeout,
                         std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) {
  if (cut_) return NoAnswer(executor_, address.endpoint, timeout, std::move(done));
  return orderers_.Dial(
      address, timeout,
      [this, done = std::move(done)](base::Result<std::unique_ptr<base::Connection>> connection) mutable {
        if (!connection) return done(std::unexpected(connection.error()));
        done(std::make_unique<OrdererConnection>(*this, std::move(*connection)));
      });
}

base::Handle Cable::ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler) {
  return server_.ServeStream(std::move(method),
                             [this, handler = std::move(handler)](std::unique_ptr<base::Stream> stream) {
                               if (!cut_) handler(std::move(stream));
                             });
}

base::Handle Cable::ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler) {
  return server_.ServeUnary(std::move(method),
                            [this, handler = std::move(handler)](std::unique_ptr<base::UnaryCall> call) {
                              if (!cut_) handler(std::move(call));
                            });
}

}  // namespace grapevine::app
