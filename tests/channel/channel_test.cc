// The checks that every message of a channel passes, its configuration, and leadership messages (specification 11.9,
// 11.10).
#include "channel/channel.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "channel/state_info_world.h"
#include "simulation/simulated_block.h"

namespace grapevine::channel {
namespace {

class ChannelTest : public ChannelWorld {
 protected:
  ChannelTest() {
    channel_ = std::make_unique<Channel>(
        node_.host.environment(), node_.parts(), kMyChannel, ChannelConfig(),
        Channel::Observers{
            .block = [this](std::uint64_t number, const base::Bytes&,
                            std::uint64_t epoch) { blocks_.emplace_back(number, epoch); },
            .delivered = [this](const comm::ReceivedMessagePtr& message) { delivered_.push_back(message); }});
    EXPECT_TRUE(channel_->Configure(Join(3, {kOrg1, kOrg2})));
  }
  static JoinMessage Join(std::uint64_t sequence, std::vector<std::string> organizations) {
    return {.sequence = sequence, .organizations = std::move(organizations), .anchor_peers = {}};
  }
  void Handle(const OtherPeer& sender, const wire::Envelope& envelope) {
    channel_->Handle(From(sender, envelope), ticket_);
  }
  void Handle(const OtherPeer& sender, wire::Content content, const std::string& channel = kMyChannel) {
    Handle(sender, wire::UnsignedEnvelope(wire::NewMessage(std::move(content), channel)));
  }
  void HandleAndWait(const OtherPeer& sender, const wire::Envelope& envelope) {
    Handle(sender, envelope);
    RunFor(10ms);
  }
  wire::Envelope Leadership(const OtherPeer& peer, wire::PeerTime timestamp) const {
    return Sign(peer, wire::NewMessage(wire::LeadershipMessage{peer.pki_id, timestamp, true}, kMyChannel));
  }
  static wire::Content Hello() { return wire::PullHello{.nonce = 5, .type = wire::PullType::kBlock}; }

  gossip::Ticket ticket_ = std::make_shared<int>(0);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> blocks_;  // number, epoch
  std::vector<comm::ReceivedMessagePtr> delivered_;
  std::unique_ptr<Channel> channel_;
};

// 11.9 check 1.
TEST_F(ChannelTest, AMessageWithoutSenderIsRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  Handle({alice.identity, {}, kOrg1}, StateInfoOf(alice, {7, 1}));
  EXPECT_EQ(node_.Refused("state_info", "no_sender"), 1U);
}

// 11.9 check 2: each kind names the channel in its own way.
TEST_F(ChannelTest, AMessageAboutAnotherChannelIsRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg1);
  HandleAndWait(alice, Sign(alice, wire::NewMessage(Content(alice, {7, 1}, 1, "otherchannel"))));
  EXPECT_EQ(node_.Refused("state_info", "MAC"), 1U);
  wire::StateInfo without_mac = Content(alice, {7, 1});
  without_mac.channel_mac = {};
  HandleAndWait(alice, Sign(alice, wire::NewMessage(without_mac)));
  EXPECT_EQ(node_.Refused("state_info", "MAC"), 2U);
  Handle(alice, PullRequestBy(bob));  // the MAC is the requester's own
  EXPECT_EQ(node_.Refused("state_info_pull_req", "MAC"), 1U);
  Handle(alice, wire::StateInfoSnapshot{}, "otherchannel");
  EXPECT_EQ(node_.Refused("state_snapshot", "channel"), 1U);
  Handle(alice, Hello(), "otherchannel");
  EXPECT_EQ(node_.Refused("hello", "channel"), 1U);
  EXPECT_EQ(channel_->state_infos().size(), 0U);
  EXPECT_EQ(node_.crypto.verifications, 0U);
}

// 11.9 check 3.
TEST_F(ChannelTest, AMessageWithoutChannelRestrictionIsRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  auto message = wire::NewMessage(wire::StateInfoSnapshot{}, kMyChannel);
  message.tag = wire::Tag::kOrgOnly;
  Handle(alice, wire::UnsignedEnvelope(message));
  EXPECT_EQ(node_.Refused("state_snapshot", "tag"), 1U);
}

// 11.9 check 4: it is the connection's organisation that counts, also for relayed state infos.
TEST_F(ChannelTest, AMessageOfAnOrganisationOutsideIsRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto carol = AddPeer("carol", kOrg3);
  Handle(carol, StateInfoOf(alice, {7, 1}));
  Handle({carol.identity, carol.pki_id, ""}, StateInfoOf(alice, {7, 1}));
  EXPECT_EQ(node_.Refused("state_info", "sender_organization"), 2U);
  HandleAndWait(alice, StateInfoOf(carol, {7, 1}));
  EXPECT_EQ(node_.Refused("state_info", "organization"), 1U);
  EXPECT_EQ(channel_->state_infos().size(), 0U);
}

TEST_F(ChannelTest, StateInfosMakeMembersAndAreDelivered) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  HandleAndWait(bob, StateInfoOf(alice, {7, 1}, 4));
  HandleAndWait(bob, StateInfoOf(alice, {7, 1}, 4));
  ASSERT_EQ(channel_->Members().size(), 1U);
  EXPECT_EQ(channel_->Members()[0].peer.pki_id, alice.pki_id);
  EXPECT_TRUE(channel_->IsEligible(alice.pki_id));
  EXPECT_FALSE(channel_->IsEligible(bob.pki_id));
  EXPECT_EQ(delivered_.size(), 1U);
  EXPECT_EQ(node_.RefusedInAll(), 0);
}

