// Both roles of the transport against each other on real sockets, as src/base/transport.h promises.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/transport.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/event_loop.h"
#include "runtime/worker_pool.h"

namespace grapevine::rpc {
namespace {

using base::Bytes;
using base::Connection;
using base::Result;
using base::Status;
using base::StatusCode;
using base::Stream;
using base::UnaryCall;
using base::UnaryResult;
using namespace std::chrono_literals;  // NOLINT

constexpr auto kDeadline = 60s;
constexpr char kStream[] = "/test.Echo/Stream";
constexpr char kUnary[] = "/test.Echo/Unary";

std::string ReadData(const std::string& path) {
  std::ifstream file(std::string(GRAPEVINE_TEST_DATA) + "/fabric-2.5.5/crypto/peerOrganizations/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string TlsPath(int org, int peer) {
  return "org" + std::to_string(org) + ".example.com/peers/peer" + std::to_string(peer) + ".org" + std::to_string(org) +
         ".example.com/tls/";
}

std::shared_ptr<const TlsIdentity> ReadTlsIdentity(int org, int peer) {
  auto identity =
      TlsIdentity::FromPem(ReadData(TlsPath(org, peer) + "server.crt"), ReadData(TlsPath(org, peer) + "server.key"));
  EXPECT_TRUE(identity.has_value()) << identity.error().message;
  return *identity;
}

std::shared_ptr<const TlsTrust> TrustOf(std::vector<int> orgs) {
  std::vector<std::string> pems;
  for (const int org : orgs) pems.push_back(ReadData(TlsPath(org, 0) + "ca.crt"));
  auto trust = TlsTrust::FromPem(pems);
  EXPECT_TRUE(trust.has_value()) << trust.error().message;
  return *trust;
}

ServerOptions MutualServer(bool require = true) {
  ServerOptions options;
  options.tls = TlsServerConfig{.identity = [own = ReadTlsIdentity(1, 0)] { return own; },
                                .client_trust = [trust = TrustOf({1, 2})] { return trust; },
                                .require_client_certificate = require};
  return options;
}

ClientOptions MutualClient(int org = 2) {
  ClientOptions options;
  options.tls = TlsClientConfig{.identity = [own = ReadTlsIdentity(org, 0)] { return own; },
                                .trust = [trust = TrustOf({1})] { return trust; }};
  return options;
}

// Records what happens on a stream; grants credit for everything unless told otherwise.
class Recorder : public base::StreamHandler {
 public:
  explicit Recorder(std::unique_ptr<Stream> recorded, std::size_t credit = 1000000) : stream(std::move(recorded)) {
    stream->SetHandler(*this);
    stream->Read(credit);
  }
  void OnMessage(Bytes message) override {
    messages.push_back(message);
    if (on_message) on_message(messages.back());
  }
  void OnSent(std::size_t count) override { sent += count; }
  void OnHalfClose() override {
    half_closed = true;
    if (finish_at_half_close) stream->Finish({});
  }
  void OnEnd(const Status& status) override { end = status; }

  std::unique_ptr<Stream> stream;
  std::function<void(const Bytes&)> on_message;
  bool finish_at_half_close = false;
  std::vector<Bytes> messages;
  std::size_t sent = 0;
  bool half_closed = false;
  std::optional<Status> end;
};

class SmokeTest : public ::testing::Test {
 protected:
  void Listen(ServerOptions options) {
    auto listening = GrpcServer::Listen(loop_, std::move(options), &metrics_);
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    server_ = std::move(*listening);
    stream_service_ = server_->ServeStream(kStream, [this](std::unique_ptr<Stream> stream) {
      auto recorder = std::make_unique<Recorder>(std::move(stream), server_credit_);
      auto* const raw = recorder.get();
      raw->finish_at_half_close = true;
      if (echo_) raw->on_message = [raw](const Bytes& message) { raw->stream->Send(message); };
      accepted_.push_back(std::move(recorder));
    });
    unary_service_ = server_->ServeUnary(kUnary, [](std::unique_ptr<UnaryCall> call) {
      call->Respond({.status = {}, .response = Bytes("re: " + call->request().ToString())});
    });
  }

  Result<std::unique_ptr<Connection>> DialOnce(ClientOptions options, base::Duration timeout = 10s) {
    transport_ = std::make_unique<GrpcTransport>(loop_, workers_, std::move(options), &metrics_);
    std::optional<Result<std::unique_ptr<Connection>>> result;
    const auto handle =
        transport_->Dial(server_->address(), timeout, [&](auto dialled) { result = std::move(dialled); });
    EXPECT_TRUE(loop_.RunUntil([&] { return result.has_value(); }, kDeadline));
    return std::move(*result);
  }
  void Connect(ClientOptions options) {
    auto dialled = DialOnce(std::move(options));
    ASSERT_TRUE(dialled.has_value()) << dialled.error().message;
    connection_ = std::move(*dialled);
  }
  UnaryResult CallUnary(const char* method, Bytes request, base::CallOptions options = {}) {
    std::optional<UnaryResult> result;
    const auto handle = connection_->Unary(method, std::move(request), std::move(options),
                                           [&](UnaryResult answer) { result = std::move(answer); });
    EXPECT_TRUE(Until([&] { return result.has_value(); }));
    return result.value_or(UnaryResult{});
  }
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, kDeadline); }

