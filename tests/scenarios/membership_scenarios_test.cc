// Whole networks on virtual time: who sees whom, and when (specification 10).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "scenarios/few_seeds.h"
#include "simulation/gossip_network.h"
#include "support/seeds.h"

namespace grapevine::scenarios {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::GossipNetwork;
using simulation::GossipNetworkOptions;
using simulation::HostOptions;

std::set<std::size_t> Range(std::size_t first, std::size_t count) {
  std::set<std::size_t> range;
  for (std::size_t i = first; i < first + count; ++i) range.insert(i);
  return range;
}

std::set<std::size_t> Without(std::set<std::size_t> from, std::size_t one) {
  from.erase(one);
  return from;
}

// Internal endpoints stay in the organisation, wherever the view came from (10.9).
void ExpectNoLeak(GossipNetwork& network) {
  for (std::size_t i = 0; i < network.size(); ++i) {
    if (!network.peer(i).running()) continue;
    auto& membership = network.peer(i).gossip().membership();
    for (const auto& members : {membership.Members(), membership.DeadMembers()}) {
      for (const auto& member : members) {
        if (member.peer.organization == network.peer(i).organization()) continue;
        EXPECT_EQ(member.internal_endpoint, "") << "peer " << i << " knows it of " << member.peer.external_endpoint;
        EXPECT_FALSE(member.envelope.secret()) << "peer " << i;
        EXPECT_NE(member.peer.external_endpoint, "") << "peer " << i;
      }
    }
  }
}

// Given 50 peers of 5 organisations (20 where time is short), three of ten without external endpoint, that know one
// bootstrap peer each and the channel's anchors, then everybody sees its own organisation and those of the others who
// have an external endpoint; hidden ones are seen at home only, and see nobody abroad who would have to know them.
TEST(MembershipScenario, ViewsAreExactlyWhatTheDisclosurePolicyAllows) {
  for (const std::uint64_t seed : testing::Seeds(1)) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    const std::size_t each = testing::Quick() ? 4 : 10;
    const std::size_t hidden = testing::Quick() ? 1 : 3;
    options.peers = std::vector<std::size_t>(5, each);
    std::set<std::size_t> visible;
    for (std::size_t i = 0; i < 5 * each; ++i) (i % each < each - hidden ? visible : options.hidden).insert(i);
    GossipNetwork network(seed, options);
    network.StartAll();
    const auto expected = [&](std::size_t i) {
      auto view = Range(i / each * each, each);
      if (!options.hidden.contains(i)) view.insert(visible.begin(), visible.end());
      return Without(view, i);
    };
    const auto complete = [&] {
      for (std::size_t i = 0; i < network.size(); ++i) {
        if (network.AliveAt(i) != expected(i)) return false;
      }
      return true;
    };
    EXPECT_TRUE(network.RunUntil(complete, 60s));
    ExpectNoLeak(network);
    network.RunFor(120s);
    EXPECT_TRUE(complete());
    ExpectNoLeak(network);
    if (::testing::Test::HasFailure()) {
      for (std::size_t i = 0; i < network.size(); ++i) {
        EXPECT_EQ(network.AliveAt(i), expected(i)) << "peer " << i;
      }
      return;
    }
  }
}

// A machine that falls silent is dead everywhere within aliveExpirationTimeout and one check interval after its last
// alive message, and nowhere before the timeout (10.6).
TEST(MembershipScenario, ASilentMachineIsDeadWithinTheExpiryAndNotBefore) {
  for (const std::uint64_t seed : testing::Seeds(1)) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    const std::size_t count = testing::Quick() ? 6 : 10;
    options.peers = {count};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
    network.RunFor(20s);

    std::vector<base::SteadyTime> last_heard(count);
    std::vector<wire::PeerTime> last(count);
    const wire::PkiId victim = network.peer(4).pki_id();
    const auto observe = [&] {
      for (std::size_t i = 0; i < count; ++i) {
        if (i == 4) continue;
        const auto member = network.peer(i).gossip().membership().Lookup(victim);
        if (member && member->timestamp > last[i]) {
          last[i] = member->timestamp;
          last_heard[i] = network.scheduler().Now();
        }
      }
    };
    network.scheduler().RunUntil(
        [&] {
          observe();
          return false;
        },
        10s);
    network.peer(4).Crash(CrashKind::kMachine);
    std::vector<base::SteadyTime> died(count);
    const bool dead_everywhere = network.scheduler().RunUntil(
        [&] {
          observe();
          bool all = true;
          for (std::size_t i = 0; i < count; ++i) {
            if (i == 4 || died[i] != base::SteadyTime{}) continue;
            if (!network.AliveAt(i).contains(4)) died[i] = network.scheduler().Now();
            all = all && died[i] != base::SteadyTime{};
          }
          return all;
        },
        60s);
    ASSERT_TRUE(dead_everywhere);
    for (std::size_t i = 0; i < count; ++i) {
      if (i == 4) continue;
      EXPECT_GT(died[i] - last_heard[i], 25s) << "at peer " << i;
      EXPECT_LE(died[i] - last_heard[i], 25s + 2500ms) << "at peer " << i;
    }
  }
}

