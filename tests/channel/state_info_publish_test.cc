// When a node publishes its own state info, and under which timestamps (specification 11.10).
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "channel/state_info_world.h"

namespace grapevine::channel {
namespace {

class StateInfoPublishTest : public StateInfoTest {
 protected:
  std::uint64_t Wall() {
    return static_cast<std::uint64_t>(node_.host.environment().executor.WallNow().time_since_epoch().count());
  }
  static wire::StateInfo Decode(const wire::Envelope& envelope) {
    return *wire::DecodeMessage(envelope.payload())->As<wire::StateInfo>();
  }
};

// Channel created: height 1, signed and kept, not published.
TEST_F(StateInfoPublishTest, TheInitialStateIsSignedAndNotPublished) {
  AddPeer("alice", kOrg1);
  const std::uint64_t created = Wall();
  Create({});
  EXPECT_FALSE(exchange_->own_state_info());
  exchange_->Start();
  RunFor(60s);
  ASSERT_TRUE(exchange_->own_state_info());
  const auto own = Decode(*exchange_->own_state_info());
  EXPECT_EQ(own.timestamp, (wire::PeerTime{created, created}));
  EXPECT_EQ(own.pki_id, node_.pki_id());
  EXPECT_EQ(own.channel_mac.view(), msp::ChannelMac(node_.pki_id(), kMyChannel).view());
  EXPECT_EQ(own.properties->ledger_height, 1U);
  EXPECT_FALSE(own.properties->left_channel);
  EXPECT_TRUE(own.properties->chaincodes.empty());
  EXPECT_EQ(node_.crypto.signatures, 1U);
  EXPECT_TRUE(node_.emitted.empty());
  EXPECT_EQ(exchange_->size(), 0U);
}

// A moving ledger is published once per interval, with what is true at the tick.
TEST_F(StateInfoPublishTest, AtMostOnePublicationPerInterval) {
  AddPeer("alice", kOrg1);
  exchange_->Start();
  for (std::uint64_t height = 1; height <= 80; ++height) {
    exchange_->SetLedgerHeight(height);
    RunFor(100ms);
  }
  RunFor(60s);
  const auto published = Published();
  ASSERT_EQ(published.size(), 3U);
  EXPECT_EQ(published[1].properties->ledger_height - published[0].properties->ledger_height, 40U);
  EXPECT_EQ(published[2].properties->ledger_height, 80U);
  EXPECT_LT(published[0].timestamp, published[1].timestamp);
  EXPECT_LT(published[1].timestamp, published[2].timestamp);
  EXPECT_EQ(node_.crypto.signatures, 4U);
  EXPECT_EQ(exchange_->size(), 1U);  // in the own cache, for snapshots
  EXPECT_EQ(Decode(*exchange_->own_state_info()).properties->ledger_height, 80U);
}

TEST_F(StateInfoPublishTest, NothingIsPublishedWhileNothingChanges) {
  AddPeer("alice", kOrg1);
  exchange_->Start();
  exchange_->SetLedgerHeight(1);  // the first height is news, whatever it is
  RunFor(10s);
  exchange_->SetLedgerHeight(1);
  RunFor(60s);
  EXPECT_EQ(Published().size(), 1U);
}

// FAB-18208: nothing is signed when alone; it is published when somebody is there.
TEST_F(StateInfoPublishTest, AloneNothingIsPublishedUntilSomebodyIsThere) {
  exchange_->Start();
  exchange_->SetLedgerHeight(7);
  RunFor(60s);
  EXPECT_EQ(node_.crypto.signatures, 1U);
  EXPECT_TRUE(node_.emitted.empty());
  AddPeer("alice", kOrg1);
  RunFor(5s);
  ASSERT_EQ(Published().size(), 1U);
  EXPECT_EQ(Published()[0].properties->ledger_height, 7U);
}

// FAB-18237: chaincodes at once, also when alone; and again when somebody is there to hear it.
TEST_F(StateInfoPublishTest, ChaincodesArePublishedAtOnceAlsoWhenAlone) {
  exchange_->Start();
  RunFor(10ms);
  exchange_->SetChaincodes({{.name = "basic", .version = "1.0"}});
  RunFor(20ms);
  ASSERT_EQ(Published().size(), 1U);
  EXPECT_EQ(Published()[0].properties->chaincodes.at(0).name, "basic");
  EXPECT_EQ(exchange_->size(), 1U);
  RunFor(60s);
  EXPECT_EQ(Published().size(), 1U);
  AddPeer("alice", kOrg1);
  RunFor(5s);
  EXPECT_EQ(Published().size(), 2U);
}

// A change while a signature is under way is not lost, and does not wait if it is urgent.
TEST_F(StateInfoPublishTest, AChangeWhileSigningIsPublishedAfterwards) {
  AddPeer("alice", kOrg1);
  exchange_->Start();  // the first signature is under way
  exchange_->SetChaincodes({{.name = "basic", .version = "1.0"}});
  exchange_->SetLedgerHeight(9);
  RunFor(20ms);
  ASSERT_EQ(Published().size(), 1U);
  EXPECT_EQ(Published()[0].properties->chaincodes.size(), 1U);

  exchange_->SetChaincodes({});
  exchange_->SetLedgerHeight(10);  // the signature without it is under way
  RunFor(20ms);
  ASSERT_EQ(Published().size(), 2U);
  EXPECT_EQ(Published()[1].properties->ledger_height, 9U);
  RunFor(5s);
  ASSERT_EQ(Published().size(), 3U);
  EXPECT_EQ(Published()[2].properties->ledger_height, 10U);
}

// D-20: a failed signature is tried again at the next tick.
TEST_F(StateInfoPublishTest, D20_AFailedSignatureIsTriedAgain) {
  AddPeer("alice", kOrg1);
  node_.crypto.failing_signatures = 1;
  exchange_->Start();
  RunFor(5s);
  EXPECT_EQ(node_.crypto.signatures, 2U);
  EXPECT_TRUE(exchange_->own_state_info());
  EXPECT_TRUE(Published().empty());

  node_.crypto.failing_signatures = 3;
  exchange_->SetLedgerHeight(5);
  RunFor(12s);
  EXPECT_TRUE(Published().empty());
  RunFor(8s);
  ASSERT_EQ(Published().size(), 1U);
  EXPECT_EQ(Published()[0].properties->ledger_height, 5U);
  EXPECT_EQ(node_.Count("gossip_channel_signing_failures"), 4U);
}

// What is to be published at once stays so when its signature fails, also while nobody is there.
TEST_F(StateInfoPublishTest, D20_ChaincodesWhoseSignatureFailedArePublishedAtTheNextTick) {
  exchange_->Start();
  RunFor(1s);
  node_.crypto.failing_signatures = 1;
  exchange_->SetChaincodes({{.name = "asset", .version = "1"}});
  RunFor(10ms);
  EXPECT_TRUE(Published().empty());
  RunFor(5s);
  ASSERT_EQ(Published().size(), 1U);
  EXPECT_EQ(Published()[0].properties->chaincodes.size(), 1U);
}

// 14.5 #18: timestamps increase strictly, also when the clock stands or steps back.
TEST_F(StateInfoPublishTest, TimestampsIncreaseWhateverTheClockDoes) {
  AddPeer("alice", kOrg1);
  const std::uint64_t created = Wall();
  Create({});
  exchange_->Start();
  exchange_->SetLedgerHeight(2);
  exchange_->SetLedgerHeight(3);  // in the same nanosecond
  node_.host.executor().SetWallOffset(-1h);
  exchange_->SetLedgerHeight(4);
  RunFor(5s);
  exchange_->SetLedgerHeight(5);
  RunFor(5s);
  const auto published = Published();
  ASSERT_EQ(published.size(), 2U);
  EXPECT_EQ(published[0].timestamp, (wire::PeerTime{created, created + 3}));
  EXPECT_EQ(published[1].timestamp, (wire::PeerTime{created, created + 4}));
  node_.host.executor().SetWallOffset(1h);
  const std::uint64_t later = Wall();
  exchange_->SetLedgerHeight(6);
  RunFor(5s);
  EXPECT_EQ(Published().back().timestamp, (wire::PeerTime{created, later}));
}

// D-12: the clock was set back while the node was down, so what it said before would be believed rather than what it
// says now. It hears it from others and goes on above it.
TEST_F(StateInfoPublishTest, D12_AnOwnStateInfoOfALaterIncarnationIsOutranked) {
  const auto alice = AddPeer("alice", kOrg1);
  const OtherPeer self{node_.mapper.own_identity(), node_.pki_id(), kOrg1};
  exchange_->Start();
  exchange_->SetLedgerHeight(9);
  RunFor(5s);
  ASSERT_EQ(Published().size(), 1U);

  // A forged one changes nothing.
  Push(alice, Forge(StateInfoOf(self, {UINT64_MAX - 1, 1})));
  RunFor(5s);
  EXPECT_EQ(Published().size(), 1U);
  EXPECT_EQ(node_.Refused("state_info", "policy_or_signature"), 1U);

  const std::uint64_t later = Published().back().timestamp.incarnation + (1ULL << 40);
  Push(alice, StateInfoOf(self, {later, 77}, 4));
  RunFor(5s);
  ASSERT_EQ(Published().size(), 2U);
  EXPECT_EQ(Published().back().timestamp.incarnation, later + 1);
  EXPECT_EQ(Published().back().properties->ledger_height, 9U);

  // It may also come in a snapshot.
  Snapshot(alice, {StateInfoOf(self, {later + 10, 1}, 4)});
  RunFor(5s);
  ASSERT_EQ(Published().size(), 3U);
  EXPECT_EQ(Published().back().timestamp.incarnation, later + 11);

  // Nothing can outrank the greatest one; what was said before is not disturbed by it.
  Push(alice, StateInfoOf(self, {UINT64_MAX, 1}, 4));
  RunFor(5s);
  EXPECT_EQ(Published().size(), 3U);
}

// LeaveChan: published with height and chaincodes kept; the peers of the channel are not shown any more.
TEST_F(StateInfoPublishTest, LeavingIsPublished) {
  const auto alice = AddPeer("alice", kOrg1);
  exchange_->Start();
  exchange_->SetLedgerHeight(7);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  RunFor(5s);
  EXPECT_EQ(exchange_->Members().size(), 1U);
  exchange_->SetLeft();
  EXPECT_TRUE(exchange_->Members().empty());
  RunFor(5s);
  const auto published = Published();
  ASSERT_EQ(published.size(), 2U);
  EXPECT_TRUE(published[1].properties->left_channel);
  EXPECT_EQ(published[1].properties->ledger_height, 7U);
}

// Without changes only the request tick runs: one event and one message per interval.
TEST_F(StateInfoPublishTest, AnIdleChannelHasNoTimerBesideTheRequestTick) {
  exchange_->Start();
  exchange_->SetLedgerHeight(3);
  AddPeer("alice", kOrg1);
  RunFor(10s);
  node_.peers.alive.clear();
  node_.emitted.clear();
  RunFor(4s);  // dials of the removed peer end
  const std::uint64_t before = world_.scheduler().executed();
  RunFor(40s);
  EXPECT_EQ(world_.scheduler().executed() - before, 10U);
  EXPECT_EQ(world_.scheduler().pending() > 0, true);
}

// D-26: removed from the channel the node is silent; in again, it makes itself known anew.
TEST_F(StateInfoPublishTest, D26_RemovedANodeIsSilentAndInAgainItPublishes) {
  AddPeer("alice", kOrg1);
  exchange_->Start();
  exchange_->SetLedgerHeight(3);
  RunFor(5s);
  ASSERT_EQ(Published().size(), 1U);
  exchange_->SetOrganizations({});
  EXPECT_EQ(exchange_->size(), 0U);
  exchange_->SetLedgerHeight(4);
  exchange_->SetChaincodes({{.name = "basic", .version = "1"}});
  RunFor(60s);
  EXPECT_EQ(Published().size(), 1U);
  EXPECT_EQ(exchange_->size(), 0U);

  exchange_->SetOrganizations({kOrg1});
  RunFor(5s);
  ASSERT_EQ(Published().size(), 2U);
  EXPECT_EQ(Published()[1].properties->ledger_height, 4U);
  EXPECT_EQ(Published()[1].properties->chaincodes.size(), 1U);
  EXPECT_LT(Published()[0].timestamp, Published()[1].timestamp);
}

}  // namespace
}  // namespace grapevine::channel
