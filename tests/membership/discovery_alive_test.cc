// Alive messages that arrive directly (specification 10.5).
#include "discovery_fixture.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

class AliveTest : public DiscoveryFixture {
 protected:
  void SetUp() override {
    node_ = &AddNode("node", kOrg1, {.sync_interval = 1h});
    messenger_ = &AddStranger("messenger");
    subject_ = authority_.Issue(kOrg1, "subject");
    subject_id_ = *simulation::Authority::PkiIdOf(subject_);
    Run(10ms);
  }
  wire::PeerTime Fresh(std::uint64_t sequence) { return {StartedAgo(*node_, 1s), sequence}; }
  void Deliver(const wire::Envelope& message) {
    messenger_->Send(*node_, message);
    Run(100ms);
  }
  void KnowSubject() {
    base::Handle put = node_->mapper.Put(subject_id_, subject_, [](const auto& entry) { ASSERT_TRUE(entry); });
    Run(10ms);
    put.Detach();
  }
  wire::Envelope Subject(AliveText text) { return messenger_->AliveOf(subject_, text); }

  DiscoveryNode* node_ = nullptr;
  Stranger* messenger_ = nullptr;
  base::Bytes subject_;
  wire::PkiId subject_id_;
};

TEST_F(AliveTest, ANewOneIsLearnedAndForwardedOnceNotBackToItsSender) {
  const auto message = Subject(
      {.time = Fresh(1), .external = "outside:1", .internal = "inside:1", .embed_identity = true, .metadata = "m"});
  Deliver(message);
  const auto member = node_->discovery.Lookup(subject_id_);
  ASSERT_TRUE(member);
  EXPECT_TRUE(member->alive);
  EXPECT_EQ(member->internal_endpoint, "inside:1");
  EXPECT_EQ(member->peer.external_endpoint, "outside:1");
  EXPECT_EQ(member->peer.organization, kOrg1);
  EXPECT_EQ(member->metadata.view(), "m");
  EXPECT_EQ(member->envelope, message);
  ASSERT_EQ(node_->emissions.size(), 1U);
  EXPECT_EQ(node_->emissions[0].envelope, message);
  EXPECT_EQ(node_->emissions[0].originator, subject_id_);
  EXPECT_EQ(node_->emissions[0].received_from, messenger_->pki_id());
  EXPECT_EQ(node_->changed, 1U);
  EXPECT_EQ(node_->discovery.Members().size(), 1U);
}

// What says nothing new can wait for company where it enters; news cannot.
TEST_F(AliveTest, OnlyRoutineIsPassedOnWithPatience) {
  KnowSubject();
  Deliver(Subject({.time = Fresh(1), .external = "outside:1"}));
  Deliver(Subject({.time = Fresh(2), .external = "outside:1"}));
  Deliver(Subject({.time = Fresh(3), .external = "outside:2"}));
  ASSERT_EQ(node_->emissions.size(), 3U);
  EXPECT_EQ(node_->emissions[0].patience, std::nullopt) << "it is new";
  EXPECT_EQ(node_->emissions[1].patience, 0s) << "it has waited where it came from";
  EXPECT_EQ(node_->emissions[2].patience, std::nullopt) << "it has moved";
  const auto from_author = [&](std::uint64_t sequence) {
    node_->emissions.clear();
    messenger_->Send(*node_, messenger_->Alive({.time = Fresh(sequence), .embed_identity = true}));
    Run(1100ms);
    return std::ranges::find(node_->emissions, messenger_->pki_id(), &gossip::Emission::originator)->patience;
  };
  EXPECT_EQ(from_author(1), std::nullopt);
  EXPECT_EQ(from_author(2), 0s) << "the view is in motion";
  Run(15s);  // the subject, who is nowhere, is found dead meanwhile
  EXPECT_EQ(from_author(3), 1s);
}

