// What stays behind when peers, streams and purges cross (specification 02, 14.1 to 14.3): nothing may come back after
// it was closed, and every record goes away.
#include "harness.h"

namespace grapevine::comm {
namespace {

class LeftoversTest : public CommTest {
 protected:
  // The node has ended its side of an incoming stream of `peer`, on which messages wait that the peer does not read.
  std::unique_ptr<PlayedStream> LeaveWithUnsent(PlayedPeer& peer) {
    auto stuck = peer.Open(node.host, true, /*credit=*/1);  // reads the handshake message only
    RunFor(1s);
    const std::string large(70000, 'x');  // fills the window
    for (int i = 0; i < 4; ++i) node.comm->Send(Text(large + std::to_string(i)), {peer.remote()});
    RunFor(100ms);
    stuck->stream->HalfClose();
    EXPECT_TRUE(RunUntil([&] { return node.StreamEnds("incoming", "half_closed") == 1; }, 1s));
    peer.Serve(true);
    return stuck;
  }
  Node& node = AddNode("node");
};

TEST_F(LeftoversTest, CloseConnDropsWhatWaitsOnAStreamThatIsBeingLeft) {
  PlayedPeer& peer = AddPlayed("peer");
  const auto stuck = LeaveWithUnsent(peer);
  node.comm->CloseConn(peer.pki_id());
  RunFor(10s);
  EXPECT_TRUE(peer.accepted.empty()) << "14.3: CloseConn ends everything; nobody has asked to send since";
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(LeftoversTest, StopDialsNobody) {
  PlayedPeer& peer = AddPlayed("peer");
  const auto stuck = LeaveWithUnsent(peer);
  node.comm->Stop();
  RunFor(10s);
  EXPECT_TRUE(peer.accepted.empty()) << "14.1: no new dials after Stop";
  EXPECT_EQ(node.Count("dials", {{"result", "authenticated"}}), 0u);
}

TEST_F(LeftoversTest, CloseConnSilencesAStreamThatIsBeingTrimmed) {
  PlayedPeer& peer = AddPlayedOrdered(node, /*smaller=*/true);
  peer.Serve(true);
  node.comm->Send(Text("first"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted[0]->messages.size() == 2; }));
  PlayedStream& loser = *peer.accepted[0];
  auto winner = peer.Open(node.host);
  RunFor(11s);
  winner->stream->Send(Text("evidence").encoded());
  ASSERT_TRUE(RunUntil([&] { return loser.half_closed; }, 100ms));
  node.mapper->Purge(peer.pki_id());
  RunFor(100ms);
  loser.stream->Send(Text("from a purged identity").encoded());
  RunFor(10s);
  EXPECT_EQ(node.received, std::vector<std::string>{"evidence"}) << "14.3: a purge ends all streams of the PKI-ID";
}

TEST_F(LeftoversTest, AnIdentityPurgedDuringTheDialLeavesNoRecord) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  const auto purges = node.mapper->OnPurge([](const auto&, const auto&) {});
  for (int step = 0; step < 100; ++step) {  // in some step the purge comes between learning and committing
    node.comm->Send(Text("x"), {{peer.host.endpoint(), {}}});
    RunUntil([&] { return node.mapper->Get(peer.pki_id()).has_value(); }, 1s);
    RunFor(step * 20us);
    node.mapper->Purge(peer.pki_id());
    RunFor(5s);
    ASSERT_TRUE(node.comm->Peers().empty()) << step;
  }
}

TEST_F(LeftoversTest, MessagesExpireWhileTheDialIsUnderWay) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(false);
  std::optional<std::size_t> results;
  const auto handle = node.comm->SendWithAck(wire::NewMessage(wire::DataMessage{}, "channel"), 500ms, 1,
                                             {peer.remote()}, [&](const auto& outcome) { results = outcome.size(); });
  ASSERT_TRUE(RunUntil([&] { return results.has_value(); }, 1s));
  RunFor(1ms);
  EXPECT_EQ(node.StateOf(peer.pki_id()).queued, 0u) << "nobody waits for its acknowledgement any more";
}

