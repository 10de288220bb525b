// Which state infos a channel accepts, keeps, passes on and forgets (specification 11.9, 11.10).
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "channel/state_info_world.h"

namespace grapevine::channel {
namespace {

class StateInfoAcceptTest : public StateInfoTest {};

// 11.10: cached, passed on but not to its sender, and delivered to local subscribers.
TEST_F(StateInfoAcceptTest, APushedStateInfoIsCachedForwardedAndDelivered) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  const auto state_info = StateInfoOf(alice, {7, 1}, 12);
  const auto message = From(bob, state_info);
  exchange_->HandleStateInfo(message, ticket_);
  EXPECT_EQ(exchange_->size(), 0U);  // nothing is believed before the signature was checked
  RunFor(1s);

  ASSERT_NE(exchange_->Find(alice.pki_id), nullptr);
  EXPECT_EQ(exchange_->Find(alice.pki_id)->properties.ledger_height, 12U);
  EXPECT_EQ(exchange_->Find(alice.pki_id)->peer.endpoint, "alice:7051");
  EXPECT_TRUE(exchange_->Holds(state_info));
  ASSERT_EQ(node_.emitted.size(), 1U);
  EXPECT_EQ(node_.emitted[0].kind, gossip::EmissionKind::kStateInfo);
  EXPECT_EQ(node_.emitted[0].channel, kMyChannel);
  EXPECT_EQ(node_.emitted[0].originator, alice.pki_id);
  EXPECT_EQ(node_.emitted[0].received_from, bob.pki_id);
  EXPECT_EQ(node_.emitted[0].envelope, state_info);
  EXPECT_EQ(added_, std::vector<comm::ReceivedMessagePtr>{message});
  EXPECT_EQ(heights_, (std::vector<std::pair<wire::PkiId, std::uint64_t>>{{alice.pki_id, 12}}));
}

// D-6: three copies arrive by push; one signature is checked, none for what comes later.
TEST_F(StateInfoAcceptTest, D6_DuplicatesAreRecognisedBeforeTheirSignatureIsChecked) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto state_info = StateInfoOf(alice, {7, 2});
  for (int i = 0; i < 3; ++i) Push(alice, state_info);
  RunFor(1s);
  EXPECT_EQ(node_.crypto.verifications, 1U);
  EXPECT_EQ(Duplicates(), 2U);

  Push(alice, state_info);
  Push(alice, StateInfoOf(alice, {7, 1}));            // older
  Push(alice, StateInfoOf(alice, {7, 2}, 99));        // the same time, another content
  Push(alice, Forge(StateInfoOf(alice, {6, 1000})));  // older, by incarnation
  Snapshot(alice, {state_info, StateInfoOf(alice, {7, 1})});
  RunFor(1s);
  EXPECT_EQ(node_.crypto.verifications, 1U);
  EXPECT_EQ(Duplicates(), 8U);
  EXPECT_EQ(exchange_->Find(alice.pki_id)->properties.ledger_height, 1U);
  EXPECT_EQ(node_.emitted.size(), 1U);
  EXPECT_EQ(added_.size(), 1U);
}

// A forged copy that comes first must not keep the true one out.
TEST_F(StateInfoAcceptTest, AForgedCopyUnderWayDoesNotKeepTheTrueOneAway) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto state_info = StateInfoOf(alice, {7, 1}, 3);
  Push(alice, Forge(state_info));
  Push(alice, state_info);
  RunFor(1s);
  EXPECT_EQ(node_.Refused("state_info", "policy_or_signature"), 1U);
  ASSERT_NE(exchange_->Find(alice.pki_id), nullptr);
  EXPECT_EQ(exchange_->Find(alice.pki_id)->state_info, state_info);
}

// The acceptance test is repeated with the verdict: of two that are checked at the same time the newer one stays.
TEST_F(StateInfoAcceptTest, AnOlderOneWhoseVerdictComesLaterIsDropped) {
  const auto alice = AddPeer("alice", kOrg1);
  Push(alice, StateInfoOf(alice, {7, 2}, 20));
  Push(alice, StateInfoOf(alice, {7, 1}, 10));
  RunFor(1s);
  EXPECT_EQ(node_.crypto.verifications, 2U);
  EXPECT_EQ(exchange_->Find(alice.pki_id)->properties.ledger_height, 20U);
  EXPECT_EQ(Duplicates(), 1U);
  EXPECT_EQ(added_.size(), 1U);
}

