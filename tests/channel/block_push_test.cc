// Blocks that are pushed: acceptance, candidates, forwarding (specification 11.8, 11.9, 11.14).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "channel/block_world.h"

namespace grapevine::channel {
namespace {

using Numbers = std::vector<std::uint64_t>;

class BlockPushTest : public BlockWorld {
 protected:
  BlockPushTest() : node_(AddNode("node")), alice_(AddNode("alice")), bob_(AddNode("bob")), carol_(AddNode("carol")) {
    for (BlockNode* peer : {&alice_, &bob_, &carol_}) Introduce(*peer, node_);
  }
  std::uint64_t Refused(const std::string& reason) const { return node_.Refused("data_msg", reason); }

  BlockNode& node_;
  BlockNode& alice_;
  BlockNode& bob_;
  BlockNode& carol_;
};

// 11.9 DataMessage: verified, stored, forwarded, delivered; 11.6: not back to the sender.
TEST_F(BlockPushTest, AVerifiedBlockIsStoredPassedOnAndDelivered) {
  node_.blocks->SetEpoch(7);
  const base::Bytes block = Block(3);
  Push(alice_, node_, 3, block);
  EXPECT_TRUE(node_.delivered.empty());
  RunFor(20ms);
  ASSERT_EQ(node_.delivered.size(), 1U);
  EXPECT_EQ(node_.delivered[0].number, 3U);
  EXPECT_EQ(node_.delivered[0].block, block);
  EXPECT_EQ(node_.delivered[0].epoch, 7U);
  ASSERT_EQ(node_.accepted.size(), 1U);
  EXPECT_EQ(node_.accepted[0]->connection().pki_id, alice_.pki_id());
  EXPECT_EQ(node_.blocks->stored(), 1U);
  ASSERT_EQ(node_.EmittedBlocks().size(), 1U);
  const gossip::Emission emission = node_.EmittedBlocks()[0];
  EXPECT_EQ(emission.kind, gossip::EmissionKind::kBlock);
  EXPECT_EQ(emission.envelope, Data(3, block));
  EXPECT_EQ(emission.channel, kMyChannel);
  EXPECT_EQ(emission.key.view(), msp::ParseBlock(block)->header.Hash().view());
  EXPECT_EQ(emission.received_from, alice_.pki_id());
}

// D-6: a duplicate costs no verification, whether the first copy is verified already or not.
TEST_F(BlockPushTest, D6_DuplicatesAreRecognisedBeforeVerification) {
  const std::uint64_t before = node_.host.workers().submitted();
  Push(alice_, node_, 3, Block(3));
  Push(bob_, node_, 3, Block(3));
  Push(alice_, node_, 3, Block(3));
  RunFor(20ms);
  Push(carol_, node_, 3, Block(3));
  RunFor(20ms);
  EXPECT_EQ(node_.host.workers().submitted() - before, 1U);
  EXPECT_EQ(Refused("duplicate"), 3U);
  EXPECT_EQ(node_.Numbers(), (Numbers{3}));
  EXPECT_EQ(node_.EmittedBlocks().size(), 1U);
}

TEST_F(BlockPushTest, AForgedBlockIsNeitherStoredNorPassedOn) {
  Push(alice_, node_, 3, Forged(3));
  Push(bob_, node_, 4, Block(5));                            // another number than it says
  Push(carol_, node_, 6, Block(6, "transaction", "other"));  // of another channel
  Push(alice_, node_, 7, base::Bytes::Copy("no block"));
  Push(bob_, node_, 8, {});
  RunFor(20ms);
  EXPECT_EQ(Refused("invalid"), 5U);
  EXPECT_EQ(node_.blocks->stored(), 0U);
  EXPECT_TRUE(node_.delivered.empty());
  EXPECT_TRUE(node_.EmittedBlocks().empty());
}

// 14.6.3: the true block waits its turn behind a forged one of its number.
TEST_F(BlockPushTest, AForgedCandidateDoesNotKeepTheTrueOneAway) {
  Push(alice_, node_, 3, Forged(3));
  Push(bob_, node_, 3, Block(3));
  Push(carol_, node_, 3, Forged(3, "another"));
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{3}));
  EXPECT_EQ(node_.EmittedBlocks().at(0).received_from, bob_.pki_id());
  EXPECT_EQ(Refused("invalid"), 1U);  // carol's was not needed any more
}

