// Membership responses that arrive (specification 10.5; D-2, D-3, D-24).
#include "discovery_fixture.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

class ResponseTest : public DiscoveryFixture {
 protected:
  void SetUp() override {
    node_ = &AddNode("node", kOrg1, {.sync_interval = 1h});
    responder_ = &AddStranger("responder");
    Run(10ms);
  }
  wire::PeerTime Fresh(std::uint64_t sequence) { return {StartedAgo(*node_, 1s), sequence}; }
  base::Bytes Known(const std::string& name) {
    const base::Bytes identity = authority_.Issue(kOrg1, name);
    node_->mapper.Put(IdOf(identity), identity, [](const auto&) {}).Detach();
    Run(10ms);
    return identity;
  }
  static wire::PkiId IdOf(const base::Bytes& identity) { return *simulation::Authority::PkiIdOf(identity); }
  wire::Envelope Alive(const base::Bytes& identity, const AliveText& text) {
    return responder_->AliveOf(identity, text);
  }
  void Deliver(std::vector<wire::Envelope> alive, std::vector<wire::Envelope> dead = {}) {
    responder_->Send(*node_, Stranger::Response(std::move(alive), std::move(dead)));
    Run(100ms);
  }

  DiscoveryNode* node_ = nullptr;
  Stranger* responder_ = nullptr;
};

TEST_F(ResponseTest, UnsolicitedAliveAndDeadEntriesAreLearnedAndNotForwarded) {
  const auto a = Known("a");
  const auto b = Known("b");
  Deliver({Alive(a, {.time = Fresh(1), .internal = "a:1"})}, {Alive(b, {.time = Fresh(1), .internal = "b:1"})});
  EXPECT_TRUE(node_->IsAlive(IdOf(a)));
  EXPECT_TRUE(node_->IsDead(IdOf(b)));
  EXPECT_EQ(node_->discovery.Lookup(IdOf(b))->internal_endpoint, "b:1");
  EXPECT_TRUE(node_->emissions.empty());
  EXPECT_EQ(node_->discovery.DeadMembers().size(), 1U);
}

// A dead entry never demotes a member and never updates a dead one, however new it is.
TEST_F(ResponseTest, DeadEntriesAboutMembersChangeNothing) {
  const auto a = Known("a");
  Deliver({Alive(a, {.time = Fresh(1), .internal = "a:1"})});
  Deliver({}, {Alive(a, {.time = Fresh(2), .internal = "a:2"})});
  EXPECT_TRUE(node_->IsAlive(IdOf(a)));
  Run(30s);
  ASSERT_TRUE(node_->IsDead(IdOf(a)));
  Deliver({}, {Alive(a, {.time = Fresh(3), .internal = "a:3"})});
  EXPECT_EQ(node_->discovery.Lookup(IdOf(a))->internal_endpoint, "a:1");
  EXPECT_EQ(node_->Refused("response_dead", "known"), 2U);
}

TEST_F(ResponseTest, NewerAliveEntriesRefreshAndResurrect) {
  // Without heartbeats, which would find out that nobody listens there.
  node_ = &AddNode("quiet", kOrg1, {.alive_interval = 1h, .sync_interval = 1h});
  Run(10ms);
  const auto a = Known("a");
  const std::uint64_t incarnation = Fresh(0).incarnation;
  const auto deliver = [&](std::uint64_t sequence) {
    Deliver({Alive(a, {.time = {incarnation, sequence}, .internal = "a:1"})});
  };
  deliver(1);
  Run(20s);
  deliver(2);
  Run(20s);
  EXPECT_TRUE(node_->IsAlive(IdOf(a)));
  Run(10s);
  EXPECT_TRUE(node_->IsDead(IdOf(a)));
  deliver(2);
  EXPECT_TRUE(node_->IsDead(IdOf(a)));
  deliver(3);
  EXPECT_TRUE(node_->IsAlive(IdOf(a)));
}

