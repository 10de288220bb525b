// Complete nodes with an ordering service: elected leaders pull, gossip spreads, who is behind catches up by state
// transfer, and disks lose what was not synced (specification 12, 20, 22, 23).
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/node_network.h"
#include "support/seeds.h"

namespace grapevine {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::NodeNetwork;
using simulation::NodeNetworkOptions;
using simulation::NodePeer;
using simulation::Unsynced;

std::vector<std::uint64_t> CitizenSeeds() { return testing::Seeds(testing::Quick() ? 1 : 5); }

// All running peers have the whole chain, with one hash.
::testing::AssertionResult OneChain(NodeNetwork& network) {
  const auto expected = network.chain_height();
  std::set<std::string> hashes;
  for (std::size_t i = 0; i < network.size(); ++i) {
    if (!network.peer(i).running()) continue;
    if (network.height(i) != expected) {
      return ::testing::AssertionFailure() << "peer " << i << " has " << network.height(i) << " of " << expected;
    }
    hashes.insert(network.peer(i).ledger(NodeNetwork::kChannel).current_hash());
  }
  if (hashes.size() != 1) return ::testing::AssertionFailure() << hashes.size() << " different chains";
  return ::testing::AssertionSuccess();
}

bool CatchUp(NodeNetwork& network, base::Duration limit = 120s) {
  return network.RunUntil([&] { return network.AllHave(network.chain_height()); }, limit);
}

// Given two organisations with elected leaders, when blocks are ordered, then the leaders pull them, one each, and
// gossip brings them to everybody else.
TEST(CitizenScenario, ElectedLeadersPullAndGossipSpreads) {
  for (const std::uint64_t seed : CitizenSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NodeNetwork network(seed, {.peers = {4, 3}});
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.OneLeaderEach(); }, 60s));
    network.RunFor(10s);
    ASSERT_TRUE(network.OneLeaderEach());
    const auto sent = network.orderer(0).blocks_sent();
    network.Order(30);
    ASSERT_TRUE(CatchUp(network));
    EXPECT_TRUE(OneChain(network));
    EXPECT_EQ(network.orderer(0).blocks_sent() - sent, 2U * 30U);
  }
}

// Given a leader that dies, then another one takes over and goes on where the chain ends.
TEST(CitizenScenario, AnotherLeaderGoesOnWhenTheLeaderDies) {
  for (const std::uint64_t seed : CitizenSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NodeNetwork network(seed, {.peers = {4}});
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.OneLeaderEach(); }, 60s));
    network.Order(5);
    ASSERT_TRUE(CatchUp(network));
    const std::size_t leader = network.Leaders(0).front();
    network.peer(leader).Crash(CrashKind::kMachine);
    network.Order(5);
    ASSERT_TRUE(CatchUp(network, 25s + 5s));  // 12.8, and the blocks' own way
    const auto restarted = network.peer(leader).Restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
    network.Order(5);
    ASSERT_TRUE(CatchUp(network));
    EXPECT_TRUE(OneChain(network));
    EXPECT_TRUE(network.RunUntil([&] { return network.OneLeaderEach(); }, 30s));
  }
}

// A peer that starts behind a long chain and may not lead asks the others, also those of another organisation.
TEST(CitizenScenario, ALatePeerCatchesUpByStateTransfer) {
  for (const std::uint64_t seed : CitizenSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NodeNetwork network(seed, {.peers = {3, 1}});
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.OneLeaderEach(); }, 60s));
    network.Order(300);
    ASSERT_TRUE(CatchUp(network));
    auto stand_by = NodeNetworkOptions::Elected();
    stand_by.election.use_leader_election = false;
    network.Start(network.AddPeer(0, stand_by));
    network.Start(network.AddPeer(1, stand_by));
    network.peer(3).Stop();  // the only other peer of the second organisation
    ASSERT_TRUE(CatchUp(network, 60s));
    EXPECT_TRUE(OneChain(network));
  }
}

// Orderers that withhold, lie and vanish cost time, never the chain.
TEST(CitizenScenario, OneHonestOrdererIsEnough) {
  for (const std::uint64_t seed : CitizenSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NodeNetwork network(seed, {.peers = {3}, .orderers = 4});
    network.Order(3);
    simulation::OrdererBehaviour lies;
    lies.lies = {{3, network.chain().ForgedBlock(3)}, {4, base::Bytes(std::string("no block"))}};
    network.orderer(0).Behave(lies);
    simulation::OrdererBehaviour garbage;
    garbage.garbage = base::Bytes(std::string("\xff\xff\xff"));
    network.orderer(1).Behave(garbage);
    network.orderer_host(2).SetListening(false);
    network.StartAll();
    network.Order(17);
    ASSERT_TRUE(CatchUp(network, 300s));
    EXPECT_TRUE(OneChain(network));
  }
}

// Every peer dies once at a random operation of its disk, and comes back with what was synced: nothing that it
// advertised is lost, and the chain goes on.
TEST(CitizenScenario, NothingAdvertisedIsLostByCrashes) {
  for (const std::uint64_t seed : CitizenSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    NodeNetwork network(seed, {.peers = {3, 2}});
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.OneLeaderEach(); }, 60s));
    for (std::size_t round = 0; round < 10; ++round) {
      NodePeer& victim = network.peer(network.world().random().Below(network.size()));
      victim.disk().CrashAt(victim.disk().operations() + 1 + network.world().random().Below(20));
      network.Order(5);
      (void)network.RunUntil([&] { return victim.disk().crashed(); }, 30s);
      const std::uint64_t advertised = victim.height(NodeNetwork::kChannel);
      victim.Crash(CrashKind::kMachine);
      network.RunFor(base::Duration(network.world().random().Below(3'000'000'000)));
      ASSERT_TRUE(victim.Restart(Unsynced::kScrambled));
      EXPECT_GE(victim.height(NodeNetwork::kChannel), advertised);
    }
    network.Order(1);
    ASSERT_TRUE(CatchUp(network));
    EXPECT_TRUE(OneChain(network));
  }
}

}  // namespace
}  // namespace grapevine