TEST_F(BlockPushTest, CandidatesOfANumberAreBounded) {
  BlockNode& dave = AddNode("dave");
  Push(alice_, node_, 3, Forged(3, "1"));
  Push(alice_, node_, 3, Forged(3, "2"));
  EXPECT_EQ(Refused("second_of_sender"), 1U);
  Push(bob_, node_, 3, Forged(3, "3"));
  Push(carol_, node_, 3, Forged(3, "4"));
  Push(dave, node_, 3, Block(3));
  EXPECT_EQ(Refused("too_many_candidates"), 1U);
  RunFor(20ms);
  EXPECT_TRUE(node_.delivered.empty());
  // Once they have failed, the next copy of the true one gets in.
  Push(dave, node_, 3, Block(3));
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{3}));
}

TEST_F(BlockPushTest, NumbersUnderVerificationAreBounded) {
  const std::size_t bound = ChannelConfig().max_verifying_blocks;
  for (std::uint64_t number = 0; number <= bound; ++number) {
    Push(number % 3 == 0 ? alice_ : number % 3 == 1 ? bob_ : carol_, node_, number, Forged(number));
  }
  EXPECT_EQ(Refused("too_many_verifying"), 1U);
}

// One member that sends forged blocks of the future does not take the places of the others.
TEST_F(BlockPushTest, NoPeerTakesAllPlacesUnderVerification) {
  const std::size_t share = ChannelConfig().max_verifying_blocks_per_peer;
  for (std::uint64_t number = 1; number <= 2 * share; ++number) Push(alice_, node_, number, Forged(number));
  EXPECT_EQ(Refused("too_many_of_sender"), share);
  Push(bob_, node_, 0, Block(0));
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{0}));
}

// 11.8: what the ledger has, or what is below the window, is refused before verification.
TEST_F(BlockPushTest, OldNumbersAreRefused) {
  node_.blocks->SetLedgerHeight(5);
  PushAndWait(alice_, node_, 4);
  EXPECT_EQ(Refused("out_of_window"), 1U);
  PushAndWait(alice_, node_, 5);
  Push(alice_, node_, 120, Block(120));  // the window begins at 110 now
  RunFor(20ms);
  EXPECT_EQ(node_.blocks->stored(), 1U);
  Push(alice_, node_, 109, Block(109));
  RunFor(20ms);
  EXPECT_EQ(Refused("out_of_window"), 2U);
  Push(alice_, node_, 110, Block(110));
  RunFor(20ms);
  EXPECT_EQ(node_.blocks->stored(), 2U);

  // They are delivered when the ledger has come within a hundred blocks.
  EXPECT_EQ(node_.Numbers(), (Numbers{5}));
  node_.blocks->SetLedgerHeight(10);
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{5}));
  node_.blocks->SetLedgerHeight(11);
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{5, 110}));
  node_.blocks->SetLedgerHeight(21);
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{5, 110, 120}));
}

// A number counts only once its block is verified: nobody can push the window away with a forged one.
TEST_F(BlockPushTest, AForgedFarNumberDoesNotMoveTheWindow) {
  Push(alice_, node_, 1'000'000, Forged(1'000'000));
  Push(alice_, node_, UINT64_MAX, Forged(UINT64_MAX));
  RunFor(20ms);
  EXPECT_EQ(Refused("invalid"), 1U);
  EXPECT_EQ(Refused("out_of_window"), 1U);  // there is no number above the greatest one
  PushAndWait(alice_, node_, 1);
  EXPECT_EQ(node_.Numbers(), (Numbers{1}));
}

// 14.6.3: the acceptance test is repeated when the verdict comes.
TEST_F(BlockPushTest, ABlockThatTheLedgerGotMeanwhileIsNotDelivered) {
  Push(alice_, node_, 1, Block(1));
  node_.blocks->SetLedgerHeight(2);
  RunFor(20ms);
  EXPECT_TRUE(node_.delivered.empty());
  EXPECT_EQ(Refused("out_of_window"), 1U);
}

TEST_F(BlockPushTest, TheEpochIsThatAtTheBeginningOfTheVerification) {
  node_.blocks->SetEpoch(1);
  Push(alice_, node_, 1, Block(1));
  node_.blocks->SetEpoch(2);
  RunFor(20ms);
  PushAndWait(alice_, node_, 2);
  ASSERT_EQ(node_.delivered.size(), 2U);
  EXPECT_EQ(node_.delivered[0].epoch, 1U);
  EXPECT_EQ(node_.delivered[1].epoch, 2U);
}

