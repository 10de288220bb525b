// Silence, failure, return, and changes of identity (specification 10.6, 10.8, 10.13).
#include "discovery_fixture.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

class ExpiryTest : public DiscoveryFixture {
 protected:
  // `count` nodes that know each other by the first one's endpoint.
  void Build(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      AddNode("peer" + std::to_string(i), kOrg1, {.bootstrap = {"peer0:7051"}});
    }
    ASSERT_TRUE(RunUntil([&] { return AllSee(count - 1); }, 60s));
  }
  bool AllSee(std::size_t alive) {
    for (const auto& node : nodes_) {
      if (node->discovery.sizes().alive != alive) return false;
    }
    return true;
  }
  wire::PeerTime Fresh(const DiscoveryNode& node, std::uint64_t sequence) { return {StartedAgo(node, 1s), sequence}; }
};

// 10.13: a killed machine is dead everywhere within the expiration time and one check interval, and nowhere before; it
// comes back with its first contact.
TEST_F(ExpiryTest, CrashAndReturn) {
  Build(5);
  Run(20s);
  DiscoveryNode& victim = *nodes_[3];
  simulation::Host& host = victim.host;
  const base::Bytes identity = victim.mapper.own_identity();
  const wire::PkiId id = victim.pki_id();
  const auto stored = nodes_[0]->discovery.Lookup(id);
  Kill(victim);
  const base::SteadyTime killed = Now();
  Run(20s - 1ms);
  EXPECT_TRUE(AllSee(4)) << "the last heartbeat was at most five seconds before the crash";
  ASSERT_TRUE(RunUntil([&] { return AllSee(3); }, 60s));
  EXPECT_LE(Now() - killed, 27500ms);
  for (const auto& node : nodes_) EXPECT_TRUE(node->IsDead(id));

  host.Restart();
  MakeNode(host, identity, {.bootstrap = {"peer0:7051"}});
  ASSERT_TRUE(RunUntil([&] { return AllSee(4); }, 30s));
  EXPECT_GT(nodes_[0]->discovery.Lookup(id)->timestamp, stored->timestamp);
}

// Given that only the others know where it listens, then their reconnection brings it back.
TEST_F(ExpiryTest, ReconnectionFindsWhoHasReturned) {
  Build(3);
  DiscoveryNode& victim = *nodes_[2];
  simulation::Host& host = victim.host;
  const base::Bytes identity = victim.mapper.own_identity();
  Kill(victim);
  ASSERT_TRUE(RunUntil([&] { return AllSee(1); }, 60s));
  Run(100s);
  EXPECT_GE(nodes_[0]->Counter("gossip_membership_probes", {{"result", "failed"}}), 3U);
  host.Restart();
  MakeNode(host, identity);
  ASSERT_TRUE(RunUntil([&] { return AllSee(2); }, 40s));
}

TEST_F(ExpiryTest, ForgottenAfterTwentyExpirationsAndNoLongerProbed) {
  Build(3);
  const wire::PkiId id = nodes_[2]->pki_id();
  Kill(*nodes_[2]);
  Run(470s);
  EXPECT_TRUE(nodes_[1]->IsDead(id));
  Run(35s);
  EXPECT_FALSE(nodes_[0]->discovery.Lookup(id));
  EXPECT_FALSE(nodes_[1]->discovery.Lookup(id));
  EXPECT_EQ(nodes_[1]->discovery.sizes().tombstones, 1U);
  const auto probes = nodes_[1]->Counter("gossip_membership_probes", {{"result", "failed"}});
  Run(200s);
  EXPECT_EQ(nodes_[1]->Counter("gossip_membership_probes", {{"result", "failed"}}), probes);
}

TEST_F(ExpiryTest, BootstrapPeersAreNeverForgottenAndBringIsolatedPeersBack) {
  Build(2);
  const wire::PkiId id = nodes_[0]->pki_id();
  simulation::Host& host = nodes_[0]->host;
  const base::Bytes identity = nodes_[0]->mapper.own_identity();
  Kill(*nodes_[0]);
  Run(2000s);
  EXPECT_TRUE(nodes_[0]->IsDead(id));
  host.Restart();
  MakeNode(host, identity);
  EXPECT_TRUE(RunUntil([&] { return AllSee(1); }, 40s));
}

TEST_F(ExpiryTest, AnchorPeersAreForgottenWhenTheChannelIsLeft) {
  DiscoveryNode& node = AddNode("node");
  Stranger& anchor = AddStranger("anchor");
  Run(10ms);
  node.discovery.SetAnchorPeers("mychannel", {{"anchor:7051", kOrg1}});
  Introduce(anchor, node, {.internal = "anchor:7051"});
  Run(1000s);
  EXPECT_TRUE(node.IsDead(anchor.pki_id()));
  node.discovery.SetAnchorPeers("mychannel", {});
  Run(50s);
  EXPECT_FALSE(node.discovery.Lookup(anchor.pki_id()));
}

