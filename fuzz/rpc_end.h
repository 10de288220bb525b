// One end of an HTTP/2 connection in memory, with consumers that answer: what the target rpc_frame feeds with arbitrary
// bytes, and what its seeds are recorded from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "rpc/method_table.h"
#include "rpc/session.h"

namespace grapevine::fuzz {

// Posted tasks run when asked; time stands still, so timers never run.
class StillExecutor final : public base::Executor {
 public:
  void Post(base::Task task) override { tasks_.push_back(std::move(task)); }
  base::Handle After(base::Duration, base::Task) override { return {}; }
  base::SteadyTime Now() const override { return {}; }
  base::WallTime WallNow() const override { return {}; }
  void RunPosted() {
    for (std::size_t i = tasks_.size(); i > 0; --i) {
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      const_cast<base::Task&>(task)();
    }
  }

 private:
  std::deque<base::Task> tasks_;
};

// Echoes messages; some streams are destroyed by their own events.
class Consumer final : public base::StreamHandler {
 public:
  Consumer(std::unique_ptr<base::Stream> stream, std::size_t credit, bool server)
      : stream_(std::move(stream)), server_(server) {
    stream_->SetHandler(*this);
    stream_->Read(credit);
  }
  void OnMessage(base::Bytes message) override {
    if (message.size() == 7) {
      stream_.reset();
      return;
    }
    stream_->Send(std::move(message));
  }
  void OnSent(std::size_t) override {}
  void OnHalfClose() override {
    if (server_) stream_->Finish({});
  }
  void OnEnd(const base::Status&) override {
    if (std::exchange(ended_, true)) std::abort();  // the last event comes once
    stream_.reset();
  }

 private:
  std::unique_ptr<base::Stream> stream_;
  bool server_;
  bool ended_ = false;
};

// A call of a client: messages of these sizes, and perhaps the end of its direction.
struct Call {
  const char* method;
  std::vector<std::size_t> messages;
  bool half_close;
};

// Serves "/s", an echo of any number of messages, and "/u", a unary echo; as a client makes `calls`.
class RpcEnd final : public rpc::SessionEvents {
 public:
  RpcEnd(bool server, std::size_t credit, const std::vector<Call>& calls)
      : server_(server), credit_(credit), session_(MakeSession()) {
    service_ = methods_.ServeStream("/s", [this](std::unique_ptr<base::Stream> stream) { Add(std::move(stream)); });
    unary_ = methods_.ServeUnary("/u", [](std::unique_ptr<base::UnaryCall> call) {
      call->Respond({.status = {}, .response = call->request()});
    });
    for (const Call& call : calls) {
      auto stream = rpc::MakeStream(session_->Open(call.method, {.metadata = {{"k", "v"}}, .timeout = {}}));
      for (const std::size_t size : call.messages) stream->Send(base::Bytes(std::string(size, 'm')));
      if (call.half_close) stream->HalfClose();
      Add(std::move(stream));
    }
    Produce();
  }
  RpcEnd(const RpcEnd&) = delete;
  RpcEnd& operator=(const RpcEnd&) = delete;
  ~RpcEnd() override { session_->Break({.code = base::StatusCode::kUnavailable, .message = "end", .details = {}}); }

  // False: the connection is over.
  bool Receive(base::ByteView bytes) {
    const bool good = session_->Receive(bytes).has_value();
    Produce();
    return good && !session_->over();
  }
  // For the other end, since the last call.
  std::string TakeOutput() { return std::exchange(output_, {}); }

 private:
  std::unique_ptr<rpc::Session> MakeSession() {
    rpc::SessionSettings settings;
    settings.side = server_ ? rpc::StreamCore::Side::kServer : rpc::StreamCore::Side::kClient;
    settings.limits.max_receive_message_bytes = 1UL << 16;
    settings.limits.idle_frame_burst = 20;
    settings.authority = "localhost:1";
    return std::make_unique<rpc::Session>(executor_, settings, std::make_shared<base::PeerInfo>(), *this, metrics_);
  }
  void Add(std::unique_ptr<base::Stream> stream) {
    consumers_.push_back(std::make_unique<Consumer>(std::move(stream), credit_, server_));
  }
  void Produce() {
    executor_.RunPosted();
    if (session_->Produce(output_, output_.size() + (1UL << 16))) session_->Flushed();
    executor_.RunPosted();
  }
  void OnOutput() override {}
  void OnSettings() override {}
  void OnRequest(std::shared_ptr<rpc::StreamCore> stream) override { methods_.Dispatch(std::move(stream)); }

  bool server_;
  std::size_t credit_;
  std::string output_;
  StillExecutor executor_;
  rpc::RpcMetrics metrics_{nullptr};
  std::vector<std::unique_ptr<Consumer>> consumers_;
  rpc::MethodTable methods_;
  base::Handle service_;
  base::Handle unary_;
  std::unique_ptr<rpc::Session> session_;
};

}  // namespace grapevine::fuzz
