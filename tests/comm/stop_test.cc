// Stop is destruction in order (specification 02, 14.1; acceptance 7; 15 #4, #5): in every phase, at once, without
// trace.
#include "harness.h"

namespace grapevine::comm {
namespace {

class StopTest : public CommTest {
 protected:
  // Destroys the node's Comm and runs on: nothing of it may happen any more (sanitizers watch).
  void Destroy(Node& doomed) {
    const std::size_t events = doomed.received.size() + doomed.presumed_dead.size() + doomed.switched.size();
    doomed.comm.reset();
    EXPECT_TRUE(doomed.messages.at_end() || doomed.messages.queued() > 0);
    RunFor(30s);
    EXPECT_EQ(doomed.received.size() + doomed.presumed_dead.size() + doomed.switched.size(), events);
    EXPECT_EQ(doomed.host.metrics().GetGauge("gossip_comm_streams", "").value(), 0);
  }
  Node& node = AddNode("node");
};

TEST_F(StopTest, DuringDial) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.host.SetListening(false);
  node.comm->Send(Text("x"), {peer.remote(), {peer.host.endpoint(), {}}});
  RunFor(500ms);
  Destroy(node);
  EXPECT_EQ(world.network().connections(), 0u);
}

TEST_F(StopTest, DuringHandshakeInBothRoles) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(false);
  node.comm->Send(Text("x"), {peer.remote()});
  auto incoming = peer.Open(node.host, false);
  RunFor(500ms);
  ASSERT_EQ(peer.accepted.size(), 1u);
  Destroy(node);
  EXPECT_TRUE(incoming->ended.has_value());
  EXPECT_TRUE(peer.accepted[0]->ended.has_value());
}

TEST_F(StopTest, AtEveryMomentOfAConnection) {
  for (int step = 0; step < 60; ++step) {
    Node& left = AddNode("left" + std::to_string(step));
    Node& right = AddNode("right" + std::to_string(step));
    left.comm->Send(Text("x"), {right.remote()});
    right.comm->Send(Text("y"), {left.remote()});
    const auto handle = left.comm->Handshake({right.host.endpoint(), {}}, [](const auto&) {});
    RunFor(step * 200us);
    left.comm.reset();
    RunFor(5s);
    right.comm.reset();
    RunFor(5s);
    EXPECT_EQ(left.host.metrics().GetGauge("gossip_comm_streams", "").value(), 0) << step;
    EXPECT_EQ(right.host.metrics().GetGauge("gossip_comm_streams", "").value(), 0) << step;
  }
}

TEST_F(StopTest, DuringBlockedPublish) {
  node.messages = node.comm->Accept("full", [](const ReceivedMessage&) { return true; }, 1);
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  for (int i = 0; i < 10; ++i) stream->stream->Send(Text("x").encoded());
  RunFor(1s);
  Destroy(node);
  EXPECT_TRUE(stream->ended.has_value());
}

TEST_F(StopTest, DuringBlockedSend) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, true, 1);
  for (int i = 0; i < 50; ++i) node.comm->Send(Text(std::string(70000, 'x')), {peer.remote()});
  RunFor(1s);
  Destroy(node);
}

TEST_F(StopTest, DuringAckedSend) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  bool reported = false;
  const auto handle = node.comm->SendWithAck(wire::NewMessage(wire::Empty{}), 5s, 0, {peer.remote()},
                                             [&](const auto&) { reported = true; });
  RunFor(1s);
  Destroy(node);
  EXPECT_FALSE(reported) << "after destruction no callback runs";
}

TEST_F(StopTest, DuringQuickRedialAndTrim) {
  PlayedPeer& peer = AddPlayedOrdered(node, true);
  peer.Serve(true);
  node.comm->Send(Text("x"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted[0]->messages.size() == 2; }));
  auto winner = peer.Open(node.host);
  RunFor(11s);
  winner->stream->Send(Text("evidence").encoded());
  ASSERT_TRUE(RunUntil([&] { return peer.accepted[0]->half_closed; }));
  PlayedPeer& cut = AddPlayed("cut");
  cut.Serve(true);
  node.comm->Send(Text("x"), {cut.remote()});
  ASSERT_TRUE(RunUntil([&] { return !cut.accepted.empty() && cut.accepted[0]->messages.size() == 2; }));
  cut.accepted[0]->stream->Finish({});
  ASSERT_TRUE(RunUntil([&] { return node.Count("quick_redials") == 1; }, 40ms));
  Destroy(node);
}

