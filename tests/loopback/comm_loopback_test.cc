// The communication layer over real sockets, mutual TLS and X.509 identities: specification 02, section 17, as far as
// it needs no Fabric peer. Every wait has one generous deadline.
#include <gtest/gtest.h>

#include <optional>

#include "runtime/worker_pool.h"
#include "support/real_comm_node.h"

namespace grapevine::comm {
namespace {

using namespace std::chrono_literals;  // NOLINT
using testing::RealCommNode;
using testing::TlsMaterial;

constexpr auto kDeadline = 60s;

wire::Envelope Text(const std::string& text) {
  return wire::UnsignedEnvelope(wire::NewMessage(wire::DataMessage{{1, base::Bytes::Copy(text), {}}}, "channel"));
}

class CommLoopbackTest : public ::testing::Test {
 protected:
  // Peer `index` of organisation `organization` (from 0).
  RealCommNode& Start(std::size_t organization, std::size_t index, CommConfig config = {}) {
    const testnet::Member& member = network.peer(organization, index);
    nodes.push_back(std::make_unique<RealCommNode>(loop, workers, network.organizations()[organization], member,
                                                   TlsMaterial(network, member), nodes.size() + 1, config));
    return *nodes.back();
  }
  void Collect(RealCommNode& node, std::vector<std::string>& into) {
    subscriptions.push_back(node.comm->Accept("test", [](const ReceivedMessage&) { return true; }));
    subscriptions.back().ReceiveAll([&into](const ReceivedMessagePtr& message) {
      into.push_back(message->message().As<wire::DataMessage>()->payload.block.ToString());
    });
  }
  bool Wait(const std::function<bool()>& done) { return loop.RunUntil(done, kDeadline); }
  static PeerState StateOf(const RealCommNode& node, const RealCommNode& other) {
    for (const PeerState& state : node.comm->Peers()) {
      if (state.pki_id == other.pki_id()) return state;
    }
    return {};
  }