// A pushed block is delivered under the epoch of the configuration, as block and as message.
TEST_F(ChannelTest, APushedBlockIsDelivered) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto orderer = authority_.Issue(simulation::kOrdererMspId, "orderer");
  const auto block = base::Bytes(simulation::MakeBlock(authority_, orderer, kMyChannel, 0, "", {"tx"}));
  Handle(alice, wire::DataMessage{.payload = {.number = 0, .block = block, .private_data = {}}});
  Handle(alice, wire::DataMessage{.payload = {.number = 0, .block = block, .private_data = {}}});
  RunFor(1s);
  EXPECT_EQ(blocks_, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 3}}));
  EXPECT_EQ(delivered_.size(), 1U);
}

// FAB-3744: blocks are pulled within the organisation, by peers whose state info is cached and that have not left.
TEST_F(ChannelTest, BlockPullIsForEligiblePeersOfTheOwnOrganisation) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  HandleAndWait(bob, StateInfoOf(bob, {7, 1}));
  Handle(bob, Hello());
  EXPECT_EQ(node_.Refused("hello", "foreign_organization"), 1U);
  Handle(alice, Hello());
  EXPECT_EQ(node_.Refused("hello", "not_eligible"), 1U);
  HandleAndWait(alice, StateInfoOf(alice, {7, 1}));
  Handle(alice, Hello());
  EXPECT_EQ(node_.RefusedInAll(), 2);
  HandleAndWait(alice, LeftStateInfoOf(alice, {7, 2}));
  Handle(alice, Hello());  // D-19
  EXPECT_EQ(node_.Refused("hello", "not_eligible"), 2U);
}

TEST_F(ChannelTest, OtherContentsAreRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  auto message = wire::NewMessage(wire::PullHello{.nonce = 5, .type = wire::PullType::kIdentity}, kMyChannel);
  message.tag = wire::Tag::kChannelAndOrg;
  Handle(alice, wire::UnsignedEnvelope(message));
  EXPECT_EQ(node_.Refused("hello", "unexpected"), 1U);
  Handle(alice, wire::StateRequest{.start = 0, .end = 5});  // state transfer's, which has its own subscription
  EXPECT_EQ(node_.RefusedInAll(), 1);
}

// Leadership: verified once per message, newest per originator, delivered, never forwarded.
TEST_F(ChannelTest, ANewLeadershipMessageIsDeliveredOnce) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto first = Leadership(alice, {7, 1});
  Handle(alice, first);
  Handle(alice, first);
  RunFor(1s);
  Handle(alice, first);
  RunFor(1s);
  EXPECT_EQ(delivered_.size(), 1U);
  EXPECT_EQ(node_.crypto.verifications, 1U);
  HandleAndWait(alice, Leadership(alice, {7, 2}));
  HandleAndWait(alice, Leadership(alice, {7, 1}));
  EXPECT_EQ(delivered_.size(), 2U);
  EXPECT_EQ(node_.Count("gossip_channel_leadership_duplicates"), 3U);
  EXPECT_TRUE(node_.emitted.empty());
}