  runtime::EventLoop loop_;
  runtime::WorkerPool workers_{loop_, 1};
  base::Metrics metrics_;
  bool echo_ = true;
  std::size_t server_credit_ = 1000000;
  std::vector<std::unique_ptr<Recorder>> accepted_;
  std::unique_ptr<GrpcServer> server_;
  base::Handle stream_service_;
  base::Handle unary_service_;
  std::unique_ptr<GrpcTransport> transport_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(SmokeTest, BothSidesSeeTheCertificateOfTheOther) {
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {}));
  ASSERT_TRUE(Until([&] { return !accepted_.empty(); }));
  EXPECT_TRUE(connection_->peer().secure);
  EXPECT_EQ(connection_->peer().certificate, ReadTlsIdentity(1, 0)->certificate());
  EXPECT_EQ(connection_->peer().local_certificate, ReadTlsIdentity(2, 0)->certificate());
  EXPECT_EQ(accepted_[0]->stream->peer().certificate, ReadTlsIdentity(2, 0)->certificate());
  EXPECT_EQ(accepted_[0]->stream->peer().local_certificate, ReadTlsIdentity(1, 0)->certificate());
}

TEST_F(SmokeTest, UnaryCallIsAnswered) {
  Listen(MutualServer());
  Connect(MutualClient());
  const UnaryResult result = CallUnary(kUnary, Bytes(std::string("hello")));
  EXPECT_EQ(result.status, Status{});
  EXPECT_EQ(result.response.view(), "re: hello");
}

TEST_F(SmokeTest, UnknownMethodIsUnimplemented) {
  Listen(MutualServer());
  Connect(MutualClient());
  EXPECT_EQ(CallUnary("/test.Echo/Nothing", {}).status.code, StatusCode::kUnimplemented);
  EXPECT_EQ(metrics_.CounterValue("rpc_refused", {{"reason", "unknown_method"}}), 1U);
}

TEST_F(SmokeTest, StreamEchoesInOrderAndEndsWithStatus) {
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {.metadata = {{"key", "value"}, {"raw-bin", std::string("\0\xff", 2)}}}));
  for (int i = 0; i < 1000; ++i) client.stream->Send(Bytes(std::to_string(i)));
  EXPECT_EQ(client.stream->unsent(), 1000U);
  client.stream->Send({});
  client.stream->HalfClose();
  ASSERT_TRUE(Until([&] { return client.end.has_value(); }));
  EXPECT_EQ(*client.end, Status{});
  ASSERT_EQ(client.messages.size(), 1001U);
  EXPECT_EQ(client.messages[999].view(), "999");
  EXPECT_EQ(client.messages[1000].view(), "");
  EXPECT_EQ(client.sent, 1001U);
  EXPECT_EQ(client.stream->unsent(), 0U);
  EXPECT_EQ(accepted_[0]->stream->metadata(),
            (base::Metadata{{"key", "value"}, {"raw-bin", std::string("\0\xff", 2)}}));
  ASSERT_TRUE(Until([&] { return accepted_[0]->end.has_value(); }));
  EXPECT_EQ(accepted_[0]->end->code, StatusCode::kOk);
}

