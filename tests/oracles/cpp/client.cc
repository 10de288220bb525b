#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/support/sync_stream.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

#include "oracle.h"

namespace grapevine::oracle {
namespace {

using grpc::ByteBuffer;
using grpc::ClientContext;
using ClientStream = grpc::ClientReaderWriter<ByteBuffer, ByteBuffer>;
using Factory = grpc::internal::ClientReaderWriterFactory<ByteBuffer, ByteBuffer>;

struct Outcome {
  grpc::Status status;
  std::size_t received = 0;
  std::size_t bytes = 0;
  bool intact = true;
  std::string last;

  void Add(const std::string& message, bool check) {
    if (check && message != Pattern(received, message.size())) intact = false;
    ++received;
    bytes += message.size();
    last = message.size() <= 1000 ? message : "";
  }
};

nlohmann::json ToJson(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [key, value] : metadata) {
    std::string name(key.data(), key.size());
    std::string content(value.data(), value.size());
    json[name] = name.ends_with("-bin") ? ToHex(content) : content;
  }
  return json;
}

class Client {
 public:
  explicit Client(const Options& options)
      : options_(options),
        channel_(MakeChannel()),
        name_(options.Text("method", "/oracle.Test/Echo")),
        bidi_(name_.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, channel_),
        unary_(name_.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, channel_),
        count_(static_cast<std::size_t>(options.Number("count", 1))),
        size_(static_cast<std::size_t>(options.Number("size", 0))),
        commands_([this] { ReadCommands(); }) {
    commands_.detach();
  }

  int Run() {
    auto scenario = options_.Text("scenario", "call");
    if (!channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      Print({{"event", "done"}, {"code", 14}, {"message", "not connected"}});
      return 0;
    }
    if (scenario == "unary") Unary();
    if (scenario == "call" || scenario == "hold") Call(scenario == "hold");
    if (scenario == "many") Many();
    if (scenario == "cancel") Cancel();
    if (scenario == "idle") Idle();
    return 0;
  }

 private:
  std::shared_ptr<grpc::Channel> MakeChannel() {
    grpc::ChannelArguments arguments;
    int limit = static_cast<int>(options_.Number("max-message", 100 * 1024 * 1024));
    arguments.SetMaxReceiveMessageSize(limit);
    arguments.SetMaxSendMessageSize(limit);
    if (options_.Has("ping-ms")) {
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options_.Number("ping-ms", 0)));
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options_.Number("ping-timeout-ms", 20'000)));
      arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
      arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
    auto credentials = grpc::InsecureChannelCredentials();
    if (options_.Has("cert")) {
      credentials = grpc::SslCredentials(
          {ReadFile(options_.Text("ca")), ReadFile(options_.Text("key")), ReadFile(options_.Text("cert"))});
    }
    return grpc::CreateCustomChannel(options_.Text("target"), credentials, arguments);
  }

  void Prepare(ClientContext& context) {
    if (options_.Has("timeout-ms")) {
      context.set_deadline(std::chrono::system_clock::now() +
                           std::chrono::milliseconds(options_.Number("timeout-ms", 0)));
    }
    if (options_.Has("header")) {
      std::string header = options_.Text("header");
      std::size_t equals = header.find('=');
      context.AddMetadata(header.substr(0, equals), header.substr(equals + 1));
    }
  }

  void ReadCommands() {
    for (std::string command; std::getline(std::cin, command);) {
      if (command == "resume") gate_.Open();
      if (command == "finish") finish_.Open();
    }
    _exit(0);
  }

  std::string Message(std::size_t index) {
    return options_.Has("text") ? options_.Text("text") : Pattern(index, size_);
  }

  // Writes on a thread of its own while this one reads, then reports how the call ended.
  Outcome Exchange(ClientContext& context, bool hold) {
    Prepare(context);
    std::unique_ptr<ClientStream> stream(Factory::Create(channel_.get(), bidi_, &context));
    std::thread writer([&] {
      for (std::size_t i = 0; i < count_; ++i) {
        if (!stream->Write(ToBuffer(Message(i)))) return;
      }
      stream->WritesDone();
    });
    if (hold) {
      Print({{"event", "open"}});
      gate_.Wait();
    }
    Outcome outcome;
    ByteBuffer message;
    bool check = !options_.Has("text") || name_.ends_with("Source");
    while (stream->Read(&message)) outcome.Add(ToString(message), check);
    writer.join();
    outcome.status = stream->Finish();
    return outcome;
  }

