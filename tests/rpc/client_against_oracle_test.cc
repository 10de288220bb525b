// Our client against the servers of the gRPC C++ library and of grpc-go (02, 2.2; design "the real world").
#include <gmock/gmock.h>

#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

using base::StatusCode;
using ::testing::ElementsAre;

class ClientAgainst : public OracleTest {};
INSTANTIATE_TEST_SUITE_P(Grpc, ClientAgainst, ::testing::Values("cpp", "go"), OracleName);

std::string StringOf(std::initializer_list<int> values) {
  std::string bytes;
  for (int value : values) bytes += static_cast<char>(value);
  return bytes;
}

TEST_P(ClientAgainst, KnowsBothCertificates) {
  StartServer();
  auto connection = Connect();
  EXPECT_TRUE(connection->peer().secure);
  EXPECT_EQ(connection->peer().certificate, PeerIdentity(1, 0).der());
  EXPECT_EQ(connection->peer().local_certificate, PeerIdentity(1, 1).der());
}

TEST_P(ClientAgainst, UnaryCallsCarryMessagesOfEverySize) {
  StartServer();
  auto connection = Connect();
  for (std::size_t size : {0UL, 200UL, 16379UL, 64UL << 10, 1UL << 20}) {
    auto result = Unary(*connection, "/oracle.Test/Echo", base::Bytes(Pattern(0, size)));
    EXPECT_EQ(result.status, base::Status{}) << size;
    EXPECT_TRUE(result.response.view() == Pattern(0, size)) << size;
  }
}

TEST_P(ClientAgainst, StreamsCarryMessagesBothWaysInOrder) {
  StartServer();
  auto connection = Connect();
  for (auto [count, size] : {std::pair{1000UL, 0UL}, {2000UL, 200UL}, {50UL, 64UL << 10}, {5UL, 1UL << 20}}) {
    auto stream = Open(*connection, "/oracle.Test/Echo");
    stream->ReadAll();
    stream->SendPatterns(count, size, /*half_close=*/true);
    ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
    EXPECT_EQ(*stream->end(), base::Status{});
    EXPECT_EQ(stream->received(), count);
    EXPECT_EQ(stream->bytes(), count * size);
    EXPECT_TRUE(stream->intact());
    EXPECT_EQ(stream->sent(), count);
    EXPECT_EQ(stream->stream().unsent(), 0U);
  }
}

// 02, 2.2: 100 MiB each way is the limit.
TEST_P(ClientAgainst, CarriesTheLargestMessage) {
  StartServer();
  auto connection = Connect();
  std::string largest = Pattern(0, 100UL << 20);
  auto result = Unary(*connection, "/oracle.Test/Echo", base::Bytes(largest));
  EXPECT_EQ(result.status, base::Status{});
  EXPECT_TRUE(result.response.view() == largest);
}

TEST_P(ClientAgainst, RefusesToReceiveMoreThanTheLimit) {
  StartServer();
  ClientOptions options = SecureClient();
  options.limits.max_receive_message_bytes = 1000;
  auto connection = Connect(options);
  EXPECT_EQ(Unary(*connection, "/oracle.Test/Source", base::Bytes(std::string("1 1001"))).status.code,
            StatusCode::kResourceExhausted);
  EXPECT_EQ(Unary(*connection, "/oracle.Test/Source", base::Bytes(std::string("1 1000"))).status.code, StatusCode::kOk);
}

TEST_P(ClientAgainst, RefusesToSendMoreThanTheLimit) {
  StartServer();
  ClientOptions options = SecureClient();
  options.limits.max_send_message_bytes = 1000;
  auto connection = Connect(options);
  auto stream = Open(*connection, "/oracle.Test/Sink");
  stream->SendPatterns(1, 1001, /*half_close=*/false);
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream->end()->code, StatusCode::kResourceExhausted);
}