// Given that nobody can be reached any more, then who is presumed dead by comm is dead at once.
TEST_F(ExpiryTest, PresumedDeadIsDeadAtOnce) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  stranger.node.comm->Stop();
  stranger.node.host.Crash(simulation::CrashKind::kProcess);
  Run(1s);
  ASSERT_TRUE(node.IsAlive(stranger.pki_id()));
  node.comm.Send(Stranger::Response({}), {{stranger.node.host.endpoint(), stranger.pki_id()}});
  Run(4s);
  EXPECT_TRUE(node.IsDead(stranger.pki_id()));
  EXPECT_EQ(node.Counter("gossip_membership_deaths"), 1U);
}

// Given a member that speaks in the last moment, then it does not die: the decision and the deed are one event.
TEST_F(ExpiryTest, D10_AMemberRefreshedInTheLastMomentStaysAlive) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  const wire::PeerTime first = node.discovery.Lookup(stranger.pki_id())->timestamp;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Run(24800ms);
    stranger.Send(node, stranger.Alive({.time = {first.incarnation, first.sequence + i},
                                        .internal = stranger.node.host.endpoint()}));
    Run(100ms);
  }
  EXPECT_TRUE(node.IsAlive(stranger.pki_id()));
  EXPECT_EQ(node.Counter("gossip_membership_deaths"), 0U);
  Run(25s - 100ms - 1ms);
  EXPECT_TRUE(node.IsAlive(stranger.pki_id()));
  Run(2501ms);
  EXPECT_TRUE(node.IsDead(stranger.pki_id()));
  EXPECT_EQ(node.Counter("gossip_membership_deaths"), 1U);
  const auto state = node.comm.Peer(stranger.pki_id());
  EXPECT_TRUE(!state || (state->incoming == 0 && !state->outgoing)) << "connections of the dead are closed";
}

TEST_F(ExpiryTest, DestroyingTheNodeSendsNothing) {
  Build(2);
  nodes_.pop_back();
  Run(60s);
  EXPECT_EQ(nodes_[0]->discovery.sizes().alive, 0U);
}

// ---- 10.8

// Given a peer that renewed its certificate, when its endpoint answers under the new PKI-ID, then the old one is
// purged.
TEST_F(ExpiryTest, TheOldPkiIdOfARenewedPeerIsPurged) {
  Build(2);
  DiscoveryNode& node = *nodes_[0];
  simulation::Host& host = nodes_[1]->host;
  const wire::PkiId old_id = nodes_[1]->pki_id();
  Kill(*nodes_[1], simulation::CrashKind::kProcess);
  host.Restart();
  DiscoveryNode& renewed = MakeNode(host, authority_.Issue(kOrg1, "peer1-renewed"));
  ASSERT_TRUE(RunUntil([&] { return !node.discovery.Lookup(old_id); }, 120s));
  EXPECT_EQ(node.discovery.sizes().tombstones, 1U);
  EXPECT_TRUE(RunUntil([&] { return node.IsAlive(renewed.pki_id()); }, 60s));
}

// Given a member that is there, when a wrong endpoint of it is answered by another peer, then it stays.
TEST_F(ExpiryTest, ASwitchIsIgnoredWhileTheOldPkiIdIsThere) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& member = AddStranger("member");
  Stranger& other = AddStranger("other");
  Run(10ms);
  Introduce(member, node, {.internal = other.node.host.endpoint()});
  member.node.comm->Stop();  // its streams end, and it opens no new ones: sending dials the wrong endpoint
  Run(10ms);
  node.comm.Send(Stranger::Response({}), {{other.node.host.endpoint(), member.pki_id()}});
  Run(1s);
  EXPECT_EQ(node.Counter("gossip_membership_switches_ignored"), 1U) << "it has just spoken on its own connection";
  EXPECT_TRUE(node.IsAlive(member.pki_id()));
  // Silent for more than two heartbeats: gone.
  Run(12s);
  node.comm.Send(Stranger::Response({}), {{other.node.host.endpoint(), member.pki_id()}});
  Run(1s);
  EXPECT_FALSE(node.discovery.Lookup(member.pki_id()));
}

TEST_F(ExpiryTest, APurgedIdentityLeavesOnlyATombstone) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& member = AddStranger("member");
  Run(10ms);
  Introduce(member, node);
  const std::size_t changed = node.changed;
  authority_.Revoke(member.identity);
  node.mapper.Suspect([](const auto&) { return true; }, {});
  Run(100ms);
  EXPECT_FALSE(node.discovery.Lookup(member.pki_id()));
  EXPECT_EQ(node.discovery.Find(member.pki_id()), nullptr);
  EXPECT_TRUE(node.discovery.Alive().empty());
  EXPECT_EQ(node.discovery.sizes().tombstones, 1U);
  EXPECT_EQ(node.changed, changed + 1);
  Run(2s);
  const auto state = node.comm.Peer(member.pki_id());
  EXPECT_TRUE(!state || (state->incoming == 0 && !state->outgoing));
}

}  // namespace
}  // namespace grapevine::membership
