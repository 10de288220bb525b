// Modes, messages, terms and the defects of Fabric's election (specification 12.2, 12.3, 12.11), with complete gossip.
#include "election/leader_election.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simulation/election_network.h"

namespace grapevine::election {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::ElectionNetwork;
using simulation::ElectionNetworkOptions;

constexpr std::uint64_t kSeed = 7;

ElectionNetworkOptions Options(std::vector<std::size_t> peers, ElectionConfig config = {.use_leader_election = true}) {
  ElectionNetworkOptions options;
  options.gossip.peers = std::move(peers);
  options.election = config;
  return options;
}

std::int64_t Gauge(ElectionNetwork& network, std::size_t peer) {
  return network.gossip()
      .peer(peer)
      .host()
      .metrics()
      .GetGauge("gossip_leader_election_leader", "", {{"channel", network.gossip().channel()}})
      .value();
}

std::uint64_t OutsideView(ElectionNetwork& network, std::size_t peer) {
  return network.gossip().peer(peer).host().metrics().CounterValue(
      "gossip_election_refused", {{"type", "leadership_msg"}, {"reason", "outside_view"}});
}

std::uint64_t Refused(ElectionNetwork& network, std::size_t peer, const std::string& reason) {
  return network.gossip().peer(peer).host().metrics().CounterValue("gossip_channel_refused",
                                                                   {{"type", "leadership_msg"}, {"reason", reason}});
}

// Everybody started, one leader whom all follow; its index.
std::size_t StartAndElect(ElectionNetwork& network) {
  network.StartAll();
  EXPECT_TRUE(network.RunUntil([&] { return network.Agree(); }, 40s));
  network.RunFor(1s);
  return network.Leaders().front();
}

wire::Message Leadership(const wire::PkiId& originator, wire::PeerTime timestamp, const std::string& channel) {
  return wire::NewMessage(wire::LeadershipMessage{.pki_id = originator, .timestamp = timestamp, .is_declaration = true},
                          channel);
}

// Signed by `originator`, sent on connections of `sender` to `to`.
void SendAs(ElectionNetwork& network, std::size_t originator, std::size_t sender, std::size_t to,
            wire::PeerTime timestamp) {
  auto& from = network.gossip().peer(originator);
  auto& target = network.gossip().peer(to);
  const auto payload = wire::EncodeMessage(Leadership(from.pki_id(), timestamp, network.gossip().channel()));
  const auto signature = network.gossip().authority().Sign(from.identity(), payload);
  network.gossip().peer(sender).gossip().comm().Send(wire::Envelope::Make(payload, signature),
                                                     {{target.endpoint(), target.pki_id()}});
  network.RunFor(2s);
}

// --- modes (12.2) ----------------------------------------------------------------------------------------------------

// D-30: a static leader leads from the start, in its first term, and the gauge says so; nobody is told of it.
TEST(LeaderElection, D30_AStaticLeaderLeadsAtOnceAndTheGaugeSaysSo) {
  ElectionNetwork network(kSeed, Options({3}, {.org_leader = true}));
  network.StartAll();
  network.RunFor(1ms);
  ASSERT_EQ(network.changes().size(), 3U);
  for (std::size_t peer = 0; peer < 3; ++peer) {
    EXPECT_TRUE(network.changes()[peer].gained);
    EXPECT_EQ(network.changes()[peer].term, 1U);
    EXPECT_EQ(Gauge(network, peer), 1);
    EXPECT_EQ(network.election(peer)->leader(), network.gossip().peer(peer).pki_id());
  }
  network.election(0)->Yield(1);
  network.RunFor(120s);
  EXPECT_EQ(network.changes().size(), 3U);
  EXPECT_TRUE(network.election(0)->is_leader());
  for (std::size_t peer = 0; peer < 3; ++peer) {
    EXPECT_EQ(network.gossip().peer(peer).host().metrics().CounterValue("gossip_pushes", {{"type", "leadership_msg"}}),
              0U);
  }
}

// Stand-by: never leads, and interprets nothing.
TEST(LeaderElection, AStandByPeerNeverLeads) {
  ElectionNetwork network(kSeed, Options({2}, {}));
  network.StartAll();
  network.RunFor(120s);
  EXPECT_TRUE(network.changes().empty());
  EXPECT_EQ(Gauge(network, 0), 0);
  EXPECT_EQ(network.election(0)->leader(), wire::PkiId());
}

// Dynamic: one leader per organisation; the gauge is 1 there and 0 elsewhere.
TEST(LeaderElection, EachOrganisationElectsOneLeader) {
  ElectionNetwork network(kSeed, Options({3, 3}));
  network.StartAll();
  network.RunFor(40s);
  const auto leaders = network.Leaders();
  ASSERT_EQ(leaders.size(), 2U);
  EXPECT_LT(leaders[0], 3U);
  EXPECT_GE(leaders[1], 3U);
  for (std::size_t peer = 0; peer < 6; ++peer) {
    EXPECT_EQ(Gauge(network, peer), network.election(peer)->is_leader() ? 1 : 0);
    EXPECT_EQ(network.election(peer)->leader(), network.gossip().peer(leaders[peer / 3]).pki_id());
  }
}

// --- messages (12.3) -------------------------------------------------------------------------------------------------

// Tag, channel, nonce, one incarnation, and one counter from 1 for proposals and declarations.
TEST(LeaderElection, MessagesAreThoseOfFabric) {
  ElectionNetwork network(kSeed, Options({2}));
  std::vector<wire::Message> seen;
  auto& observer = network.gossip().peer(1);
  network.StartAll();
  auto messages = observer.gossip().Accept("test", [](const auto& received) {
    return received.message().template As<wire::LeadershipMessage>() != nullptr;
  });
  messages.ReceiveAll([&](const comm::ReceivedMessagePtr& received) {
    EXPECT_FALSE(received->envelope().signature().empty());
    seen.push_back(received->message());
  });
  network.RunFor(40s);
  ASSERT_GE(seen.size(), 2U);
  wire::PeerTime last;
  for (const wire::Message& message : seen) {
    const auto& leadership = *message.As<wire::LeadershipMessage>();
    EXPECT_EQ(message.tag, wire::Tag::kChannelAndOrg);
    EXPECT_EQ(message.channel, network.gossip().channel());
    EXPECT_EQ(message.nonce, 0U);
    EXPECT_EQ(leadership.pki_id, network.gossip().peer(0).pki_id());
    EXPECT_LT(last, leadership.timestamp);
    if (last.incarnation != 0) {
      EXPECT_EQ(last.incarnation, leadership.timestamp.incarnation);
    }
    last = leadership.timestamp;
  }
}

// A replayed or older declaration changes nothing.
TEST(LeaderElection, OldTimestampsAreRefused) {
  ElectionNetwork network(kSeed, Options({3}));
  const std::size_t leader = StartAndElect(network);
  const std::size_t other = (leader + 1) % 3;
  const std::size_t follower = (leader + 2) % 3;
  network.Crash(leader, CrashKind::kProcess);
  SendAs(network, leader, other, follower, {1, 1});
  EXPECT_EQ(network.gossip().peer(follower).host().metrics().CounterValue("gossip_channel_leadership_duplicates"), 1U);
}

// Those of another organisation are refused, whoever brings them.
TEST(LeaderElection, ForeignOrganisationsAreRefused) {
  ElectionNetwork network(kSeed, Options({2, 2}));
  network.StartAll();
  network.RunFor(40s);
  const auto before = network.election(0)->leader();
  constexpr wire::PeerTime kLate{std::uint64_t{1} << 62U, 1};
  SendAs(network, 2, 2, 0, kLate);
  EXPECT_EQ(Refused(network, 0, "foreign_organization"), 1U);
  SendAs(network, 2, 1, 0, kLate);
  EXPECT_EQ(Refused(network, 0, "foreign_originator"), 1U);
  EXPECT_EQ(network.election(0)->leader(), before);
}

// A declaration of a peer that is not in the channel view is ignored, though its identity is known.
TEST(LeaderElection, DeclarationsFromOutsideTheViewAreIgnored) {
  ElectionNetwork network(kSeed, Options({3}));
  const std::size_t leader = StartAndElect(network);
  const std::size_t outside = (leader + 1) % 3;
  const std::size_t follower = (leader + 2) % 3;
  network.gossip().peer(outside).gossip().LeaveChannel(network.gossip().channel());
  network.RunFor(10s);
  ASSERT_EQ(OutsideView(network, follower), 0U);
  SendAs(network, outside, outside, follower, {std::uint64_t{1} << 62U, 1});
  EXPECT_EQ(OutsideView(network, follower), 1U);
  EXPECT_EQ(network.election(follower)->leader(), network.gossip().peer(leader).pki_id());
}

// --- terms (12.11) ---------------------------------------------------------------------------------------------------

// D-14: a leader whose delivery cannot start yields, and somebody else leads; the gauge falls at once (D-30).
TEST(LeaderElection, D14_ALeaderThatCannotDeliverYields) {
  ElectionNetwork network(kSeed, Options({3}));
  const std::size_t leader = StartAndElect(network);
  network.election(leader)->Yield(1);
  EXPECT_FALSE(network.election(leader)->is_leader());
  EXPECT_EQ(Gauge(network, leader), 0);
  network.RunFor(1ms);
  ASSERT_FALSE(network.changes().empty());
  EXPECT_EQ(network.changes().back().peer, leader);
  EXPECT_FALSE(network.changes().back().gained);
  EXPECT_EQ(network.changes().back().term, 1U);
  ASSERT_TRUE(network.RunUntil([&] { return network.Agree(); }, 25s));
  EXPECT_NE(network.Leaders().front(), leader);
}

// D-15: the late end of an earlier term's delivery does not end a later term.
TEST(LeaderElection, D15_AnEarlierTermCannotYieldALaterOne) {
  ElectionNetwork network(kSeed, Options({1}));
  const std::size_t leader = StartAndElect(network);
  network.election(leader)->Yield(1);
  const auto yielded = network.scheduler().Now();
  ASSERT_TRUE(network.RunUntil([&] { return network.election(leader)->is_leader(); }, 61s));
  EXPECT_EQ(network.scheduler().Now() - yielded, 60s);
  network.RunFor(1ms);
  EXPECT_EQ(network.changes().back().term, 2U);
  network.election(leader)->Yield(1);
  network.election(leader)->Yield(3);
  EXPECT_TRUE(network.election(leader)->is_leader());
  network.election(leader)->Yield(2);
  EXPECT_FALSE(network.election(leader)->is_leader());
}

// Observers hear gained and lost alternately, each pair with one term, terms counting from 1.
TEST(LeaderElection, CallbacksComeInOrder) {
  ElectionNetwork network(kSeed, Options({1}));
  network.StartAll();
  for (Term term = 1; term <= 3; ++term) {
    ASSERT_TRUE(network.RunUntil([&] { return network.election(0)->is_leader(); }, 61s));
    network.election(0)->Yield(term);
  }
  network.RunFor(1ms);
  ASSERT_EQ(network.changes().size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(network.changes()[i].gained, i % 2 == 0);
    EXPECT_EQ(network.changes()[i].term, i / 2 + 1);
  }
}

// No callback inside a call, and none after destruction; the gauge falls.
TEST(LeaderElection, DestructionEndsItWithoutAWord) {
  ElectionNetwork network(kSeed, Options({1}));
  StartAndElect(network);
  const std::size_t before = network.changes().size();
  network.election(0)->Yield(1);
  EXPECT_EQ(network.changes().size(), before);
  network.EndElection(0);
  network.RunFor(100s);
  EXPECT_EQ(network.changes().size(), before);
  EXPECT_EQ(Gauge(network, 0), 0);
}

// D-22: an election that has ended takes no message any more, and one that is flooded delays nobody: what does not fit
// is dropped, and other messages of the node come through.
TEST(LeaderElection, D22_NoQueueOfAnElectionCanStallTheNode) {
  ElectionNetwork network(kSeed, Options({3}));
  const std::size_t leader = StartAndElect(network);
  const std::size_t other = (leader + 1) % 3;
  const std::size_t follower = (leader + 2) % 3;
  auto& target = network.gossip().peer(follower);
  // A subscriber that never takes anything stands for an election that hangs.
  auto stuck = target.gossip().Accept("stuck", {}, 1);
  network.EndElection(follower);
  auto& from = network.gossip().peer(other);
  for (std::uint64_t i = 1; i <= 500; ++i) {
    const auto payload =
        wire::EncodeMessage(Leadership(from.pki_id(), {std::uint64_t{1} << 62U, i}, network.gossip().channel()));
    const auto signature = network.gossip().authority().Sign(from.identity(), payload);
    from.gossip().comm().Send(wire::Envelope::Make(payload, signature), {{target.endpoint(), target.pki_id()}});
    network.RunFor(5ms);
  }
  EXPECT_EQ(stuck.queued(), 1U);
  network.gossip().PublishAt(leader);
  network.RunFor(1s);
  EXPECT_EQ(target.height(network.gossip().channel()), 2U);
  network.RunFor(60s);
  EXPECT_EQ(network.gossip().AliveAt(follower).size(), 2U);
}

}  // namespace
}  // namespace grapevine::election