TEST_P(ClientAgainst, LearnsThatTheServerRefusesALargeMessage) {
  StartServer({"--max-message", "1000"});
  auto connection = Connect();
  EXPECT_EQ(Unary(*connection, "/oracle.Test/Echo", base::Bytes(Pattern(0, 1001))).status.code,
            StatusCode::kResourceExhausted);
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, RunsAHundredStreamsAtOnce) {
  StartServer();
  auto connection = Connect();
  std::vector<std::unique_ptr<StreamProbe>> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(Open(*connection, "/oracle.Test/Echo"));
    streams.back()->ReadAll();
    streams.back()->SendPatterns(50, 1000, /*half_close=*/true);
  }
  for (auto& stream : streams) {
    ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of every stream"));
    EXPECT_EQ(*stream->end(), base::Status{});
    EXPECT_EQ(stream->received(), 50U);
    EXPECT_TRUE(stream->intact());
  }
}

TEST_P(ClientAgainst, GetsStatusMessageAndDetailsOfTrailersOnly) {
  StartServer();
  auto connection = Connect();
  EXPECT_EQ(Unary(*connection, "/oracle.Test/Fail", {}).status, TestFailure());
  auto stream = Open(*connection, "/oracle.Test/Fail");
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(*stream->end(), TestFailure());
}

TEST_P(ClientAgainst, GetsStatusAfterMessages) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/FailLate");
  stream->ReadAll();
  stream->SendPatterns(1, 7, /*half_close=*/false);
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_THAT(stream->messages(), ElementsAre(Pattern(0, 7)));
  EXPECT_EQ(*stream->end(), TestFailure());
}

TEST_P(ClientAgainst, SendsAndReceivesMetadata) {
  StartServer();
  auto connection = Connect();
  std::string data = StringOf({0, 1, 0xFE, 0xFF, 0x2C});
  auto stream =
      Open(*connection, "/oracle.Test/Headers", {.metadata = {{"x-text", "some text"}, {"x-data-bin", data}}});
  stream->ReadAll();
  stream->stream().HalfClose();
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_THAT(stream->messages(), ElementsAre("some text 0001feff2c"));
  EXPECT_THAT(stream->stream().metadata(),
              ::testing::IsSupersetOf({std::pair<std::string, std::string>("x-text", "some text"),
                                       std::pair<std::string, std::string>("x-data-bin", data)}));
}

TEST_P(ClientAgainst, LearnsThatAMethodIsUnknown) {
  StartServer();
  auto connection = Connect();
  EXPECT_EQ(Unary(*connection, "/oracle.Test/Nothing", {}).status.code, StatusCode::kUnimplemented);
  EXPECT_EQ(Unary(*connection, "/other.Service/Echo", {}).status.code, StatusCode::kUnimplemented);
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, AcceptsAnOkThatDidNotWaitForMessages) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/EarlyOk");
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(*stream->end(), base::Status{});
  // What is sent on a stream that is over is ignored, and harms nobody.
  stream->SendPatterns(10, 1000, /*half_close=*/true);
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, ReceivesAfterItsOwnHalfClose) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/Source");
  stream->ReadAll();
  stream->stream().Send(base::Bytes(std::string("20 100000")));
  stream->stream().HalfClose();
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream->received(), 20U);
  EXPECT_TRUE(stream->intact());
  EXPECT_EQ(*stream->end(), base::Status{});
}

TEST_P(ClientAgainst, CancelsByDestruction) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/Wait");
  stream->ReadAll();
  ASSERT_TRUE(Wait([&] { return stream->received() == 1; }, "the first message"));
  stream.reset();
  EXPECT_TRUE(Wait([&] { return oracle_->Event("cancelled").has_value(); }, "the server to see the cancellation"));
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, CancelsUnaryCallsByTheirHandle) {
  StartServer();
  auto connection = Connect();
  bool answered = false;
  // Wait answers with one message but no status, so the call is under way for ever.
  auto call = connection->Unary("/oracle.Test/HeldSink", {}, {}, [&](const base::UnaryResult&) { answered = true; });
  ExpectEcho(*connection);
  call.Reset();
  ExpectEcho(*connection);
  EXPECT_FALSE(answered);
}