// A process that ends is noticed by its connections, long before the timeout, and comes back with a newer incarnation,
// with and without its disk; also when its clock has stepped back an hour meanwhile (D-12).
TEST(MembershipScenario, ARestartedPeerIsSeenAgainByEverybody) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {6};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
    network.RunFor(20s);
    for (const bool with_disk : {true, false}) {
      SCOPED_TRACE(with_disk ? "with disk" : "without disk");
      network.peer(3).Crash(CrashKind::kProcess);
      ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
      network.peer(3).Restart(with_disk);
      ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
    }
    network.peer(3).Crash(CrashKind::kProcess);
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
    network.peer(3).Restart(/*with_disk=*/true);
    network.peer(3).host().executor().SetWallOffset(-1h);
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
  }
}

// Given the anchor peer of another organisation that has died, when a configuration evicts the own organisation, then
// the anchor is forgotten as everybody is; who is still in the channel goes on trying.
TEST(MembershipScenario, WhoIsEvictedFromAChannelNoLongerWantsItsAnchorPeers) {
  GossipNetworkOptions options;
  options.peers = {2, 1};
  options.gossip.membership.expiration_factor = 3;
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete() && network.ChannelViewsComplete(); }, 60s));
  channel::JoinMessage eviction = network.join();
  ++eviction.sequence;
  eviction.organizations = {"Org2MSP"};
  EXPECT_FALSE(network.peer(0).gossip().JoinChannel(network.channel(), eviction));
  network.peer(2).Crash(CrashKind::kProcess);
  network.RunFor(300s);
  EXPECT_EQ(network.peer(0).gossip().membership().DeadMembers().size(), 0U);
  EXPECT_EQ(network.peer(1).gossip().membership().DeadMembers().size(), 1U);
}

// Timers do not follow the wall clock: steps of an hour in both directions change nobody's view.
TEST(MembershipScenario, ClockStepsDisturbNobody) {
  GossipNetworkOptions options;
  options.peers = {8};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
  network.peer(1).host().executor().SetWallOffset(1h);
  network.peer(2).host().executor().SetWallOffset(-1h);
  const bool disturbed = network.RunUntil([&] { return !network.ViewsComplete(); }, 300s);
  EXPECT_FALSE(disturbed);

  // A peer whose clock is an hour behind from the start is seen as well, and so is one an hour ahead.
  for (const auto offset : {-1h, 1h}) {
    const std::size_t late = network.AddPeer(0);
    network.peer(late).host().executor().SetWallOffset(offset);
    network.peer(late).Join(network.channel(), network.join());
    network.peer(late).Start();
    EXPECT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
  }
}

TEST(MembershipScenario, LossOfAFifthOfThePacketsKillsNobody) {
  GossipNetworkOptions options;
  options.peers = {12};
  options.network.link.loss_per_million = 200000;
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
  EXPECT_FALSE(network.RunUntil([&] { return !network.ViewsComplete(); }, 300s));
}

// Peer 5 cannot dial some of the others, who can dial it: one direction is enough. Until one of them has dialled it,
// its own failed dial may presume that one dead for a moment.
TEST(MembershipScenario, OneWayReachabilityIsEnough) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {8};
    GossipNetwork network(seed, options);
    for (std::size_t i = 1; i < 8; ++i) {
      if (i != 5) network.network().SetDialable(network.peer(5).host(), network.peer(i).host(), i < 4);
    }
    network.StartAll();
    network.RunFor(30s);
    ASSERT_TRUE(network.ViewsComplete());
    EXPECT_FALSE(network.RunUntil([&] { return !network.ViewsComplete(); }, 300s));
  }
}

