#include "simulation/network.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "simulation/world.h"

namespace grapevine::simulation {
namespace {

using base::Bytes;
using base::Status;
using base::StatusCode;
using namespace std::chrono_literals;

constexpr char kEcho[] = "/test.Test/Stream";
constexpr char kPing[] = "/test.Test/Ping";

// One end of a stream, writing down what happens to it.
struct Probe : base::StreamHandler {
  void OnMessage(Bytes message) override { log.push_back(message.ToString()); }
  void OnSent(std::size_t count) override { sent += count; }
  void OnHalfClose() override { log.push_back("half-close"); }
  void OnEnd(const Status& status) override {
    log.push_back(std::string("end ") + base::ToString(status.code));
    ended = true;
  }
  void Adopt(std::unique_ptr<base::Stream> opened, std::size_t credit) {
    stream = std::move(opened);
    stream->SetHandler(*this);
    if (credit > 0) stream->Read(credit);
  }

  std::unique_ptr<base::Stream> stream;
  std::vector<std::string> log;
  std::size_t sent = 0;
  bool ended = false;
};

NetworkConfig FixedLatency(base::Duration latency) {
  NetworkConfig config;
  config.link.latency_min = config.link.latency_max = latency;
  return config;
}

// A client host that has opened one stream to a server host; every link takes 1 ms.
struct NetworkTest : ::testing::Test {
  World world{1, FixedLatency(1ms)};
  Host& client_host = world.AddHost("client");
  Host& server_host = world.AddHost("server");
  Probe server;
  Probe client;
  std::unique_ptr<base::Connection> connection;
  std::size_t server_credit = 100;
  base::Handle served = server_host.server().ServeStream(
      kEcho, [this](std::unique_ptr<base::Stream> stream) { server.Adopt(std::move(stream), server_credit); });

