#include "rpc/method_table.h"

#include <utility>

namespace grapevine::rpc {

using base::Bytes;
using base::Handle;
using base::Status;
using base::StatusCode;
using base::UnaryResult;

struct MethodTable::State {
  struct Entry {
    std::uint64_t id;
    std::shared_ptr<Handler> handler;
  };
  std::map<std::string, Entry, std::less<>> methods;
  std::uint64_t next_id = 0;
  std::map<std::uint64_t, std::shared_ptr<UnaryOperation>> calls;
};

// Kept by the table until its stream has ended, and by the handler's UnaryCall.
class MethodTable::UnaryOperation final : public base::StreamHandler,
                                          public std::enable_shared_from_this<UnaryOperation> {
 public:
  using UnaryHandler = std::function<void(std::unique_ptr<base::UnaryCall>)>;

  UnaryOperation(std::weak_ptr<State> state, std::uint64_t id, std::shared_ptr<UnaryHandler> handler)
      : state_(std::move(state)), id_(id), handler_(std::move(handler)) {}

  void Start(std::unique_ptr<base::Stream> stream) {
    stream_ = std::move(stream);
    stream_->SetHandler(*this);
    stream_->Read(2);  // a second message is an error of the client that must be seen
  }
  void Respond(UnaryResult result) {
    if (result.status.ok()) stream_->Send(std::move(result.response));
    stream_->Finish(std::move(result.status));
  }
  const Bytes& request() const { return request_; }
  const base::Stream& stream() const { return *stream_; }

 private:
  class Call;

  void OnMessage(Bytes message) override {
    request_ = std::move(message);
    ++messages_;
  }
  void OnSent(std::size_t /*count*/) override {}
  void OnHalfClose() override;
  void OnEnd(const Status& /*status*/) override {
    const auto keep = shared_from_this();
    if (const auto state = state_.lock()) state->calls.erase(id_);
  }

  std::weak_ptr<State> state_;
  std::uint64_t id_;
  std::shared_ptr<UnaryHandler> handler_;
  std::unique_ptr<base::Stream> stream_;
  Bytes request_;
  int messages_ = 0;
};

class MethodTable::UnaryOperation::Call final : public base::UnaryCall {
 public:
  explicit Call(std::shared_ptr<UnaryOperation> operation) : operation_(std::move(operation)) {}
  ~Call() override {
    if (answered_) return;
    operation_->Respond(
        {.status = {.code = StatusCode::kInternal, .message = "the server gave no answer", .details = {}},
         .response = {}});
  }
  const Bytes& request() const override { return operation_->request(); }
  const base::Metadata& metadata() const override { return operation_->stream().metadata(); }
  const base::PeerInfo& peer() const override { return operation_->stream().peer(); }
  void Respond(UnaryResult result) override {
    if (std::exchange(answered_, true)) return;
    operation_->Respond(std::move(result));
  }

 private:
  std::shared_ptr<UnaryOperation> operation_;
  bool answered_ = false;
};

void MethodTable::UnaryOperation::OnHalfClose() {
  if (messages_ != 1) {
    stream_->Finish({.code = StatusCode::kInternal,
                     .message = "a unary call must have exactly one request message",
                     .details = {}});
    return;
  }
  const auto keep = shared_from_this();
  (*keep->handler_)(std::make_unique<Call>(keep));
}

MethodTable::MethodTable() : state_(std::make_shared<State>()) {}
MethodTable::~MethodTable() = default;

Handle MethodTable::ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler) {
  const std::uint64_t id = state_->next_id++;
  state_->methods.insert_or_assign(method, State::Entry{id, std::make_shared<Handler>(std::move(handler))});
  return Handle([weak = std::weak_ptr(state_), method = std::move(method), id] {
    const auto state = weak.lock();
    if (!state) return;
    const auto found = state->methods.find(method);
    if (found != state->methods.end() && found->second.id == id) state->methods.erase(found);
  });
}

Handle MethodTable::ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler) {
  auto shared = std::make_shared<UnaryOperation::UnaryHandler>(std::move(handler));
  return ServeStream(std::move(method), [weak = std::weak_ptr(state_), shared](std::unique_ptr<base::Stream> stream) {
    const auto state = weak.lock();
    if (!state) return;
    const std::uint64_t id = state->next_id++;
    auto call = std::make_shared<UnaryOperation>(state, id, shared);
    state->calls.emplace(id, call);
    call->Start(std::move(stream));
  });
}

bool MethodTable::Dispatch(std::shared_ptr<StreamCore> request) {
  const auto found = state_->methods.find(request->method());
  if (found == state_->methods.end()) {
    request->Finish(
        {.code = StatusCode::kUnimplemented, .message = "unknown method " + request->method(), .details = {}});
    return false;
  }
  const auto handler = found->second.handler;  // the handler may remove itself
  (*handler)(MakeStream(std::move(request)));
  return true;
}

}  // namespace grapevine::rpc
