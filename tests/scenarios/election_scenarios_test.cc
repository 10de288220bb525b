// Elections in whole networks: crashes, partitions, newcomers, and Fabric peers among them (specification 12.8 to
// 12.10, docs/election.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "simulation/election_network.h"
#include "support/seeds.h"

namespace grapevine::scenarios {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::ElectionNetwork;
using simulation::ElectionNetworkOptions;

std::vector<std::uint64_t> ElectionSeeds() { return testing::Seeds(testing::Quick() ? 2 : 12); }

ElectionNetworkOptions Options(std::size_t peers, std::set<std::size_t> fabric = {}) {
  ElectionNetworkOptions options;
  options.gossip.peers = {peers};
  options.fabric = std::move(fabric);
  return options;
}

// Of those that run.
bool Agree(ElectionNetwork& network) { return network.gossip().ChannelViewsComplete() && network.Agree(); }

std::size_t StartAndElect(ElectionNetwork& network) {
  network.StartAll();
  EXPECT_TRUE(network.RunUntil([&] { return Agree(network); }, 60s));
  network.RunFor(20s);
  EXPECT_EQ(network.Leaders().size(), 1U);
  return network.Leaders().front();
}

// Kills leader after leader: a new one within Fabric's 25 s, exactly one in the end.
void KillLeaders(ElectionNetwork& network, std::size_t survivors) {
  StartAndElect(network);
  for (std::size_t running = network.size(); running > survivors; --running) {
    const std::size_t leader = network.Leaders().front();
    network.RunFor(network.gossip().world().random().Between(base::Duration::zero(), base::Duration(5s)));
    const bool machine = network.gossip().world().random().Chance(1, 2);
    network.Crash(leader, machine ? CrashKind::kMachine : CrashKind::kProcess);
    const auto killed = network.scheduler().Now();
    ASSERT_TRUE(network.RunUntil([&] { return !network.Leaders().empty(); }, 26s));
    EXPECT_LE(network.scheduler().Now() - killed, 25s);
    ASSERT_TRUE(network.RunUntil([&] { return network.Agree(); }, 30s));
    network.RunFor(30s);
    EXPECT_TRUE(network.Agree());
  }
}

TEST(ElectionScenario, OneLeaderWhoeverDies) {
  for (const std::uint64_t seed : ElectionSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    ElectionNetwork network(seed, Options(3 + seed % 6));
    KillLeaders(network, 1);
  }
}

// Every second peer elects as Fabric does.
TEST(ElectionScenario, OneLeaderWhoeverDiesAmongFabricPeers) {
  for (const std::uint64_t seed : ElectionSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    ElectionNetwork network(seed, Options(3 + seed % 6, {0, 2, 4, 6}));
    KillLeaders(network, 1);
  }
}

// Peers that crash and come back at random moments: in the end one leader, and nobody is told anything out of order.
TEST(ElectionScenario, CrashesAndRestartsEndWithOneLeader) {
  for (const std::uint64_t seed : ElectionSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    ElectionNetwork network(
        seed, Options(3 + seed % 6, seed % 2 == 0 ? std::set<std::size_t>{} : std::set<std::size_t>{1, 3}));
    StartAndElect(network);
    auto& random = network.gossip().world().random();
    for (int i = 0; i < 10; ++i) {
      const std::size_t peer = random.Below(network.size());
      network.Crash(peer, random.Chance(1, 2) ? CrashKind::kMachine : CrashKind::kProcess);
      network.RunFor(random.Between(base::Duration(1s), base::Duration(20s)));
      network.Restart(peer);
      network.RunFor(random.Between(base::Duration(1s), base::Duration(10s)));
    }
    ASSERT_TRUE(network.RunUntil([&] { return Agree(network); }, 90s));
    network.RunFor(60s);
    EXPECT_TRUE(Agree(network));
    for (std::size_t peer = 0; peer < network.size(); ++peer) {
      election::Term last = 0;
      bool leads = false;
      for (const auto& change : network.changes()) {
        if (change.peer != peer || network.IsFabric(peer)) continue;
        if (change.gained) {
          EXPECT_TRUE(change.term == last + 1 || change.term == 1);  // 1: after a restart
          last = change.term;
        } else {
          EXPECT_TRUE(leads);
          EXPECT_EQ(change.term, last);
        }
        leads = change.gained;
      }
    }
  }
}

// 12.10: each side of a partition has a leader; the smaller PKI-ID keeps it when the views have merged.
TEST(ElectionScenario, AfterAPartitionTheSmallerPkiIdLeads) {
  for (const std::uint64_t seed : ElectionSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    ElectionNetwork network(seed, Options(4));
    const std::size_t leader = StartAndElect(network);
    network.gossip().network().Partition({&network.gossip().peer(leader).host()}, false);
    ASSERT_TRUE(network.RunUntil([&] { return network.Leaders().size() == 2; }, 25s));
    const auto leaders = network.Leaders();
    const bool first_is_smaller =
        network.gossip().peer(leaders[0]).pki_id() < network.gossip().peer(leaders[1]).pki_id();
    network.RunFor(30s);
    network.gossip().network().Partition({&network.gossip().peer(leader).host()}, true);
    ASSERT_TRUE(network.RunUntil([&] { return Agree(network); }, 60s));
    EXPECT_EQ(network.Leaders().front(), first_is_smaller ? leaders[0] : leaders[1]);
  }
}

// 12.9 item 1 (D-30): a peer that joins later, or comes back, follows the leader that there is, whatever its PKI-ID.
TEST(ElectionScenario, D30_ALateJoinerFollowsTheLeader) {
  for (const std::uint64_t seed : ElectionSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    ElectionNetwork network(seed, Options(3));
    const std::size_t leader = StartAndElect(network);
    const std::size_t changes = network.changes().size();
    const std::size_t late = network.AddPeer(0);
    network.Start(late);
    network.RunFor(60s);
    EXPECT_EQ(network.changes().size(), changes);
    EXPECT_EQ(network.election(late)->leader(), network.gossip().peer(leader).pki_id());
  }
}

// An organisation of three with long ledgers, and a newcomer with an empty one and the smallest PKI-ID, which comes
// while no leader is known: the leader dies the moment before. Whether the newcomer ever led.
bool NewcomerLeads(std::uint64_t seed, bool fabric, std::uint64_t max_blocks_behind) {
  auto options = Options(3, fabric ? std::set<std::size_t>{0, 1, 2} : std::set<std::size_t>{});
  options.election.max_blocks_behind = max_blocks_behind;
  ElectionNetwork network(seed, std::move(options));
  for (std::size_t peer = 0; peer < 3; ++peer) network.SetHeight(peer, 1000000);
  const std::size_t leader = StartAndElect(network);
  std::size_t newcomer = 0;
  do {
    newcomer = network.AddPeer(0, fabric);
  } while (std::ranges::any_of(std::vector<std::size_t>{0, 1, 2}, [&](std::size_t peer) {
    return network.gossip().peer(peer).pki_id() < network.gossip().peer(newcomer).pki_id();
  }));
  network.Start(newcomer);
  network.RunFor(15s);
  network.Crash(leader, CrashKind::kProcess);
  network.RunFor(60s);
  EXPECT_EQ(network.Leaders().size(), 1U);
  return std::ranges::any_of(network.changes(), [&](const auto& change) { return change.peer == newcomer; });
}

TEST(ElectionScenario, ANewcomerWithAnEmptyLedgerNeverLeadsALongOne) {
  for (const std::uint64_t seed : ElectionSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    EXPECT_FALSE(NewcomerLeads(seed, false, 100));
  }
}

// The same in other circumstances, of ten runs: how often the newcomer led.
std::size_t NewcomerLeadsOfTen(bool fabric, std::uint64_t max_blocks_behind) {
  std::size_t count = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) count += NewcomerLeads(seed, fabric, max_blocks_behind) ? 1 : 0;
  return count;
}