TEST_F(BlockPushTest, WhatNoPeerSendsIsRefused) {
  const wire::DataMessage with_private{{.number = 1, .block = Block(1), .private_data = {base::Bytes::Copy("secret")}}};
  node_.blocks->HandleBlock(From(alice_, wire::UnsignedEnvelope(wire::NewMessage(with_private, kMyChannel))),
                            node_.ticket);
  EXPECT_EQ(Refused("private_data"), 1U);
  const wire::Envelope with_signature = wire::Envelope::Make(Data(1, Block(1)).payload(), "signature");
  node_.blocks->HandleBlock(From(alice_, with_signature), node_.ticket);
  EXPECT_EQ(Refused("signed"), 1U);
  node_.blocks->HandleBlock(From(alice_, wire::UnsignedEnvelope(wire::NewMessage(wire::PullHello{}, kMyChannel))),
                            node_.ticket);
  EXPECT_EQ(Refused("wrong_type"), 1U);
  RunFor(20ms);
  EXPECT_TRUE(node_.delivered.empty());
}

// 11.13 Gossip: stored and pushed, from nobody, and not delivered to where it came from.
TEST_F(BlockPushTest, APublishedBlockIsStoredAndPushedOnce) {
  const base::Bytes block = Block(4);
  node_.blocks->Publish(4, block);
  node_.blocks->Publish(4, block);
  RunFor(20ms);
  ASSERT_EQ(node_.EmittedBlocks().size(), 1U);
  EXPECT_EQ(node_.EmittedBlocks()[0].envelope, Data(4, block));
  EXPECT_EQ(node_.EmittedBlocks()[0].received_from, std::nullopt);
  EXPECT_EQ(node_.EmittedBlocks()[0].key.view(), msp::ParseBlock(block)->header.Hash().view());
  EXPECT_EQ(node_.blocks->stored(), 1U);
  EXPECT_TRUE(node_.delivered.empty());
  PushAndWait(alice_, node_, 4);
  EXPECT_EQ(node_.EmittedBlocks().size(), 1U);
}

// 11.8: time to live of the block store, 100 pull intervals; afterwards nothing is left to do.
TEST_F(BlockPushTest, StoredBlocksExpireAndAnIdleNodeHasNoTimer) {
  const std::size_t idle = world_.scheduler().pending();
  PushAndWait(alice_, node_, 0);
  RunFor(399s);
  EXPECT_EQ(node_.blocks->stored(), 1U);
  RunFor(2s);
  EXPECT_EQ(node_.blocks->stored(), 0U);
  EXPECT_LE(world_.scheduler().pending(), idle);
}

TEST_F(BlockPushTest, AfterLeavingNothingIsAcceptedOrPublished) {
  Push(alice_, node_, 1, Block(1));
  node_.blocks->Leave();
  Push(alice_, node_, 2, Block(2));
  node_.blocks->Publish(3, Block(3));
  RunFor(20ms);
  EXPECT_TRUE(node_.delivered.empty());
  EXPECT_TRUE(node_.EmittedBlocks().empty());
  EXPECT_EQ(Refused("left"), 1U);
}

// A block that turned out not to be valid under a configuration before it makes room for the true one.
TEST_F(BlockPushTest, AfterABlockWasDiscardedAnotherOneOfItsNumberIsDelivered) {
  const base::Bytes stale = Block(0, "of an orderer that was removed");
  Push(alice_, node_, 0, stale);
  RunFor(20ms);
  Push(bob_, node_, 0, Block(0));
  RunFor(20ms);
  EXPECT_EQ(node_.Numbers(), (Numbers{0}));

  node_.blocks->Discard(0);
  Push(bob_, node_, 0, Block(0));
  RunFor(20ms);
  ASSERT_EQ(node_.Numbers(), (Numbers{0, 0}));
  EXPECT_EQ(node_.delivered[1].block, Block(0));
}

// A message keeps its place among those in work until its verdict is in.
TEST_F(BlockPushTest, TheTicketIsKeptUntilTheVerdict) {
  auto place = std::make_shared<int>(0);
  node_.blocks->HandleBlock(From(alice_, Data(1, Block(1))), place);
  EXPECT_EQ(place.use_count(), 2);
  RunFor(20ms);
  EXPECT_EQ(place.use_count(), 1);
}

}  // namespace
}  // namespace grapevine::channel
