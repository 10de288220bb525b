// Asking for state infos, answering, and reading the answers (specification 11.9, 11.10).
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "channel/state_info_world.h"

namespace grapevine::channel {
namespace {

class StateInfoSnapshotTest : public StateInfoTest {};

std::vector<wire::PkiId> Sorted(std::vector<wire::PkiId> ids) {
  std::ranges::sort(ids);
  return ids;
}

// The snapshot rule: the own organisation gets everything; others only what they may know of the own organisation.
TEST_F(StateInfoSnapshotTest, ForeignPeersAreNotToldOfHiddenPeersOfTheOwnOrganisation) {
  const auto open = AddPeer("open", kOrg1);
  const auto hidden = AddPeer("hidden", kOrg1, "");
  const auto unknown = Identify("unknown", kOrg1);
  const auto foreign = AddPeer("foreign", kOrg2);
  const auto foreign_hidden = AddPeer("foreign_hidden", kOrg2, "");
  for (const auto& peer : {open, hidden, unknown, foreign, foreign_hidden}) {
    PushAndWait(peer, StateInfoOf(peer, {7, 1}));
  }
  exchange_->HandlePullRequest(From(open, PullRequestBy(open)));
  exchange_->HandlePullRequest(From(foreign, PullRequestBy(foreign)));
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(Named(answers_[0]),
            Sorted({open.pki_id, hidden.pki_id, unknown.pki_id, foreign.pki_id, foreign_hidden.pki_id}));
  EXPECT_EQ(Named(answers_[1]), Sorted({open.pki_id, foreign.pki_id, foreign_hidden.pki_id}));
  const auto message = wire::DecodeMessage(answers_[1].payload());
  EXPECT_EQ(message->channel, kMyChannel);
  EXPECT_EQ(message->tag, wire::Tag::kChannelOrOrg);
  EXPECT_EQ(message->nonce, 0U);
  EXPECT_FALSE(answers_[1].is_signed());
}

// The own state info follows the same rule.
TEST_F(StateInfoSnapshotTest, AHiddenNodeDoesNotTellForeignersOfItself) {
  const auto foreign = AddPeer("foreign", kOrg2);
  exchange_->Start();
  exchange_->SetLedgerHeight(2);
  RunFor(5s);
  exchange_->HandlePullRequest(From(foreign, PullRequestBy(foreign)));
  node_.peers.self.external_endpoint.clear();
  RunFor(1s);  // as old as an answer to foreigners may be
  exchange_->HandlePullRequest(From(foreign, PullRequestBy(foreign)));
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(Named(answers_[0]), std::vector<wire::PkiId>{node_.pki_id()});
  EXPECT_TRUE(Named(answers_[1]).empty());
}

// D-4: an answer is encoded once until the cache changes, and each peer gets a few per interval only.
TEST_F(StateInfoSnapshotTest, D4_APeerThatAsksAThousandTimesGetsEightAnswersThatShareOneBuffer) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg1);
  exchange_->Start();
  PushAndWait(alice, StateInfoOf(alice, {7, 1}));
  RunFor(5s);  // a request tick has passed
  for (int i = 0; i < 1000; ++i) exchange_->HandlePullRequest(From(alice, PullRequestBy(alice)));
  ASSERT_EQ(answers_.size(), 8U);
  EXPECT_EQ(node_.Refused("state_info_pull_req", "budget"), 992U);
  for (const auto& answer : answers_) EXPECT_EQ(answer.encoded().data(), answers_[0].encoded().data());
  exchange_->HandlePullRequest(From(bob, PullRequestBy(bob)));  // others are not affected
  EXPECT_EQ(answers_.size(), 9U);

  RunFor(4s);
  exchange_->HandlePullRequest(From(alice, PullRequestBy(alice)));
  ASSERT_EQ(answers_.size(), 10U);
  EXPECT_EQ(answers_[9].encoded().data(), answers_[0].encoded().data());
  PushAndWait(bob, StateInfoOf(bob, {7, 1}));
  exchange_->HandlePullRequest(From(alice, PullRequestBy(alice)));
  EXPECT_EQ(Named(answers_[10]).size(), 2U);
}

