// Blocks that are pulled (specification 11.9 to 11.11).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "channel/block_world.h"

namespace grapevine::channel {
namespace {

using Numbers = std::vector<std::uint64_t>;

ChannelConfig WithoutRepair() {
  ChannelConfig config;
  config.repair_attempts = 0;
  return config;
}

class BlockPullTest : public BlockWorld {
 protected:
  BlockPullTest() : node_(AddNode("node", WithoutRepair())), alice_(AddNode("alice")), bob_(AddNode("bob")) {
    IntroduceAll();
  }
  static base::Bytes Id(std::string text) { return base::Bytes(std::move(text)); }
  void Receive(const std::vector<wire::Envelope>& items) {
    const wire::PullUpdate update{.nonce = 1, .data = items, .type = wire::PullType::kBlock};
    node_.blocks->Receive(From(alice_, wire::UnsignedEnvelope(wire::NewMessage(update, kMyChannel))), items,
                          node_.ticket);
    RunFor(20ms);
  }
  std::uint64_t Refused(const std::string& reason) const { return node_.Refused("data_update", reason); }
  std::vector<std::string> Digest() const {
    std::vector<std::string> ids;
    for (const base::Bytes& id : node_.blocks->Digest({})) ids.push_back(id.ToString());
    return ids;
  }