TEST(ElectionScenario, WithoutTheRuleANewcomerWithAnEmptyLedgerLeads) {
  if (testing::Quick()) GTEST_SKIP() << "about the world without the rule";
  EXPECT_EQ(NewcomerLeadsOfTen(false, 0), 10U);
}

// Among Fabric peers it depends on whose window ends when.
TEST(ElectionScenario, AFabricNewcomerWithAnEmptyLedgerMayLead) {
  if (testing::Quick()) GTEST_SKIP() << "about the model";
  EXPECT_GT(NewcomerLeadsOfTen(true, 0), 0U);
}

// Liveness first: when only peers with empty ledgers are left besides one that stays silent, one of them leads.
TEST(ElectionScenario, IfNobodyFitStandsSomebodyLeads) {
  auto options = Options(3);
  ElectionNetwork network(ElectionSeeds().front(), std::move(options));
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return Agree(network); }, 60s));
  const std::size_t leader = network.Leaders().front();
  const std::size_t silent = (leader + 1) % 3;
  network.EndElection(silent);  // in the view, with a long ledger, and never stands
  network.SetHeight(silent, 1000000);
  network.RunFor(10s);
  network.Crash(leader, CrashKind::kProcess);
  const auto killed = network.scheduler().Now();
  ASSERT_TRUE(network.RunUntil([&] { return !network.Leaders().empty(); }, 26s));
  EXPECT_LE(network.scheduler().Now() - killed, 25s);
}

}  // namespace
}  // namespace grapevine::scenarios
