// Our server against the clients of the gRPC C++ library and of grpc-go (02, 2.2; design "the real world").
#include <gmock/gmock.h>

#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

using base::StatusCode;

constexpr std::uint64_t kPingRecordBytes = 17 + 22;  // the frame in a record of TLS 1.3

class ServerAgainst : public OracleTest {
 protected:
  static std::string Text(const nlohmann::json& done) {
    return ::grapevine::base::FromHex(done.at("last").get<std::string>()).value();
  }
};
INSTANTIATE_TEST_SUITE_P(Grpc, ServerAgainst, ::testing::Values("cpp", "go"), OracleName);

void ExpectFailure(const nlohmann::json& done) {
  EXPECT_EQ(done.at("code"), static_cast<int>(TestFailure().code));
  EXPECT_EQ(done.at("message"), TestFailure().message);
  EXPECT_EQ(done.at("details"), base::ToHex(TestFailure().details));
}

TEST_P(ServerAgainst, KnowsBothCertificates) {
  Serve();
  EXPECT_EQ(RunClient({"--scenario", "call"}).at("code"), 0);
  EXPECT_TRUE(service_->last_peer().secure);
  EXPECT_EQ(service_->last_peer().certificate, PeerIdentity(1, 1).der());
  EXPECT_EQ(service_->last_peer().local_certificate, PeerIdentity(1, 0).der());
}

TEST_P(ServerAgainst, AnswersUnaryCallsOfEverySize) {
  Serve();
  for (const char* method : {"/oracle.Test/UnaryEcho", "/oracle.Test/Echo"}) {
    for (const char* size : {"0", "200", "16379", "65536", "1048576"}) {
      auto done = RunClient({"--scenario", "unary", "--method", method, "--size", size});
      EXPECT_EQ(done.at("code"), 0) << done;
      EXPECT_EQ(done.at("bytes"), std::atoi(size));
      EXPECT_EQ(done.at("intact"), true);
    }
  }
}

TEST_P(ServerAgainst, StreamsCarryMessagesBothWaysInOrder) {
  Serve();
  for (auto [count, size] : {std::pair{1000UL, 0UL}, {2000UL, 200UL}, {50UL, 64UL << 10}, {5UL, 1UL << 20}}) {
    auto done = RunClient({"--scenario", "call", "--count", std::to_string(count), "--size", std::to_string(size)});
    EXPECT_EQ(done.at("code"), 0) << done;
    EXPECT_EQ(done.at("received"), count);
    EXPECT_EQ(done.at("bytes"), count * size);
    EXPECT_EQ(done.at("intact"), true);
  }
  EXPECT_EQ(service_->open_streams(), 0U);
}

// 02, 2.2: 100 MiB each way is the limit.
TEST_P(ServerAgainst, CarriesTheLargestMessage) {
  Serve();
  auto done = RunClient({"--scenario", "unary", "--method", "/oracle.Test/UnaryEcho", "--size", "104857600"});
  EXPECT_EQ(done.at("code"), 0) << done;
  EXPECT_EQ(done.at("bytes"), 104857600);
  EXPECT_EQ(done.at("intact"), true);
}

TEST_P(ServerAgainst, RefusesMessagesBeyondTheLimit) {
  ServerOptions options = SecureServer();
  options.limits.max_receive_message_bytes = 1000;
  Serve(options);
  for (const char* method : {"/oracle.Test/UnaryEcho", "/oracle.Test/Echo"}) {
    auto done = RunClient({"--scenario", "unary", "--method", method, "--size", "1001"});
    EXPECT_EQ(done.at("code"), static_cast<int>(StatusCode::kResourceExhausted)) << done;
    EXPECT_EQ(RunClient({"--scenario", "unary", "--method", method, "--size", "1000"}).at("code"), 0);
  }
}

TEST_P(ServerAgainst, ServesAHundredStreamsAtOnce) {
  Serve();
  auto done = RunClient({"--scenario", "many", "--streams", "100", "--count", "50", "--size", "1000"});
  EXPECT_EQ(done.at("code"), 0) << done;
  EXPECT_EQ(done.at("received"), 5000);
  EXPECT_EQ(done.at("intact"), true);
  EXPECT_EQ(service_->accepted(), 100U);
}