TEST_P(ClientAgainst, SurvivesManyCancellations) {
  StartServer();
  auto connection = Connect();
  for (int i = 0; i < 200; ++i) {
    auto stream = Open(*connection, "/oracle.Test/Echo");
    stream->SendPatterns(1, 20000, /*half_close=*/false);
  }
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, SeesTheServersReset) {
  if (go()) GTEST_SKIP() << "grpc-go's server has no reset of a single stream";
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/Abort");
  stream->ReadAll();
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream->end()->code, StatusCode::kCancelled);
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, EndsAtTheDeadline) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/Wait", {.metadata = {}, .timeout = std::chrono::milliseconds(50)});
  stream->ReadAll();
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream->end()->code, StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Wait([&] { return oracle_->Event("cancelled").has_value(); }, "the server to see the end"));
  auto result =
      Unary(*connection, "/oracle.Test/HeldSink", {}, {.metadata = {}, .timeout = std::chrono::milliseconds(50)});
  EXPECT_EQ(result.status.code, StatusCode::kDeadlineExceeded);
  ExpectEcho(*connection);
}

TEST_P(ClientAgainst, TellsTheServerTheDeadline) {
  StartServer();
  auto connection = Connect();
  EXPECT_EQ(Unary(*connection, "/oracle.Test/Deadline", {}).response.view(), "none");
  auto result = Unary(*connection, "/oracle.Test/Deadline", {}, {.metadata = {}, .timeout = std::chrono::hours(1)});
  int left_ms = std::atoi(result.response.ToString().c_str());
  EXPECT_LE(left_ms, 3'600'100);
  EXPECT_GT(left_ms, 3'500'000);
}

// A drained connection finishes what is under way and takes nothing new.
TEST_P(ClientAgainst, FinishesItsStreamsWhenTheServerDrains) {
  StartServer();
  auto connection = Connect();
  std::optional<base::Status> closed;
  connection->OnClosed([&](const base::Status& status) { closed = status; });
  auto stream = Open(*connection, "/oracle.Test/HeldSink");
  stream->ReadAll();
  ASSERT_TRUE(Wait([&] { return stream->received() == 1; }, "the first message"));
  oracle_->Command("graceful");
  // New calls are answered (or, by the C++ library, cancelled) until GOAWAY has arrived, then refused here.
  base::UnaryResult refused;
  while (refused.status.code != StatusCode::kUnavailable && !HasFailure()) {
    refused = Unary(*connection, "/oracle.Test/Echo", {});
  }
  stream->SendPatterns(100, 1000, /*half_close=*/true);
  oracle_->Command("resume");
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(*stream->end(), base::Status{});
  EXPECT_THAT(stream->messages(), ElementsAre("", "100 100000"));
  EXPECT_TRUE(Wait([&] { return closed.has_value(); }, "the end of the connection"));
  EXPECT_TRUE(Wait([&] { return oracle_->Event("drained").has_value(); }, "the server to be drained"));
}

TEST_P(ClientAgainst, EndsEverythingWhenTheServerDies) {
  StartServer();
  auto connection = Connect();
  std::optional<base::Status> closed;
  connection->OnClosed([&](const base::Status& status) { closed = status; });
  auto sending = Open(*connection, "/oracle.Test/HeldSink");
  sending->SendPatterns(1000, 64 << 10, /*half_close=*/true);
  auto waiting = Open(*connection, "/oracle.Test/Wait");
  waiting->ReadAll();
  ASSERT_TRUE(Wait([&] { return waiting->received() == 1; }, "the first message"));
  oracle_->Kill();
  ASSERT_TRUE(Wait([&] { return sending->end() && waiting->end() && closed; }, "everything to end"));
  EXPECT_EQ(sending->end()->code, StatusCode::kUnavailable);
  EXPECT_EQ(waiting->end()->code, StatusCode::kUnavailable);
  EXPECT_EQ(closed->code, StatusCode::kUnavailable);
  // Never null, and over at once.
  auto late = Open(*connection, "/oracle.Test/Echo");
  ASSERT_TRUE(Wait([&] { return late->end().has_value(); }, "the end of the late stream"));
  EXPECT_EQ(late->end()->code, StatusCode::kUnavailable);
}