// A replay stays out for twice the time to live of 100 s, as long as anybody would count the message (11.8).
TEST_F(ChannelTest, AReplayedLeadershipMessageStaysOutForTwoHundredSeconds) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto leadership = Leadership(alice, {7, 1});
  HandleAndWait(alice, leadership);
  RunFor(199s);
  HandleAndWait(alice, leadership);
  EXPECT_EQ(delivered_.size(), 1U);
  RunFor(2s);
  HandleAndWait(alice, leadership);
  EXPECT_EQ(delivered_.size(), 2U);
}

// FAB-15474: neither sender nor originator may be of another organisation.
TEST_F(ChannelTest, LeadershipStaysWithinTheOrganisation) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  const auto stranger = Stranger("stranger", kOrg1);
  Handle(bob, Leadership(alice, {7, 1}));
  EXPECT_EQ(node_.Refused("leadership_msg", "foreign_organization"), 1U);
  Handle(alice, Leadership(bob, {7, 1}));
  EXPECT_EQ(node_.Refused("leadership_msg", "foreign_originator"), 1U);
  Handle(alice, Leadership(stranger, {7, 1}));
  EXPECT_EQ(node_.Refused("leadership_msg", "unknown_identity"), 1U);
  Handle(alice, Leadership({node_.mapper.own_identity(), node_.pki_id(), kOrg1}, {7, 1}));
  EXPECT_EQ(node_.Refused("leadership_msg", "own"), 1U);
  Handle(alice, Leadership(alice, {0, 1}));
  EXPECT_EQ(node_.Refused("leadership_msg", "no_timestamp"), 1U);
  RunFor(1s);
  EXPECT_EQ(node_.crypto.verifications, 0U);
  HandleAndWait(alice, Forge(Leadership(alice, {7, 1})));
  EXPECT_EQ(node_.Refused("leadership_msg", "signature"), 1U);
  EXPECT_TRUE(delivered_.empty());
  HandleAndWait(alice, Leadership(alice, {7, 1}));  // the forgery has not taken its place
  EXPECT_EQ(delivered_.size(), 1U);
}

// 11.10: older sequences and configurations without organisations are ignored, equal ones are not.
TEST_F(ChannelTest, OldAndEmptyConfigurationsAreIgnored) {
  EXPECT_FALSE(channel_->Configure(Join(2, {kOrg1})));
  EXPECT_FALSE(channel_->Configure(Join(4, {})));
  EXPECT_TRUE(channel_->IsOrgInChannel(kOrg2));
  EXPECT_EQ(channel_->configuration().sequence, 3U);
  EXPECT_TRUE(channel_->Configure(Join(3, {kOrg1})));
  EXPECT_FALSE(channel_->IsOrgInChannel(kOrg2));
  EXPECT_FALSE(channel_->IsOrgInChannel(""));
}

// D-26: a configuration without the own organisation ends the exchange, until another one has it again.
TEST_F(ChannelTest, D26_TheOwnOrganisationsRemovalIsHonoured) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  channel_->state_infos().SetLedgerHeight(5);
  HandleAndWait(alice, StateInfoOf(alice, {7, 1}));
  HandleAndWait(bob, StateInfoOf(bob, {7, 1}));
  RunFor(5s);

  EXPECT_FALSE(channel_->Configure(Join(4, {kOrg2})));
  EXPECT_TRUE(channel_->Members().empty());
  EXPECT_EQ(channel_->state_infos().size(), 0U);
  EXPECT_FALSE(channel_->IsOrgInChannel(kOrg1));
  EXPECT_FALSE(channel_->IsOrgInChannel(kOrg2));
  EXPECT_FALSE(channel_->IsEligible(alice.pki_id));
  Handle(bob, StateInfoOf(bob, {7, 2}));
  Handle(bob, PullRequestBy(bob));
  Handle(alice, Hello());
  Handle(alice, Leadership(alice, {7, 1}));
  EXPECT_EQ(node_.RefusedInAll(), 4);
  EXPECT_TRUE(answers_.empty());
  node_.emitted.clear();
  channel_->state_infos().SetLedgerHeight(6);
  RunFor(20s);
  EXPECT_TRUE(node_.emitted.empty());
  EXPECT_FALSE(channel_->Configure(Join(3, {kOrg1, kOrg2})));  // an older one does not bring it back

  EXPECT_TRUE(channel_->Configure(Join(5, {kOrg1, kOrg2})));
  HandleAndWait(alice, StateInfoOf(alice, {7, 2}));
  EXPECT_EQ(channel_->Members().size(), 1U);
  RunFor(5s);
  EXPECT_EQ(channel_->state_infos().size(), 2U);  // the own one again
}