// Elements are added, and neither passed on nor delivered.
TEST_F(StateInfoSnapshotTest, ElementsAreAddedAndNotForwarded) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg2);
  const auto of_alice = StateInfoOf(alice, {7, 1}, 4);
  Snapshot(bob, {of_alice, StateInfoOf(bob, {7, 1}, 5)});
  RunFor(1s);
  EXPECT_EQ(exchange_->size(), 2U);
  EXPECT_TRUE(exchange_->IsEligible(alice.pki_id));
  EXPECT_TRUE(node_.emitted.empty());
  EXPECT_TRUE(added_.empty());
  EXPECT_EQ(heights_.size(), 2U);
  // In a buffer of its own: one element must not keep the whole snapshot in memory.
  EXPECT_EQ(exchange_->Find(alice.pki_id)->state_info, of_alice);
  EXPECT_EQ(exchange_->Find(alice.pki_id)->state_info.encoded().size(), of_alice.encoded().size());
}

// Bad elements are skipped and counted, each under its reason; the rest of the snapshot counts.
TEST_F(StateInfoSnapshotTest, BadElementsAreSkippedAndCounted) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg1);
  const auto carol = AddPeer("carol", kOrg3);
  const auto unknown_peer = Identify("dave", kOrg1);
  auto unknown_identity = Stranger("erin", kOrg1);
  node_.peers.Add(
      {.pki_id = unknown_identity.pki_id, .endpoint = "erin:7051", .external_endpoint = {}, .organization = {}});
  const OtherPeer self{node_.mapper.own_identity(), node_.pki_id(), kOrg1};
  Snapshot(bob, {Sign(alice, wire::NewMessage(Content(alice, {7, 1}, 1, "otherchannel"))), StateInfoOf(carol, {7, 1}),
                 StateInfoOf(unknown_peer, {7, 1}), StateInfoOf(unknown_identity, {7, 1}), StateInfoOf(self, {9, 9}),
                 Forge(StateInfoOf(alice, {7, 1})), StateInfoOf(alice, {0, 1}), StateInfoOf(bob, {7, 1})});
  RunFor(1s);
  EXPECT_EQ(node_.Refused("state_snapshot", "MAC"), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "organization"), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "unknown_peer"), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "unknown_identity"), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "policy_or_signature"), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "no_timestamp"), 1U);
  EXPECT_EQ(node_.RefusedInAll(), 6);  // the own one is in everybody's snapshot
  EXPECT_EQ(exchange_->size(), 1U);
  EXPECT_TRUE(exchange_->IsEligible(bob.pki_id));
}

// As in Fabric what follows an element that is no state info is not looked at.
TEST_F(StateInfoSnapshotTest, AnUndecodableElementEndsTheSnapshot) {
  const auto alice = AddPeer("alice", kOrg1);
  const auto bob = AddPeer("bob", kOrg1);
  Snapshot(bob, {StateInfoOf(alice, {7, 1}), wire::Envelope::Make("\xff\xff", "x"), StateInfoOf(bob, {7, 1})});
  RunFor(1s);
  EXPECT_EQ(exchange_->size(), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "undecodable"), 1U);
  // A message of another type inside counts as that.
  Snapshot(bob, {PullRequestBy(bob), StateInfoOf(bob, {7, 1})});
  RunFor(1s);
  EXPECT_EQ(exchange_->size(), 1U);
  EXPECT_EQ(node_.Refused("state_snapshot", "undecodable"), 2U);
  // The peer's next snapshot is read again.
  Snapshot(bob, {StateInfoOf(bob, {7, 1})});
  RunFor(1s);
  EXPECT_EQ(exchange_->size(), 2U);
}

