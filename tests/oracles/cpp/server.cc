#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>
#include <grpcpp/support/sync_stream.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <sstream>
#include <thread>

#include "oracle.h"

namespace grapevine::oracle {
namespace {

using grpc::ByteBuffer;
using grpc::ServerContext;
using grpc::Status;
using ServerStream = grpc::ServerReaderWriter<ByteBuffer, ByteBuffer>;

// A google.rpc.Status, as the library for Go insists: code 9, the message, one Any of these four bytes.
std::string Details(const std::string& message) {
  auto field = [](int number, const std::string& content) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} + content;
  };
  std::string any = field(1, "example.com/oracle") + field(2, std::string("\x00\x01\xFE\xFF", 4));
  return "\x08\x09" + field(2, message) + field(3, any);
}

Status Failure(ServerContext* context) {
  context->AddTrailingMetadata("x-trailing", "trailing text");
  context->AddTrailingMetadata("x-trailing-bin", std::string("\x00\x01\xFE\xFF", 4));
  std::string message = "precondition ü % not met";
  return Status(grpc::StatusCode::FAILED_PRECONDITION, message, Details(message));
}

Status Echo(ServerContext*, ServerStream* stream) {
  ByteBuffer message;
  while (stream->Read(&message)) {
    if (!stream->Write(message)) break;
  }
  return Status::OK;
}

Status FailLate(ServerContext* context, ServerStream* stream) {
  ByteBuffer message;
  if (stream->Read(&message)) stream->Write(message);
  return Failure(context);
}

Status Headers(ServerContext* context, ServerStream* stream) {
  auto value = [&](const char* key) {
    auto found = context->client_metadata().find(key);
    return found == context->client_metadata().end() ? std::string()
                                                     : std::string(found->second.data(), found->second.size());
  };
  std::string text = value("x-text");
  std::string data = value("x-data-bin");
  context->AddInitialMetadata("x-text", text);
  context->AddInitialMetadata("x-data-bin", data);
  stream->Write(ToBuffer(text + " " + ToHex(data)));
  return Status::OK;
}

Status Source(ServerContext*, ServerStream* stream) {
  ByteBuffer request;
  if (!stream->Read(&request)) return Status(grpc::StatusCode::INVALID_ARGUMENT, "no request");
  std::istringstream wanted(ToString(request));
  std::size_t count = 0;
  std::size_t size = 0;
  wanted >> count >> size;
  for (std::size_t i = 0; i < count; ++i) {
    if (!stream->Write(ToBuffer(Pattern(i, size)))) break;
  }
  return Status::OK;
}

Status Sink(ServerContext*, ServerStream* stream) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  ByteBuffer message;
  while (stream->Read(&message)) {
    ++count;
    bytes += message.Length();
  }
  stream->Write(ToBuffer(std::to_string(count) + " " + std::to_string(bytes)));
  return Status::OK;
}

Status Wait(ServerContext* context, ServerStream* stream) {
  stream->Write(ByteBuffer(ToBuffer("")));
  // A read that fails although the client has not half-closed is the cancellation.
  ByteBuffer message;
  while (stream->Read(&message)) {
  }
  if (context->IsCancelled()) Print({{"event", "cancelled"}});
  return Status::OK;
}

Status Deadline(ServerContext* context, ServerStream* stream) {
  auto left = context->deadline() - std::chrono::system_clock::now();
  bool none = context->deadline() == std::chrono::system_clock::time_point::max();
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  stream->Write(ToBuffer(none ? "none" : std::to_string(ms)));
  return Status::OK;
}

// What generated code does, for methods whose messages are plain bytes.
class TestService : public grpc::Service {
 public:
  TestService() {
    Add("/oracle.Test/Echo", Echo);
    Add("/oracle.Test/Fail", [](ServerContext* context, ServerStream*) { return Failure(context); });
    Add("/oracle.Test/FailLate", FailLate);
    Add("/oracle.Test/Headers", Headers);
    Add("/oracle.Test/Source", Source);
    Add("/oracle.Test/Sink", Sink);
    Add("/oracle.Test/HeldSink", [this](ServerContext* context, ServerStream* stream) {
      stream->Write(ToBuffer(""));
      gate_.Wait();
      return Sink(context, stream);
    });
    Add("/oracle.Test/EarlyOk", [](ServerContext*, ServerStream*) { return Status::OK; });
    Add("/oracle.Test/Wait", Wait);
    Add("/oracle.Test/Deadline", Deadline);
    Add("/oracle.Test/Abort", [](ServerContext* context, ServerStream* stream) {
      stream->Write(ToBuffer(""));
      context->TryCancel();
      return Status::OK;
    });
  }
  void Resume() { gate_.Open(); }

 private:
  using Function = std::function<Status(ServerContext*, ServerStream*)>;
  using Handler = grpc::internal::BidiStreamingHandler<TestService, ByteBuffer, ByteBuffer>;

  void Add(const char* name, Function function) {
    AddMethod(new grpc::internal::RpcServiceMethod(
        name, grpc::internal::RpcMethod::BIDI_STREAMING,
        new Handler([function](TestService*, ServerContext* context,
                               ServerStream* stream) { return function(context, stream); },
                    this)));
  }

  Gate gate_;
};

std::shared_ptr<grpc::ServerCredentials> Credentials(const Options& options) {
  if (!options.Has("cert")) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = ReadFile(options.Text("ca"));
  tls.pem_key_cert_pairs.push_back({ReadFile(options.Text("key")), ReadFile(options.Text("cert"))});
  return grpc::SslServerCredentials(tls);
}

void Configure(grpc::ServerBuilder& builder, const Options& options) {
  int limit = static_cast<int>(options.Number("max-message", 100 * 1024 * 1024));
  builder.SetMaxReceiveMessageSize(limit);
  builder.SetMaxSendMessageSize(limit);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(options.Number("min-ping-ms", 60'000)));
  if (options.Has("ping-ms")) {
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.Number("ping-ms", 0)));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               static_cast<int>(options.Number("ping-timeout-ms", 20'000)));
  }
}

}  // namespace

int RunServer(const Options& options) {
  TestService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:" + options.Text("port", "0"), Credentials(options), &port);
  builder.RegisterService(&service);
  Configure(builder, options);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  Print({{"event", "ready"}, {"port", port}});

  std::thread drain;
  for (std::string command; std::getline(std::cin, command);) {
    if (command == "resume") service.Resume();
    if (command == "graceful" && !drain.joinable()) {
      drain = std::thread([&server] {
        server->Shutdown();
        Print({{"event", "drained"}});
      });
    }
    if (command == "stop") server->Shutdown(std::chrono::system_clock::now());
  }
  // Handlers may be blocked for ever by a test that has gone; nothing is worth an orderly end.
  _exit(0);
}

}  // namespace grapevine::oracle