// A peer signs its secret part once and sends it with every message.
TEST_F(AliveTest, ASecretPartThatIsKnownIsNotVerifiedAgain) {
  KnowSubject();
  const auto verifications = [&](const wire::Envelope& alive) {
    const std::size_t before = node_->crypto.verifications;
    Deliver(alive);
    return node_->crypto.verifications - before;
  };
  Deliver(Subject({.time = Fresh(1)}));  // the messenger's handshake as well
  EXPECT_EQ(verifications(Subject({.time = Fresh(2), .internal = "inside:1"})), 2U);
  EXPECT_EQ(verifications(Subject({.time = Fresh(3), .internal = "inside:1"})), 1U);
  EXPECT_EQ(verifications(Subject({.time = Fresh(4), .internal = "inside:2"})), 2U) << "another one";
  EXPECT_EQ(verifications(Subject({.time = Fresh(5)})), 1U);
}

// When its push comes it is a duplicate here: those to whom it is to be passed on would wait for their sync.
TEST_F(AliveTest, ARefreshThatAResponseBringsBeforeItsPushIsPassedOn) {
  KnowSubject();
  Deliver(Stranger::Response({Subject({.time = Fresh(1)})}));
  EXPECT_TRUE(node_->IsAlive(subject_id_));
  EXPECT_TRUE(node_->emissions.empty()) << "news spreads with its push";
  const auto refresh = Subject({.time = Fresh(2)});
  Deliver(Stranger::Response({refresh}));
  ASSERT_EQ(node_->emissions.size(), 1U);
  EXPECT_EQ(node_->emissions[0].envelope, refresh);
  EXPECT_EQ(node_->emissions[0].originator, subject_id_);
  EXPECT_EQ(node_->emissions[0].received_from, node_->pki_id());
  EXPECT_EQ(node_->emissions[0].patience, 0s);
  Deliver(refresh);
  EXPECT_EQ(node_->emissions.size(), 1U);
}

// Foreign peers tell of members of this organisation without their secret part. Passed on, it would keep the whole
// message, which comes later and is a duplicate then, from everybody behind this node.
TEST_F(AliveTest, ARefreshWithoutTheSecretPartThatIsKnownIsNotPassedOn) {
  KnowSubject();
  Deliver(Subject({.time = Fresh(1), .external = "outside:1", .internal = "inside:1"}));
  ASSERT_EQ(node_->emissions.size(), 1U);
  const wire::PeerTime second = Fresh(2);
  Deliver(Stranger::Response({Subject({.time = second, .external = "outside:1"})}));
  EXPECT_EQ(node_->discovery.Lookup(subject_id_)->timestamp, second) << "it is heard all the same";
  EXPECT_EQ(node_->emissions.size(), 1U);
  Deliver(Stranger::Response({Subject({.time = Fresh(3), .external = "outside:1", .internal = "inside:1"})}));
  EXPECT_EQ(node_->emissions.size(), 2U);
}

