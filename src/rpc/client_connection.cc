#include "rpc/client_connection.h"

#include <map>
#include <optional>
#include <utility>

namespace grapevine::rpc {

using base::Bytes;
using base::Handle;
using base::Status;
using base::StatusCode;
using base::UnaryResult;

struct ClientConnection::State {
  State(base::IoLoop& used_loop, std::shared_ptr<HttpConnection> used_connection)
      : loop(used_loop), connection(std::move(used_connection)) {}

  base::IoLoop& loop;
  std::shared_ptr<HttpConnection> connection;
  std::uint64_t next_call = 0;
  std::map<std::uint64_t, std::shared_ptr<UnaryOperation>> calls;
  std::optional<Status> closed;
  std::move_only_function<void(const Status&)> watcher;
};

// A unary call is a stream with one message in each direction.
class ClientConnection::UnaryOperation final : public base::StreamHandler {
 public:
  UnaryOperation(State& state, std::uint64_t id, std::move_only_function<void(UnaryResult)> done)
      : state_(state), id_(id), done_(std::move(done)) {}

  void Start(std::unique_ptr<base::Stream> stream, Bytes request) {
    stream_ = std::move(stream);
    stream_->SetHandler(*this);
    stream_->Send(std::move(request));
    stream_->HalfClose();
    stream_->Read(2);  // a second message is an error of the server that must be seen
  }

 private:
  void OnMessage(Bytes message) override {
    ++messages_;
    response_ = std::move(message);
  }
  void OnSent(std::size_t /*count*/) override {}
  void OnHalfClose() override {}
  void OnEnd(const Status& status) override {
    UnaryResult result{.status = status, .response = {}};
    if (status.ok() && messages_ != 1) {
      result.status = {.code = StatusCode::kInternal,
                       .message = messages_ == 0 ? "the server answered without a message"
                                                 : "the server answered a unary call with several messages",
                       .details = {}};
    } else if (status.ok()) {
      result.response = std::move(response_);
    }
    const auto keep = state_.calls.extract(id_);  // the callback may destroy the connection
    done_(std::move(result));
  }

  State& state_;
  std::uint64_t id_;
  std::move_only_function<void(UnaryResult)> done_;
  std::unique_ptr<base::Stream> stream_;
  Bytes response_;
  int messages_ = 0;
};

ClientConnection::ClientConnection(base::IoLoop& loop, std::shared_ptr<HttpConnection> connection)
    : state_(std::make_shared<State>(loop, std::move(connection))) {
  state_->connection->OnClosed([weak = std::weak_ptr(state_)](const base::Error& error) {
    const auto state = weak.lock();
    if (!state) return;
    state->closed = Status{.code = StatusCode::kUnavailable, .message = error.message, .details = {}};
    if (auto watcher = std::exchange(state->watcher, nullptr)) watcher(*state->closed);
  });
}

ClientConnection::~ClientConnection() {
  state_->connection->Close();
  state_->calls.clear();
}

const base::PeerInfo& ClientConnection::peer() const { return state_->connection->peer(); }

std::unique_ptr<base::Stream> ClientConnection::Open(std::string_view method, base::CallOptions options) {
  return MakeStream(state_->connection->Open(method, options));
}

Handle ClientConnection::Unary(std::string_view method, Bytes request, base::CallOptions options,
                               std::move_only_function<void(UnaryResult)> done) {
  const std::uint64_t id = state_->next_call++;
  auto call = std::make_shared<UnaryOperation>(*state_, id, std::move(done));
  state_->calls.emplace(id, call);
  call->Start(Open(method, std::move(options)), std::move(request));
  return Handle([weak = std::weak_ptr(state_), id] {
    if (const auto state = weak.lock()) {
      const auto cancelled = state->calls.extract(id);
    }
  });
}

void ClientConnection::OnClosed(std::move_only_function<void(const Status&)> closed) {
  state_->watcher = std::move(closed);
  if (!state_->closed) return;
  state_->loop.Post([weak = std::weak_ptr(state_)] {
    const auto state = weak.lock();
    if (!state) return;
    if (auto watcher = std::exchange(state->watcher, nullptr)) watcher(*state->closed);
  });
}

}  // namespace grapevine::rpc
