// Whole nodes on failing disks (specification 23, 2.2; 24, items 65, 66, 69): no advertised block is ever lost, the
// chain stays intact, and the node goes on by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "simulation/node_network.h"

namespace grapevine {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::NodeNetwork;
using simulation::NodeNetworkOptions;
using simulation::NodePeer;
using simulation::Unsynced;

constexpr std::size_t kBlocks = 12;

// One static leader that pulls the chain, and one that never leads and watches what the first one advertises.
class DiskWorld {
 public:
  static NodeNetworkOptions Options() {
    NodeNetworkOptions options;
    options.peers = {1};
    options.channel.election = {.use_leader_election = false, .org_leader = true};
    options.gossip.channel.publish_state_info_interval = 100ms;
    return options;
  }
  explicit DiskWorld(NodeNetworkOptions options = Options()) : network_(7, std::move(options)) {
    auto watcher = NodeNetworkOptions::Elected();
    watcher.election.use_leader_election = false;
    network_.Start(network_.AddPeer(0, watcher));
  }

  NodeNetwork& network() { return network_; }
  NodePeer& leader() { return network_.peer(0); }
  // What the other one has seen of the first one's height.
  std::uint64_t Advertised() {
    if (network_.peer(1).Find(NodeNetwork::kChannel) == nullptr) return 0;
    for (const auto& member : network_.peer(1).gossip().PeersOfChannel(NodeNetwork::kChannel)) {
      if (member.peer.pki_id == leader().pki_id()) return member.properties.ledger_height;
    }
    return 0;
  }
  // Starts the leader and orders the chain in small portions, so that groups of all sizes are written.
  void OrderChain() {
    if (!leader().running()) network_.Start(0);
    for (std::size_t i = 0; i < kBlocks; i += 3) {
      network_.Order(3);
      network_.RunFor(40ms);
    }
  }
  ::testing::AssertionResult BothGetTheChain() {
    const auto whole = [&] { return network_.AllHave(network_.chain_height()); };
    if (!network_.RunUntil(whole, 120s)) {
      return ::testing::AssertionFailure()
             << "heights " << network_.height(0) << " and " << network_.height(1) << " of " << network_.chain_height();
    }
    if (leader().ledger(NodeNetwork::kChannel).current_hash() !=
        network_.peer(1).ledger(NodeNetwork::kChannel).current_hash()) {
      return ::testing::AssertionFailure() << "different chains";
    }
    return ::testing::AssertionSuccess();
  }

 private:
  NodeNetwork network_;
};

std::uint64_t OperationsWithoutFault() {
  DiskWorld world;
  world.OrderChain();
  EXPECT_TRUE(world.BothGetTheChain());
  return world.leader().disk().operations();
}

// A power failure in each operation of the disk, with what was not synced lost, kept or scrambled.
void CrashAt(std::uint64_t operation, Unsynced fate) {
  DiskWorld world;
  NodePeer& leader = world.leader();
  leader.disk().CrashAt(operation);
  world.OrderChain();
  std::uint64_t advertised = 0;
  const bool crashed = world.network().RunUntil(
      [&] {
        advertised = std::max(advertised, world.Advertised());
        return leader.disk().crashed();
      },
      5s);
  ASSERT_TRUE(crashed);
  leader.Crash(CrashKind::kMachine);
  const auto restarted = leader.Restart(fate);
  ASSERT_TRUE(restarted) << restarted.error().message;
  EXPECT_GE(world.network().height(0), advertised);
  world.network().Order(1);
  EXPECT_TRUE(world.BothGetTheChain());
}

TEST(Durability, APowerFailureAtEveryOperationLosesNothingAdvertised) {
  const std::uint64_t operations = OperationsWithoutFault();
  ASSERT_GT(operations, 20U);
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    for (const Unsynced fate : {Unsynced::kLost, Unsynced::kKept, Unsynced::kScrambled}) {
      SCOPED_TRACE(::testing::Message() << "operation " << operation << ", fate " << static_cast<int>(fate));
      CrashAt(operation, fate);
    }
  }
}

// One operation fails, and nothing else: the node goes on without a restart.
TEST(Durability, AFailureOfEachOperationIsSurvivedWithoutRestart) {
  const std::uint64_t operations = OperationsWithoutFault();
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    for (const bool index_applied : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "operation " << operation << ", index applied " << index_applied);
      DiskWorld world;
      NodePeer& leader = world.leader();
      world.network().Start(0);
      ASSERT_TRUE(world.network().RunUntil([&] { return leader.Find(NodeNetwork::kChannel) != nullptr; }, 10s));
      leader.disk().FailAt(leader.disk().operations() + operation, index_applied);
      world.OrderChain();
      EXPECT_TRUE(world.BothGetTheChain());
      world.network().RunFor(2s);  // what the ledger stored in spite of the failure is found out at the next attempt
      const auto trouble = leader.Find(NodeNetwork::kChannel)->status().trouble;
      EXPECT_FALSE(trouble) << trouble->message;
      EXPECT_EQ(world.Advertised(), world.network().chain_height());
    }
  }
}

// While the disk is read-only the height stays, the node says why, serves what it has, and goes on afterwards.
TEST(Durability, AReadOnlyDiskIsServedFromAndWaitedFor) {
  DiskWorld world;
  NodeNetwork& network = world.network();
  network.Start(0);
  network.Order(5);
  ASSERT_TRUE(world.BothGetTheChain());
  world.leader().disk().SetReadOnly(true);
  network.Order(5);
  network.RunFor(30s);
  EXPECT_EQ(network.height(0), 6U);
  EXPECT_EQ(world.Advertised(), 6U);
  ASSERT_TRUE(world.leader().Find(NodeNetwork::kChannel)->status().trouble);
  EXPECT_NE(world.leader().Find(NodeNetwork::kChannel)->status().trouble->message.find("read-only"), std::string::npos)
      << world.leader().Find(NodeNetwork::kChannel)->status().trouble->message;

  network.peer(1).Stop();
  auto stand_by = NodeNetworkOptions::Elected();
  stand_by.election.use_leader_election = false;
  const std::size_t newcomer = network.AddPeer(0, stand_by);
  network.Start(newcomer);
  EXPECT_TRUE(network.RunUntil([&] { return network.height(newcomer) >= 6; }, 60s));
  ASSERT_TRUE(network.peer(1).Restart());

  world.leader().disk().SetReadOnly(false);
  EXPECT_TRUE(world.BothGetTheChain());
  EXPECT_FALSE(world.leader().Find(NodeNetwork::kChannel)->status().trouble);
}

TEST(Durability, ASlowDiskIsNamedAsTheReason) {
  auto options = DiskWorld::Options();
  options.host.costs.disk = 8s;
  DiskWorld world(options);
  NodeNetwork& network = world.network();
  network.Start(0);
  network.Order(2);
  const auto slow = [&] {
    const auto* channel = world.leader().Find(NodeNetwork::kChannel);
    return channel != nullptr && channel->status().trouble &&
           channel->status().trouble->code == base::ErrorCode::kTimeout;
  };
  EXPECT_TRUE(network.RunUntil(slow, 60s));
  EXPECT_EQ(network.height(0), 1U);
  EXPECT_TRUE(world.BothGetTheChain());
  EXPECT_FALSE(world.leader().Find(NodeNetwork::kChannel)->status().trouble);
}

}  // namespace
}  // namespace grapevine
