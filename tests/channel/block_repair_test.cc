// What push has missed is asked for without waiting for the next round of pull (14: D-18 and the flake classes are why
// nothing here waits longer than it must).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "channel/block_world.h"

namespace grapevine::channel {
namespace {

using Numbers = std::vector<std::uint64_t>;

class BlockRepairTest : public BlockWorld {
 protected:
  BlockRepairTest() : node_(AddNode("node")), alice_(AddNode("alice")), bob_(AddNode("bob")) { IntroduceAll(); }

  static void Publish(BlockNode& at, const std::vector<base::Bytes>& blocks, std::uint64_t first = 0) {
    for (std::size_t i = 0; i < blocks.size(); ++i) at.blocks->Publish(first + i, blocks[i]);
  }
  std::vector<base::Bytes> Chain(std::uint64_t size) const {
    std::vector<base::Bytes> chain;
    for (std::uint64_t number = 0; number < size; ++number) chain.push_back(Block(number));
    return chain;
  }
  // The height that `peer` advertises becomes known.
  void Advertise(BlockNode& peer, std::uint64_t height) {
    SendStateInfo(peer, node_, height);
    node_.blocks->PeerHeight(peer.pki_id(), height);
  }
  static std::vector<std::string> Ids(const comm::ReceivedMessagePtr& request) {
    std::vector<std::string> ids;
    for (const base::Bytes& id : request->message().As<wire::PullRequest>()->digests) ids.push_back(id.ToString());
    return ids;
  }