// A thousand elements: looked at in slices, a bounded number of signatures at a time, the ticket kept until the end.
TEST_F(StateInfoSnapshotTest, AThousandElementsAreReadInSlices) {
  std::vector<wire::Envelope> elements;
  for (int i = 0; i < 1000; ++i) {
    const auto peer = AddPeer("peer" + std::to_string(i), i % 2 == 0 ? kOrg1 : kOrg2);
    elements.push_back(StateInfoOf(peer, {7, 1}, static_cast<std::uint64_t>(i)));
  }
  const auto bob = AddPeer("bob", kOrg1);
  std::weak_ptr<const void> ticket = ticket_;
  Snapshot(bob, elements);
  ticket_.reset();
  EXPECT_FALSE(ticket.expired());
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return exchange_->size() == 1000; }, 10s));
  RunFor(1ms);
  EXPECT_TRUE(ticket.expired());
  EXPECT_EQ(node_.crypto.verifications, 1000U);
  EXPECT_EQ(node_.crypto.most_verifying, 64U);

  // The same again costs no signature, and is read over several events.
  const std::uint64_t before = world_.scheduler().executed();
  Snapshot(bob, elements);
  EXPECT_EQ(Duplicates(), 128U);
  RunFor(1ms);
  EXPECT_EQ(Duplicates(), 1000U);
  EXPECT_EQ(world_.scheduler().executed() - before, 7U);
  EXPECT_EQ(node_.crypto.verifications, 1000U);
  EXPECT_EQ(exchange_->Members().size(), 1000U);
}

// One snapshot of a peer at a time, and not many bad signatures in one: nobody can keep the node busy.
TEST_F(StateInfoSnapshotTest, AFloodOfSnapshotsAndBadSignaturesIsBounded) {
  const auto bob = AddPeer("bob", kOrg1);
  std::vector<wire::Envelope> forged;
  for (std::uint64_t i = 1; i <= 1000; ++i) forged.push_back(Forge(StateInfoOf(bob, {7, i})));
  Snapshot(bob, forged);
  Snapshot(bob, forged);
  EXPECT_EQ(node_.Refused("state_snapshot", "busy"), 1U);
  RunFor(10s);
  EXPECT_EQ(node_.Refused("state_snapshot", "rest_after_bad_signatures"), 1U);
  EXPECT_EQ(node_.crypto.verifications, 71U);  // 64 at first, and one for each of the seven before the eighth
  Snapshot(bob, {StateInfoOf(bob, {7, 1})});
  RunFor(1s);
  EXPECT_EQ(exchange_->size(), 1U);
}