// D-13: at no moment a replacement leaves the peer without a record, or with the older one.
TEST_F(StateInfoAcceptTest, D13_ARecordIsReplacedAsAWhole) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}, 10));
  Push(alice, StateInfoOf(alice, {7, 2}, 11));
  bool always_eligible = true;
  std::vector<std::uint64_t> seen;
  world_.scheduler().RunUntil(
      [&] {
        always_eligible = always_eligible && exchange_->IsEligible(alice.pki_id);
        const ChannelMember* record = exchange_->Find(alice.pki_id);
        const std::uint64_t height = record == nullptr ? 0 : record->properties.ledger_height;
        if (seen.empty() || seen.back() != height) seen.push_back(height);
        return height == 11 && record->timestamp.sequence == 2;
      },
      1s);
  EXPECT_TRUE(always_eligible);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{10, 11}));
  EXPECT_FALSE(exchange_->Holds(StateInfoOf(alice, {7, 1}, 10)));
  EXPECT_EQ(exchange_->size(), 1U);
}

// D-19: who has left is no longer eligible, and its state info is kept and passed on.
TEST_F(StateInfoAcceptTest, D19_APeerThatLeftIsNotEligibleAndItsStateInfoIsRelayed) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}, 5));
  EXPECT_TRUE(exchange_->IsEligible(alice.pki_id));
  ASSERT_EQ(exchange_->Members().size(), 1U);
  RunFor(1s);

  const auto left = LeftStateInfoOf(alice, {7, 2});
  PushAndWait(alice, left);
  RunFor(1s);
  EXPECT_FALSE(exchange_->IsEligible(alice.pki_id));
  EXPECT_TRUE(exchange_->Members().empty());
  ASSERT_EQ(node_.emitted.size(), 2U);
  EXPECT_EQ(node_.emitted[1].envelope, left);
  exchange_->HandlePullRequest(From(alice, PullRequestBy(alice)));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(Named(answers_[0]), std::vector<wire::PkiId>{alice.pki_id});
  EXPECT_EQ(heights_.size(), 1U);  // nobody is to ask it for blocks
}

// Every field wrong: refused, and counted by reason; no signature is checked for it.
TEST_F(StateInfoAcceptTest, WhatCannotBeAcceptedIsRefusedByReasonBeforeVerifying) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto carol = AddPeer("carol", kOrg3);
  const auto stranger = Stranger("stranger", kOrg1);
  Push(alice, StateInfoOf(alice, {0, 5}));
  Push(alice, StateInfoOf(carol, {7, 1}));
  Push(alice, StateInfoOf(stranger, {7, 1}));
  const OtherPeer self{node_.mapper.own_identity(), node_.pki_id(), kOrg1};
  Push(alice, StateInfoOf(self, {1, 1}));  // older than what the node says now
  wire::StateInfo many = Content(alice, {7, 1});
  many.properties->chaincodes.resize(10001, {.name = "c", .version = "1"});
  Push(alice, Sign(alice, wire::NewMessage(many)));
  wire::StateInfo huge = Content(alice, {7, 1});
  huge.properties->chaincodes = {
      {.name = "c", .version = "1", .metadata = base::Bytes(std::string((1 << 20) + 1, 'x'))}};
  Push(alice, Sign(alice, wire::NewMessage(huge)));
  RunFor(1s);

  EXPECT_EQ(node_.Refused("state_info", "no_timestamp"), 1U);
  EXPECT_EQ(node_.Refused("state_info", "organization"), 1U);
  EXPECT_EQ(node_.Refused("state_info", "unknown_identity"), 1U);
  EXPECT_EQ(node_.Refused("state_info", "own"), 1U);
  EXPECT_EQ(node_.Refused("state_info", "too_many_chaincodes"), 1U);
  EXPECT_EQ(node_.Refused("state_info", "too_large"), 1U);
  EXPECT_EQ(node_.crypto.verifications, 0U);
  EXPECT_EQ(exchange_->size(), 0U);
  EXPECT_TRUE(node_.emitted.empty());
}

TEST_F(StateInfoAcceptTest, AnUnsignedOneIsRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, wire::UnsignedEnvelope(wire::NewMessage(Content(alice, {7, 1}))));
  EXPECT_EQ(node_.Refused("state_info", "signature"), 1U);
  EXPECT_EQ(exchange_->size(), 0U);
}