TEST_P(ServerAgainst, SendsStatusMessageAndDetails) {
  Serve();
  ExpectFailure(RunClient({"--scenario", "unary", "--method", "/oracle.Test/UnaryFail"}));
  ExpectFailure(RunClient({"--scenario", "call", "--method", "/oracle.Test/Fail"}));
  auto late = RunClient({"--scenario", "call", "--method", "/oracle.Test/FailLate", "--size", "7"});
  ExpectFailure(late);
  EXPECT_EQ(late.at("received"), 1);
  EXPECT_EQ(late.at("intact"), true);
}

TEST_P(ServerAgainst, ReceivesMetadata) {
  Serve();
  auto text = RunClient({"--method", "/oracle.Test/Headers", "--header", "x-text=some text"});
  EXPECT_EQ(Text(text), "some text ");
  auto binary = RunClient({"--method", "/oracle.Test/Headers", "--header", "x-data-bin=\x01\xFE\xFF"});
  EXPECT_EQ(Text(binary), " 01feff");
}

TEST_P(ServerAgainst, AnswersUnknownMethods) {
  Serve();
  for (const char* method : {"/oracle.Test/Nothing", "/other.Service/Echo"}) {
    EXPECT_EQ(RunClient({"--scenario", "unary", "--method", method}).at("code"),
              static_cast<int>(StatusCode::kUnimplemented));
  }
}

TEST_P(ServerAgainst, MayEndBeforeTheClientHasSentEverything) {
  Serve();
  // More than flow control lets through, so that the client is in the middle when the answer comes.
  auto done = RunClient({"--method", "/oracle.Test/EarlyOk", "--count", "100", "--size", "100000"});
  EXPECT_EQ(done.at("code"), 0) << done;
  EXPECT_EQ(done.at("received"), 0);
}

TEST_P(ServerAgainst, SendsAfterTheClientsHalfClose) {
  Serve();
  auto done = RunClient({"--method", "/oracle.Test/Source", "--text", "20 100000"});
  EXPECT_EQ(done.at("code"), 0) << done;
  EXPECT_EQ(done.at("received"), 20);
  EXPECT_EQ(done.at("intact"), true);
}

TEST_P(ServerAgainst, CancelsAStreamByDestroyingIt) {
  Serve();
  auto done = RunClient({"--method", "/oracle.Test/Abort", "--size", "10"});
  EXPECT_EQ(done.at("code"), static_cast<int>(StatusCode::kCancelled)) << done;
}

TEST_P(ServerAgainst, SeesCancellations) {
  Serve();
  auto done = RunClient({"--scenario", "cancel", "--count", "50", "--size", "200"});
  EXPECT_EQ(done.at("received"), 50);
  ASSERT_TRUE(Wait([&] { return service_->ended().size() == 50; }, "every stream to end"));
  for (const base::Status& status : service_->ended()) EXPECT_EQ(status.code, StatusCode::kCancelled);
  EXPECT_EQ(service_->open_streams(), 0U);
}

TEST_P(ServerAgainst, LetsTheClientsDeadlinePass) {
  Serve();
  auto done = RunClient({"--method", "/oracle.Test/Wait", "--timeout-ms", "50"});
  EXPECT_EQ(done.at("code"), static_cast<int>(StatusCode::kDeadlineExceeded)) << done;
  ASSERT_TRUE(Wait([&] { return service_->ended().size() == 1; }, "the stream to end"));
  EXPECT_FALSE(service_->ended()[0].ok());
}

TEST_P(ServerAgainst, SeesTheClientDie) {
  Serve();
  auto client = StartClient({"--scenario", "idle", "--method", "/oracle.Test/Wait"});
  ASSERT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "the stream"));
  client->Kill();
  ASSERT_TRUE(Wait([&] { return service_->ended().size() == 1; }, "the stream to end"));
  EXPECT_EQ(service_->ended()[0].code, StatusCode::kCancelled);
}

TEST_P(ServerAgainst, EndsItsStreamsWhenItIsDestroyed) {
  Serve();
  auto client = StartClient({"--scenario", "idle", "--method", "/oracle.Test/Wait"});
  ASSERT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "the stream"));
  service_.reset();
  server_.reset();
  ASSERT_TRUE(Wait([&] { return client->Event("done").has_value(); }, "the client to see the end"));
  EXPECT_NE(client->Event("done")->at("code"), 0);
}