TEST_F(StopTest, StopEndsEverythingGracefullyAndTwice) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  PlayedPeer& dialled = AddPlayed("dialled");
  dialled.Serve(true);
  std::optional<std::vector<AckResult>> acked;
  const auto acking = node.comm->SendWithAck(wire::NewMessage(wire::Empty{}), 60s, 0, {dialled.remote()},
                                             [&](auto results) { acked = std::move(results); });
  std::optional<base::Result<void>> probed;
  const auto probing = node.comm->Probe("nobody:1", [&](auto result) { probed = result; });
  RunFor(1s);
  node.comm->Stop();
  node.comm->Stop();
  EXPECT_TRUE(node.comm->Peers().empty() || node.StateOf(peer.pki_id()).incoming == 0);
  RunFor(100ms);
  EXPECT_TRUE(stream->ended.has_value() && stream->ended->ok()) << "the remote sees status OK";
  EXPECT_TRUE(node.messages.at_end());
  ASSERT_TRUE(acked.has_value() && probed.has_value());
  EXPECT_EQ((*acked)[0].outcome.error().code, base::ErrorCode::kCancelled);
  EXPECT_EQ(probed->error().code, base::ErrorCode::kCancelled);

  node.comm->Send(Text("ignored"), {peer.remote()});
  EXPECT_TRUE(node.comm->Accept("late", nullptr).at_end());
  std::optional<base::Result<ConnectionInfo>> refused;
  const auto late = node.comm->Handshake(peer.remote(), [&](auto result) { refused = std::move(result); });
  RunFor(0ns);
  EXPECT_EQ(refused->error().code, base::ErrorCode::kCancelled);

  // 15 #5: a stream that comes now is refused; Ping is still answered (01, section 1).
  auto too_late = peer.Open(node.host, false);
  ASSERT_TRUE(RunUntil([&] { return too_late->ended.has_value(); }, 1s));
  Node& other = AddNode("other");
  std::optional<base::Result<void>> ping;
  const auto pinging = other.comm->Probe(node.host.endpoint(), [&](auto result) { ping = result; });
  ASSERT_TRUE(RunUntil([&] { return ping.has_value(); }));
  EXPECT_TRUE(ping->has_value());
  Destroy(node);
}

TEST_F(StopTest, StopInsideAHandlerAndAPredicate) {
  Node& second = AddNode("second");
  PlayedPeer& peer = AddPlayed("peer");
  auto to_first = peer.Open(node.host);
  auto to_second = peer.Open(second.host);
  node.messages.ReceiveAll([&](const ReceivedMessagePtr&) { node.comm.reset(); });
  auto trap = second.comm->Accept("trap", [&](const ReceivedMessage&) {
    second.comm->Stop();
    return true;
  });
  for (int i = 0; i < 5; ++i) {
    to_first->stream->Send(Text("x").encoded());
    to_second->stream->Send(Text("x").encoded());
  }
  RunFor(5s);
  EXPECT_EQ(node.comm, nullptr);
  EXPECT_TRUE(to_first->ended.has_value());
  EXPECT_TRUE(to_second->ended.has_value());
  EXPECT_EQ(trap.queued(), 0u);
}

TEST_F(StopTest, AnAnswerAfterTheEndDoesNothing) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  stream->stream->Send(Text("request").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.arrivals.size() == 1; }));
  node.comm.reset();
  node.arrivals[0]->Respond(Text("late"));
  node.arrivals[0]->Ack("late");
  RunFor(1s);
  EXPECT_EQ(stream->messages.size(), 1u);
}

}  // namespace
}  // namespace grapevine::comm
