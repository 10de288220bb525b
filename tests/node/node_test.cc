// Complete nodes on virtual time: they find one another, and blocks that enter at one reach every member of its
// organisation, verified, in order and durable.
#include "node/node.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "msp/block.h"
#include "node/given_channel.h"
#include "simulation/authority.h"
#include "simulation/node_peer.h"
#include "simulation/simulated_block.h"
#include "simulation/world.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;
using simulation::Authority;
using simulation::NodePeer;
using simulation::World;

class NodeTest : public ::testing::Test {
 protected:
  // `sizes`: peers of Org1MSP, Org2MSP, ...; block 0 is in every ledger. The first peer of each organisation is its
  // bootstrap peer.
  void Build(const std::vector<std::size_t>& sizes, std::uint64_t window = 200, std::uint64_t gossip_window = 10) {
    orderer_ = authority_.Issue("OrdererMSP", "orderer");
    genesis_ = Block(0, "", simulation::ConfigTransaction(kChannel, "genesis"));
    for (std::size_t i = 1; i <= sizes.size(); ++i) join_.organizations.push_back(MspId(i));
    authority_.SetReaders(kChannel, {join_.organizations.begin(), join_.organizations.end()});
    for (std::size_t organization = 1; organization <= sizes.size(); ++organization) {
      const std::size_t first = peers_.size();
      for (std::size_t i = 0; i < sizes[organization - 1]; ++i) {
        const std::string name = "peer" + std::to_string(i) + "." + MspId(organization);
        simulation::NodePeerOptions options{.name = name, .organization = MspId(organization)};
        if (i > 0) options.bootstrap = {peers_[first]->endpoint()};
        options.gossip.channel.block_window = gossip_window;
        options.channel.committer.window = window;
        peers_.push_back(std::make_unique<NodePeer>(world_, authority_, options));
        NodePeer& peer = *peers_.back();
        peer.OnBlock([this](NodePeer& at, const std::string&, std::uint64_t number) {
          committed_[at.name()].push_back(number);
          if (on_committed_) on_committed_(at);
        });
        ASSERT_TRUE(peer.Start());
        ASSERT_TRUE(
            peer.Join({.name = kChannel, .genesis = genesis_, .configuration = {.join = join_, .orderers = {}}}));
        ASSERT_TRUE(world_.scheduler().RunUntil([&] { return peer.Find(kChannel) != nullptr; }, 10s));
      }
    }
  }
  static std::string MspId(std::size_t organization) { return "Org" + std::to_string(organization) + "MSP"; }
  base::Bytes Block(std::uint64_t number, const std::string& previous, const std::string& transaction) {
    return simulation::MakeBlock(authority_, orderer_, kChannel, number, previous, {transaction});
  }
  static std::string HashOf(const base::Bytes& block) { return msp::ParseBlock(block)->header.Hash().ToString(); }

  // Blocks 0 to length - 1.
  std::vector<base::Bytes> Chain(std::size_t length) {
    std::vector<base::Bytes> blocks = {genesis_};
    for (std::size_t i = 1; i < length; ++i) {
      blocks.push_back(Block(i, HashOf(blocks.back()), "transaction " + std::to_string(i)));
    }
    return blocks;
  }

  // Whether the block was taken, which need not mean that it is valid.
  bool Offer(std::size_t peer, std::uint64_t number, const base::Bytes& block) {
    auto taken = std::make_shared<bool>(true);
    auto offer = peers_[peer]->Find(kChannel)->blocks().Offer(
        number, block, ledger::BlockOrigin::kOrderer, [taken, this](const base::Result<void>& verdict) {
          verdicts_.push_back(verdict);
          *taken = verdict || verdict.error().code != base::ErrorCode::kExhausted;
        });
    world_.scheduler().RunFor(base::Duration(0));
    offer.Detach();
    return *taken;
  }
  std::uint64_t Counter(std::size_t peer, const std::string& name) {
    return peers_[peer]->host().metrics().CounterValue(name, {{"channel", kChannel}});
  }
  const ledger::Ledger& LedgerOf(std::size_t peer) { return peers_[peer]->ledger(kChannel); }