// GOAWAY: what is under way is finished, nothing new is taken.
TEST_P(ServerAgainst, DrainsBeforeItShutsDown) {
  Serve();
  auto client =
      StartClient({"--scenario", "call", "--method", "/oracle.Test/HeldSink", "--count", "10", "--size", "100"});
  ASSERT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "the stream"));
  bool drained = false;
  server_->Shutdown(kPatience, [&] { drained = true; });
  auto transport = Transport(SecureClient());
  EXPECT_FALSE(TryDial(*transport, server_->address(), std::chrono::milliseconds(100)).has_value());
  EXPECT_FALSE(drained);
  service_->Resume();
  ASSERT_TRUE(Wait([&] { return client->Event("done") && drained; }, "the drain"));
  EXPECT_EQ(client->Event("done")->at("code"), 0);
  EXPECT_EQ(Text(*client->Event("done")), "10 1000");
}

// Design, section 4: neither a slow reader nor one that never reads makes the server keep more than its bound.
TEST_P(ServerAgainst, IsHeldBackByAClientThatDoesNotRead) {
  Serve();
  auto slow = StartClient({"--scenario", "hold", "--method", "/oracle.Test/Source", "--text", "2000 65536"});
  ASSERT_TRUE(Wait([&] { return slow->Event("open") && service_->open_streams() == 1; }, "the stream"));
  auto done = RunClient({"--count", "100", "--size", "1000"});
  EXPECT_EQ(done.at("code"), 0);
  EXPECT_LT(ServerCount("rpc_sent_bytes"), 60U << 20);
  EXPECT_FALSE(slow->Event("done"));
  slow->Command("resume");
  ASSERT_TRUE(Wait([&] { return slow->Event("done").has_value(); }, "the slow client to read everything"));
  EXPECT_EQ(slow->Event("done")->at("received"), 2000);
  EXPECT_EQ(slow->Event("done")->at("intact"), true);
}

TEST_P(ServerAgainst, HoldsTheClientBackWithoutCredit) {
  Serve();
  auto client =
      StartClient({"--scenario", "call", "--method", "/oracle.Test/HeldSink", "--count", "2000", "--size", "65536"});
  ASSERT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "the stream"));
  EXPECT_EQ(RunClient({"--count", "100", "--size", "1000"}).at("code"), 0);
  EXPECT_LT(ServerCount("rpc_received_bytes"), 40U << 20);
  service_->Resume();
  ASSERT_TRUE(Wait([&] { return client->Event("done").has_value(); }, "the client to finish"));
  EXPECT_EQ(client->Event("done")->at("code"), 0);
  EXPECT_EQ(Text(*client->Event("done")), "2000 131072000");
}

// 02, 2.2: the third ping that comes too early ends the connection with GOAWAY too_many_pings.
TEST_P(ServerAgainst, PunishesTooManyPings) {
  Serve();
  auto client = StartClient({"--scenario", "idle", "--method", "/oracle.Test/Wait", "--ping-ms", "10"});
  ASSERT_TRUE(Wait([&] { return client->Event("done").has_value(); }, "the client to be sent away"));
  EXPECT_EQ(client->Event("done")->at("code"), static_cast<int>(StatusCode::kUnavailable));
  EXPECT_EQ(server_metrics_.CounterValue("rpc_refused", {{"reason", "too_many_pings"}}), 1U);
}

TEST_P(ServerAgainst, AcceptsPingsThatAreNotTooMany) {
  ServerOptions options = SecureServer();
  options.min_ping_interval = std::chrono::milliseconds(1);
  Serve(options);
  auto client = StartClient({"--scenario", "idle", "--method", "/oracle.Test/Wait", "--ping-ms", "20"});
  ASSERT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "the stream"));
  std::uint64_t before = ServerCount("rpc_received_bytes");
  ASSERT_TRUE(Wait([&] { return ServerCount("rpc_received_bytes") > before + 5 * kPingRecordBytes; }, "many pings"));
  EXPECT_FALSE(client->Event("done"));
  EXPECT_EQ(ServerCount("rpc_refused"), 0U);
}

TEST_P(ServerAgainst, ItsKeepaliveIsAnswered) {
  ServerOptions options = SecureServer();
  options.keepalive = {.interval = std::chrono::milliseconds(20), .timeout = kPatience};
  Serve(options);
  auto client = StartClient({"--scenario", "idle", "--method", "/oracle.Test/Wait"});
  ASSERT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "the stream"));
  std::uint64_t before = ServerCount("rpc_received_bytes");
  ASSERT_TRUE(
      Wait([&] { return ServerCount("rpc_received_bytes") > before + 5 * kPingRecordBytes; }, "answers to pings"));
  EXPECT_FALSE(client->Event("done"));
}

}  // namespace
}  // namespace grapevine::rpc
