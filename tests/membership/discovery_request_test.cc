// Membership requests that arrive, and who is told what (specification 10.5, 10.9; D-17).
#include <gmock/gmock.h>

#include "discovery_fixture.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

class RequestTest : public DiscoveryFixture {
 protected:
  void SetUp() override {
    node_ = &AddNode("node", kOrg1, {.external_endpoint = "node.example.com:7051", .sync_interval = 1h});
    Run(10ms);
  }
  wire::PeerTime Fresh(std::uint64_t sequence) { return {StartedAgo(*node_, 1s), sequence}; }
  void Ask(Stranger& stranger, const AliveText& text, std::uint64_t nonce = 77) {
    stranger.Send(*node_, Stranger::Request(stranger.Alive(text), nonce));
    Run(100ms);
  }
  // PKI-IDs in the only response that the stranger got: alive and dead.
  struct Told {
    std::vector<wire::PkiId> alive, dead;
    bool secrets = false;
    std::uint64_t nonce = 0;
  };
  static Told OnlyResponse(const Stranger& stranger) {
    Told told;
    const auto responses = stranger.Received<wire::MembershipResponse>();
    EXPECT_EQ(responses.size(), 1U);
    if (responses.size() != 1) return told;
    const auto& response = *responses[0]->message().As<wire::MembershipResponse>();
    const auto add = [&](const std::vector<wire::Envelope>& envelopes, std::vector<wire::PkiId>& ids) {
      for (const wire::Envelope& envelope : envelopes) {
        ids.push_back(wire::DecodeMessage(envelope.payload())->As<wire::AliveMessage>()->membership.pki_id);
        told.secrets = told.secrets || envelope.secret().has_value();
      }
    };
    add(response.alive, told.alive);
    add(response.dead, told.dead);
    told.nonce = responses[0]->message().nonce;
    EXPECT_EQ(responses[0]->message().tag, wire::Tag::kEmpty);
    EXPECT_FALSE(responses[0]->envelope().is_signed());
    return told;
  }

  DiscoveryNode* node_ = nullptr;
};

TEST_F(RequestTest, TheRequesterIsLearnedAndAnsweredButNotForwarded) {
  Stranger& stranger = AddStranger("stranger");
  Ask(stranger, {.time = Fresh(1), .internal = "stranger:7051"});
  EXPECT_TRUE(node_->IsAlive(stranger.pki_id()));
  EXPECT_TRUE(node_->emissions.empty());
  const Told told = OnlyResponse(stranger);
  EXPECT_EQ(told.alive, (std::vector{stranger.pki_id(), node_->pki_id()})) << "the node itself is last";
  EXPECT_TRUE(told.dead.empty());
  EXPECT_TRUE(told.secrets);
  EXPECT_EQ(told.nonce, 77U);
}

// A request that says nothing new is answered without a look at its signature: the connection proves who asks.
TEST_F(RequestTest, ARepeatedRequestIsAnsweredWithoutVerification) {
  Stranger& stranger = AddStranger("stranger");
  const wire::PeerTime time = Fresh(2);
  Ask(stranger, {.time = time});
  const std::uint64_t verified = node_->crypto.verifications;
  Ask(stranger, {.time = time});
  Ask(stranger, {.time = {time.incarnation, 1}});
  EXPECT_EQ(node_->crypto.verifications, verified);
  EXPECT_EQ(stranger.Received<wire::MembershipResponse>().size(), 3U);
  EXPECT_EQ(node_->Refused("request", "duplicate"), 1U);
  EXPECT_EQ(node_->Refused("request", "older"), 1U);
}

TEST_F(RequestTest, ARequestResurrects) {
  Stranger& stranger = AddStranger("stranger");
  Introduce(stranger, *node_);
  Run(30s);
  ASSERT_TRUE(node_->IsDead(stranger.pki_id()));
  Ask(stranger, {.time = Fresh(2)});
  EXPECT_TRUE(node_->IsAlive(stranger.pki_id()));
}

TEST_F(RequestTest, BadSelfInformationIsRefusedWithoutReply) {
  Stranger& stranger = AddStranger("stranger");
  const auto good = stranger.Alive({.time = Fresh(1)});
  const auto other = stranger.AliveOf(authority_.Issue(kOrg1, "other"), {.time = Fresh(1), .embed_identity = true});
  for (const wire::Envelope& self : {
           wire::Envelope::Make("garbage", "signature"),
           stranger.Signed(stranger.identity, wire::NewMessage(wire::Acknowledgement{}), ""),
           other,
           wire::Envelope::Make(good.payload(), "wrong"),
           wire::Envelope::Make(good.payload()),
       }) {
    stranger.Send(*node_, Stranger::Request(self));
  }
  Run(100ms);
  EXPECT_TRUE(stranger.Received<wire::MembershipResponse>().empty());
  EXPECT_EQ(node_->Refused("request", "malformed"), 1U);
  EXPECT_EQ(node_->Refused("request", "wrong_type"), 1U);
  EXPECT_EQ(node_->Refused("request", "wrong_sender"), 1U);
  EXPECT_EQ(node_->Refused("request", "bad_signature"), 1U);
  EXPECT_EQ(node_->Refused("request", "unsigned"), 1U);
  EXPECT_EQ(node_->discovery.sizes().alive, 0U);
}

