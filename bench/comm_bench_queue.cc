// The gRPC C++ library through its completion-queue API: one queue and one thread per side, which measured fastest.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "comm_bench_grpc.h"

namespace grapevine::bench {
namespace {

using grpc::ByteBuffer;

class ClientStream {
 public:
  ClientStream(std::shared_ptr<grpc::Channel> channel, const char* method)
      : channel_(std::move(channel)), stub_(channel_), call_(stub_.PrepareCall(&context_, method, &queue_)) {
    call_->StartCall(Tag(kStart));
    Next();
  }
  ~ClientStream() {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  void Send(std::size_t count, std::size_t size) {
    ByteBuffer message = Message(size);
    call_->Read(&answer_, Tag(kRead));
    for (std::size_t i = 0; i < count; ++i) {
      call_->Write(message, grpc::WriteOptions().set_buffer_hint(), Tag(kWrite));
      Next();
    }
    call_->Write(Message(1), Tag(kWrite));
    Next();
    Next();
  }

  std::vector<std::int64_t> PingPong(std::size_t rounds, std::size_t size) {
    ByteBuffer message = Message(size);
    std::vector<std::int64_t> times;
    for (std::size_t i = 0; i < rounds; ++i) {
      auto started = std::chrono::steady_clock::now();
      call_->Read(&answer_, Tag(kRead));
      call_->Write(message, Tag(kWrite));
      Next();
      Next();
      times.push_back((std::chrono::steady_clock::now() - started).count());
    }
    return times;
  }

 private:
  enum Operation : std::intptr_t { kStart = 1, kRead, kWrite };
  static void* Tag(Operation operation) { return reinterpret_cast<void*>(operation); }  // NOLINT: gRPC's tags
  void Next() {
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok) || !ok) std::abort();
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  ByteBuffer answer_;
};

// One operation at a time, so the object itself is the tag.
class ServerStream {
 public:
  ServerStream(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), stream_(&context_) {
    service_.RequestCall(&context_, &stream_, &queue_, &queue_, this);
  }

  // False: the stream is over.
  bool Proceed(bool ok) {
    if (state_ == State::kFinishing || (!ok && state_ == State::kAccepting)) return false;
    if (!ok) {
      state_ = State::kFinishing;
      stream_.Finish(grpc::Status::OK, this);
    } else if (state_ == State::kAccepting) {
      new ServerStream(service_, queue_);
      echo_ = context_.method() == kEcho;
      Read();
    } else if (state_ == State::kReading && (echo_ || message_.Length() == 1)) {
      state_ = State::kWriting;
      stream_.Write(message_, this);
    } else {
      Read();
    }
    return true;
  }

 private:
  enum class State { kAccepting, kReading, kWriting, kFinishing };
  void Read() {
    state_ = State::kReading;
    stream_.Read(&message_, this);
  }

  grpc::AsyncGenericService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  ByteBuffer message_;
  State state_ = State::kAccepting;
  bool echo_ = false;
};

}  // namespace

std::unique_ptr<Client> NewQueueClient(const std::string& target) {
  return std::make_unique<StreamClient<ClientStream>>(
      [target](const char* method) { return std::make_unique<ClientStream>(NewChannel(target), method); });
}

void RunQueueServer(Commands& commands) {
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", ServerCredentials(), &port);
  builder.RegisterAsyncGenericService(&service);
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) _exit(1);
  std::thread serving([&] {
    new ServerStream(service, *queue);
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) {
      auto* stream = static_cast<ServerStream*>(tag);
      if (!stream->Proceed(ok)) delete stream;
    }
  });
  commands.Ready(port);
  while (commands.Next()) {
  }
  _exit(0);  // the streams are still open, and nothing is worth an orderly end
}

}  // namespace grapevine::bench