TEST_F(SmokeTest, LargeMessagesPassBothWays) {
  Listen(MutualServer());
  Connect(MutualClient());
  std::string large(20UL << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>(i);
  const Bytes message(std::move(large));
  Recorder client(connection_->Open(kStream, {}));
  client.stream->Send(message);
  ASSERT_TRUE(Until([&] { return !client.messages.empty(); }));
  EXPECT_TRUE(client.messages[0] == message);
}

TEST_F(SmokeTest, WithoutCreditTheWriterIsSlowedDownAndNothingIsLost) {
  echo_ = false;
  server_credit_ = 1;
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {}));
  const Bytes block(std::string(64UL << 10, 'b'));
  for (int i = 0; i < 200; ++i) client.stream->Send(block);
  ASSERT_TRUE(Until([&] { return !accepted_.empty() && !accepted_[0]->messages.empty(); }));
  // Another call passes by the stream that nobody reads.
  EXPECT_EQ(CallUnary(kUnary, {}).response.view(), "re: ");
  EXPECT_EQ(accepted_[0]->messages.size(), 1U);
  EXPECT_GT(client.stream->unsent(), 150U);
  accepted_[0]->stream->Read(1000);
  ASSERT_TRUE(Until([&] { return accepted_[0]->messages.size() == 200; }));
  ASSERT_TRUE(Until([&] { return client.sent == 200; }));
}

TEST_F(SmokeTest, DestroyedClientStreamIsCancelledAtTheServer) {
  Listen(MutualServer());
  Connect(MutualClient());
  std::optional<Recorder> client(std::in_place, connection_->Open(kStream, {}));
  ASSERT_TRUE(Until([&] { return !accepted_.empty(); }));
  client.reset();
  ASSERT_TRUE(Until([&] { return accepted_[0]->end.has_value(); }));
  EXPECT_EQ(accepted_[0]->end->code, StatusCode::kCancelled);
}

TEST_F(SmokeTest, DestroyedConnectionCancelsStreamsOfTheServer) {
  Listen(MutualServer());
  Connect(MutualClient());
  std::optional<Recorder> client(std::in_place, connection_->Open(kStream, {}));
  ASSERT_TRUE(Until([&] { return !accepted_.empty(); }));
  connection_.reset();
  ASSERT_TRUE(Until([&] { return accepted_[0]->end.has_value(); }));
  EXPECT_EQ(accepted_[0]->end->code, StatusCode::kCancelled);
  EXPECT_FALSE(client->end.has_value());
}

TEST_F(SmokeTest, DestroyedServerEndsStreamsOfTheClient) {
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {}));
  std::optional<Status> closed;
  connection_->OnClosed([&](const Status& status) { closed = status; });
  ASSERT_TRUE(Until([&] { return !accepted_.empty(); }));
  server_.reset();
  ASSERT_TRUE(Until([&] { return closed.has_value(); }));
  ASSERT_TRUE(client.end.has_value());
  EXPECT_EQ(client.end->code, StatusCode::kUnavailable);
  Recorder late(connection_->Open(kStream, {}));
  ASSERT_TRUE(Until([&] { return late.end.has_value(); }));
  EXPECT_EQ(late.end->code, StatusCode::kUnavailable);
}

TEST_F(SmokeTest, DeadlineEndsBothSides) {
  echo_ = false;
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {.metadata = {}, .timeout = 50ms}));
  ASSERT_TRUE(Until([&] { return client.end.has_value() && !accepted_.empty() && accepted_[0]->end.has_value(); }));
  EXPECT_EQ(client.end->code, StatusCode::kDeadlineExceeded);
}

TEST_F(SmokeTest, GracefulShutdownLetsStreamsEnd) {
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {}));
  client.stream->Send(Bytes(std::string("first")));
  ASSERT_TRUE(Until([&] { return client.messages.size() == 1; }));
  bool drained = false;
  server_->Shutdown(30s, [&] { drained = true; });
  client.stream->Send(Bytes(std::string("second")));
  ASSERT_TRUE(Until([&] { return client.messages.size() == 2; }));
  EXPECT_FALSE(drained);
  client.stream->HalfClose();
  ASSERT_TRUE(Until([&] { return drained && client.end.has_value(); }));
  EXPECT_EQ(*client.end, Status{});
}

TEST_F(SmokeTest, ClientOfAnUntrustedOrganisationIsRefused) {
  ServerOptions options = MutualServer();
  options.tls->client_trust = [trust = TrustOf({1})] { return trust; };
  Listen(std::move(options));
  const auto dialled = DialOnce(MutualClient(2));
  ASSERT_FALSE(dialled.has_value());
  EXPECT_EQ(dialled.error().code, base::ErrorCode::kDenied) << dialled.error().message;
}

