// Nodes on virtual time: blocks pushed by one member reach every member of its organisation, verified and in order.
#include "node/node.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "msp/block.h"
#include "simulation/authority.h"
#include "simulation/simulated_block.h"
#include "simulation/simulated_crypto.h"
#include "simulation/simulated_disk.h"
#include "simulation/world.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;
using simulation::Authority;
using simulation::Host;
using simulation::World;

constexpr char kChannel[] = "mychannel";

// One node with its disk and ledger.
struct Peer {
  Peer(Host& on, const Authority& authority, base::Bytes identity)
      : host(on), crypto(on.environment(), authority, std::move(identity)), index(*disk.OpenIndex("index")) {
    ledger = std::move(*ledger::Ledger::Open(host.environment(), disk, *index,
                                             {.folder = "chain", .channel = kChannel, .limits = {}, .start = {}}));
  }

  void Start(std::vector<Member> others, const std::string& organization, std::uint64_t window) {
    NodeConfig config;
    config.channel = kChannel;
    config.organization = organization;
    config.block_window = window;
    node = std::make_unique<Node>(
        host.environment(),
        NodeParts{.transport = host.transport(), .server = host.server(), .crypto = crypto, .ledger = *ledger},
        crypto.own_identity(), std::make_unique<StaticMembership>(std::move(others)),
        [this](const base::Bytes&) {
          ++configurations;
          return base::Result<void>();
        },
        [this](std::uint64_t number) { committed.push_back(number); }, config);
  }
  std::uint64_t Counter(const std::string& name, const base::Labels& labels) {
    return host.metrics().CounterValue(name, labels);
  }

  Host& host;
  simulation::SimulatedCrypto crypto;
  simulation::SimulatedDisk disk;
  std::unique_ptr<base::KeyValueIndex> index;
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<Node> node;
  std::size_t configurations = 0;
  std::vector<std::uint64_t> committed;
};

class NodeTest : public ::testing::Test {
 protected:
  // `sizes`: peers of Org1MSP, Org2MSP, ...
  void Build(const std::vector<std::size_t>& sizes, std::uint64_t window = 200) {
    std::vector<Member> everyone;
    for (std::size_t organization = 0; organization < sizes.size(); ++organization) {
      const std::string msp_id = "Org" + std::to_string(organization + 1) + "MSP";
      for (std::size_t i = 0; i < sizes[organization]; ++i) {
        const std::string name = "peer" + std::to_string(i) + "." + msp_id;
        Host& host = world_.AddHost(name);
        peers_.push_back(std::make_unique<Peer>(host, authority_, authority_.Issue(msp_id, name)));
        everyone.push_back({host.endpoint(), peers_.back()->crypto.own_pki_id(), msp_id});
      }
    }
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      auto others = everyone;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      peers_[i]->Start(std::move(others), everyone[i].organization, window);
    }
    orderer_ = authority_.Issue("OrdererMSP", "orderer");
  }

  std::vector<base::Bytes> Chain(std::size_t length) {
    std::vector<base::Bytes> blocks;
    std::string previous;
    for (std::size_t i = 0; i < length; ++i) {
      blocks.push_back(
          simulation::MakeBlock(authority_, orderer_, kChannel, i, previous, {"transaction " + std::to_string(i)}));
      previous = msp::ParseBlock(blocks.back())->header.Hash().ToString();
    }
    return blocks;
  }

  bool AllReach(std::uint64_t height, std::size_t count) {
    return world_.scheduler().RunUntil(
        [&] {
          for (std::size_t i = 0; i < count; ++i) {
            if (peers_[i]->ledger->height() != height) return false;
          }
          return true;
        },
        60s);
  }

  World world_{1};
  Authority authority_{1};
  base::Bytes orderer_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

// Given thirteen members, when one publishes, then the ring of powers of two reaches all of them, in order and once.
TEST_F(NodeTest, APushedChainReachesEveryMemberOfTheOrganisationAndNobodyElse) {
  Build({13, 2});
  const auto chain = Chain(20);
  for (std::size_t i = 0; i < chain.size(); ++i) EXPECT_TRUE(peers_[4]->node->Offer(i, chain[i]));

  ASSERT_TRUE(AllReach(20, 13));
  for (std::size_t i = 0; i < 13; ++i) {
    ASSERT_EQ(peers_[i]->committed.size(), 20U);
    for (std::uint64_t number = 0; number < 20; ++number) EXPECT_EQ(peers_[i]->committed[number], number);
    EXPECT_EQ(peers_[i]->ledger->current_hash(), peers_[4]->ledger->current_hash());
  }
  // Blocks travel within the organisation only.
  world_.scheduler().RunFor(60s);
  EXPECT_EQ(peers_[13]->ledger->height(), 0U);
  EXPECT_EQ(peers_[14]->ledger->height(), 0U);
}

// Each member sends a block to at most log2(n) others, whatever it receives again.
TEST_F(NodeTest, NobodySendsABlockMoreOftenThanTheRingSays) {
  Build({9});
  const auto chain = Chain(1);
  peers_[0]->node->Offer(0, chain[0]);
  ASSERT_TRUE(AllReach(1, 9));
  world_.scheduler().RunFor(60s);
  for (const auto& peer : peers_) {
    EXPECT_EQ(peer->Counter("gossip_comm_messages_sent", {}), 4U);  // to the members 1, 2, 4 and 8 places behind
  }
}