  bool AllReach(std::uint64_t height, std::size_t count) {
    return world_.scheduler().RunUntil(
        [&] {
          for (std::size_t i = 0; i < count; ++i) {
            if (peers_[i]->height(kChannel) != height) return false;
          }
          return true;
        },
        60s);
  }
  // Every peer sees every other one of its organisation in the channel.
  bool AllSee(std::size_t first, std::size_t count) {
    return world_.scheduler().RunUntil(
        [&] {
          for (std::size_t i = first; i < first + count; ++i) {
            std::size_t seen = 0;
            for (const auto& member : peers_[i]->gossip().PeersOfChannel(kChannel)) {
              if (peers_[i]->gossip().IsInMyOrg(member.peer)) ++seen;
            }
            if (seen != count - 1) return false;
          }
          return true;
        },
        60s);
  }

  World world_{1};
  Authority authority_{1};
  base::Bytes orderer_;
  base::Bytes genesis_;
  channel::JoinMessage join_;
  std::vector<std::unique_ptr<NodePeer>> peers_;
  std::map<std::string, std::vector<std::uint64_t>> committed_;  // by peer
  std::function<void(NodePeer&)> on_committed_;
  std::vector<base::Result<void>> verdicts_;
};

// Given nodes that know one bootstrap peer each, when a chain enters at one, then its organisation gets it, in order
// and once, and nobody else does.
TEST_F(NodeTest, AChainReachesEveryMemberOfTheOrganisationAndNobodyElse) {
  Build({13, 2});
  ASSERT_TRUE(AllSee(0, 13));
  const auto chain = Chain(21);
  for (std::size_t i = 1; i < chain.size(); ++i) EXPECT_TRUE(Offer(4, i, chain[i]));

  ASSERT_TRUE(AllReach(21, 13));
  for (std::size_t i = 0; i < 13; ++i) {
    ASSERT_EQ(committed_[peers_[i]->name()].size(), 20U);
    for (std::uint64_t number = 1; number < 21; ++number) EXPECT_EQ(committed_[peers_[i]->name()][number - 1], number);
    EXPECT_EQ(LedgerOf(i).current_hash(), LedgerOf(4).current_hash());
  }
  // Blocks travel within the organisation only.
  world_.scheduler().RunFor(60s);
  EXPECT_EQ(peers_[13]->height(kChannel), 1U);
  EXPECT_EQ(peers_[14]->height(kChannel), 1U);
}

// Every height that a node advertises is on its disk.
TEST_F(NodeTest, TheAdvertisedHeightIsTheDurableOne) {
  Build({2});
  ASSERT_TRUE(AllSee(0, 2));
  const auto chain = Chain(4);
  for (std::size_t i = 1; i < chain.size(); ++i) Offer(0, i, chain[i]);
  ASSERT_TRUE(AllReach(4, 2));
  ASSERT_TRUE(world_.scheduler().RunUntil(
      [&] {
        const auto members = peers_[1]->gossip().PeersOfChannel(kChannel);
        return members.size() == 1 && members[0].properties.ledger_height == 4;
      },
      60s));
}