  runtime::EventLoop loop;
  runtime::WorkerPool workers{loop, 2};
  testnet::Network network{{.organizations = 2, .peers = 4}};
  std::vector<std::unique_ptr<RealCommNode>> nodes;
  std::vector<AcceptedMessages> subscriptions;
};

TEST_F(CommLoopbackTest, OneAuthenticatedStreamCarriesMessagesBothWays) {
  RealCommNode& left = Start(0, 0);
  RealCommNode& right = Start(0, 1);
  std::vector<std::string> at_left, at_right, expected;
  Collect(left, at_left);
  Collect(right, at_right);
  for (int i = 0; i < 100; ++i) {
    left.comm->Send(Text(std::to_string(i)), {right.remote()});
    expected.push_back(std::to_string(i));
  }
  ASSERT_TRUE(Wait([&] { return at_right.size() == 100; }));
  EXPECT_EQ(at_right, expected);
  right.comm->Send(Text("back"), {left.remote()});
  ASSERT_TRUE(Wait([&] { return at_left.size() == 1; }));
  EXPECT_TRUE(StateOf(left, right).outgoing);
  EXPECT_EQ(StateOf(right, left).incoming, 1u);
  EXPECT_FALSE(StateOf(right, left).outgoing) << "the incoming stream is used for sending";
}

TEST_F(CommLoopbackTest, LargeMessagesPass) {
  RealCommNode& left = Start(0, 0);
  RealCommNode& right = Start(0, 1);
  std::vector<std::string> received;
  Collect(right, received);
  const std::string large(20 << 20, 'x');
  left.comm->Send(Text(large), {right.remote()});
  left.comm->Send(Text("after"), {right.remote()});
  ASSERT_TRUE(Wait([&] { return received.size() == 2; }));
  EXPECT_EQ(received[0], large);
}

TEST_F(CommLoopbackTest, CrossingDialsLeaveALiveStreamAndLoseNothing) {
  for (int trial = 0; trial < 20; ++trial) {
    RealCommNode& left = Start(0, 0);
    RealCommNode& right = Start(0, 1);
    std::vector<std::string> at_left, at_right;
    Collect(left, at_left);
    Collect(right, at_right);
    for (int i = 0; i < 10; ++i) {
      left.comm->Send(Text("l"), {right.remote()});
      right.comm->Send(Text("r"), {left.remote()});
    }
    ASSERT_TRUE(Wait([&] { return at_left.size() == 10 && at_right.size() == 10; })) << trial;
    EXPECT_EQ(left.presumed_dead + right.presumed_dead, 0);
    subscriptions.clear();
  }
}

TEST_F(CommLoopbackTest, TwoStreamsAreTrimmedToTheSmallers) {
  CommConfig quick;
  quick.dial_timeout = 1s;
  quick.conn_timeout = 1s;
  quick.trim_after = 1s;  // raised to 1 + 2 * 1 + 3 s
  bool crossed = false;
  for (int trial = 0; trial < 20 && !crossed; ++trial) {
    RealCommNode& left = Start(0, 0, quick);
    RealCommNode& right = Start(0, 1, quick);
    RealCommNode& small = left.pki_id() < right.pki_id() ? left : right;
    RealCommNode& great = left.pki_id() < right.pki_id() ? right : left;
    std::vector<std::string> at_small, at_great;
    Collect(small, at_small);
    Collect(great, at_great);
    small.comm->Send(Text("first"), {great.remote()});
    great.comm->Send(Text("first"), {small.remote()});
    ASSERT_TRUE(Wait([&] { return at_small.size() == 1 && at_great.size() == 1; }));
    crossed = StateOf(small, great).outgoing && StateOf(great, small).outgoing;
    if (!crossed) continue;
    std::size_t sent = 1;
    base::Handle next;
    std::function<void()> keep_sending = [&] {
      small.comm->Send(Text("more"), {great.remote()});
      great.comm->Send(Text("more"), {small.remote()});
      ++sent;
      next = loop.After(200ms, [&] { keep_sending(); });
    };
    keep_sending();
    ASSERT_TRUE(Wait([&] { return StateOf(small, great).incoming == 0 && !StateOf(great, small).outgoing; }));
    next.Reset();
    ASSERT_TRUE(Wait([&] { return at_small.size() == sent && at_great.size() == sent; })) << "no message is lost";
    EXPECT_TRUE(StateOf(small, great).outgoing);
    EXPECT_EQ(StateOf(great, small).incoming, 1u);
    subscriptions.clear();
  }
  EXPECT_TRUE(crossed) << "in 20 trials the dials never crossed";
}

TEST_F(CommLoopbackTest, APeerThatCannotBeDialledIsServedOnItsOwnStream) {  // acceptance 5
  RealCommNode& inside = Start(0, 0);
  RealCommNode& outside = Start(0, 1);
  std::vector<std::string> at_inside, at_outside;
  Collect(inside, at_inside);
  Collect(outside, at_outside);
  inside.comm->Send(Text("hello"), {outside.remote()});
  ASSERT_TRUE(Wait([&] { return at_outside.size() == 1; }));
  outside.comm->Send(Text("push"), {{"127.0.0.1:1", inside.pki_id()}});
  ASSERT_TRUE(Wait([&] { return at_inside.size() == 1; }));
  EXPECT_EQ(outside.presumed_dead, 0);
}

TEST_F(CommLoopbackTest, AnIdentityThatNoMspKnowsIsRefused) {
  RealCommNode& ours = Start(0, 0);
  RealCommNode& foreign = Start(1, 0);  // no channel has introduced its organisation
  foreign.comm->Send(Text("hello"), {ours.remote()});
  ASSERT_TRUE(Wait([&] { return foreign.presumed_dead == 1; }));
  EXPECT_GE(
      foreign.metrics.CounterValue("gossip_comm_handshakes", {{"role", "initiator"}, {"result", "identity_refused"}}),
      1u);
  EXPECT_TRUE(ours.comm->Peers().empty());
}

TEST_F(CommLoopbackTest, ATlsCertificateOfSomebodyElseIsNoMatterButTheBindingIs) {
  // A node that uses another member's TLS certificate in both roles is consistent and accepted.
  RealCommNode& left = Start(0, 0);
  const testnet::Member& identity = network.peer(0, 1);
  nodes.push_back(std::make_unique<RealCommNode>(loop, workers, network.organizations()[0], identity,
                                                 TlsMaterial(network, network.peer(0, 2)), 7));
  RealCommNode& right = *nodes.back();
  std::vector<std::string> received;
  Collect(right, received);
  left.comm->Send(Text("hello"), {right.remote()});
  ASSERT_TRUE(Wait([&] { return received.size() == 1; }));
}

TEST_F(CommLoopbackTest, ProbeHandshakeAndAcknowledgedSend) {
  RealCommNode& left = Start(0, 0);
  RealCommNode& right = Start(0, 1);
  std::optional<base::Result<void>> probed;
  const auto probe = left.comm->Probe(right.server->address(), [&](auto result) { probed = result; });
  std::optional<base::Result<ConnectionInfo>> met;
  const auto handshake =
      left.comm->Handshake({right.server->address(), {}}, [&](auto result) { met = std::move(result); });
  ASSERT_TRUE(Wait([&] { return probed.has_value() && met.has_value(); }));
  EXPECT_TRUE(probed->has_value()) << probed->error().message;
  ASSERT_TRUE(met->has_value()) << met->error().message;
  EXPECT_EQ((*met)->pki_id, right.pki_id());
  EXPECT_TRUE(right.mapper.Get(left.pki_id()).has_value());

  auto acking = right.comm->Accept("acks", [](const ReceivedMessage&) { return true; });
  acking.ReceiveAll([](const ReceivedMessagePtr& message) { message->Ack(""); });
  std::optional<std::vector<AckResult>> acked;
  const auto sending = left.comm->SendWithAck(wire::NewMessage(wire::DataMessage{{1, base::Bytes("x"), {}}}, "c"), 30s,
                                              1, {right.remote()}, [&](auto results) { acked = std::move(results); });
  ASSERT_TRUE(Wait([&] { return acked.has_value(); }));
  EXPECT_TRUE((*acked)[0].outcome.has_value());
}

TEST_F(CommLoopbackTest, ACrashedPeerIsPresumedDeadOnlyAfterAFailedDial) {
  RealCommNode& left = Start(0, 0);
  CommConfig quick;
  quick.dial_timeout = 500ms;
  RealCommNode& dialler = Start(0, 2, quick);
  std::vector<std::string> received;
  Collect(left, received);
  const RemotePeer target = left.remote();
  dialler.comm->Send(Text("before"), {target});
  std::vector<std::string> answers;
  Collect(dialler, answers);
  ASSERT_TRUE(Wait([&] { return received.size() == 1; }));
  left.comm->Send(Text("answer"), {dialler.remote()});
  ASSERT_TRUE(Wait([&] { return answers.size() == 1; })) << "no case for a quick redial (R7)";
  nodes.front().reset();
  ASSERT_TRUE(Wait([&] { return dialler.comm->Peers().empty(); })) << "removed at the end of the stream (15 #3)";
  EXPECT_EQ(dialler.presumed_dead, 0);
  dialler.comm->Send(Text("lost"), {target});
  ASSERT_TRUE(Wait([&] { return dialler.presumed_dead == 1; }));
}

TEST_F(CommLoopbackTest, APurgedIdentityLosesItsStream) {  // acceptance 9
  RealCommNode& left = Start(0, 0);
  RealCommNode& right = Start(0, 1);
  std::vector<std::string> received;
  Collect(right, received);
  left.comm->Send(Text("hello"), {right.remote()});
  ASSERT_TRUE(Wait([&] { return received.size() == 1; }));
  right.mapper.Purge(left.pki_id());
  ASSERT_TRUE(Wait([&] { return StateOf(right, left).incoming == 0; }));
}

TEST_F(CommLoopbackTest, StopInEveryPhase) {  // acceptance 7
  for (int step = 0; step < 20; ++step) {
    RealCommNode& left = Start(0, 0);
    RealCommNode& right = Start(0, 1);
    left.comm->Send(Text(std::string(1 << 20, 'x')), {right.remote()});
    right.comm->Send(Text("y"), {left.remote()});
    bool reached = false;
    const auto moment = loop.After(step * 1ms, [&] { reached = true; });
    ASSERT_TRUE(Wait([&] { return reached; }));
    left.comm.reset();
    right.comm.reset();
    nodes.clear();
  }
  EXPECT_TRUE(Wait([&] { return workers.in_flight() == 0; }));
}

}  // namespace
}  // namespace grapevine::comm