// What was verified under one configuration must not be delivered under one that excludes its sender.
TEST_F(ChannelTest, D26_ALeadershipMessageWhoseVerdictComesAfterTheRemovalIsRefused) {
  const auto alice = AddPeer("alice", kOrg1);
  Handle(alice, Leadership(alice, {7, 1}));
  EXPECT_FALSE(channel_->Configure(Join(4, {kOrg2})));
  RunFor(1s);
  EXPECT_TRUE(delivered_.empty());
}

// A channel whose first configuration does not have the own organisation does nothing at all.
TEST_F(ChannelTest, AChannelThatIsNotConfiguredIsSilent) {
  Channel other(node_.host.environment(), node_.parts(), "other", {}, {});
  EXPECT_FALSE(other.Configure(Join(1, {kOrg2})));
  const std::size_t signatures = node_.crypto.signatures;
  other.state_infos().SetLedgerHeight(5);
  RunFor(60s);
  EXPECT_EQ(node_.crypto.signatures, signatures);
}

// 11.10 LeaveChan: state infos are still exchanged, blocks and leadership are not, nobody is listed.
TEST_F(ChannelTest, AfterLeavingOnlyStateInfosAreExchanged) {
  const auto alice = AddPeer("alice", kOrg1);
  HandleAndWait(alice, StateInfoOf(alice, {7, 1}));
  channel_->Leave();
  EXPECT_TRUE(channel_->left());
  EXPECT_TRUE(channel_->Members().empty());
  Handle(alice, Hello());
  EXPECT_EQ(node_.Refused("hello", "channel_left"), 1U);
  Handle(alice, wire::DataMessage{});
  EXPECT_EQ(node_.Refused("data_msg", "channel_left"), 1U);
  Handle(alice, Leadership(alice, {7, 1}));
  EXPECT_EQ(node_.Refused("leadership_msg", "channel_left"), 1U);
  HandleAndWait(alice, StateInfoOf(alice, {7, 2}));
  EXPECT_EQ(delivered_.size(), 2U);
  Handle(alice, PullRequestBy(alice));
  EXPECT_EQ(answers_.size(), 1U);
  RunFor(5s);
  const auto& last = node_.emitted.back();
  EXPECT_EQ(last.originator, node_.pki_id());
  EXPECT_TRUE(wire::DecodeMessage(last.envelope.payload())->As<wire::StateInfo>()->properties->left_channel);
}

// Who is no longer known to membership is forgotten within a tracker interval, and the gauge follows.
TEST_F(ChannelTest, AChangedMembershipIsFollowed) {
  const std::string gauge = "gossip_membership_total_peers_known{channel=\"mychannel\"}";
  const auto alice = AddPeer("alice", kOrg1);
  HandleAndWait(alice, StateInfoOf(alice, {7, 1}));
  RunFor(5s);
  EXPECT_EQ(node_.host.metrics().Snapshot().at(gauge), 1);
  node_.peers.Forget(alice.pki_id);
  channel_->MembershipChanged();
  RunFor(5s);
  EXPECT_EQ(channel_->state_infos().size(), 0U);
  EXPECT_EQ(node_.host.metrics().Snapshot().at(gauge), 0);
}

// Two channels of one node do not mix, and destroying one while signatures are being checked is safe.
TEST_F(ChannelTest, ChannelsAreSeparateAndMayBeDestroyedAtAnyTime) {
  authority_.SetReaders("other", {kOrg1});
  const auto alice = AddPeer("alice", kOrg1);
  Channel other(node_.host.environment(), node_.parts(), "other", {}, {});
  EXPECT_TRUE(other.Configure(Join(1, {kOrg1})));
  const auto of_other = Sign(alice, wire::NewMessage(Content(alice, {7, 1}, 1, "other")));
  other.Handle(From(alice, of_other), ticket_);
  Handle(alice, StateInfoOf(alice, {7, 1}));
  Handle(alice, Leadership(alice, {7, 1}));
  channel_.reset();
  RunFor(60s);
  EXPECT_TRUE(delivered_.empty());
  EXPECT_TRUE(other.IsEligible(alice.pki_id));
}

}  // namespace
}  // namespace grapevine::channel