// Clocks differ, so a timestamp from the future counts; it keeps out what is older, until the peer is forgotten.
TEST_F(StateInfoAcceptTest, ATimestampFromTheFutureCountsUntilThePeerIsForgotten) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {UINT64_MAX, UINT64_MAX}, 1));
  EXPECT_TRUE(exchange_->IsEligible(alice.pki_id));
  PushAndWait(alice, StateInfoOf(alice, {7, 1}, 2));
  EXPECT_EQ(Duplicates(), 1U);

  node_.peers.Forget(alice.pki_id);
  exchange_->ForgetUnknownPeers();
  EXPECT_FALSE(exchange_->IsEligible(alice.pki_id));
  PushAndWait(alice, StateInfoOf(alice, {7, 1}, 2));
  EXPECT_EQ(exchange_->Find(alice.pki_id)->properties.ledger_height, 2U);
}

// 11.8: a peer that is dead keeps its record, one that nobody knows any more loses it.
TEST_F(StateInfoAcceptTest, OnlyPeersThatMembershipHasForgottenAreForgotten) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  PushAndWait(bob, StateInfoOf(bob, {7, 1}));
  node_.peers.dead.push_back(*node_.peers.Find(alice.pki_id));
  std::erase_if(node_.peers.alive, [&](const auto& peer) { return peer.pki_id == alice.pki_id; });
  node_.peers.Forget(bob.pki_id);
  exchange_->ForgetUnknownPeers();
  EXPECT_NE(exchange_->Find(alice.pki_id), nullptr);
  EXPECT_EQ(exchange_->Find(bob.pki_id), nullptr);
  EXPECT_TRUE(exchange_->Members().empty());  // alive ones only
}

TEST_F(StateInfoAcceptTest, WhoseIdentityIsPurgedIsForgottenAtOnce) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  node_.mapper.Purge(alice.pki_id);
  RunFor(1ms);
  EXPECT_FALSE(exchange_->IsEligible(alice.pki_id));
  EXPECT_EQ(exchange_->size(), 0U);
}

// D-26: an update that leaves the organisations as they are still evaluates the policies anew.
TEST_F(StateInfoAcceptTest, D26_EveryConfigurationVerifiesWhatIsCachedAnew) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  PushAndWait(bob, StateInfoOf(bob, {7, 1}));
  authority_.Revoke(bob.identity);
  RunFor(10s);
  EXPECT_TRUE(exchange_->IsEligible(bob.pki_id));

  exchange_->SetOrganizations({kOrg1, kOrg2});
  RunFor(1s);
  EXPECT_TRUE(exchange_->IsEligible(alice.pki_id));
  EXPECT_FALSE(exchange_->IsEligible(bob.pki_id));
  EXPECT_EQ(node_.crypto.verifications, 4U);
}

// D-26: what an organisation that has gone has signed goes in the same event.
TEST_F(StateInfoAcceptTest, D26_AnOrganisationThatLeavesTakesItsStateInfosWithIt) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  PushAndWait(bob, StateInfoOf(bob, {7, 1}));
  exchange_->SetOrganizations({kOrg1});
  EXPECT_FALSE(exchange_->IsEligible(bob.pki_id));
  EXPECT_TRUE(exchange_->IsEligible(alice.pki_id));
  PushAndWait(alice, StateInfoOf(bob, {7, 2}));
  EXPECT_EQ(node_.Refused("state_info", "organization"), 1U);
}

// D-26: a signature that is being checked while the configuration changes is judged by the new one.
TEST_F(StateInfoAcceptTest, D26_AVerdictUnderAnEarlierConfigurationCountsForNothing) {
  const auto bob = AddPeer("bob", kOrg2);
  Push(bob, StateInfoOf(bob, {7, 1}));
  exchange_->SetOrganizations({kOrg1, kOrg2});
  RunFor(1s);
  EXPECT_EQ(node_.crypto.verifications, 2U);
  EXPECT_TRUE(exchange_->IsEligible(bob.pki_id));

  Push(bob, StateInfoOf(bob, {7, 2}, 2));
  exchange_->SetOrganizations({kOrg1});
  RunFor(1s);
  EXPECT_FALSE(exchange_->IsEligible(bob.pki_id));
}

// D-26: nor does it for a copy that came after the change, while the first one's signature was still being checked.
TEST_F(StateInfoAcceptTest, D26_ACopyAfterTheChangeDoesNotJoinTheVerdictUnderTheEarlierConfiguration) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  const auto state_info = StateInfoOf(bob, {7, 1});
  const base::Duration cost = node_.host.options().costs.Of(base::WorkKind::kVerify);
  ASSERT_GT(cost, 1us);
  Push(bob, state_info);
  RunFor(cost / 2);
  exchange_->SetOrganizations({kOrg1, kOrg2});
  Push(alice, state_info);
  RunFor(cost / 2);  // the verdict under the earlier configuration is in
  EXPECT_EQ(node_.crypto.verifications, 2U);
  EXPECT_FALSE(exchange_->IsEligible(bob.pki_id));
  RunFor(cost / 2);
  EXPECT_TRUE(exchange_->IsEligible(bob.pki_id));
  EXPECT_EQ(node_.crypto.verifications, 2U);
}