TEST_F(NodeTest, BlocksThatArriveInAnyOrderAreCommittedInOrder) {
  Build({1});
  const auto chain = Chain(6);
  for (const std::size_t i : {4U, 2U, 5U, 1U, 3U}) EXPECT_TRUE(Offer(0, i, chain[i]));
  ASSERT_TRUE(AllReach(6, 1));
  EXPECT_EQ(committed_[peers_[0]->name()], (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST_F(NodeTest, KnownBlocksAndBlocksBeyondTheWindowAreRefused) {
  Build({1}, /*window=*/3);
  const auto chain = Chain(6);
  EXPECT_TRUE(Offer(0, 2, chain[2]));
  EXPECT_TRUE(Offer(0, 2, chain[2]));  // pending: one verdict for both
  EXPECT_TRUE(Offer(0, 3, chain[3]));
  EXPECT_FALSE(Offer(0, 4, chain[4]));  // three above the height
  EXPECT_TRUE(Offer(0, 1, chain[1]));
  ASSERT_TRUE(AllReach(4, 1));
  EXPECT_TRUE(Offer(0, 3, chain[3]));  // stored: success at once
  EXPECT_EQ(Counter(0, "grapevine_blocks_duplicate"), 2U);
  ASSERT_EQ(verdicts_.size(), 6U);  // block 4 is the first to know
  EXPECT_FALSE(verdicts_[0]);
  for (std::size_t i = 1; i < verdicts_.size(); ++i) EXPECT_TRUE(verdicts_[i]);
}

// A forged copy must not keep the true block away, and must not be passed on.
TEST_F(NodeTest, AForgedBlockIsDroppedCountedAndNotForwarded) {
  Build({3});
  ASSERT_TRUE(AllSee(0, 3));
  const auto chain = Chain(2);
  const auto mallory = authority_.Issue("Org1MSP", "mallory");
  const auto forged = simulation::MakeBlock(authority_, mallory, kChannel, 1, HashOf(genesis_), {"forged"});
  EXPECT_TRUE(Offer(0, 1, forged));
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(Counter(0, "grapevine_blocks_invalid"), 1U);
  EXPECT_NE(peers_[0]->Find(kChannel)->last_refusal()->message.find("block 1 of channel mychannel refused"),
            std::string::npos);
  for (const auto& peer : peers_) EXPECT_EQ(peer->gossip().FindChannel(kChannel)->blocks().stored(), 0U);

  EXPECT_TRUE(Offer(0, 1, chain[1]));
  EXPECT_TRUE(AllReach(2, 3));
}

// Given a forged block that waits for its turn, when the true one comes, then it is kept beside it and committed.
TEST_F(NodeTest, AForgedBlockAheadOfItsTurnDoesNotKeepTheTrueOneAway) {
  Build({1});
  const auto chain = Chain(3);
  const auto mallory = authority_.Issue("Org1MSP", "mallory");
  const auto forge = [&](const std::string& text) {
    return simulation::MakeBlock(authority_, mallory, kChannel, 2, "", {text});
  };
  EXPECT_TRUE(Offer(0, 2, forge("forged")));
  EXPECT_TRUE(Offer(0, 2, chain[2]));
  EXPECT_TRUE(Offer(0, 2, forge("another")));
  EXPECT_FALSE(Offer(0, 2, forge("a fourth")));  // three candidates are kept

  EXPECT_TRUE(Offer(0, 1, chain[1]));
  ASSERT_TRUE(AllReach(3, 1));
  EXPECT_EQ(LedgerOf(0).current_hash(), HashOf(chain[2]));
  EXPECT_EQ(Counter(0, "grapevine_blocks_invalid"), 1U);
}

// A block that the ordering service signed, but that follows another block than ours: a fork never enters the chain.
TEST_F(NodeTest, ASignedBlockOfAnotherChainIsRefused) {
  Build({1});
  const auto chain = Chain(3);
  EXPECT_TRUE(Offer(0, 1, Block(1, HashOf(chain[1]), "of a fork")));
  world_.scheduler().RunFor(1s);
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_EQ(verdicts_[0].error().code, base::ErrorCode::kInvalid);
  EXPECT_EQ(peers_[0]->height(kChannel), 1U);
  EXPECT_TRUE(Offer(0, 1, chain[1]));
  EXPECT_TRUE(Offer(0, 2, chain[2]));
  EXPECT_TRUE(AllReach(3, 1));
}

// What waits for its turn is verified ahead of it; what is refused ahead is asked again at its turn.
TEST_F(NodeTest, BlocksBehindAConfigurationBlockAreVerifiedUnderIt) {
  Build({1});
  const auto config = simulation::MakeBlock(authority_, orderer_, kChannel, 1, HashOf(genesis_),
                                            {simulation::ConfigTransaction(kChannel, "anchors")});
  std::vector<base::Bytes> chain = {genesis_, config};
  for (std::size_t i = 2; i < 12; ++i) chain.push_back(Block(i, HashOf(chain.back()), "transaction"));
  for (std::size_t i = chain.size() - 1; i > 0; --i) EXPECT_TRUE(Offer(0, i, chain[i]));
  ASSERT_TRUE(AllReach(12, 1));
  EXPECT_EQ(peers_[0]->gossip().FindChannel(kChannel)->configuration().sequence, 1U);
  EXPECT_EQ(Counter(0, "grapevine_blocks_invalid"), 0U);
}

// The disk never lies: what could not be stored is not counted, and the node says why (full disk).
TEST_F(NodeTest, AFullDiskStopsTheHeightUntilThereIsRoomAgain) {
  Build({2});
  ASSERT_TRUE(AllSee(0, 2));
  const auto chain = Chain(6);
  Offer(0, 1, chain[1]);
  ASSERT_TRUE(AllReach(2, 2));
  peers_[1]->disk().SetCapacity(0);
  for (std::size_t i = 2; i < 5; ++i) Offer(0, i, chain[i]);
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(peers_[0]->height(kChannel), 5U);
  EXPECT_EQ(peers_[1]->height(kChannel), 2U);
  const auto status = peers_[1]->Find(kChannel)->status();
  ASSERT_TRUE(status.trouble);
  EXPECT_EQ(status.trouble->code, base::ErrorCode::kIo);
  EXPECT_EQ(peers_[1]->host().metrics().Snapshot().at("grapevine_ledger_trouble{channel=\"mychannel\"}"), 1);
  // What it advertises is what it has.
  EXPECT_EQ(peers_[0]->gossip().PeersOfChannel(kChannel).at(0).properties.ledger_height, 2U);

  peers_[1]->disk().SetCapacity(std::uint64_t{1} << 30);
  ASSERT_TRUE(AllReach(5, 2));
  EXPECT_FALSE(peers_[1]->Find(kChannel)->status().trouble);
  Offer(0, 5, chain[5]);
  EXPECT_TRUE(AllReach(6, 2));
}

// Given a chain that is longer than what the committer takes at once, when a peer starts late, then it gets all of what
// the others hold, although the end of it came first.
TEST_F(NodeTest, ALateStarterGetsMoreThanTheCommitterTakesAtOnce) {
  Build({3}, /*window=*/120, /*gossip_window=*/300);
  ASSERT_TRUE(AllSee(0, 3));
  peers_[2]->Stop();
  const auto chain = Chain(251);
  for (std::size_t i = 1; i < chain.size(); ++i) {
    ASSERT_TRUE(world_.scheduler().RunUntil([&] { return peers_[0]->height(kChannel) + 50 > i; }, 10s));
    ASSERT_TRUE(Offer(0, i, chain[i]));
  }
  ASSERT_TRUE(AllReach(251, 2));
  ASSERT_TRUE(peers_[2]->Restart());
  ASSERT_TRUE(AllReach(251, 3));
}

// Whoever is told of a commit may leave the channel, also while further commits are under way.
TEST_F(NodeTest, LeavesAChannelInTheEventOfACommit) {
  Build({1});
  const auto chain = Chain(4);
  on_committed_ = [](NodePeer& peer) { peer.node().LeaveChannel(kChannel); };
  for (std::size_t i = 3; i > 0; --i) EXPECT_TRUE(Offer(0, i, chain[i]));
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(committed_[peers_[0]->name()], (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(peers_[0]->Find(kChannel), nullptr);
}

// A node that left takes no more blocks; the others see it leave, and it may come back.
TEST_F(NodeTest, LeavesAChannelAndComesBack) {
  Build({2});
  ASSERT_TRUE(AllSee(0, 2));
  const auto chain = Chain(3);
  peers_[1]->node().LeaveChannel(kChannel);
  EXPECT_EQ(peers_[1]->node().FindChannel(kChannel), nullptr);
  const wire::LeadershipMessage declaration{.pki_id = peers_[1]->node().pki_id(), .timestamp = {1, 1}};
  const auto said = peers_[1]->gossip().Gossip(wire::NewMessage(declaration, kChannel));
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, base::ErrorCode::kNotFound);
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return peers_[0]->gossip().PeersOfChannel(kChannel).empty(); }, 60s));
  Offer(0, 1, chain[1]);
  world_.scheduler().RunFor(30s);
  EXPECT_EQ(peers_[1]->height(kChannel), 1U);

  peers_[1]->Stop();
  ASSERT_TRUE(peers_[1]->Restart());
  ASSERT_TRUE(AllReach(2, 2));  // by pull: nobody pushes it again
}

}  // namespace
}  // namespace grapevine::node