TEST_F(NodeTest, BlocksThatArriveInAnyOrderAreCommittedInOrder) {
  Build({1});
  const auto chain = Chain(5);
  for (const std::size_t i : {3U, 1U, 4U, 0U, 2U}) EXPECT_TRUE(peers_[0]->node->Offer(i, chain[i]));
  ASSERT_TRUE(AllReach(5, 1));
  EXPECT_EQ(peers_[0]->committed, (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
}

TEST_F(NodeTest, KnownBlocksAndBlocksBeyondTheWindowAreRefused) {
  Build({1}, /*window=*/3);
  const auto chain = Chain(5);
  EXPECT_TRUE(peers_[0]->node->Offer(1, chain[1]));
  EXPECT_FALSE(peers_[0]->node->Offer(1, chain[1]));  // pending
  EXPECT_TRUE(peers_[0]->node->Offer(2, chain[2]));
  EXPECT_FALSE(peers_[0]->node->Offer(3, chain[3]));  // three above the height
  EXPECT_TRUE(peers_[0]->node->Offer(0, chain[0]));
  ASSERT_TRUE(AllReach(3, 1));
  EXPECT_FALSE(peers_[0]->node->Offer(2, chain[2]));  // stored
  EXPECT_EQ(peers_[0]->Counter("grapevine_blocks_duplicate", {{"channel", kChannel}}), 2U);
}

// A forged copy must not keep the true block away, and must not be passed on.
TEST_F(NodeTest, AForgedBlockIsDroppedCountedAndNotForwarded) {
  Build({3});
  const auto chain = Chain(2);
  const auto forged =
      simulation::MakeBlock(authority_, authority_.Issue("Org1MSP", "mallory"), kChannel, 0, "", {"forged"});
  EXPECT_TRUE(peers_[0]->node->Offer(0, forged));
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(peers_[0]->Counter("grapevine_blocks_invalid", {{"channel", kChannel}}), 1U);
  EXPECT_NE(peers_[0]->node->last_refusal()->message.find("block 0 of channel mychannel refused"), std::string::npos);
  for (const auto& peer : peers_) EXPECT_EQ(peer->Counter("gossip_comm_messages_sent", {}), 0U);

  EXPECT_TRUE(peers_[0]->node->Offer(0, chain[0]));
  EXPECT_TRUE(AllReach(1, 3));
}

// Given a forged block that waits for its turn, when the true one comes, then it is kept beside it and committed.
TEST_F(NodeTest, AForgedBlockAheadOfItsTurnDoesNotKeepTheTrueOneAway) {
  Build({1});
  const auto chain = Chain(2);
  const auto mallory = authority_.Issue("Org1MSP", "mallory");
  const auto forged = simulation::MakeBlock(authority_, mallory, kChannel, 1, "", {"forged"});
  EXPECT_TRUE(peers_[0]->node->Offer(1, forged));
  EXPECT_TRUE(peers_[0]->node->Offer(1, chain[1]));
  EXPECT_FALSE(peers_[0]->node->Offer(1, chain[1]));
  EXPECT_TRUE(peers_[0]->node->Offer(1, simulation::MakeBlock(authority_, mallory, kChannel, 1, "", {"another"})));
  // Three candidates are kept.
  EXPECT_FALSE(peers_[0]->node->Offer(1, simulation::MakeBlock(authority_, mallory, kChannel, 1, "", {"a fourth"})));

  EXPECT_TRUE(peers_[0]->node->Offer(0, chain[0]));
  ASSERT_TRUE(AllReach(2, 1));
  EXPECT_EQ(peers_[0]->ledger->current_hash(), msp::ParseBlock(chain[1])->header.Hash().ToString());
  EXPECT_EQ(peers_[0]->Counter("grapevine_blocks_invalid", {{"channel", kChannel}}), 1U);
}

// The disk never lies: what could not be stored is not counted, and the node says why (full disk).
TEST_F(NodeTest, AFullDiskStopsCommittingAndIsReported) {
  Build({1});
  const auto chain = Chain(3);
  peers_[0]->node->Offer(0, chain[0]);
  ASSERT_TRUE(AllReach(1, 1));
  peers_[0]->disk.SetCapacity(0);
  peers_[0]->node->Offer(1, chain[1]);
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(peers_[0]->ledger->height(), 1U);
  ASSERT_FALSE(peers_[0]->node->health());
  EXPECT_EQ(peers_[0]->node->health().error().code, base::ErrorCode::kIo);
  EXPECT_FALSE(peers_[0]->node->Offer(2, chain[2]));
}

// All announce at the same instant: afterwards every pair has a stream, and nobody is presumed dead.
TEST_F(NodeTest, AnnouncingOpensAStreamToEveryMember) {
  Build({4, 4});
  for (const auto& peer : peers_) peer->node->Announce();
  world_.scheduler().RunFor(3s);
  for (const auto& peer : peers_) {
    const auto states = peer->node->comm().Peers();
    ASSERT_EQ(states.size(), 7U);
    for (const auto& state : states) EXPECT_TRUE(state.outgoing || state.incoming > 0);
  }
}

}  // namespace
}  // namespace grapevine::node