  void Report(const Outcome& outcome, const ClientContext& context) {
    Print({{"event", "done"},
           {"code", static_cast<int>(outcome.status.error_code())},
           {"message", outcome.status.error_message()},
           {"details", ToHex(outcome.status.error_details())},
           {"received", outcome.received},
           {"bytes", outcome.bytes},
           {"intact", outcome.intact},
           {"last", ToHex(outcome.last)},
           {"initial", ToJson(context.GetServerInitialMetadata())},
           {"trailing", ToJson(context.GetServerTrailingMetadata())}});
  }

  void Call(bool hold) {
    ClientContext context;
    Outcome outcome = Exchange(context, hold);
    Report(outcome, context);
  }

  void Unary() {
    ClientContext context;
    Prepare(context);
    ByteBuffer response;
    Outcome outcome;
    outcome.status = grpc::internal::BlockingUnaryCall<ByteBuffer, ByteBuffer>(channel_.get(), unary_, &context,
                                                                               ToBuffer(Message(0)), &response);
    if (outcome.status.ok()) outcome.Add(ToString(response), !options_.Has("text"));
    Report(outcome, context);
  }

  void Many() {
    std::vector<std::thread> threads;
    std::mutex mutex;
    Outcome sum;
    for (long i = 0; i < options_.Number("streams", 1); ++i) {
      threads.emplace_back([&] {
        ClientContext context;
        Outcome one = Exchange(context, false);
        std::lock_guard lock(mutex);
        sum.received += one.received;
        sum.bytes += one.bytes;
        sum.intact = sum.intact && one.intact;
        if (!one.status.ok()) sum.status = one.status;
      });
    }
    for (std::thread& thread : threads) thread.join();
    ClientContext none;
    Print({{"event", "done"},
           {"code", static_cast<int>(sum.status.error_code())},
           {"message", sum.status.error_message()},
           {"received", sum.received},
           {"bytes", sum.bytes},
           {"intact", sum.intact}});
  }

  void Cancel() {
    Outcome outcome;
    for (std::size_t i = 0; i < count_; ++i) {
      ClientContext context;
      Prepare(context);
      std::unique_ptr<ClientStream> stream(Factory::Create(channel_.get(), bidi_, &context));
      ByteBuffer message;
      if (stream->Write(ToBuffer(Pattern(i, size_))) && stream->Read(&message)) {
        outcome.received++;
        outcome.intact = outcome.intact && ToString(message) == Pattern(i, size_);
      }
      context.TryCancel();
      outcome.status = stream->Finish();
    }
    ClientContext none;
    Print({{"event", "done"},
           {"code", static_cast<int>(outcome.status.error_code())},
           {"message", outcome.status.error_message()},
           {"received", outcome.received},
           {"intact", outcome.intact}});
  }

  void Idle() {
    ClientContext context;
    Prepare(context);
    std::unique_ptr<ClientStream> stream(Factory::Create(channel_.get(), bidi_, &context));
    Print({{"event", "open"}});
    std::thread finisher([&] {
      finish_.Wait();
      stream->WritesDone();
    });
    finisher.detach();
    Outcome outcome;
    ByteBuffer message;
    while (stream->Read(&message)) outcome.Add(ToString(message), false);
    outcome.status = stream->Finish();
    Report(outcome, context);
    _exit(0);  // the finisher may still be waiting
  }

  Options options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string name_;
  grpc::internal::RpcMethod bidi_;
  grpc::internal::RpcMethod unary_;
  std::size_t count_;
  std::size_t size_;
  Gate gate_;
  Gate finish_;
  std::thread commands_;
};

}  // namespace

int RunClient(const Options& options) {
  Client client(options);
  int result = client.Run();
  std::cout.flush();
  _exit(result);  // the command reader is blocked in a read
}

}  // namespace grapevine::oracle