  BlockNode& node_;
  BlockNode& alice_;
  BlockNode& bob_;
};

TEST_F(BlockRepairTest, AGapIsAskedOfWhoSentTheLaterBlock) {
  Publish(alice_, Chain(3));
  Push(alice_, node_, 0, Block(0));
  Push(alice_, node_, 2, Block(2));
  RunFor(1s);
  EXPECT_EQ(node_.Numbers(), (Numbers{0, 2, 1}));
  ASSERT_EQ(alice_.Got<wire::PullRequest>().size(), 1U);
  EXPECT_EQ(Ids(alice_.Got<wire::PullRequest>()[0]), (std::vector<std::string>{"1"}));
  EXPECT_TRUE(bob_.Got<wire::PullRequest>().empty());
  EXPECT_EQ(node_.Fetches(), 1U);
  EXPECT_EQ(node_.GivenUp(), 0U);
}

// The promise: jitter and one round trip, beside the verification of the later block and of the missing one.
TEST_F(BlockRepairTest, ALostBlockComesWithinTheJitterAndOneRoundTrip) {
  Publish(alice_, Chain(3));
  Push(alice_, node_, 0, Block(0));
  Push(alice_, node_, 2, Block(2));  // the repair of 1 opens the connection
  RunFor(1s);
  Publish(alice_, {Block(3), Block(4)}, 3);
  const base::SteadyTime start = Now();
  Push(alice_, node_, 4, Block(4));
  RunFor(1s);
  ASSERT_EQ(node_.Numbers(), (Numbers{0, 2, 1, 4, 3}));
  EXPECT_EQ(node_.delivered[3].time, start + kVerification);
  EXPECT_EQ(node_.delivered[4].time, start + kVerification + kJitter + 2 * kLinkLatency + kVerification);
}

TEST_F(BlockRepairTest, APushWithinTheJitterMakesRepairNeedless) {
  Publish(alice_, Chain(2));
  Push(alice_, node_, 1, Block(1));
  RunFor(kJitter / 2);
  Push(bob_, node_, 0, Block(0));
  RunFor(5s);
  EXPECT_EQ(node_.Numbers(), (Numbers{1, 0}));
  EXPECT_EQ(node_.Fetches(), 0U);
  EXPECT_TRUE(alice_.received.empty());
}

TEST_F(BlockRepairTest, APushEndsAFetchThatIsUnderWay) {
  alice_.silent = true;
  Push(alice_, node_, 1, Block(1));
  RunFor(kJitter + 500ms);
  EXPECT_EQ(node_.Fetches(), 1U);
  EXPECT_FALSE(node_.blocks->Wants(EncodeBlockId(0)));  // not asked for twice
  Push(bob_, node_, 0, Block(0));
  RunFor(10s);
  EXPECT_EQ(node_.Numbers(), (Numbers{1, 0}));
  EXPECT_EQ(node_.Fetches(), 1U);
  EXPECT_EQ(node_.GivenUp(), 0U);
}

TEST_F(BlockRepairTest, AnotherPeerIsAskedWhenTheFirstIsSilent) {
  alice_.silent = true;
  Publish(bob_, Chain(2));
  const base::SteadyTime start = Now();
  Push(alice_, node_, 1, Block(1));
  RunFor(kJitter + 500ms);
  EXPECT_EQ(alice_.Got<wire::PullRequest>().size(), 1U);
  Advertise(bob_, 2);
  world_.scheduler().RunUntil(start + kVerification + kJitter + ChannelConfig().repair_wait);
  EXPECT_EQ(node_.Fetches(), 2U);
  RunFor(500ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{1, 0}));
  EXPECT_EQ(bob_.Got<wire::PullRequest>().size(), 1U);
  EXPECT_EQ(alice_.Got<wire::PullRequest>().size(), 1U);
}

// A peer that answers with something else costs one verification, not the block.
TEST_F(BlockRepairTest, AnotherPeerIsAskedAtOnceWhenTheFirstAnswersWithAForgedBlock) {
  alice_.blocks->Publish(0, Forged(0));
  Push(alice_, node_, 1, Block(1));
  RunFor(kJitter / 2);
  Publish(bob_, Chain(2));
  Advertise(bob_, 2);
  RunFor(1s);
  EXPECT_EQ(node_.Numbers(), (Numbers{1, 0}));
  EXPECT_EQ(node_.delivered[1].block, Block(0));
  EXPECT_LE(node_.Fetches(), 2U);
  EXPECT_EQ(bob_.Got<wire::PullRequest>().size(), 1U);
}

TEST_F(BlockRepairTest, AttemptsAreBoundedAndTheNextHintBeginsAnew) {
  ChannelConfig config = FixedJitter();
  config.repair_attempts = 3;
  BlockNode& lonely = AddNode("lonely", config);
  std::vector<BlockNode*> silent;
  for (int i = 0; i < 6; ++i) {
    silent.push_back(&AddNode("silent" + std::to_string(i)));
    silent.back()->silent = true;
    Introduce(*silent.back(), lonely, 1);
  }
  lonely.blocks->PeerHeight(silent[0]->pki_id(), 1);
  RunFor(60s);
  EXPECT_EQ(lonely.Fetches(), 3U);
  EXPECT_EQ(lonely.GivenUp(), 1U);
  std::size_t asked = 0;
  for (const BlockNode* peer : silent) {
    EXPECT_LE(peer->Got<wire::PullRequest>().size(), 1U);
    asked += peer->Got<wire::PullRequest>().size();
  }
  EXPECT_EQ(asked, 3U);
  lonely.blocks->PeerHeight(silent[1]->pki_id(), 1);
  RunFor(60s);
  EXPECT_EQ(lonely.Fetches(), 6U);
  EXPECT_EQ(lonely.GivenUp(), 2U);
}

TEST_F(BlockRepairTest, AnAdvertisedHeightBringsAllMissingBlocksInOneRequest) {
  Publish(alice_, Chain(8));
  node_.blocks->SetLedgerHeight(2);
  PushAndWait(bob_, node_, 2);
  Advertise(alice_, 8);
  RunFor(1s);
  EXPECT_EQ(node_.Numbers(), (Numbers{2, 3, 4, 5, 6, 7}));
  ASSERT_EQ(alice_.Got<wire::PullRequest>().size(), 1U);
  EXPECT_EQ(Ids(alice_.Got<wire::PullRequest>()[0]), (std::vector<std::string>{"3", "4", "5", "6", "7"}));
}

TEST_F(BlockRepairTest, ADigestBringsWhatItNamesBeforeTheRoundIsOver) {
  Publish(alice_, Chain(1));
  const wire::PullDigest digest{.nonce = 9, .digests = {EncodeBlockId(0)}, .type = wire::PullType::kBlock};
  node_.blocks->HandlePull(From(alice_, wire::UnsignedEnvelope(wire::NewMessage(digest, kMyChannel))), node_.ticket);
  RunFor(1s);
  EXPECT_EQ(node_.Numbers(), (Numbers{0}));
}

// What was delivered is on its way to the ledger, also if its height does not say so yet.
TEST_F(BlockRepairTest, WhatWasDeliveredIsNotAskedForAgain) {
  Publish(alice_, Chain(3));
  for (const std::uint64_t number : {0U, 1U, 2U}) PushAndWait(bob_, node_, number);
  Advertise(alice_, 3);
  RunFor(5s);
  EXPECT_EQ(node_.Fetches(), 0U);
  EXPECT_EQ(node_.Numbers(), (Numbers{0, 1, 2}));
}

// 11.9: the own organisation only; D-19: not who has left.
TEST_F(BlockRepairTest, OnlyLivingMembersOfTheOwnOrganisationAreAsked) {
  BlockNode& foreign = AddNode("foreign", {}, kOrg2);
  BlockNode& dead = AddNode("dead");
  BlockNode& gone = AddNode("gone");
  for (BlockNode* peer : {&foreign, &dead, &gone}) {
    Introduce(*peer, node_, 5);
    Introduce(node_, *peer);
    Publish(*peer, Chain(5));
  }
  node_.peers.alive.erase(std::ranges::find(node_.peers.alive, dead.pki_id(), &gossip::Peer::pki_id));
  node_.peers.dead.push_back(dead.peers.self);
  SendStateInfo(gone, node_, 5, true);
  for (BlockNode* peer : {&foreign, &dead, &gone}) node_.blocks->PeerHeight(peer->pki_id(), 5);
  RunFor(10s);
  EXPECT_EQ(node_.Fetches(), 0U);
  for (BlockNode* peer : {&foreign, &dead, &gone}) EXPECT_TRUE(peer->received.empty());
}

// What lies outside of the window is state transfer's, and shows in a gauge.
TEST_F(BlockRepairTest, BlocksBeyondTheWindowAreLeftToStateTransfer) {
  Publish(alice_, Chain(5));
  Advertise(alice_, 1000);
  EXPECT_EQ(node_.BeyondWindow(), 1000 - 11);
  RunFor(10s);
  EXPECT_EQ(node_.Fetches(), 0U);
  EXPECT_TRUE(alice_.received.empty());
  node_.blocks->SetLedgerHeight(1000);
  EXPECT_EQ(node_.BeyondWindow(), 0);
  Advertise(bob_, UINT64_MAX);
  RunFor(10s);
  EXPECT_EQ(node_.Fetches(), 0U);
}

// A peer may claim what it wants: others are asked for what is really missing.
TEST_F(BlockRepairTest, AFalseHeightDoesNotHideWhatIsMissing) {
  Publish(alice_, Chain(2));
  Advertise(bob_, UINT64_MAX);
  Push(alice_, node_, 1, Block(1));
  RunFor(2s);
  EXPECT_EQ(node_.Numbers(), (Numbers{1, 0}));
}

TEST_F(BlockRepairTest, LeavingEndsIt) {
  Publish(alice_, Chain(1));
  Advertise(alice_, 1);
  node_.blocks->Leave();
  RunFor(5s);
  node_.blocks->PeerHeight(alice_.pki_id(), 1);
  RunFor(5s);
  EXPECT_EQ(node_.Fetches(), 0U);
  EXPECT_TRUE(node_.delivered.empty());
}

TEST_F(BlockRepairTest, LeavingWhileAnAnswerIsAwaitedDropsTheAnswer) {
  Publish(alice_, Chain(1));
  Advertise(alice_, 1);
  RunFor(kJitter);
  EXPECT_EQ(node_.Fetches(), 1U);
  node_.blocks->Leave();
  RunFor(5s);
  EXPECT_TRUE(node_.delivered.empty());
}

TEST_F(BlockRepairTest, DestroyingTheExchangeWhileAnAnswerIsAwaitedIsSafe) {
  Publish(alice_, Chain(1));
  Advertise(alice_, 1);
  RunFor(kJitter);
  node_.silent = true;
  node_.blocks.reset();
  RunFor(5s);
  EXPECT_TRUE(node_.delivered.empty());
}

}  // namespace
}  // namespace grapevine::channel
