// Complete nodes on virtual time: they find one another, and blocks that enter at one reach every member of its
// organisation, verified, in order and durable.
#include "node/node.h"

#include <gtest/gtest.h>

#include <functional>
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

  // The genesis block is in the ledger already.
  void Start(const std::string& organization, const base::Endpoint& bootstrap, channel::JoinMessage join,
             std::uint64_t window, std::uint64_t gossip_window = 10) {
    NodeConfig config;
    config.gossip.channel.block_window = gossip_window;
    config.organization = organization;
    config.block_window = window;
    config.gossip.membership.endpoint = host.endpoint();
    config.gossip.membership.external_endpoint = host.endpoint();
    if (bootstrap != host.endpoint()) config.gossip.membership.bootstrap = {bootstrap};
    node = std::make_unique<Node>(host.environment(),
                                  NodeParts{.transport = host.transport(), .server = host.server(), .crypto = crypto},
                                  crypto.own_identity(), config);
    node->Start();
    const auto joined = node->JoinChannel({.name = kChannel,
                                           .ledger = *ledger,
                                           .join = join,
                                           .apply =
                                               [this, join](const base::Bytes&) {
                                                 ++configurations;
                                                 auto next = join;
                                                 next.sequence += configurations;
                                                 return base::Result<channel::JoinMessage>(next);
                                               },
                                           .committed =
                                               [this](std::uint64_t number) {
                                                 committed.push_back(number);
                                                 if (on_committed) on_committed();
                                               }});
    ASSERT_TRUE(joined);
  }
  ChannelPeer& channel() { return *node->FindChannel(kChannel); }
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
  std::function<void()> on_committed;
};