// Elements that are known are recognised by their place in the list where that is in order, and decoded where not.
TEST_F(ResponseTest, KnownElementsCountAsSuchInAnyOrder) {
  std::vector<base::Bytes> members{Known("a"), Known("b"), Known("c"), Known("d")};
  std::ranges::sort(members, {}, IdOf);
  const std::uint64_t incarnation = Fresh(0).incarnation;
  std::vector<wire::Envelope> list;
  for (const base::Bytes& member : members) list.push_back(Alive(member, {.time = {incarnation, 1}}));
  Deliver(list);
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 0U);
  list[1] = Alive(members[1], {.time = {incarnation, 2}});
  Deliver(list);
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 3U);
  EXPECT_EQ(node_->discovery.Lookup(IdOf(members[1]))->timestamp.sequence, 2U);
  Deliver({list.rbegin(), list.rend()});
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 7U);
  Deliver({list[0], list[2]}, {list[1], list[3]});
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 9U);
  EXPECT_EQ(node_->Refused("response_dead", "known"), 2U);
  // The refresh was passed on to the others, who are nowhere.
  EXPECT_TRUE(node_->IsAlive(IdOf(members[1])));
  EXPECT_EQ(node_->discovery.sizes().alive + node_->discovery.sizes().dead, 4U);
}

// Given a response with elements that are no alive messages, then these are counted, and the others are taken.
TEST_F(ResponseTest, D2_EachElementIsJudgedByItself) {
  const auto a = Known("a");
  const auto b = Known("b");
  const auto garbage = wire::Envelope::Make("garbage", "signature");
  const auto other = wire::UnsignedEnvelope(wire::NewMessage(wire::StateInfoPullRequest{}));
  const auto no_timestamp = wire::Envelope::Make(std::string("\x18\x01\x2a\x02\x0a\x00", 6), "signature");
  Deliver({garbage, other, no_timestamp, wire::Envelope(), Alive(a, {.time = Fresh(1)})},
          {other, garbage, no_timestamp, Alive(b, {.time = Fresh(1)})});
  EXPECT_TRUE(node_->IsAlive(IdOf(a)));
  EXPECT_TRUE(node_->IsDead(IdOf(b)));
  EXPECT_EQ(node_->Refused("response_alive", "malformed"), 3U);
  EXPECT_EQ(node_->Refused("response_alive", "wrong_type"), 1U);
  EXPECT_EQ(node_->Refused("response_dead", "malformed"), 2U);
  EXPECT_EQ(node_->Refused("response_dead", "wrong_type"), 1U);
}

TEST_F(ResponseTest, WithoutIdentityOrWithWrongSignatureNobodyIsLearned) {
  const auto known = Known("known");
  const auto unknown = authority_.Issue(kOrg1, "unknown");
  const auto embedding = authority_.Issue(kOrg1, "embedding");
  const auto good = Alive(known, {.time = Fresh(1)});
  const auto forged = wire::Envelope::Make(good.payload(), "wrong");
  Deliver({Alive(unknown, {.time = Fresh(1)}), forged, Alive(embedding, {.time = Fresh(1), .embed_identity = true})},
          {Alive(unknown, {.time = Fresh(1)}), forged});
  EXPECT_EQ(node_->Refused("response_alive", "unknown_identity"), 1U);
  EXPECT_EQ(node_->Refused("response_dead", "unknown_identity"), 1U);
  EXPECT_EQ(node_->Refused("response_alive", "bad_signature"), 1U);
  EXPECT_EQ(node_->Refused("response_dead", "bad_signature"), 1U);
  EXPECT_EQ(node_->discovery.sizes().alive, 1U);
  EXPECT_EQ(node_->discovery.sizes().dead, 0U);
}

// Given a member learned as dead by a response, then it is forgotten like any other, and neither its entry nor an older
// one brings it back.
TEST_F(ResponseTest, D3_MembersLearnedByResponsesAreForgotten) {
  const auto a = Known("a");
  const auto b = Known("b");
  const auto alive = Alive(a, {.time = Fresh(1), .internal = "a:1"});
  const auto dead = Alive(b, {.time = Fresh(1), .internal = "b:1"});
  Deliver({alive}, {dead});
  Run(530s);
  EXPECT_EQ(node_->discovery.sizes().alive, 0U);
  EXPECT_EQ(node_->discovery.sizes().dead, 0U);
  EXPECT_EQ(node_->discovery.sizes().tombstones, 2U);
  Deliver({}, {alive, dead});
  EXPECT_EQ(node_->discovery.sizes().dead, 0U);
  EXPECT_EQ(node_->Refused("response_dead", "too_old"), 2U);
}