// The request tick: three random alive peers of the channel's organisations, with the MAC and no channel name.
TEST_F(StateInfoSnapshotTest, RequestsGoToThreePeersOfTheChannelsOrganisations) {
  std::vector<std::unique_ptr<TestNode>> others;
  std::vector<comm::AcceptedMessages> subscriptions;
  std::vector<std::pair<std::string, comm::ReceivedMessagePtr>> received;
  for (const auto& [name, organization] : std::vector<std::pair<std::string, std::string>>{
           {"a", kOrg1}, {"b", kOrg1}, {"c", kOrg2}, {"d", kOrg2}, {"e", kOrg3}}) {
    others.push_back(std::make_unique<TestNode>(world_.AddHost(name), authority_, organization));
    subscriptions.push_back(others.back()->comm.Accept("test", [](const auto&) { return true; }));
    subscriptions.back().ReceiveAll(
        [&received, name](comm::ReceivedMessagePtr message) { received.emplace_back(name, std::move(message)); });
    node_.peers.Add({.pki_id = others.back()->pki_id(),
                     .endpoint = others.back()->host.endpoint(),
                     .external_endpoint = {},
                     .organization = organization});
  }
  authority_.SetReaders("foreign", {kOrg3});  // so that all may connect
  exchange_->Start();
  RunFor(4s + 500ms);
  ASSERT_GE(received.size(), 3U);
  RunFor(40s);
  std::set<std::string> asked;
  for (const auto& [name, message] : received) {
    asked.insert(name);
    const auto* request = message->message().As<wire::StateInfoPullRequest>();
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(request->channel_mac.view(), msp::ChannelMac(node_.pki_id(), kMyChannel).view());
    EXPECT_EQ(message->message().tag, wire::Tag::kChannelOrOrg);
    EXPECT_TRUE(message->message().channel.empty());
    EXPECT_FALSE(message->envelope().is_signed());
  }
  EXPECT_EQ(asked, (std::set<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(received.size(), 33U);  // eleven ticks in 44.5 s, three each
}

// Nearly everything that it would hear is known: the next tick asks three again if it was not.
TEST_F(StateInfoSnapshotTest, InASettledViewOnlyOneIsAskedAfterATickWithoutNews) {
  std::vector<std::unique_ptr<TestNode>> others;
  std::vector<comm::AcceptedMessages> subscriptions;
  std::size_t requests = 0;
  for (const std::string name : {"a", "b", "c", "d"}) {
    others.push_back(std::make_unique<TestNode>(world_.AddHost(name), authority_, kOrg1));
    subscriptions.push_back(others.back()->comm.Accept("test", [](const auto&) { return true; }));
    subscriptions.back().ReceiveAll([&requests](const comm::ReceivedMessagePtr&) { ++requests; });
    node_.peers.Add({.pki_id = others.back()->pki_id(),
                     .endpoint = others.back()->host.endpoint(),
                     .external_endpoint = {},
                     .organization = kOrg1});
  }
  const OtherPeer alice = AddPeer("alice", kOrg1);
  node_.peers.Forget(alice.pki_id);
  node_.peers.dead.push_back({.pki_id = alice.pki_id, .endpoint = {}, .external_endpoint = {}, .organization = kOrg1});
  // In so many ticks, each answered or not by alice.
  const auto requests_in = [&](int ticks, bool answered) {
    requests = 0;
    for (int tick = 0; tick < ticks; ++tick) {
      RunFor(4s);
      if (answered) Snapshot(alice, {});
    }
    return requests;
  };
  exchange_->Start();
  EXPECT_EQ(requests_in(10, true), 30U);
  node_.peers.unchanged_since = world_.scheduler().Now();
  requests_in(5, true);
  EXPECT_EQ(requests_in(10, true), 10U);
  Push(alice, StateInfoOf(alice, {7, 1}));
  EXPECT_EQ(requests_in(1, true), 3U) << "there may be more that was missed";
  EXPECT_EQ(requests_in(1, false), 1U);
  EXPECT_EQ(requests_in(2, false), 6U) << "who does not answer is perhaps not in the channel";
  Snapshot(alice, {});
  EXPECT_EQ(requests_in(1, true), 1U);
  exchange_->SetOrganizations({kOrg1, kOrg2, kOrg3});
  EXPECT_EQ(requests_in(1, true), 3U) << "state infos that were refused count now";
  EXPECT_EQ(requests_in(1, true), 1U);
  const OtherPeer stranger = Identify("stranger", kOrg1);
  Snapshot(alice, {StateInfoOf(stranger, {7, 1})});
  EXPECT_EQ(requests_in(1, true), 3U) << "there is a member that this node does not know of";
}

// The answer of a node that knows the same: nothing of it need be looked at.
TEST_F(StateInfoSnapshotTest, ASnapshotThatIsTheOwnAnswerHasNothingNew) {
  std::vector<wire::Envelope> elements;
  for (int i = 0; i < 300; ++i) {
    const auto peer = AddPeer("peer" + std::to_string(i), kOrg1);
    elements.push_back(StateInfoOf(peer, {7, 1}));
    PushAndWait(peer, elements.back());
  }
  const auto bob = AddPeer("bob", kOrg1);
  exchange_->HandlePullRequest(From(bob, PullRequestBy(bob)));
  ASSERT_EQ(answers_.size(), 1U);
  exchange_->HandleSnapshot(From(bob, answers_[0]), ticket_);
  EXPECT_EQ(Duplicates(), 300U) << "at once, not in slices";
  const std::uint64_t before = world_.scheduler().executed();
  RunFor(1ms);
  EXPECT_EQ(world_.scheduler().executed(), before);
  // Of an earlier content it is not the own answer any more.
  PushAndWait(bob, StateInfoOf(bob, {7, 1}));
  exchange_->HandleSnapshot(From(bob, answers_[0]), ticket_);
  EXPECT_EQ(Duplicates(), 300U + 128U);
  EXPECT_EQ(node_.RefusedInAll(), 0);
}

// D-26: a node that is not in the channel asks nobody.
TEST_F(StateInfoSnapshotTest, D26_RemovedANodeAsksNobody) {
  AddPeer("alice", kOrg1);
  exchange_->SetOrganizations({kOrg2});
  exchange_->Start();
  RunFor(20s);
  EXPECT_TRUE(node_.comm.Peers().empty());
}

}  // namespace
}  // namespace grapevine::channel