  std::string Dial(Host& from, Host& to, base::Duration timeout = 3s) {
    std::string outcome;
    base::Handle dial = from.transport().Dial(to.endpoint(), timeout, [&](auto result) {
      outcome = result ? "connected" : result.error().message;
      if (result) connection = std::move(*result);
    });
    world.scheduler().RunUntil([&] { return !outcome.empty(); }, timeout + 1s);
    return outcome;
  }
  void Connect() {
    ASSERT_EQ(Dial(client_host, server_host), "connected");
    client.Adopt(connection->Open(kEcho, {}), 100);
    world.scheduler().RunFor(10ms);
    ASSERT_NE(server.stream, nullptr);
  }
  void Run() { world.scheduler().RunFor(100ms); }
};

using Log = std::vector<std::string>;

// As TCP does; a host that reads gets them in one event.
TEST_F(NetworkTest, WhatLeavesInOneMomentArrivesInOneEvent) {
  Connect();
  std::size_t deliveries = 0;
  world.scheduler().OnEvent([&](const TraceEvent& event) { deliveries += event.info.kind == EventKind::kDelivery; });
  for (const char* message : {"a", "b", "c"}) client.stream->Send(Bytes(message));
  world.scheduler().RunFor(500us);
  client.stream->Send(Bytes("d"));
  Run();
  EXPECT_EQ(server.log, (Log{"a", "b", "c", "d"}));
  EXPECT_EQ(deliveries, 2u);
}

TEST_F(NetworkTest, AConnectionThatIsClosedInTheMiddleOfASegmentDeliversNothingMore) {
  Connect();
  struct Closing final : base::StreamHandler {
    explicit Closing(std::unique_ptr<base::Connection>& of) : connection(of) {}
    void OnMessage(Bytes message) override {
      log.push_back(message.ToString());
      stream.reset();
      connection.reset();
    }
    void OnSent(std::size_t) override {}
    void OnHalfClose() override {}
    void OnEnd(const Status&) override {}
    std::unique_ptr<base::Connection>& connection;
    std::unique_ptr<base::Stream> stream;
    Log log;
  } closing(connection);
  closing.stream = std::move(client.stream);
  closing.stream->SetHandler(closing);
  for (const char* message : {"a", "b", "c"}) server.stream->Send(Bytes(message));
  Run();
  EXPECT_EQ(closing.log, Log{"a"});
  EXPECT_TRUE(server.ended);
  EXPECT_EQ(Dial(client_host, server_host), "connected");
}

TEST_F(NetworkTest, MessagesArriveInOrderInBothDirectionsAndAreReportedAsSent) {
  Connect();
  for (const char* text : {"a", "b", "c"}) client.stream->Send(Bytes(text));
  server.stream->Send(Bytes("x"));
  EXPECT_EQ(client.stream->unsent(), 3U);
  EXPECT_EQ(client.sent, 0U);
  Run();
  EXPECT_EQ(server.log, (Log{"a", "b", "c"}));
  EXPECT_EQ(client.log, (Log{"x"}));
  EXPECT_EQ(client.sent, 3U);
  EXPECT_EQ(client.stream->unsent(), 0U);
}

TEST_F(NetworkTest, NothingIsDeliveredWithoutCreditAndNothingIsLost) {
  server_credit = 0;
  Connect();
  client.stream->Send(Bytes("a"));
  client.stream->Send(Bytes("b"));
  Run();
  EXPECT_TRUE(server.log.empty());
  server.stream->Read(1);
  EXPECT_TRUE(server.log.empty());  // not within the call
  Run();
  EXPECT_EQ(server.log, (Log{"a"}));
  server.stream->Read(1);
  Run();
  EXPECT_EQ(server.log, (Log{"a", "b"}));
}

TEST_F(NetworkTest, ARemoteThatDoesNotReadLeavesMessagesUnsent) {
  server_credit = 0;
  Connect();
  for (int i = 0; i < 100; ++i) client.stream->Send(Bytes(std::string(1000, 'm')));
  Run();
  EXPECT_EQ(client.sent, 66U);  // the window of 65535 bytes is full
  EXPECT_EQ(client.stream->unsent(), 34U);
  server.stream->Read(100);
  Run();
  EXPECT_EQ(client.stream->unsent(), 0U);
  EXPECT_EQ(server.log.size(), 100U);
}

TEST_F(NetworkTest, HalfCloseComesAfterTheMessagesAndTheOtherDirectionGoesOn) {
  Connect();
  client.stream->Send(Bytes("last"));
  client.stream->HalfClose();
  client.stream->Send(Bytes("ignored"));
  Run();
  EXPECT_EQ(server.log, (Log{"last", "half-close"}));
  server.stream->Send(Bytes("answer"));
  server.stream->Finish({StatusCode::kUnknown, "refused", ""});
  Run();
  EXPECT_EQ(client.log, (Log{"answer", "end UNKNOWN"}));
  EXPECT_EQ(server.log, (Log{"last", "half-close", "end OK"}));
}

TEST_F(NetworkTest, DestroyingAClientStreamCancelsItAtTheServer) {
  Connect();
  client.stream.reset();
  Run();
  EXPECT_EQ(server.log, (Log{"end CANCELLED"}));
  EXPECT_TRUE(client.log.empty());
}

TEST_F(NetworkTest, DestroyingTheConnectionEndsItsStreamsAtTheServer) {
  Connect();
  client.stream.reset();
  connection.reset();
  Run();
  EXPECT_EQ(server.log, (Log{"end CANCELLED"}));
  server.stream.reset();
  EXPECT_EQ(world.network().connections(), 0U);
}

TEST_F(NetworkTest, AResetIsSeenByBothEnds) {
  Connect();
  Status closed;
  connection->OnClosed([&](const Status& status) { closed = status; });
  world.network().ResetConnections(client_host, server_host);
  EXPECT_TRUE(client.log.empty());
  Run();
  EXPECT_EQ(client.log, (Log{"end UNAVAILABLE"}));
  EXPECT_EQ(server.log, (Log{"end CANCELLED"}));
  EXPECT_EQ(closed.code, StatusCode::kUnavailable);
  Probe again;
  again.Adopt(connection->Open(kEcho, {}), 1);
  Run();
  EXPECT_EQ(again.log, (Log{"end UNAVAILABLE"}));
}

TEST_F(NetworkTest, AStreamMayBeDestroyedInItsOwnCallback) {
  struct Fragile : Probe {
    void OnMessage(Bytes message) override {
      Probe::OnMessage(message);
      stream.reset();
    }
  };
  Fragile fragile;
  ASSERT_EQ(Dial(client_host, server_host), "connected");
  fragile.Adopt(connection->Open(kEcho, {}), 100);
  Run();
  server.stream->Send(Bytes("one"));
  server.stream->Send(Bytes("two"));
  Run();
  EXPECT_EQ(fragile.log, (Log{"one"}));
  EXPECT_EQ(server.log, (Log{"end CANCELLED"}));
}

TEST_F(NetworkTest, AnUnknownMethodIsUnimplemented) {
  ASSERT_EQ(Dial(client_host, server_host), "connected");
  client.Adopt(connection->Open("/nobody/Serves", {}), 1);
  base::UnaryResult answer;
  const base::Handle call = connection->Unary("/nobody/Serves", {}, {}, [&](auto result) { answer = result; });
  Run();
  EXPECT_EQ(client.log, (Log{"end UNIMPLEMENTED"}));
  EXPECT_EQ(answer.status.code, StatusCode::kUnimplemented);
}

TEST_F(NetworkTest, UnaryCallsAreAnsweredOrTimeOut) {
  std::unique_ptr<base::UnaryCall> held;
  const base::Handle ping = server_host.server().ServeUnary(kPing, [&](std::unique_ptr<base::UnaryCall> call) {
    if (call->request().view() == "hold") {
      held = std::move(call);
    } else {
      call->Respond({{}, Bytes("pong " + call->metadata().at(0).second)});
    }
  });
  ASSERT_EQ(Dial(client_host, server_host), "connected");
  Log answers;
  const auto call = [&](const char* request) {
    return connection->Unary(kPing, Bytes(request), {{{"key", "value"}}, 50ms}, [&](base::UnaryResult result) {
      answers.push_back(result.status.ok() ? result.response.ToString() : base::ToString(result.status.code));
    });
  };
  const base::Handle first = call("go");
  const base::Handle second = call("hold");
  base::Handle cancelled = call("go");
  cancelled.Reset();
  Run();
  EXPECT_EQ(answers, (Log{"pong value", "DEADLINE_EXCEEDED"}));
}

TEST_F(NetworkTest, EachEndSeesTheCertificateOfTheOthersRole) {
  Connect();
  EXPECT_TRUE(client.stream->peer().secure);
  EXPECT_EQ(client.stream->peer().certificate.view(), "server certificate of server");
  EXPECT_EQ(client.stream->peer().local_certificate.view(), "client certificate of client");
  EXPECT_EQ(server.stream->peer().certificate.view(), "client certificate of client");
  EXPECT_EQ(server.stream->peer().local_certificate.view(), "server certificate of server");
}

TEST_F(NetworkTest, TlsOnOneSideOnlyDoesNotConnect) {
  HostOptions plaintext;
  plaintext.tls.enabled = false;
  Host& plain = world.AddHost("plain", plaintext);
  EXPECT_EQ(Dial(plain, server_host), "dialling server:7051: TLS on one side only");
  Host& other = world.AddHost("other", plaintext);
  EXPECT_EQ(Dial(plain, other), "connected");
  EXPECT_FALSE(connection->peer().secure);
  EXPECT_TRUE(connection->peer().certificate.empty());
}

TEST_F(NetworkTest, ADialWaitsForAHostThatIsStillDown) {
  server_host.Crash(CrashKind::kProcess);
  served.Detach();
  world.After(500ms, [&] { server_host.Restart(); });
  const base::SteadyTime start = world.scheduler().Now();
  EXPECT_EQ(Dial(client_host, server_host), "connected");
  EXPECT_EQ(world.scheduler().Now() - start, 1006ms);  // the second attempt, and three round trips
}

TEST_F(NetworkTest, ADialThatIsRefusedToTheEndNamesTheReason) {
  server_host.SetListening(false);
  const base::SteadyTime start = world.scheduler().Now();
  EXPECT_EQ(Dial(client_host, server_host), "dialling server:7051: connection refused");
  EXPECT_EQ(world.scheduler().Now() - start, 3s);
}

TEST_F(NetworkTest, ReachabilityMayBeOneWay) {
  world.network().SetDialable(client_host, server_host, false);
  EXPECT_EQ(Dial(client_host, server_host), "dialling server:7051: not reachable");
  EXPECT_EQ(Dial(server_host, client_host), "connected");
}

TEST_F(NetworkTest, APartitionHoldsDataBackUntilItHeals) {
  Connect();
  world.network().Partition({&client_host}, false);
  client.stream->Send(Bytes("a"));
  client.stream->Send(Bytes("b"));
  world.scheduler().RunFor(60s);
  EXPECT_TRUE(server.log.empty());
  world.network().Partition({&client_host}, true);
  world.scheduler().RunFor(1ms);
  EXPECT_EQ(server.log, (Log{"a", "b"}));
  world.scheduler().RunFor(200s);
  EXPECT_FALSE(client.ended);
}

TEST_F(NetworkTest, ALongPartitionEndsTheConnectionByKeepalive) {
  Connect();
  world.network().SetPath(server_host, client_host, false);
  world.scheduler().RunFor(79s);
  EXPECT_FALSE(client.ended);
  world.scheduler().RunFor(2s);
  EXPECT_EQ(client.log, (Log{"end UNAVAILABLE"}));
  EXPECT_EQ(server.log, (Log{"end CANCELLED"}));  // this direction was open
}

TEST_F(NetworkTest, ADeadProcessResetsADeadMachineIsSilent) {
  Connect();
  server_host.Crash(CrashKind::kMachine);
  world.scheduler().RunFor(79s);
  EXPECT_FALSE(client.ended);  // half-dead: one side is gone without notice
  world.scheduler().RunFor(2s);
  EXPECT_EQ(client.log, (Log{"end UNAVAILABLE"}));
}

TEST_F(NetworkTest, AMachineThatComesBackAnswersOldConnectionsWithAReset) {
  Connect();
  server_host.Crash(CrashKind::kMachine);
  server.stream.reset();
  served.Reset();
  server_host.Restart();
  Run();
  EXPECT_FALSE(client.ended);
  client.stream->Send(Bytes("are you there?"));
  Run();
  EXPECT_EQ(client.log, (Log{"end UNAVAILABLE"}));
}

TEST_F(NetworkTest, AProcessCrashIsSeenAtOnceAndSilencesTheCrashedEnd) {
  Connect();
  server_host.Crash(CrashKind::kProcess);
  server.stream->Send(Bytes("from the grave"));
  Run();
  EXPECT_EQ(client.log, (Log{"end UNAVAILABLE"}));
  EXPECT_TRUE(server.log.empty());
}

TEST_F(NetworkTest, BandwidthDelaysAndReportsAsSentWhenTheBytesHaveLeft) {
  LinkModel slow;
  slow.latency_min = slow.latency_max = 1ms;
  slow.bytes_per_second = 106'000;
  world.network().SetLink(client_host, server_host, slow);
  Connect();
  client.stream->Send(Bytes(std::string(10'540, 'm')));  // 10600 bytes with overhead: 100 ms
  world.scheduler().RunFor(99ms);
  EXPECT_EQ(client.sent, 0U);
  world.scheduler().RunFor(1ms);
  EXPECT_EQ(client.sent, 1U);
  EXPECT_TRUE(server.log.empty());
  world.scheduler().RunFor(1ms);
  EXPECT_EQ(server.log.size(), 1U);
}

TEST_F(NetworkTest, LossCostsTimeNeverDataNorOrder) {
  LinkModel lossy;
  lossy.loss_per_million = 300'000;
  world.network().SetDefaultLink(lossy);
  Connect();
  world.scheduler().RunFor(5s);
  Log expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back(std::to_string(i));
    client.stream->Send(Bytes(std::to_string(i)));
  }
  world.scheduler().RunFor(30s);
  EXPECT_EQ(server.log, expected);
}

TEST_F(NetworkTest, ASlowReaderTakesOneMessagePerInterval) {
  Connect();
  server_host.StopReading();
  for (int i = 0; i < 5; ++i) client.stream->Send(Bytes("m"));
  Run();
  EXPECT_EQ(server.log.size(), 0U);
  server_host.SetReadInterval(1s);
  world.scheduler().RunFor(2500ms);
  EXPECT_EQ(server.log.size(), 3U);
  world.scheduler().RunFor(10s);
  EXPECT_EQ(server.log.size(), 5U);
}

TEST_F(NetworkTest, AnOversizedMessageEndsTheStream) {
  NetworkConfig small = FixedLatency(1ms);
  small.max_message_bytes = 10;
  World other(1, small);
  Host& a = other.AddHost("a");
  Host& b = other.AddHost("b");
  Probe at_b;
  const base::Handle service =
      b.server().ServeStream(kEcho, [&](std::unique_ptr<base::Stream> stream) { at_b.Adopt(std::move(stream), 9); });
  std::unique_ptr<base::Connection> link;
  Probe at_a;
  const base::Handle dial = a.transport().Dial("b:7051", 3s, [&](auto result) {
    link = std::move(*result);
    at_a.Adopt(link->Open(kEcho, {}), 9);
    at_a.stream->Send(Bytes("0123456789"));
    at_a.stream->Send(Bytes("0123456789+"));
  });
  other.scheduler().RunFor(1s);
  EXPECT_EQ(at_a.log, (Log{"end RESOURCE_EXHAUSTED"}));
  EXPECT_EQ(at_b.log, (Log{"0123456789", "end CANCELLED"}));
}

TEST_F(NetworkTest, AMessageAboveTheReceiveLimitIsRefusedByTheServer) {
  server_credit = 0;
  Connect();
  server.stream->SetReceiveLimit(4);
  server.stream->Read(100);
  client.stream->Send(Bytes("four"));
  client.stream->Send(Bytes("fives"));
  client.stream->Send(Bytes("more"));
  Run();
  EXPECT_EQ(server.log, (Log{"four", "end RESOURCE_EXHAUSTED"}));
  EXPECT_EQ(client.log, (Log{"end RESOURCE_EXHAUSTED"}));
}

TEST_F(NetworkTest, AMessageAboveTheReceiveLimitIsRefusedByTheClient) {
  Connect();
  client.stream->SetReceiveLimit(4);
  server.stream->Send(Bytes("fives"));
  Run();
  EXPECT_EQ(client.log, (Log{"end RESOURCE_EXHAUSTED"}));
  EXPECT_EQ(server.log, (Log{"end CANCELLED"}));
}

TEST_F(NetworkTest, ARaisedReceiveLimitHoldsForWhatHasNotBeenRead) {
  server_credit = 0;
  Connect();
  server.stream->SetReceiveLimit(4);
  server.stream->Read(1);
  client.stream->Send(Bytes("four"));
  client.stream->Send(Bytes("fives"));
  Run();
  EXPECT_EQ(server.log, (Log{"four"}));
  server.stream->SetReceiveLimit(base::Stream::kTransportLimit);
  server.stream->Read(1);
  Run();
  EXPECT_EQ(server.log, (Log{"four", "fives"}));
}

}  // namespace
}  // namespace grapevine::simulation