// Members of three organisations, alive and dead; each requester sees what 10.9 allows and no more.
TEST_F(RequestTest, ResponsesAreFilteredByOrganisation) {
  Stranger& own = AddStranger("own");
  Stranger& own_hidden = AddStranger("own-hidden");
  Stranger& second = AddStranger("second", kOrg2);
  Stranger& third = AddStranger("third", kOrg3);
  Introduce(own, *node_, {.external = "own.example.com:1"});
  Introduce(own_hidden, *node_);
  Introduce(second, *node_, {.external = "second.example.com:1"});
  Introduce(third, *node_, {.external = "third.example.com:1"});

  Ask(own, {.time = Fresh(9), .external = "own.example.com:1"});
  const Told to_own = OnlyResponse(own);
  std::vector<wire::PkiId> expected{own.pki_id(), own_hidden.pki_id()};
  std::ranges::sort(expected);
  expected.push_back(node_->pki_id());
  EXPECT_EQ(to_own.alive, expected);
  EXPECT_TRUE(to_own.secrets);

  Ask(second, {.time = Fresh(9), .external = "second.example.com:1"});
  const Told to_second = OnlyResponse(second);
  expected = {own.pki_id(), second.pki_id()};
  std::ranges::sort(expected);
  expected.push_back(node_->pki_id());
  EXPECT_EQ(to_second.alive, expected);
  EXPECT_FALSE(to_second.secrets);

  // Who has been silent is among the dead, by the same rule.
  Run(24900ms);
  Ask(own, {.time = Fresh(10), .external = "own.example.com:1"});
  Run(2s);
  own.received.clear();
  Ask(own, {.time = Fresh(11), .external = "own.example.com:1"});
  const Told later = OnlyResponse(own);
  EXPECT_EQ(later.alive, (std::vector{own.pki_id(), node_->pki_id()}));
  EXPECT_EQ(later.dead, std::vector{own_hidden.pki_id()});
}

// A peer of another organisation that shows no external endpoint sees nothing, and is disconnected.
TEST_F(RequestTest, WhoMayNotEvenSeeTheNodeIsDisconnected) {
  Stranger& hidden = AddStranger("hidden", kOrg2);
  hidden.Send(*node_, Stranger::Request(hidden.Alive({.time = Fresh(1)})));
  ASSERT_TRUE(RunUntil([&] { return node_->Refused("request", "not_disclosed") == 1; }, 1s));
  const auto state = node_->comm.Peer(hidden.pki_id());
  EXPECT_TRUE(!state || state->incoming == 0);
  Run(1s);
  EXPECT_TRUE(hidden.Received<wire::MembershipResponse>().empty());
}

// D-4: an answer costs as much as there are members, so each peer has a budget.
TEST_F(RequestTest, D4_APeerThatAsksAHundredTimesGetsSixteenAnswersASecond) {
  Stranger& stranger = AddStranger("stranger");
  Introduce(stranger, *node_);
  const auto request = Stranger::Request(stranger.Alive({.time = Fresh(9)}));
  for (int i = 0; i < 100; ++i) stranger.Send(*node_, request);
  Run(500ms);
  EXPECT_EQ(stranger.Received<wire::MembershipResponse>().size(), 16U);
  EXPECT_EQ(node_->Refused("request", "busy"), 84U);
  Run(1s);
  stranger.Send(*node_, request);
  Run(100ms);
  EXPECT_EQ(stranger.Received<wire::MembershipResponse>().size(), 17U);
}

TEST_F(RequestTest, AnAnswerThatCannotBeSignedIsLeftOut) {
  Stranger& stranger = AddStranger("stranger");
  Introduce(stranger, *node_);
  node_->crypto.failing_signatures = SIZE_MAX;
  Ask(stranger, {.time = Fresh(9)});
  EXPECT_TRUE(stranger.Received<wire::MembershipResponse>().empty());
  EXPECT_EQ(node_->Refused("request", "signing"), 1U);
}

// The node's own requests: members of other organisations do not get the internal endpoint, and those whose
// organisation allows no contact get none.
TEST_F(RequestTest, D17_RequestsCarryTheInternalEndpointInTheOwnOrganisationOnly) {
  DiscoveryNode& asking = AddNode("asking", kOrg1, {.external_endpoint = "asking.example.com:7051"});
  Stranger& own = AddStranger("own");
  Stranger& other = AddStranger("other", kOrg2);
  Stranger& hidden = AddStranger("hidden", kOrg3);
  Run(10ms);
  Introduce(own, asking);
  Introduce(other, asking, {.external = other.node.host.endpoint()});
  Introduce(hidden, asking);
  Run(10s);
  const auto secrets = [](const Stranger& stranger) {
    std::vector<bool> found;
    for (const auto& request : stranger.Received<wire::MembershipRequest>()) {
      found.push_back(request->message().As<wire::MembershipRequest>()->self_information.secret().has_value());
    }
    return found;
  };
  EXPECT_THAT(secrets(own), ::testing::AllOf(::testing::SizeIs(::testing::Ge(2)), ::testing::Each(true)));
  EXPECT_THAT(secrets(other), ::testing::AllOf(::testing::SizeIs(::testing::Ge(2)), ::testing::Each(false)));
  EXPECT_TRUE(secrets(hidden).empty());
  EXPECT_EQ(own.Received<wire::MembershipRequest>().front()->message().tag, wire::Tag::kEmpty);
}

}  // namespace
}  // namespace grapevine::membership