  BlockNode& node_;
  BlockNode& alice_;
  BlockNode& bob_;
};

// 11.11, over the network: a round of pull brings what push has missed; 11.6: it is delivered and not pushed on.
TEST_F(BlockPullTest, ARoundBringsWhatOthersHave) {
  for (const std::uint64_t number : {0U, 1U, 2U}) alice_.blocks->Publish(number, Block(number));
  node_.blocks->SetEpoch(3);
  node_.blocks->Start();
  RunFor(8s);
  EXPECT_EQ(node_.Numbers(), (Numbers{0, 1, 2}));
  EXPECT_EQ(node_.delivered[0].block, Block(0));
  EXPECT_EQ(node_.delivered[0].epoch, 3U);
  EXPECT_EQ(node_.blocks->stored(), 3U);
  EXPECT_TRUE(node_.EmittedBlocks().empty());
  // 11.13: local subscribers get them as if they had come alone.
  ASSERT_EQ(node_.accepted.size(), 3U);
  EXPECT_EQ(node_.accepted[2]->message().As<wire::DataMessage>()->payload.number, 2U);
  EXPECT_EQ(node_.accepted[2]->connection().pki_id, alice_.pki_id());
  EXPECT_EQ(alice_.Got<wire::PullRequest>().size(), 1U);
}

// Others depend on this node for push: the first pushed copy goes on, also if the block came by pull before.
TEST_F(BlockPullTest, APulledBlockIsPassedOnWhenItIsPushedLater) {
  Receive({Data(1, Block(1))});
  EXPECT_TRUE(node_.EmittedBlocks().empty());
  Push(bob_, node_, 1, Block(1));
  Push(alice_, node_, 1, Block(1));
  RunFor(20ms);
  ASSERT_EQ(node_.EmittedBlocks().size(), 1U);
  EXPECT_EQ(node_.EmittedBlocks()[0].received_from, bob_.pki_id());
  EXPECT_EQ(node_.Numbers(), (Numbers{1}));
}

TEST_F(BlockPullTest, ABlockPushedWhileItsPulledCopyIsVerifiedIsPassedOn) {
  const std::vector<wire::Envelope> items{Data(1, Block(1))};
  const wire::PullUpdate update{.nonce = 1, .data = items, .type = wire::PullType::kBlock};
  node_.blocks->Receive(From(alice_, wire::UnsignedEnvelope(wire::NewMessage(update, kMyChannel))), items,
                        node_.ticket);
  Push(bob_, node_, 1, Block(1));
  RunFor(20ms);
  ASSERT_EQ(node_.EmittedBlocks().size(), 1U);
  EXPECT_EQ(node_.EmittedBlocks()[0].received_from, bob_.pki_id());
  EXPECT_EQ(node_.accepted.size(), 1U);
}

TEST_F(BlockPullTest, TheDigestNamesTheStoredNumbersInDecimal) {
  EXPECT_TRUE(Digest().empty());
  for (const std::uint64_t number : {9U, 10U, 100U}) node_.blocks->Publish(number, Block(number));
  EXPECT_EQ(Digest(), (std::vector<std::string>{"100"}));  // 100 has moved the window up
  node_.blocks->Publish(99, Block(99));
  EXPECT_EQ(Digest(), (std::vector<std::string>{"99", "100"}));
}

// 11.11 ingress filter: numeric, not in the ledger, not held.
TEST_F(BlockPullTest, WantsOnlyNumbersThatItLacks) {
  node_.blocks->SetLedgerHeight(5);
  PushAndWait(alice_, node_, 7);
  EXPECT_TRUE(node_.blocks->Wants(Id("5")));
  EXPECT_TRUE(node_.blocks->Wants(Id("6")));
  EXPECT_TRUE(node_.blocks->Wants(Id("100")));
  EXPECT_FALSE(node_.blocks->Wants(Id("4")));
  EXPECT_FALSE(node_.blocks->Wants(Id("7")));
  for (const char* id : {"", "05", "+6", "-6", "6 ", "six", "18446744073709551615", "99999999999999999999"}) {
    EXPECT_FALSE(node_.blocks->Wants(Id(id))) << id;
  }
  Push(alice_, node_, 8, Block(8));
  EXPECT_FALSE(node_.blocks->Wants(Id("8")));  // being verified
}

TEST_F(BlockPullTest, FindsStoredBlocksOnceEach) {
  for (const std::uint64_t number : {1U, 2U, 3U}) node_.blocks->Publish(number, Block(number));
  EXPECT_EQ(node_.blocks->Find({}, {Id("3"), Id("1"), Id("4"), Id("3"), Id("03"), Id("x"), Id("1")}),
            (std::vector<wire::Envelope>{Data(3, Block(3)), Data(1, Block(1))}));
}

TEST_F(BlockPullTest, AnAnswerIsBounded) {
  ChannelConfig config;
  config.max_update_bytes = 2 * Data(1, Block(1)).encoded().size();
  BlockNode& small = AddNode("small", config);
  for (const std::uint64_t number : {1U, 2U, 3U}) small.blocks->Publish(number, Block(number));
  EXPECT_EQ(small.blocks->Find({}, {Id("1"), Id("2"), Id("3")}).size(), 2U);
  // One block is always answered, or it could never be pulled.
  small.blocks->Publish(4, Block(4, std::string(10'000, 'x')));
  EXPECT_EQ(small.blocks->Find({}, {Id("4"), Id("1")}).size(), 1U);
}

// 11.9: one element that is not a data message of this channel, and the whole update is dropped. D-1: one without
// payload is refused instead of bringing the node down.
TEST_F(BlockPullTest, D1_AnUpdateWithAnElementThatDoesNotBelongIsDropped) {
  const std::string without_payload = std::string("\x12\x09mychannel\x18\x04\x42\x00", 15);
  const struct {
    wire::Envelope element;
    const char* reason;
  } cases[] = {
      {wire::Envelope::Make(without_payload), "malformed"},
      {wire::Envelope::Make("\xff\xff"), "malformed"},
      {wire::Envelope(), "malformed"},
      {Data(2, Block(2), "other"), "other_channel"},
      {Data(2, Block(2), ""), "other_channel"},
      {wire::Envelope::Make(Data(2, Block(2)).payload(), "signature"), "signed"},
      {wire::UnsignedEnvelope(wire::NewMessage(wire::PullHello{.type = wire::PullType::kBlock}, kMyChannel)),
       "wrong_type"},
      {wire::UnsignedEnvelope(wire::NewMessage(
           wire::DataMessage{{.number = 2, .block = Block(2), .private_data = {base::Bytes::Copy("x")}}}, kMyChannel)),
       "private_data"},
  };
  for (const auto& [element, reason] : cases) {
    const std::uint64_t before = Refused(reason);
    Receive({Data(1, Block(1)), element});
    EXPECT_EQ(Refused(reason), before + 1) << reason;
    EXPECT_TRUE(node_.delivered.empty()) << reason;
  }
}

// Each block stands for itself: one that cannot be verified does not keep the others away.
TEST_F(BlockPullTest, EveryElementIsVerified) {
  node_.blocks->SetLedgerHeight(2);
  Receive({Data(1, Block(1)), Data(2, Block(2)), Data(3, Forged(3)), Data(4, Block(4)), Data(4, Block(4)),
           Data(UINT64_MAX, Block(UINT64_MAX))});
  EXPECT_EQ(node_.Numbers(), (Numbers{2, 4}));
  EXPECT_EQ(Refused("out_of_window"), 2U);
  EXPECT_EQ(Refused("invalid"), 1U);
  EXPECT_EQ(Refused("duplicate"), 1U);
}

// 11.10 block-pull membership: alive, in the channel, of the own organisation; D-19: not who has left.
TEST_F(BlockPullTest, PartnersAreAliveEligibleAndOfTheOwnOrganisation) {
  BlockNode& foreign = AddNode("foreign", {}, kOrg2);
  BlockNode& stranger = AddNode("stranger");
  BlockNode& gone = AddNode("gone");
  Introduce(foreign, node_);
  node_.peers.Add(stranger.peers.self);  // has sent no state info
  Introduce(gone, node_);
  SendStateInfo(gone, node_, 1, true);
  std::vector<wire::PkiId> expected{alice_.pki_id(), bob_.pki_id()};
  std::ranges::sort(expected);
  base::Random random(1);
  std::vector<wire::PkiId> partners;
  for (const gossip::Peer* peer : node_.blocks->Partners(random, 10)) partners.push_back(peer->pki_id);
  EXPECT_EQ(partners, expected);
  node_.blocks->Leave();
  EXPECT_TRUE(node_.blocks->Partners(random, 10).empty());
}

// 11.10 LeaveChan: pull ends in both directions.
TEST_F(BlockPullTest, AfterLeavingNothingIsAskedForAndNothingAnswered) {
  node_.blocks->Publish(1, Block(1));
  node_.blocks->Start();
  node_.blocks->Leave();
  node_.blocks->Start();
  alice_.comm.Send(wire::UnsignedEnvelope(wire::NewMessage(wire::PullHello{7, wire::PullType::kBlock}, kMyChannel)),
                   {node_.AsRemote()});
  RunFor(20s);
  EXPECT_EQ(node_.Refused("hello", "left"), 1U);
  EXPECT_TRUE(alice_.Got<wire::PullDigest>().empty());
  EXPECT_TRUE(alice_.Got<wire::PullHello>().empty());
}

// D-4: a peer that asks and never reads stops nobody else from being answered.
TEST_F(BlockPullTest, D4_APeerThatNeverReadsDoesNotStopTheOthers) {
  alice_.blocks->Publish(0, Block(0, std::string(50'000, 'x')));
  BlockNode& mallory = AddNode("mallory");
  Introduce(alice_, mallory);
  Introduce(mallory, alice_);
  mallory.comm.Send(wire::UnsignedEnvelope(wire::NewMessage(wire::Empty{}, kMyChannel)), {alice_.AsRemote()});
  RunFor(1s);
  mallory.host.StopReading();
  for (std::uint64_t nonce = 0; nonce < 2200; ++nonce) {
    mallory.comm.Send(
        wire::UnsignedEnvelope(wire::NewMessage(wire::PullHello{nonce, wire::PullType::kBlock}, kMyChannel)),
        {alice_.AsRemote()});
    mallory.comm.Send(wire::UnsignedEnvelope(
                          wire::NewMessage(wire::PullRequest{nonce, {Id("0")}, wire::PullType::kBlock}, kMyChannel)),
                      {alice_.AsRemote()});
    RunFor(1ms);
  }
  EXPECT_EQ(alice_.Got<wire::PullHello>().size(), 2200U);
  node_.blocks->Start();
  RunFor(8s);
  EXPECT_EQ(node_.Numbers(), (Numbers{0}));
}

}  // namespace
}  // namespace grapevine::channel