class NodeTest : public ::testing::Test {
 protected:
  // `sizes`: peers of Org1MSP, Org2MSP, ...; block 0 is in every ledger. The first peer of each organisation is its
  // bootstrap peer.
  void Build(const std::vector<std::size_t>& sizes, std::uint64_t window = 200, std::uint64_t gossip_window = 10) {
    orderer_ = authority_.Issue("OrdererMSP", "orderer");
    genesis_ = Block(0, "", "genesis");
    channel::JoinMessage& join = join_;
    for (std::size_t i = 1; i <= sizes.size(); ++i) join.organizations.push_back(MspId(i));
    authority_.SetReaders(kChannel, {join.organizations.begin(), join.organizations.end()});
    for (std::size_t organization = 1; organization <= sizes.size(); ++organization) {
      const std::size_t first = peers_.size();
      for (std::size_t i = 0; i < sizes[organization - 1]; ++i) {
        const std::string name = "peer" + std::to_string(i) + "." + MspId(organization);
        Host& host = world_.AddHost(name);
        peers_.push_back(std::make_unique<Peer>(host, authority_, authority_.Issue(MspId(organization), name)));
        Peer& peer = *peers_.back();
        const auto commit = peer.ledger->Commit(genesis_, [](base::Result<void>) {});
        ASSERT_TRUE(world_.scheduler().RunUntil([&] { return peer.ledger->height() == 1; }, 10s));
        peer.Start(MspId(organization), peers_[first]->host.endpoint(), join, window, gossip_window);
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
  // Every peer sees every other one of its organisation in the channel.
  bool AllSee(std::size_t first, std::size_t count) {
    return world_.scheduler().RunUntil(
        [&] {
          for (std::size_t i = first; i < first + count; ++i) {
            std::size_t seen = 0;
            for (const auto& member : peers_[i]->node->gossip().PeersOfChannel(kChannel)) {
              if (peers_[i]->node->gossip().IsInMyOrg(member.peer)) ++seen;
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
  std::vector<std::unique_ptr<Peer>> peers_;
};

// Given nodes that know one bootstrap peer each, when a chain enters at one, then its organisation gets it, in order
// and once, and nobody else does.
TEST_F(NodeTest, AChainReachesEveryMemberOfTheOrganisationAndNobodyElse) {
  Build({13, 2});
  ASSERT_TRUE(AllSee(0, 13));
  const auto chain = Chain(21);
  for (std::size_t i = 1; i < chain.size(); ++i) EXPECT_TRUE(peers_[4]->channel().Offer(i, chain[i]));

  ASSERT_TRUE(AllReach(21, 13));
  for (std::size_t i = 0; i < 13; ++i) {
    ASSERT_EQ(peers_[i]->committed.size(), 20U);
    for (std::uint64_t number = 1; number < 21; ++number) EXPECT_EQ(peers_[i]->committed[number - 1], number);
    EXPECT_EQ(peers_[i]->ledger->current_hash(), peers_[4]->ledger->current_hash());
  }
  // Blocks travel within the organisation only.
  world_.scheduler().RunFor(60s);
  EXPECT_EQ(peers_[13]->ledger->height(), 1U);
  EXPECT_EQ(peers_[14]->ledger->height(), 1U);
}

// Every height that a node advertises is on its disk.
TEST_F(NodeTest, TheAdvertisedHeightIsTheDurableOne) {
  Build({2});
  ASSERT_TRUE(AllSee(0, 2));
  const auto chain = Chain(4);
  for (std::size_t i = 1; i < chain.size(); ++i) peers_[0]->channel().Offer(i, chain[i]);
  ASSERT_TRUE(AllReach(4, 2));
  ASSERT_TRUE(world_.scheduler().RunUntil(
      [&] {
        const auto members = peers_[1]->node->gossip().PeersOfChannel(kChannel);
        return members.size() == 1 && members[0].properties.ledger_height == 4;
      },
      60s));
}

TEST_F(NodeTest, BlocksThatArriveInAnyOrderAreCommittedInOrder) {
  Build({1});
  const auto chain = Chain(6);
  for (const std::size_t i : {4U, 2U, 5U, 1U, 3U}) EXPECT_TRUE(peers_[0]->channel().Offer(i, chain[i]));
  ASSERT_TRUE(AllReach(6, 1));
  EXPECT_EQ(peers_[0]->committed, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST_F(NodeTest, KnownBlocksAndBlocksBeyondTheWindowAreRefused) {
  Build({1}, /*window=*/3);
  const auto chain = Chain(6);
  EXPECT_TRUE(peers_[0]->channel().Offer(2, chain[2]));
  EXPECT_FALSE(peers_[0]->channel().Offer(2, chain[2]));  // pending
  EXPECT_TRUE(peers_[0]->channel().Offer(3, chain[3]));
  EXPECT_FALSE(peers_[0]->channel().Offer(4, chain[4]));  // three above the height
  EXPECT_TRUE(peers_[0]->channel().Offer(1, chain[1]));
  ASSERT_TRUE(AllReach(4, 1));
  EXPECT_FALSE(peers_[0]->channel().Offer(3, chain[3]));  // stored
  EXPECT_EQ(peers_[0]->Counter("grapevine_blocks_duplicate", {{"channel", kChannel}}), 2U);
}

// A forged copy must not keep the true block away, and must not be passed on.
TEST_F(NodeTest, AForgedBlockIsDroppedCountedAndNotForwarded) {
  Build({3});
  ASSERT_TRUE(AllSee(0, 3));
  const auto chain = Chain(2);
  const auto mallory = authority_.Issue("Org1MSP", "mallory");
  const auto forged = simulation::MakeBlock(authority_, mallory, kChannel, 1, HashOf(genesis_), {"forged"});
  EXPECT_TRUE(peers_[0]->channel().Offer(1, forged));
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(peers_[0]->Counter("grapevine_blocks_invalid", {{"channel", kChannel}}), 1U);
  EXPECT_NE(peers_[0]->channel().last_refusal()->message.find("block 1 of channel mychannel refused"),
            std::string::npos);
  for (const auto& peer : peers_) EXPECT_EQ(peer->node->gossip().FindChannel(kChannel)->blocks().stored(), 0U);

  EXPECT_TRUE(peers_[0]->channel().Offer(1, chain[1]));
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
  EXPECT_TRUE(peers_[0]->channel().Offer(2, forge("forged")));
  EXPECT_TRUE(peers_[0]->channel().Offer(2, chain[2]));
  EXPECT_FALSE(peers_[0]->channel().Offer(2, chain[2]));
  EXPECT_TRUE(peers_[0]->channel().Offer(2, forge("another")));
  EXPECT_FALSE(peers_[0]->channel().Offer(2, forge("a fourth")));  // three candidates are kept

  EXPECT_TRUE(peers_[0]->channel().Offer(1, chain[1]));
  ASSERT_TRUE(AllReach(3, 1));
  EXPECT_EQ(peers_[0]->ledger->current_hash(), HashOf(chain[2]));
  EXPECT_EQ(peers_[0]->Counter("grapevine_blocks_invalid", {{"channel", kChannel}}), 1U);
}

// The disk never lies: what could not be stored is not counted, and the node says why (full disk).
TEST_F(NodeTest, AFullDiskStopsCommittingAndIsReported) {
  Build({1});
  const auto chain = Chain(4);
  peers_[0]->channel().Offer(1, chain[1]);
  ASSERT_TRUE(AllReach(2, 1));
  peers_[0]->disk.SetCapacity(0);
  peers_[0]->channel().Offer(2, chain[2]);
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(peers_[0]->ledger->height(), 2U);
  ASSERT_FALSE(peers_[0]->channel().health());
  EXPECT_EQ(peers_[0]->channel().health().error().code, base::ErrorCode::kIo);
  EXPECT_FALSE(peers_[0]->channel().Offer(3, chain[3]));
}

// Given a chain that is longer than what the committer takes at once, when a peer starts late, then it gets all of what
// the others hold, although the end of it came first.
TEST_F(NodeTest, ALateStarterGetsMoreThanTheCommitterTakesAtOnce) {
  Build({3}, /*window=*/120, /*gossip_window=*/300);
  ASSERT_TRUE(AllSee(0, 3));
  peers_[2]->node.reset();
  const auto chain = Chain(251);
  for (std::size_t i = 1; i < chain.size(); ++i) {
    ASSERT_TRUE(world_.scheduler().RunUntil([&] { return peers_[0]->ledger->height() + 50 > i; }, 10s));
    ASSERT_TRUE(peers_[0]->channel().Offer(i, chain[i]));
  }
  ASSERT_TRUE(AllReach(251, 2));
  peers_[2]->Start(MspId(1), peers_[0]->host.endpoint(), join_, 120, 300);
  ASSERT_TRUE(AllReach(251, 3));
}

// Whoever is told of a commit may leave the channel, also while further commits are under way.
TEST_F(NodeTest, LeavesAChannelInTheEventOfACommit) {
  Build({1});
  const auto chain = Chain(4);
  Peer& peer = *peers_[0];
  peer.on_committed = [&peer] { peer.node->LeaveChannel(kChannel); };
  for (std::size_t i = 1; i < chain.size(); ++i) ASSERT_TRUE(peer.channel().Offer(i, chain[i]));
  world_.scheduler().RunFor(10s);
  EXPECT_EQ(peer.committed, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(peer.node->FindChannel(kChannel), nullptr);
}

// A node that left takes no more blocks; the others see it leave, and it may come back.
TEST_F(NodeTest, LeavesAChannelAndComesBack) {
  Build({2});
  ASSERT_TRUE(AllSee(0, 2));
  const auto chain = Chain(3);
  peers_[1]->node->LeaveChannel(kChannel);
  EXPECT_EQ(peers_[1]->node->FindChannel(kChannel), nullptr);
  const wire::LeadershipMessage declaration{.pki_id = peers_[1]->node->pki_id(), .timestamp = {1, 1}};
  const auto said = peers_[1]->node->gossip().Gossip(wire::NewMessage(declaration, kChannel));
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, base::ErrorCode::kNotFound);
  ASSERT_TRUE(
      world_.scheduler().RunUntil([&] { return peers_[0]->node->gossip().PeersOfChannel(kChannel).empty(); }, 60s));
  peers_[0]->channel().Offer(1, chain[1]);
  world_.scheduler().RunFor(30s);
  EXPECT_EQ(peers_[1]->ledger->height(), 1U);

  channel::JoinMessage join;
  join.organizations = {MspId(1)};
  peers_[1]->node.reset();
  peers_[1]->Start(MspId(1), peers_[0]->host.endpoint(), join, 200);
  ASSERT_TRUE(AllReach(2, 2));  // by pull: nobody pushes it again
}

}  // namespace
}  // namespace grapevine::node