// Ten minutes of partition: each side sees itself only, forgets the other one, and finds it again after healing,
// because bootstrap and anchor peers are never forgotten.
TEST(MembershipScenario, APartitionOfTenMinutesHeals) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {6, 6};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
    std::set<simulation::Host*> group;
    for (const std::size_t i : {0U, 1U, 2U, 6U, 7U}) group.insert(&network.peer(i).host());
    network.network().Partition(group, false);
    const std::set<std::size_t> left = {0, 1, 2, 6, 7};
    const std::set<std::size_t> right = {3, 4, 5, 8, 9, 10, 11};
    network.RunFor(600s);
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(network.AliveAt(i), Without(left.contains(i) ? left : right, i)) << "peer " << i;
    }
    network.network().Partition(group, true);
    EXPECT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 120s));
    ExpectNoLeak(network);
  }
}

// Renewed certificate: a new PKI-ID at the same endpoint. The new one is a member, the old one goes.
TEST(MembershipScenario, ARenewedCertificateReplacesTheOldOne) {
  GossipNetworkOptions options;
  options.peers = {6};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
  const wire::PkiId old = network.peer(2).pki_id();
  network.peer(2).Stop();
  network.peer(2).SetIdentity(network.authority().Issue("Org1MSP", "peer2 renewed"));
  network.peer(2).Restart();
  const auto replaced = [&] {
    for (std::size_t i = 0; i < 6; ++i) {
      for (const auto& peer : network.peer(i).gossip().Peers()) {
        if (peer.pki_id == old) return false;
      }
    }
    return network.ViewsComplete();
  };
  EXPECT_TRUE(network.RunUntil(replaced, 60s));
  // Nobody goes on dialling the old one for ever.
  network.RunFor(600s);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_FALSE(network.peer(i).gossip().membership().Lookup(old)) << "peer " << i;
  }
}

// A revoked identity disappears from every view at once, and does not come back.
TEST(MembershipScenario, ARevokedIdentityIsGoneEverywhereForGood) {
  GossipNetworkOptions options;
  options.peers = {5, 5};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
  network.authority().Revoke(network.peer(3).identity());
  ++network.join().sequence;
  for (std::size_t i = 0; i < 10; ++i) {
    if (i == 3) continue;
    network.peer(i).Join(network.channel(), network.join());
    network.peer(i).gossip().SuspectPeers([] {});
  }
  const auto gone = [&] {
    for (std::size_t i = 0; i < 10; ++i) {
      if (i != 3 && network.AliveAt(i).contains(3)) return false;
    }
    return true;
  };
  ASSERT_TRUE(network.RunUntil(gone, 1s));
  for (int i = 0; i < 300; ++i) {
    network.RunFor(1s);
    ASSERT_TRUE(gone()) << "after " << i << " s";
  }
  for (std::size_t i = 0; i < 10; ++i) {
    if (i == 3) continue;
    EXPECT_FALSE(network.peer(i).gossip().identities().Get(network.peer(3).pki_id())) << "peer " << i;
    EXPECT_FALSE(network.peer(i).gossip().FindChannel(network.channel())->state_infos().Find(network.peer(3).pki_id()));
  }
}

// A thousand peers come and go within a minute: the others' view ends where it began, and nothing of them is left once
// they are forgotten.
TEST(MembershipScenario, AThousandJoinsAndLeavesLeaveNothingBehind) {
  GossipNetworkOptions options;
  options.peers = {4};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
  const std::size_t visits = testing::Quick() ? 60 : 1000;
  std::vector<std::size_t> present;
  std::size_t most_seen = 0;
  for (std::size_t i = 0; i < visits; ++i) {
    const std::size_t visitor = network.AddPeer(0);
    network.peer(visitor).Join(network.channel(), network.join());
    network.peer(visitor).Start();
    present.push_back(visitor);
    most_seen = std::max(most_seen, network.peer(0).gossip().Peers().size());
    network.RunFor(60ms);
    if (present.size() > 20) {
      network.peer(present.front()).Stop();
      present.erase(present.begin());
    }
  }
  EXPECT_GT(most_seen, 15U);  // they were members while they were there
  for (const std::size_t visitor : present) network.peer(visitor).Stop();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
  // Twice the time after which the dead are forgotten: somebody may have heard of them from others shortly before.
  network.RunFor(1100s);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(network.peer(i).gossip().membership().sizes().dead, 0U) << "peer " << i;
    EXPECT_EQ(network.peer(i).gossip().FindChannel(network.channel())->state_infos().size(), 4U) << "peer " << i;
    EXPECT_LE(network.peer(i).gossip().comm().Peers().size(), 8U) << "peer " << i;
  }
}

}  // namespace
}  // namespace grapevine::scenarios