// Given a node without memory, when a dead entry is offered that everybody should have forgotten, then it is not taken.
TEST_F(ResponseTest, D3_OldDeadEntriesAreNotAdopted) {
  const auto a = Known("a");
  const auto b = Known("b");
  Deliver({}, {Alive(a, {.time = {StartedAgo(*node_, 501s), 0}}), Alive(b, {.time = {StartedAgo(*node_, 499s), 0}})});
  EXPECT_FALSE(node_->discovery.Lookup(IdOf(a)));
  EXPECT_TRUE(node_->IsDead(IdOf(b)));
  EXPECT_EQ(node_->Refused("response_dead", "too_old"), 1U);
}

// What came by a response is known when it comes again, by whatever way.
TEST_F(ResponseTest, D24_WhatCameByAResponseIsNotVerifiedAgain) {
  const auto a = Known("a");
  const auto message = Alive(a, {.time = Fresh(1), .internal = "a:1"});
  Deliver({message});
  const std::uint64_t verified = node_->crypto.verifications;
  Deliver({message}, {message});
  responder_->Send(*node_, message);
  Run(100ms);
  EXPECT_EQ(node_->crypto.verifications, verified);
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 1U);
  EXPECT_EQ(node_->Refused("alive", "duplicate"), 1U);
  EXPECT_TRUE(node_->emissions.empty());
}

// D-4: each peer has one place among those in work for its responses, so that nobody can take them all.
TEST_F(ResponseTest, D4_OneResponseOfAPeerIsReadAtATime) {
  std::vector<wire::Envelope> many;
  for (int i = 0; i < 200; ++i) {
    many.push_back(Alive(authority_.Issue(kOrg1, "peer" + std::to_string(i)),
                         {.time = Fresh(1), .internal = "peer:1", .embed_identity = true}));
  }
  for (int i = 0; i < 3; ++i) responder_->Send(*node_, Stranger::Response(many));
  std::size_t most = 0;
  ASSERT_TRUE(RunUntil(
      [&] {
        most = std::max(most, node_->intake.in_work());
        return node_->discovery.sizes().alive == 200U;
      },
      10s));
  EXPECT_EQ(most, 1U);
  Run(100ms);
  EXPECT_EQ(node_->Refused("response_alive", "busy"), 2U);
  Deliver(many);
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 200U);
}

// A huge response is read in slices, with few signatures at a time; the ticket is kept until all is done.
TEST_F(ResponseTest, AHugeResponseIsReadInSlices) {
  std::vector<wire::Envelope> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(Alive(authority_.Issue(kOrg1, "peer" + std::to_string(i)),
                         {.time = Fresh(1), .internal = "peer:1", .embed_identity = true}));
  }
  responder_->Send(*node_, Stranger::Response(many));
  ASSERT_TRUE(RunUntil([&] { return node_->intake.in_work() == 1; }, 1s));
  std::size_t most = 0;
  ASSERT_TRUE(RunUntil(
      [&] {
        most = std::max(most, node_->verifier.under_way());
        return node_->intake.in_work() == 0;
      },
      10s));
  EXPECT_EQ(node_->discovery.sizes().alive, 1000U);
  EXPECT_LE(most, 16U);
  EXPECT_EQ(node_->discovery.Alive().size(), 1000U);
  // The same again: nothing to verify, still in slices.
  responder_->Send(*node_, Stranger::Response(many));
  Run(1s);
  EXPECT_EQ(node_->Refused("response_alive", "duplicate"), 1000U);
  EXPECT_EQ(node_->intake.in_work(), 0U);
}

}  // namespace
}  // namespace grapevine::membership
