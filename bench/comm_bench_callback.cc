// The gRPC C++ library through its callback API.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "comm_bench_grpc.h"

namespace grapevine::bench {
namespace {

using grpc::ByteBuffer;

class ClientStream final : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  ClientStream(std::shared_ptr<grpc::Channel> channel, const char* method)
      : channel_(std::move(channel)), stub_(channel_) {
    stub_.PrepareBidiStreamingCall(&context_, method, {}, this);
    AddHold();
    StartCall();
  }
  ~ClientStream() override {
    context_.TryCancel();
    RemoveHold();
    Wait([this] { return over_; });
  }

  void Send(std::size_t count, std::size_t size) {
    message_ = Message(size);
    left_ = count;
    pending_ = 2;  // the marker's write and its answer
    rounds_ = 0;
    StartRead(&answer_);
    WriteNext();
    Wait([this] { return pending_ == 0; });
  }

  std::vector<std::int64_t> PingPong(std::size_t rounds, std::size_t size) {
    message_ = Message(size);
    times_.clear();
    pending_ = 1;
    rounds_ = rounds;
    halves_ = 2;
    StartRead(&answer_);
    started_ = std::chrono::steady_clock::now();
    StartWrite(&message_);
    Wait([this] { return pending_ == 0; });
    return times_;
  }

 private:
  void WriteNext() {
    if (left_ > 0) {
      --left_;
      StartWrite(&message_, grpc::WriteOptions().set_buffer_hint());
    } else {
      marker_sent_ = true;
      StartWrite(&marker_);
    }
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return;
    if (rounds_ > 0) return HalfRound();
    if (std::exchange(marker_sent_, false)) return Complete();
    WriteNext();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (rounds_ > 0) return HalfRound();
    Complete();
  }
  // The answer may overtake the notice that the write is done; the next write needs both.
  void HalfRound() {
    if (--halves_ > 0) return;
    auto now = std::chrono::steady_clock::now();
    times_.push_back((now - started_).count());
    if (times_.size() == rounds_) return Complete();
    halves_ = 2;
    started_ = now;
    StartRead(&answer_);
    StartWrite(&message_);
  }
  void OnDone(const grpc::Status&) override {
    std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

  void Complete() {
    std::lock_guard lock(mutex_);
    if (--pending_ == 0) changed_.notify_all();
  }
  template <typename Condition>
  void Wait(Condition condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, condition);
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  ByteBuffer message_;
  ByteBuffer marker_ = Message(1);
  ByteBuffer answer_;
  std::size_t left_ = 0;
  bool marker_sent_ = false;
  std::size_t rounds_ = 0;
  std::atomic<int> halves_ = 0;  // of the round: the write and the answer
  std::chrono::steady_clock::time_point started_;
  std::vector<std::int64_t> times_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t pending_ = 0;
  bool over_ = false;
};

class ServerStream final : public grpc::ServerGenericBidiReactor {
 public:
  explicit ServerStream(bool echo) : echo_(echo) { StartRead(&message_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
    } else if (echo_) {
      StartWrite(&message_);
    } else if (message_.Length() == 1) {
      StartWrite(&marker_);
    } else {
      StartRead(&message_);
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      StartRead(&message_);
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

  bool echo_;
  ByteBuffer message_;
  ByteBuffer marker_ = Message(1);
};

class Service final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new ServerStream(context->method() == kEcho);
  }
};

}  // namespace

std::unique_ptr<Client> NewCallbackClient(const std::string& target) {
  return std::make_unique<StreamClient<ClientStream>>(
      [target](const char* method) { return std::make_unique<ClientStream>(NewChannel(target), method); });
}

void RunCallbackServer(Commands& commands) {
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", ServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) _exit(1);
  commands.Ready(port);
  while (commands.Next()) {
  }
  _exit(0);  // the streams are still open, and nothing is worth an orderly end
}

}  // namespace grapevine::bench