TEST_F(LeftoversTest, NoCallbackRunsAfterDestruction) {
  node.comm->Stop();
  bool called = false;
  const auto probe = node.comm->Probe("anywhere:7051", [&](const auto&) { called = true; });
  node.comm.reset();
  RunFor(1s);
  EXPECT_FALSE(called);
}

TEST_F(LeftoversTest, NoEventIsToldAfterAnObserverHasStopped) {
  std::vector<RemotePeer> unreachable;
  for (const char name : {'a', 'b', 'c'}) unreachable.push_back({"", *wire::PkiId::From(std::string(32, name))});
  const auto stopper = node.comm->OnPresumedDead([&](const wire::PkiId&) { node.comm->Stop(); });
  node.comm->Send(Text("x"), unreachable);
  RunFor(1s);
  EXPECT_EQ(node.presumed_dead.size(), 1u);
}

TEST_F(LeftoversTest, ANodeThatDialsItselfLosesNothingAndForgetsItself) {
  const RemotePeer self{node.host.endpoint(), {}};
  node.comm->Send(Text("by endpoint"), {self});
  RunFor(1s);
  node.comm->Send(Text("by PKI-ID"), {node.remote()});
  RunFor(60s);
  EXPECT_EQ(node.received, (std::vector<std::string>{"by endpoint", "by PKI-ID"}));
  EXPECT_TRUE(node.presumed_dead.empty());
  node.comm->CloseConn(node.pki_id());
  RunFor(10s);
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(LeftoversTest, AnOverloadedNodeDialsAgainBeforeItPresumesDeath) {
  node.comm.reset();
  msp::IdentityMapperConfig none_at_a_time;
  none_at_a_time.max_identities = 0;
  node.mapper = std::make_unique<msp::IdentityMapper>(node.host.environment(), *node.crypto,
                                                      node.crypto->own_identity(), none_at_a_time);
  node.comm = std::make_unique<Comm>(node.host.environment(), node.host.transport(), node.host.server(), *node.mapper,
                                     *node.crypto);
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  node.comm->Send(Text("x"), {peer.remote()});
  RunFor(5s);
  EXPECT_EQ(node.Handshakes("initiator", "overloaded"), 4u);
  EXPECT_EQ(node.Count("quick_redials"), 3u);
  EXPECT_EQ(node.Count("presumed_dead"), 1u);
}

TEST_F(LeftoversTest, APredicateMayDestroyEverything) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  const auto doomed = node.comm->Accept("destroyer", [&](const ReceivedMessage&) {
    node.comm.reset();
    return true;
  });
  stream->stream->Send(Text("last").encoded());
  ASSERT_TRUE(RunUntil([&] { return stream->ended.has_value(); }, 1s));
  EXPECT_EQ(node.host.metrics().GetGauge("gossip_comm_streams", "").value(), 0);
}

TEST_F(LeftoversTest, OneConnectionCannotEvictTheHandshakesOfOthers) {
  CommConfig config;
  config.max_unauthenticated_streams = 16;
  Node& target = AddNode("target", kOrg1, config);
  PlayedPeer& honest = AddPlayed("honest");
  auto slow = honest.Open(target.host, /*authenticate=*/false);  // its message is under way
  PlayedPeer& flood = AddPlayed("flood");
  std::vector<std::unique_ptr<PlayedStream>> silent;
  silent.push_back(flood.Open(target.host, false));
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<PlayedStream>(flood.connections.back()->Open("/gossip.Gossip/GossipStream", {})));
  }
  RunFor(100ms);
  EXPECT_GE(target.Count("unauthenticated_evicted"), 85u);
  slow->stream->Send(honest.Conn(*slow->stream));
  RunFor(100ms);
  EXPECT_EQ(target.StateOf(honest.pki_id()).incoming, 1u);
}

}  // namespace
}  // namespace grapevine::comm