// Two configurations at once: the second's verdicts are its own, not those still under way for the first.
TEST_F(StateInfoAcceptTest, D26_TwoConfigurationsInOneEventVerifyTwice) {
  const auto bob = AddPeer("bob", kOrg2);
  PushAndWait(bob, StateInfoOf(bob, {7, 1}));
  exchange_->SetOrganizations({kOrg1, kOrg2});
  exchange_->SetOrganizations({kOrg1, kOrg2});
  RunFor(1s);
  EXPECT_EQ(node_.crypto.verifications, 3U);
  EXPECT_TRUE(exchange_->IsEligible(bob.pki_id));
}

// What the crypto has no room for now is no verdict: nobody loses its members for that.
TEST_F(StateInfoAcceptTest, D26_WhatCouldNotBeVerifiedAnewIsKeptAndVerifiedLater) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  exchange_->Start();
  authority_.Revoke(alice.identity);
  node_.crypto.busy_verifications = 1;
  exchange_->SetOrganizations({kOrg1, kOrg2});
  RunFor(1ms);
  EXPECT_EQ(node_.crypto.verifications, 2U);
  EXPECT_TRUE(exchange_->IsEligible(alice.pki_id));
  RunFor(5s);  // a request tick
  EXPECT_EQ(node_.crypto.verifications, 3U);
  EXPECT_FALSE(exchange_->IsEligible(alice.pki_id));
}

class SmallStateInfoTest : public StateInfoTest {
 protected:
  SmallStateInfoTest() {
    ChannelConfig config;
    config.max_members = 2;
    Create(config);
  }
};

TEST_F(SmallStateInfoTest, NoMoreThanMaxMembersAreKept) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg1);
  const auto carol = AddPeer("carol", kOrg1);
  for (const auto& peer : {alice, bob, carol}) Push(peer, StateInfoOf(peer, {7, 1}));
  RunFor(1s);
  EXPECT_EQ(exchange_->size(), 2U);
  EXPECT_EQ(node_.Refused("state_info", "full"), 1U);
  PushAndWait(alice, StateInfoOf(alice, {7, 2}, 9));  // a known peer is always updated
  EXPECT_EQ(exchange_->Find(alice.pki_id)->properties.ledger_height, 9U);
}

// A peer whose height does not grow is not reported again.
TEST_F(StateInfoAcceptTest, HeightsAreReportedWhenTheyAreNewOrRise) {
  const auto alice = AddPeer("alice", kOrg1);
  PushAndWait(alice, StateInfoOf(alice, {7, 1}, 5));
  PushAndWait(alice, StateInfoOf(alice, {7, 2}, 5));
  PushAndWait(alice, StateInfoOf(alice, {7, 3}, 4));
  PushAndWait(alice, StateInfoOf(alice, {7, 4}, 6));
  PushAndWait(alice, LeftStateInfoOf(alice, {7, 5}));
  PushAndWait(alice, StateInfoOf(alice, {7, 6}, 2));
  EXPECT_EQ(heights_, (std::vector<std::pair<wire::PkiId, std::uint64_t>>{
                          {alice.pki_id, 5}, {alice.pki_id, 6}, {alice.pki_id, 2}}));
  EXPECT_EQ(member_changes_, 3U);  // came, left, came back
}

// A state info without properties says nothing: height 0, not left (4.1).
TEST_F(StateInfoAcceptTest, AbsentPropertiesMeanNoInformation) {
  const auto alice = AddPeer("alice", kOrg1);
  wire::StateInfo info = Content(alice, {7, 1});
  info.properties.reset();
  PushAndWait(alice, Sign(alice, wire::NewMessage(info)));
  ASSERT_TRUE(exchange_->IsEligible(alice.pki_id));
  EXPECT_EQ(exchange_->Find(alice.pki_id)->properties.ledger_height, 0U);
}

// Destroying the exchange while signatures are being checked: nothing happens afterwards.
TEST_F(StateInfoAcceptTest, VerdictsAfterDestructionAreIgnored) {
  const auto alice = AddPeer("alice", kOrg1);
  Push(alice, StateInfoOf(alice, {7, 1}));
  exchange_.reset();
  RunFor(1s);
  EXPECT_TRUE(node_.emitted.empty());
  EXPECT_TRUE(added_.empty());
}

}  // namespace
}  // namespace grapevine::channel