// The period of an alive message is the same at every node, and that of all peers' messages of a time.
TEST_F(AliveTest, TheKeyOfAnAliveMessageIsItsPeriod) {
  KnowSubject();
  const std::uint64_t started = StartedAgo(*node_, 60s);  // twelve intervals
  const auto key = [&](wire::PeerTime time) {
    Deliver(Subject({.time = time}));
    return node_->emissions.back().key;
  };
  const std::uint64_t to_the_next = 12 - (started / 5'000'000'000 + 1) % 12;
  const base::Bytes first = key({started, 1});
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(key({started, to_the_next}), first);
  const base::Bytes second = key({started, to_the_next + 1});
  EXPECT_NE(second, first);
  EXPECT_EQ(key({started, to_the_next + 12}), second);
  EXPECT_NE(key({started, to_the_next + 13}), second);
  const auto own = [&] { return std::ranges::find(node_->emissions, node_->pki_id(), &gossip::Emission::originator); };
  while (own() == node_->emissions.end()) Run(1s);
  EXPECT_EQ(key(node_->discovery.Lookup(node_->pki_id())->timestamp), own()->key) << "that of its own ones too";
}

TEST_F(AliveTest, DuplicatesAndOlderOnesCostNoSignatureCheckAndAreNotForwarded) {
  KnowSubject();
  const auto message = Subject({.time = Fresh(5)});
  Deliver(message);
  const std::uint64_t verified = node_->crypto.verifications;
  Deliver(message);
  Deliver(Subject({.time = {StartedAgo(*node_, 10s), 9}}));
  EXPECT_EQ(node_->crypto.verifications, verified);
  EXPECT_EQ(node_->emissions.size(), 1U);
  EXPECT_EQ(node_->Refused("alive", "duplicate"), 1U);
  EXPECT_EQ(node_->Refused("alive", "older"), 1U);
}

// Given a message whose signature is being checked, when its copy comes, then it is accepted once and forwarded once.
TEST_F(AliveTest, ACopyWhileTheSignatureIsBeingCheckedIsJoined) {
  KnowSubject();
  Deliver(Subject({.time = Fresh(1)}));  // the connection is there
  const std::uint64_t before = node_->crypto.verifications;
  const auto message = Subject({.time = Fresh(2), .internal = "inside:1"});
  messenger_->Send(*node_, message);
  messenger_->Send(*node_, message);
  Run(100ms);
  EXPECT_EQ(node_->crypto.verifications, before + 2) << "message and secret part, each once";
  EXPECT_EQ(node_->emissions.size(), 2U);
  EXPECT_EQ(node_->Refused("alive", "duplicate"), 1U);
}

// The acceptance test is repeated when the verdict comes: two messages are checked, the older one's verdict is last.
TEST_F(AliveTest, WhatWasOvertakenWhileBeingCheckedIsDropped) {
  KnowSubject();
  messenger_->Send(*node_, Subject({.time = Fresh(1), .internal = "inside:1"}));  // two checks
  messenger_->Send(*node_, Subject({.time = Fresh(2)}));                          // one check
  Run(100ms);
  const auto member = node_->discovery.Lookup(subject_id_);
  ASSERT_TRUE(member);
  EXPECT_EQ(member->timestamp.sequence, 2U);
  EXPECT_EQ(node_->Refused("alive", "older") + node_->emissions.size(), 2U);
}

TEST_F(AliveTest, WhoseIdentityIsUnknownIsCounted) {
  Deliver(Subject({.time = Fresh(1)}));
  EXPECT_FALSE(node_->discovery.Lookup(subject_id_));
  EXPECT_EQ(node_->Refused("alive", "unknown_identity"), 1U);
}

TEST_F(AliveTest, EmbeddedIdentityMustBeValidAndBelongToThePkiId) {
  const base::Bytes foreign = authority_.IssueByUnknownCa(kOrg1, "foreign");
  Deliver(messenger_->AliveOf(foreign, {.time = Fresh(1), .embed_identity = true}));
  wire::AliveMessage stolen;
  stolen.membership.pki_id = subject_id_;
  stolen.timestamp = Fresh(1);
  stolen.identity = foreign;
  Deliver(messenger_->Signed(foreign, wire::NewMessage(stolen), ""));
  EXPECT_EQ(node_->Refused("alive", "bad_identity"), 2U);
  EXPECT_EQ(node_->discovery.sizes().alive, 0U);
}

TEST_F(AliveTest, SignaturesOfMessageAndSecretPartAreChecked) {
  KnowSubject();
  const auto good = Subject({.time = Fresh(1), .internal = "inside:1"});
  const auto secret = *good.secret();
  Deliver(wire::Envelope::Make(good.payload(), "wrong", secret));
  Deliver(wire::Envelope::Make(good.payload(), good.signature(), wire::SecretEnvelope{secret.payload, secret.payload}));
  Deliver(wire::Envelope::Make(good.payload(), good.signature(), wire::SecretEnvelope{secret.payload, {}}));
  EXPECT_EQ(node_->Refused("alive", "bad_signature"), 3U);
  Deliver(wire::Envelope::Make(good.payload()));
  EXPECT_EQ(node_->Refused("alive", "unsigned"), 1U);
  EXPECT_FALSE(node_->discovery.Lookup(subject_id_));
}

TEST_F(AliveTest, AMessageAboutTheNodeItselfIsDroppedAndNotForwarded) {
  Deliver(messenger_->AliveOf(node_->mapper.own_identity(), {.time = {1, 1}}));
  const std::uint64_t before = node_->crypto.verifications;
  Deliver(messenger_->AliveOf(node_->mapper.own_identity(), {.time = {1, 2}, .external = "twin:1"}));
  EXPECT_EQ(node_->Refused("alive", "own"), 2U);
  EXPECT_EQ(node_->crypto.verifications, before + 1) << "only the one with another endpoint is worth a look";
  EXPECT_TRUE(node_->emissions.empty());
  EXPECT_EQ(node_->discovery.sizes().alive, 0U);
  EXPECT_TRUE(node_->discovery.Lookup(node_->pki_id())->alive);
}

// Given a peer that signs correctly, when it leaves out what must be there, then the node lives on and counts it.
TEST_F(AliveTest, D1_MissingPartsAreRefusedByDecoding) {
  // GossipMessage{tag: EMPTY, alive_msg: {}}, then with membership{} only, then with a PKI-ID of one byte.
  const std::vector<std::string> payloads = {std::string("\x18\x01\x2a\x00", 4),
                                             std::string("\x18\x01\x2a\x02\x0a\x00", 6),
                                             std::string("\x18\x01\x2a\x07\x0a\x03\x1a\x01x\x12\x00", 11)};
  for (const std::string& payload : payloads) {
    Deliver(wire::Envelope::Make(payload, authority_.Sign(messenger_->identity, payload)));
  }
  EXPECT_EQ(node_->Counter("gossip_comm_dropped_messages", {{"direction", "received"}, {"reason", "no_membership"}}),
            1U);
  EXPECT_EQ(node_->Counter("gossip_comm_dropped_messages", {{"direction", "received"}, {"reason", "no_timestamp"}}),
            1U);
  EXPECT_EQ(node_->Counter("gossip_comm_dropped_messages", {{"direction", "received"}, {"reason", "bad_pki_id"}}), 1U);
  Deliver(Subject({.time = Fresh(1), .embed_identity = true}));
  EXPECT_TRUE(node_->IsAlive(subject_id_));
}

// Zero, the greatest numbers, and endpoints that are none: accepted or refused, never a failure.
TEST_F(AliveTest, ExtremeTimestampsAndEndpoints) {
  KnowSubject();
  Deliver(Subject({.time = {0, 0}}));
  EXPECT_TRUE(node_->IsDead(subject_id_)) << "of 1970 by its own account";
  const std::uint64_t huge = ~std::uint64_t{0};
  Deliver(Subject({.time = {1, huge}}));
  EXPECT_TRUE(node_->IsAlive(subject_id_)) << "of the far future";
  Deliver(Subject({.time = {huge, huge}, .external = ":", .internal = "no endpoint at all"}));
  EXPECT_EQ(node_->discovery.Lookup(subject_id_)->timestamp, (wire::PeerTime{huge, huge}));
  Deliver(Subject({.time = {huge, huge}}));
  EXPECT_EQ(node_->Refused("alive", "duplicate"), 1U);
  Run(1000s);
  EXPECT_FALSE(node_->discovery.Lookup(subject_id_));
}

// Given that an identity is purged while a message of its owner is being checked, then nobody is learned.
TEST_F(AliveTest, D8_APurgeWhileTheMessageIsBeingChecked) {
  KnowSubject();
  Deliver(Subject({.time = Fresh(1)}));
  messenger_->Send(*node_, Subject({.time = Fresh(2)}));
  const std::uint64_t before = node_->crypto.verifications;
  ASSERT_TRUE(RunUntil([&] { return node_->crypto.verifications > before; }, 1s));
  node_->mapper.Purge(subject_id_);
  Run(100ms);
  EXPECT_FALSE(node_->discovery.Lookup(subject_id_));
  EXPECT_EQ(node_->Refused("alive", "unknown_identity"), 1U);
  EXPECT_EQ(node_->discovery.sizes().tombstones, 1U);
}

TEST_F(AliveTest, D9_AnOldMessageOfAnUnknownPeerDoesNotMakeItAlive) {
  KnowSubject();
  const base::Duration hour = 1h;
  Deliver(Subject({.time = {StartedAgo(*node_, hour), 1}, .internal = "inside:1"}));
  EXPECT_TRUE(node_->IsDead(subject_id_));
  EXPECT_TRUE(node_->emissions.empty()) << "a replay is not spread";
  EXPECT_EQ(node_->discovery.Alive().size(), 0U);
  // Many heartbeats since that start make the message a young one.
  Deliver(Subject({.time = {StartedAgo(*node_, hour), 700}, .internal = "inside:1"}));
  EXPECT_TRUE(node_->IsAlive(subject_id_));
}

// Given a peer whose clock is an hour late, then its own word on its own connection is enough.
TEST_F(AliveTest, D9_AnOldMessageOnThePeersOwnConnectionCounts) {
  Introduce(*messenger_, *node_, {.time = {StartedAgo(*node_, 1h), 1}});
  EXPECT_TRUE(node_->IsAlive(messenger_->pki_id()));
}

// Given a doubtful message about a peer that lives, then the node asks it, and its answer makes it alive.
TEST_F(AliveTest, D9_ADoubtedPeerIsContactedAtOnce) {
  Stranger& late = AddStranger("late");
  base::Handle put = node_->mapper.Put(late.pki_id(), late.identity, [](const auto&) {});
  Run(10ms);
  const AliveText text{.time = {StartedAgo(*node_, 1h), 1}, .internal = late.node.host.endpoint()};
  Deliver(late.Alive(text));
  EXPECT_TRUE(node_->IsDead(late.pki_id()));
  ASSERT_EQ(late.Received<wire::MembershipRequest>().size(), 1U);
  late.Received<wire::MembershipRequest>()[0]->Respond(Stranger::Response({late.Alive(text)}));
  Run(100ms);
  EXPECT_TRUE(node_->IsAlive(late.pki_id()));
}

// Given a message of somebody long forgotten, when it is replayed, then it stays forgotten.
TEST_F(AliveTest, D9_ReplayAfterForgetting) {
  KnowSubject();
  const auto message = Subject({.time = Fresh(1)});
  Deliver(message);
  Run(1200s);
  EXPECT_EQ(node_->discovery.sizes().tombstones, 1U);
  Deliver(message);
  EXPECT_FALSE(node_->discovery.Lookup(subject_id_));
  EXPECT_EQ(node_->Refused("alive", "duplicate"), 1U);
  const auto alive_since_then = Subject({.time = {StartedAgo(*node_, 0s), 1}});
  Deliver(alive_since_then);
  EXPECT_TRUE(node_->IsAlive(subject_id_));
}

TEST_F(AliveTest, MoreMembersThanTheBoundAreRefused) {
  DiscoveryNode& small = AddNode("small", kOrg1, {.max_members = 1});
  Run(10ms);
  Introduce(*messenger_, small);
  messenger_->Send(small, Subject({.time = Fresh(1), .embed_identity = true}));
  Run(100ms);
  EXPECT_EQ(small.Refused("alive", "full"), 1U);
  EXPECT_EQ(small.discovery.sizes().alive, 1U);
}

// Several members that change in one event are one change for observers; a mere heartbeat is none.
TEST_F(AliveTest, ChangesAreReportedOncePerEvent) {
  KnowSubject();
  Deliver(Subject({.time = Fresh(1), .internal = "inside:1"}));
  EXPECT_EQ(node_->changed, 1U);
  Deliver(Subject({.time = Fresh(2), .internal = "inside:1"}));
  EXPECT_EQ(node_->changed, 1U);
  Deliver(Subject({.time = Fresh(3), .internal = "inside:2"}));
  EXPECT_EQ(node_->changed, 2U);
  node_->changes.Reset();
  Deliver(Subject({.time = Fresh(4), .internal = "inside:3"}));
  EXPECT_EQ(node_->changed, 2U);
}

}  // namespace
}  // namespace grapevine::membership