TEST_F(SmokeTest, ClientCertificateIsSeenButNotVerifiedWhenNotRequired) {
  ServerOptions options = MutualServer(false);
  options.tls->client_trust = nullptr;
  Listen(std::move(options));
  Connect(MutualClient(2));
  Recorder client(connection_->Open(kStream, {}));
  ASSERT_TRUE(Until([&] { return !accepted_.empty(); }));
  EXPECT_EQ(accepted_[0]->stream->peer().certificate, ReadTlsIdentity(2, 0)->certificate());
}

TEST_F(SmokeTest, ServerOfAnUntrustedOrganisationIsRefused) {
  Listen(MutualServer());
  ClientOptions options = MutualClient();
  options.tls->trust = [trust = TrustOf({2})] { return trust; };
  const auto dialled = DialOnce(std::move(options));
  ASSERT_FALSE(dialled.has_value());
  EXPECT_EQ(dialled.error().code, base::ErrorCode::kDenied) << dialled.error().message;
}

TEST_F(SmokeTest, PlaintextWorksWithoutTls) {
  Listen({});
  Connect({});
  EXPECT_EQ(CallUnary(kUnary, Bytes(std::string("x"))).response.view(), "re: x");
  EXPECT_FALSE(connection_->peer().secure);
}

TEST_F(SmokeTest, DialTriesAgainUntilTheTimeIsOver) {
  Listen(MutualServer());
  const std::string address = server_->address();
  server_.reset();
  transport_ = std::make_unique<GrpcTransport>(loop_, workers_, MutualClient());
  std::optional<Result<std::unique_ptr<Connection>>> result;
  const auto dial = transport_->Dial(address, 30s, [&](auto dialled) { result = std::move(dialled); });
  bool listening = false;
  const auto timer = loop_.After(120ms, [&] {
    ServerOptions options = MutualServer();
    options.listen_address = address;
    Listen(std::move(options));
    listening = true;
  });
  ASSERT_TRUE(Until([&] { return result.has_value(); }));
  EXPECT_TRUE(listening);
  EXPECT_TRUE(result->has_value()) << result->error().message;
}

TEST_F(SmokeTest, AddressInUseIsAClearError) {
  Listen({});
  ServerOptions options;
  options.listen_address = server_->address();
  const auto second = GrpcServer::Listen(loop_, options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message, "listen address '" + server_->address() + "' is in use by another program");
}

TEST_F(SmokeTest, MessageAboveTheLimitEndsTheStream) {
  ServerOptions options = MutualServer();
  options.limits.max_receive_message_bytes = 1000;
  Listen(std::move(options));
  Connect(MutualClient());
  Recorder client(connection_->Open(kStream, {}));
  client.stream->Send(Bytes(std::string(1001, 'x')));
  ASSERT_TRUE(Until([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end->code, StatusCode::kResourceExhausted);
  EXPECT_EQ(accepted_[0]->end->code, StatusCode::kResourceExhausted);
}

TEST_F(SmokeTest, MessageAboveTheReceiveLimitOfOneStreamEndsThatStream) {
  Listen(MutualServer());
  Connect(MutualClient());
  Recorder limited(connection_->Open(kStream, {}));
  Recorder unlimited(connection_->Open(kStream, {}));
  limited.stream->SetReceiveLimit(1000);
  const std::string large(200000, 'x');
  for (Recorder* client : {&limited, &unlimited}) client->stream->Send(Bytes(std::string(1000, 'x')));
  ASSERT_TRUE(Until([&] { return !limited.messages.empty() && !unlimited.messages.empty(); }));
  for (Recorder* client : {&limited, &unlimited}) client->stream->Send(Bytes(large));
  ASSERT_TRUE(Until([&] { return limited.end && unlimited.messages.size() == 2; }));
  EXPECT_EQ(limited.end->code, StatusCode::kResourceExhausted);
  EXPECT_EQ(limited.messages.size(), 1U);
  EXPECT_EQ(unlimited.messages[1].size(), large.size());
  ASSERT_TRUE(Until([&] { return accepted_[0]->end.has_value(); }));
  EXPECT_EQ(accepted_[0]->end->code, StatusCode::kCancelled);
}

TEST_F(SmokeTest, KeyThatDoesNotMatchIsNamed) {
  const auto identity =
      TlsIdentity::FromPem(ReadData(TlsPath(1, 0) + "server.crt"), ReadData(TlsPath(2, 0) + "server.key"));
  ASSERT_FALSE(identity.has_value());
  EXPECT_EQ(identity.error().message, "TLS private key does not match the certificate");
}

}  // namespace
}  // namespace grapevine::rpc