// Design, section 4: a writer whose peer does not read hits its bounded queue; the rest of the connection goes on.
TEST_P(ClientAgainst, IsHeldBackByAServerThatDoesNotRead) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/HeldSink");
  stream->ReadAll();
  stream->SendPatterns(2000, 64 << 10, /*half_close=*/true);
  ASSERT_TRUE(Wait([&] { return stream->received() == 1; }, "the first message"));
  ExpectEcho(*connection);
  ExpectEcho(*connection);
  EXPECT_LT(stream->sent(), 1000U);
  EXPECT_EQ(stream->stream().unsent(), 8U);
  oracle_->Command("resume");
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_THAT(stream->messages(), ElementsAre("", "2000 131072000"));
  EXPECT_EQ(stream->max_unsent_seen(), 8U);
}

// Without credit nothing is handed out, and flow control holds the server back.
TEST_P(ClientAgainst, HoldsTheServerBackWithoutCredit) {
  StartServer();
  auto connection = Connect();
  auto stream = Open(*connection, "/oracle.Test/Source");
  stream->stream().Send(base::Bytes(std::string("2000 65536")));
  stream->stream().HalfClose();
  ExpectEcho(*connection);
  ExpectEcho(*connection);
  EXPECT_EQ(stream->received(), 0U);
  stream->stream().Read(3);
  ASSERT_TRUE(Wait([&] { return stream->received() == 3; }, "three messages"));
  ExpectEcho(*connection);
  EXPECT_EQ(stream->received(), 3U);
  EXPECT_LT(ClientCount("rpc_received_bytes"), 40U << 20);
  stream->ReadAll();
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream->received(), 2000U);
  EXPECT_TRUE(stream->intact());
}

// 02, 2.2: pings go out without streams too, and a server that permits them does not mind.
TEST_P(ClientAgainst, ItsKeepaliveIsAccepted) {
  StartServer({"--min-ping-ms", "1"});
  ClientOptions options = SecureClient();
  options.keepalive = {.interval = std::chrono::milliseconds(20), .timeout = kPatience};
  auto connection = Connect(options);
  std::uint64_t before = ClientCount("rpc_received_bytes");
  // Each answered ping is 17 bytes and the TLS record around them: 20 of them.
  ASSERT_TRUE(Wait([&] { return ClientCount("rpc_received_bytes") >= before + 20UL * 17; }, "answers to pings"));
  ExpectEcho(*connection);
}

// The server says GOAWAY; whether it lets the stream end is its own affair.
TEST_P(ClientAgainst, IsSentAwayWhenItPingsTooOften) {
  StartServer({"--min-ping-ms", "60000"});
  ClientOptions options = SecureClient();
  options.keepalive = {.interval = std::chrono::milliseconds(20), .timeout = kPatience};
  auto connection = Connect(options);
  auto stream = Open(*connection, "/oracle.Test/Wait");
  stream->ReadAll();
  // Only silence makes pings: each of these calls takes longer than the interval and ends at its deadline.
  base::UnaryResult refused;
  while (refused.status.code != StatusCode::kUnavailable && !HasFailure()) {
    refused =
        Unary(*connection, "/oracle.Test/HeldSink", {}, {.metadata = {}, .timeout = std::chrono::milliseconds(100)});
  }
  EXPECT_EQ(refused.status.code, StatusCode::kUnavailable);
}

TEST_P(ClientAgainst, AnswersTheServersPings) {
  // grpc-go rounds the interval up to 1 s; without an answer it would end the connection 100 ms later.
  StartServer({"--ping-ms", "300", "--ping-timeout-ms", "2000"});
  auto connection = Connect();
  std::optional<base::Status> closed;
  connection->OnClosed([&](const base::Status& status) { closed = status; });
  auto stream = Open(*connection, "/oracle.Test/Wait");
  stream->ReadAll();
  ASSERT_TRUE(Wait([&] { return stream->received() == 1; }, "the first message"));
  std::uint64_t before = ClientCount("rpc_received_bytes");
  ASSERT_TRUE(Wait([&] { return ClientCount("rpc_received_bytes") > before + 2 * 17; }, "two pings"));
  EXPECT_FALSE(closed);
  ExpectEcho(*connection);
}

}  // namespace
}  // namespace grapevine::rpc
