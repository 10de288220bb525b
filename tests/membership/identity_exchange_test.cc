// Identities pulled from other members (specification 11.11, 11.12).
#include "membership/identity_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm_node.h"
#include "support/fixtures.h"
#include "support/given_peers.h"
#include "support/scripted_crypto.h"
#include "support/seeds.h"
#include "wire/tag.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

struct ExchangeNode : CommNode {
  ExchangeNode(simulation::Host& on, simulation::Authority& authority, const std::string& msp_id,
               const std::string& external, IdentityExchangeConfig config = {})
      : CommNode(on, authority, msp_id) {
    view.self = {pki_id(), on.endpoint(), external, msp_id};
    exchange = std::make_unique<IdentityExchange>(on.environment(), *comm, rounds, mapper, crypto, view, config);
    messages = comm->Accept("test", [](const comm::ReceivedMessage& message) {
      return wire::PullTypeOf(message.message()) == wire::PullType::kIdentity;
    });
    messages.ReceiveAll([this](const comm::ReceivedMessagePtr& message) {
      if (exchange != nullptr) exchange->Handle(message, std::make_shared<int>());
    });
  }

  // The other one is alive, as seen from here.
  void Sees(const ExchangeNode& other) { view.Add(other.view.self); }
  // What `requester` gets to see of it.
  bool Serves(const ExchangeNode& other, const wire::PkiId& id) const {
    comm::ConnectionInfo requester;
    requester.pki_id = other.pki_id();
    requester.organization = other.organization;
    const base::Bytes key = base::Bytes::Copy(id.view());
    const auto digest = exchange->Digest(requester);
    const bool announced = std::ranges::find(digest, key) != digest.end();
    EXPECT_EQ(exchange->Find(requester, {key}).size(), announced ? 1U : 0U);
    return announced;
  }
  std::uint64_t Learned() const { return Counter("gossip_identities_learned", {}); }
  std::uint64_t Refused(const std::string& reason) const {
    return Counter("gossip_membership_refused", {{"type", "peer_identity"}, {"reason", reason}});
  }

  testing::GivenPeers view;
  std::unique_ptr<IdentityExchange> exchange;
  comm::AcceptedMessages messages;
};

class IdentityExchangeTest : public ::testing::Test {
 protected:
  ExchangeNode& Add(const std::string& name, const std::string& organization, const std::string& external,
                    IdentityExchangeConfig config = {}) {
    nodes_.push_back(std::make_unique<ExchangeNode>(world_.AddHost(name), authority_, organization, external, config));
    return *nodes_.back();
  }
  void Run(base::Duration duration) { world_.scheduler().RunFor(duration); }

  // A signed identity message as its owner makes it.
  wire::Envelope Item(const base::Bytes& identity) {
    return Signed(identity, {.pki_id = IdOf(identity), .identity = identity, .metadata = {}});
  }
  wire::Envelope Signed(const base::Bytes& signer, wire::PeerIdentity content) {
    const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(std::move(content)));
    return wire::Envelope::Make(payload, authority_.Sign(signer, payload));
  }
  static wire::PkiId IdOf(const base::Bytes& identity) { return *simulation::Authority::PkiIdOf(identity); }

  // Hands an update to the node as its engine would.
  void Give(ExchangeNode& node, const std::vector<wire::Envelope>& items,
            const gossip::Ticket& ticket = std::make_shared<int>()) {
    wire::PullUpdate update;
    update.data = items;
    update.type = wire::PullType::kIdentity;
    node.exchange->Receive(Received(wire::NewMessage(std::move(update))), items, ticket);
  }
  comm::ReceivedMessagePtr Received(wire::Message message) {
    auto connection = std::make_shared<comm::ConnectionInfo>();
    connection->identity = authority_.Issue(kOrg1, "sender");
    connection->pki_id = IdOf(connection->identity);
    connection->organization = kOrg1;
    return std::make_shared<comm::ReceivedMessage>(
        wire::UnsignedEnvelope(message), message, std::move(connection),
        std::make_shared<const comm::ReceivedMessage::Responder>([](const wire::Envelope&, base::Handle) {}));
  }

  simulation::World world_{1};
  simulation::Authority authority_{1};
  std::vector<std::unique_ptr<ExchangeNode>> nodes_;
};

// ---- The own identity

TEST_F(IdentityExchangeTest, TheOwnMessageIsSignedAndHasTheShapeOfFabrics) {
  ExchangeNode& node = Add("node", kOrg1, "");
  node.exchange->Start();
  Run(1s);
  comm::ConnectionInfo requester;
  requester.organization = kOrg1;
  const auto digest = node.exchange->Digest(requester);
  ASSERT_EQ(digest, std::vector{base::Bytes::Copy(node.pki_id().view())});
  const auto found = node.exchange->Find(requester, digest);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(
      authority_.CheckSignature(node.crypto.own_identity(), found[0].signature(), found[0].payload()).has_value());
  EXPECT_FALSE(found[0].secret().has_value());
  const auto message = wire::DecodeMessage(found[0].payload());
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->nonce, 0U);
  EXPECT_EQ(message->channel, "");
  EXPECT_EQ(message->tag, wire::Tag::kEmpty);
  const auto* content = message->As<wire::PeerIdentity>();
  ASSERT_NE(content, nullptr);
  EXPECT_EQ(content->pki_id, node.pki_id());
  EXPECT_EQ(content->identity, node.crypto.own_identity());
  EXPECT_TRUE(content->metadata.empty());

  // Fabric's own messages, made in the same way from their parts, are the same bytes.
  for (int i = 1; i <= 5; ++i) {
    const auto name = "captures/peer_identity-" + std::to_string(i) + ".bin";
    const auto captured = wire::Envelope::Decode(base::Bytes(testing::ReadFixture(name)));
    ASSERT_TRUE(captured.has_value()) << name;
    const auto theirs = wire::DecodeMessage(captured->payload());
    ASSERT_TRUE(theirs.has_value()) << name;
    const auto* identity = theirs->As<wire::PeerIdentity>();
    ASSERT_NE(identity, nullptr) << name;
    EXPECT_EQ(wire::EncodeMessage(wire::NewMessage(wire::PeerIdentity{identity->pki_id, identity->identity, {}})),
              captured->payload())
        << name;
  }
}

TEST_F(IdentityExchangeTest, D20_SigningIsRepeatedUntilItSucceeds) {
  ExchangeNode& node = Add("node", kOrg1, "");
  testing::ScriptedCrypto signer(node.crypto);
  signer.failing_signatures = 3;
  IdentityExchange exchange(node.host.environment(), *node.comm, node.rounds, node.mapper, signer, node.view, {});
  exchange.Start();
  Run(2999ms);
  EXPECT_EQ(exchange.stored(), 0U);
  Run(2ms);  // the fourth attempt, and the time that a signature takes
  EXPECT_EQ(exchange.stored(), 1U);
}

// The node's own identity may still be on its way through validation when its message is signed.
TEST_F(IdentityExchangeTest, TheOwnIdentityIsServedAsSoonAsTheOwnOrganisationIsKnown) {
  ExchangeNode& node = Add("node", kOrg1, "");
  ExchangeNode& other = Add("other", kOrg1, "");
  node.view.self.organization.clear();
  node.exchange->Start();
  Run(1s);
  ASSERT_EQ(node.exchange->stored(), 1U);
  EXPECT_FALSE(node.Serves(other, node.pki_id()));
  node.view.self.organization = kOrg1;
  EXPECT_TRUE(node.Serves(other, node.pki_id()));
}

// ---- Between nodes

// Given a hidden and a visible peer of one organisation and a visible one of another, of whom only the visible ones
// know each other, when they pull, then the foreign one learns the visible one only, and everybody learns it.
TEST_F(IdentityExchangeTest, IdentitiesOfHiddenPeersDoNotLeaveTheirOrganisation) {
  ExchangeNode& hidden = Add("hidden", kOrg1, "");
  ExchangeNode& visible = Add("visible", kOrg1, "visible.example.com:7051");
  ExchangeNode& foreign = Add("foreign", kOrg2, "foreign.example.com:7051");
  hidden.Sees(visible);
  visible.Sees(hidden);
  visible.Sees(foreign);
  foreign.Sees(visible);
  for (const auto& node : nodes_) node->exchange->Start();
  Run(20s);

  EXPECT_EQ(hidden.exchange->stored(), 3U);
  EXPECT_EQ(visible.exchange->stored(), 3U);
  EXPECT_EQ(foreign.exchange->stored(), 2U);
  EXPECT_FALSE(foreign.mapper.Get(hidden.pki_id()).has_value());
  EXPECT_TRUE(hidden.mapper.Get(foreign.pki_id()).has_value());
  EXPECT_EQ(hidden.Learned(), 1U);  // the visible one is known from the handshake
  EXPECT_EQ(foreign.Learned(), 0U);
  for (const auto& node : nodes_) EXPECT_EQ(node->exchange->checking(), 0U);
}

TEST_F(IdentityExchangeTest, WhoSeesWhat) {
  ExchangeNode& node = Add("node", kOrg1, "");
  ExchangeNode& own = Add("own", kOrg1, "");
  ExchangeNode& own_visible = Add("own_visible", kOrg1, "a:1");
  ExchangeNode& org2 = Add("org2", kOrg2, "b:1");
  ExchangeNode& org2_hidden = Add("org2_hidden", kOrg2, "");
  ExchangeNode& org3 = Add("org3", kOrg3, "c:1");
  const ExchangeNode& stranger = Add("stranger", "", "");
  std::vector<wire::Envelope> items;
  for (ExchangeNode* other : {&own, &own_visible, &org2, &org2_hidden, &org3}) {
    node.Sees(*other);
    items.push_back(Item(other->crypto.own_identity()));
  }
  node.exchange->Start();
  Give(node, items);
  Run(1s);
  ASSERT_EQ(node.exchange->stored(), 6U);

  for (const auto& other : nodes_) {  // the own organisation: everything
    if (other->organization.empty()) continue;
    EXPECT_TRUE(node.Serves(own, other->pki_id())) << other->host.name();
    EXPECT_FALSE(node.Serves(stranger, other->pki_id())) << other->host.name();
  }
  EXPECT_FALSE(node.Serves(org2, node.pki_id()));  // without external endpoint
  EXPECT_FALSE(node.Serves(org2, own.pki_id()));
  EXPECT_TRUE(node.Serves(org2, own_visible.pki_id()));
  EXPECT_TRUE(node.Serves(org2, org2.pki_id()));
  EXPECT_FALSE(node.Serves(org2, org2_hidden.pki_id()));
  EXPECT_FALSE(node.Serves(org2, org3.pki_id()));  // a third organisation
  EXPECT_TRUE(node.Serves(org3, org3.pki_id()));
  EXPECT_FALSE(node.Serves(org3, org2.pki_id()));

  node.view.self.external_endpoint = "node:1";
  EXPECT_TRUE(node.Serves(org2, node.pki_id()));
  std::erase_if(node.view.alive, [&](const gossip::Peer& peer) { return peer.pki_id == own_visible.pki_id(); });
  EXPECT_FALSE(node.Serves(org2, own_visible.pki_id()));  // no longer a member
}

TEST_F(IdentityExchangeTest, ARevokedIdentityDisappearsIsNotServedAndNotLearnedAgain) {
  ExchangeNode& a = Add("a", kOrg1, "a:1");
  ExchangeNode& b = Add("b", kOrg1, "b:1");
  ExchangeNode& revoked = Add("revoked", kOrg1, "c:1");
  a.Sees(b);
  b.Sees(a);
  b.Sees(revoked);
  for (const auto& node : nodes_) node->exchange->Start();
  Run(20s);
  ASSERT_EQ(a.exchange->stored(), 3U);
  ASSERT_TRUE(a.Serves(b, revoked.pki_id()));

  authority_.Revoke(revoked.crypto.own_identity());
  a.mapper.Suspect([](const auto&) { return true; }, {});
  Run(1s);
  EXPECT_EQ(a.exchange->stored(), 2U);
  EXPECT_FALSE(a.Serves(b, revoked.pki_id()));

  // The other one, who does not know yet, still announces it: it is asked for once in a while, not in every round.
  Run(59s);
  EXPECT_EQ(a.exchange->stored(), 2U);
  EXPECT_FALSE(a.mapper.Get(revoked.pki_id()).has_value());
  EXPECT_EQ(a.Refused("identity_refused"), 1U);
  Run(60s);
  EXPECT_EQ(a.Refused("identity_refused"), 2U);
}

// ---- What is not taken

TEST_F(IdentityExchangeTest, AnItemThatIsNotGenuineDropsTheRestOfItsUpdate) {
  const auto alice = authority_.Issue(kOrg1, "alice");
  const auto mallory = authority_.Issue(kOrg1, "mallory");
  const wire::Envelope good = Item(alice);
  wire::DataMessage data;
  data.payload.number = 7;
  const base::Bytes no_identity = wire::EncodeMessage(wire::NewMessage(std::move(data), "channel"));
  const std::map<std::string, wire::Envelope> bad = {
      {"unsigned", wire::Envelope::Make(good.payload())},
      {"malformed_message", wire::Envelope::Make("\xff", "signature")},
      {"wrong_type", wire::Envelope::Make(no_identity, authority_.Sign(mallory, no_identity))},
      {"no_pki_id", Signed(mallory, {.pki_id = {}, .identity = {}, .metadata = {}})},
      {"undecodable_identity", Signed(mallory, {IdOf(mallory), base::Bytes("\xff"), {}})},
      {"forged_pki_id", Signed(mallory, {IdOf(alice), mallory, {}})},
      {"bad_signature", Signed(mallory, {IdOf(alice), alice, {}})},
      {"too_large", Signed(mallory, {IdOf(mallory), mallory, base::Bytes(std::string(100'000, 'x'))})},
  };
  for (const auto& [reason, item] : bad) {
    SCOPED_TRACE(reason);
    ExchangeNode& node = Add("node " + reason, kOrg1, "");
    const auto before = authority_.Issue(kOrg1, "before");
    const auto behind = authority_.Issue(kOrg1, "behind");
    Give(node, {Item(before), item, Item(behind), Item(mallory)});
    Run(1s);
    EXPECT_EQ(node.exchange->stored(), 1U);
    EXPECT_EQ(node.Refused(reason == "no_pki_id" ? "bad_pki_id" : reason) + node.Refused("no_identity"), 1U);
    EXPECT_EQ(node.Refused("behind_a_refused_one"), 2U);
    EXPECT_TRUE(node.mapper.Get(IdOf(before)).has_value());
    EXPECT_FALSE(node.mapper.Get(IdOf(behind)).has_value());
    EXPECT_FALSE(node.mapper.Get(IdOf(mallory)).has_value());
    EXPECT_EQ(node.Learned(), 1U);
    EXPECT_EQ(node.exchange->checking(), 0U);
    // A forger cannot keep the genuine one away.
    Give(node, {good});
    Run(1s);
    EXPECT_EQ(node.exchange->stored(), 2U);
  }
}

// Its sender cannot know what this node's MSPs say.
TEST_F(IdentityExchangeTest, AnIdentityThatIsNotAcceptedHereDoesNotKeepOthersAway) {
  const auto revoked = authority_.Issue(kOrg1, "revoked");
  authority_.Revoke(revoked);
  const auto expired = authority_.Issue(kOrg2, "expired", base::WallTime(1s));
  const auto unknown = authority_.IssueByUnknownCa("Org9MSP", "unknown");
  const auto good = authority_.Issue(kOrg2, "good");
  ExchangeNode& node = Add("node", kOrg1, "");
  Give(node, {Item(revoked), Item(expired), Item(unknown), Item(good)});
  Run(1s);
  EXPECT_EQ(node.Refused("identity_refused"), 3U);
  EXPECT_EQ(node.exchange->stored(), 1U);
  EXPECT_EQ(node.Learned(), 1U);

  // None of them is asked for again for a minute, unless the configuration changes.
  const auto wants = [&](const base::Bytes& identity) {
    return node.exchange->Wants(base::Bytes::Copy(IdOf(identity).view()));
  };
  EXPECT_FALSE(wants(revoked) || wants(expired) || wants(unknown));
  Run(60s);
  EXPECT_TRUE(wants(revoked) && wants(expired) && wants(unknown));
  Give(node, {Item(revoked)});
  Run(1s);
  EXPECT_FALSE(wants(revoked));
  node.exchange->Reconsider();
  EXPECT_TRUE(wants(revoked));
}

// Whoever makes up identities can neither fill the memory for long nor keep others away.
TEST_F(IdentityExchangeTest, TheMemoryOfRefusedIdentitiesIsBoundedAndTheOldestMakesRoom) {
  IdentityExchangeConfig config;
  config.max_refused = 3;
  config.max_refused_of_update = 4;
  ExchangeNode& node = Add("node", kOrg1, "", config);
  const auto wants = [&](const base::Bytes& identity) {
    return node.exchange->Wants(base::Bytes::Copy(IdOf(identity).view()));
  };
  std::vector<base::Bytes> made_up;
  std::vector<wire::Envelope> items;
  for (int i = 0; i < 6; ++i) {
    made_up.push_back(authority_.IssueByUnknownCa(kOrg2, "x" + std::to_string(i)));
    items.push_back(Item(made_up.back()));
  }
  Give(node, items);
  Run(1s);
  EXPECT_EQ(node.Refused("identity_refused"), 4U);
  EXPECT_EQ(node.Refused("too_many_refused"), 1U);
  EXPECT_EQ(node.Refused("behind_a_refused_one"), 2U);
  EXPECT_TRUE(wants(made_up[0]));
  EXPECT_FALSE(wants(made_up[1]));
  EXPECT_FALSE(wants(made_up[3]));
  // Full as it is, one more that is refused does not keep those behind it away.
  const auto good = authority_.Issue(kOrg2, "good");
  Give(node, {items[5], Item(good)});
  Run(1s);
  EXPECT_FALSE(wants(made_up[5]));
  EXPECT_TRUE(wants(made_up[1]));
  EXPECT_TRUE(node.mapper.Get(IdOf(good)).has_value());
}

TEST_F(IdentityExchangeTest, OnlyIdsOfUnknownIdentitiesAreWanted) {
  IdentityExchangeConfig config;
  config.max_stored = 2;
  ExchangeNode& node = Add("node", kOrg1, "", config);
  EXPECT_FALSE(node.exchange->Wants(base::Bytes()));
  EXPECT_FALSE(node.exchange->Wants(base::Bytes(std::string(31, 'x'))));
  EXPECT_FALSE(node.exchange->Wants(base::Bytes(std::string(33, 'x'))));
  EXPECT_FALSE(node.exchange->Wants(base::Bytes(std::string(100'000, 'x'))));
  EXPECT_TRUE(node.exchange->Wants(base::Bytes(std::string(32, 'x'))));
  EXPECT_FALSE(node.exchange->Wants(base::Bytes::Copy(node.pki_id().view())));

  const auto alice = authority_.Issue(kOrg1, "alice");
  Give(node, {Item(alice)});
  Run(1s);
  EXPECT_FALSE(node.exchange->Wants(base::Bytes::Copy(IdOf(alice).view())));
  // Full: nothing more is wanted or taken.
  Give(node, {Item(authority_.Issue(kOrg1, "bob")), Item(authority_.Issue(kOrg1, "carol"))});
  Run(1s);
  EXPECT_EQ(node.exchange->stored(), 2U);
  EXPECT_EQ(node.Refused("not_wanted"), 1U);
  EXPECT_FALSE(node.exchange->Wants(base::Bytes(std::string(32, 'x'))));
}

TEST_F(IdentityExchangeTest, HeldIdsAreRecognisedInAnyOrder) {
  ExchangeNode& node = Add("node", kOrg1, "");
  std::vector<wire::PkiId> held;
  std::vector<wire::Envelope> items;
  for (const char* name : {"alice", "bob", "carol"}) {
    const auto identity = authority_.Issue(kOrg1, name);
    held.push_back(IdOf(identity));
    items.push_back(Item(identity));
  }
  Give(node, items);
  Run(1s);
  ASSERT_EQ(node.exchange->stored(), held.size());
  std::ranges::sort(held);
  const auto wants = [&](const wire::PkiId& id) { return node.exchange->Wants(base::Bytes::Copy(id.view())); };
  const auto unknown = *wire::PkiId::From(std::string(wire::PkiId::kSize, 'x'));
  for (int round = 0; round < 2; ++round) {
    for (const wire::PkiId& id : held) EXPECT_FALSE(wants(id));
  }
  for (auto id = held.rbegin(); id != held.rend(); ++id) {
    EXPECT_TRUE(wants(unknown));
    EXPECT_FALSE(wants(*id));
    EXPECT_FALSE(wants(*id)) << "again";
  }
}

TEST_F(IdentityExchangeTest, DuplicatesCostNoVerification) {
  ExchangeNode& node = Add("node", kOrg1, "");
  const wire::Envelope alice = Item(authority_.Issue(kOrg1, "alice"));
  Give(node, {alice, alice});
  Run(1s);
  EXPECT_EQ(node.Refused("not_wanted"), 1U);
  const auto jobs = node.host.workers().submitted();
  Give(node, {alice, alice, Item(node.crypto.own_identity())});
  Run(1s);
  EXPECT_EQ(node.host.workers().submitted(), jobs);
  EXPECT_EQ(node.Refused("not_wanted"), 4U);
}

// ---- Learning and forgetting

TEST_F(IdentityExchangeTest, WhatTheMapperKnowsAlreadyIsStoredForOthersAndNotCountedAsLearned) {
  ExchangeNode& node = Add("node", kOrg1, "");
  const auto alice = authority_.Issue(kOrg1, "alice");
  const auto insertion = node.mapper.Put(IdOf(alice), alice, [](const auto&) {});
  Run(1s);
  ASSERT_TRUE(node.mapper.Get(IdOf(alice)).has_value());
  EXPECT_TRUE(node.exchange->Wants(base::Bytes::Copy(IdOf(alice).view())));
  Give(node, {Item(alice)});
  Run(1s);
  EXPECT_EQ(node.exchange->stored(), 1U);
  EXPECT_EQ(node.Learned(), 0U);
}

TEST_F(IdentityExchangeTest, APurgedIdentityIsServedNoMore) {
  ExchangeNode& node = Add("node", kOrg1, "");
  ExchangeNode& other = Add("other", kOrg1, "");
  const auto alice = authority_.Issue(kOrg1, "alice");
  Give(node, {Item(alice)});
  Run(1s);
  ASSERT_TRUE(node.Serves(other, IdOf(alice)));
  node.mapper.Purge(IdOf(alice));
  Run(0s);
  EXPECT_EQ(node.exchange->stored(), 0U);
  EXPECT_FALSE(node.Serves(other, IdOf(alice)));
  EXPECT_TRUE(node.exchange->Wants(base::Bytes::Copy(IdOf(alice).view())));
}

// The world changes while a signature is being checked.
TEST_F(IdentityExchangeTest, AnIdentityThatIsPurgedBeforeItIsStoredIsNotStored) {
  ExchangeNode& node = Add("node", kOrg1, "");
  const auto alice = authority_.Issue(kOrg1, "alice");
  Give(node, {Item(alice)});
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return !node.mapper.OrganizationOf(IdOf(alice)).empty(); }, 1s));
  ASSERT_EQ(node.exchange->checking(), 1U);
  node.mapper.Purge(IdOf(alice));
  Run(1s);
  EXPECT_EQ(node.exchange->stored(), 0U);
  EXPECT_EQ(node.Refused("purged"), 1U);
  EXPECT_EQ(node.exchange->checking(), 0U);
}

TEST_F(IdentityExchangeTest, TheTicketIsKeptUntilEveryItemIsChecked) {
  ExchangeNode& node = Add("node", kOrg1, "");
  auto ticket = std::make_shared<int>();
  const std::weak_ptr<int> watch = ticket;
  Give(node, {Item(authority_.Issue(kOrg1, "alice")), Item(authority_.Issue(kOrg1, "bob"))}, std::move(ticket));
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return node.exchange->stored() == 1; }, 1s));
  EXPECT_FALSE(watch.expired());
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return node.exchange->stored() == 2; }, 1s));
  EXPECT_TRUE(watch.expired());
}

TEST_F(IdentityExchangeTest, DestroyingItEndsWhatIsUnderWay) {
  ExchangeNode& node = Add("node", kOrg1, "");
  auto ticket = std::make_shared<int>();
  const std::weak_ptr<int> watch = ticket;
  Give(node, {Item(authority_.Issue(kOrg1, "alice"))}, std::move(ticket));
  node.exchange->Start();
  node.exchange.reset();
  EXPECT_TRUE(watch.expired());
  Run(1h);
  EXPECT_EQ(node.Learned(), 0U);
}

// What one pull brings is bounded in bytes; the rest is asked for in the next round.
TEST_F(IdentityExchangeTest, ALargeUpdateIsGivenInParts) {
  IdentityExchangeConfig config;
  config.max_update_bytes = 1000;
  ExchangeNode& teacher = Add("teacher", kOrg1, "", config);
  ExchangeNode& pupil = Add("pupil", kOrg1, "", config);
  pupil.Sees(teacher);
  std::vector<wire::Envelope> items;
  std::vector<base::Bytes> ids;
  for (int i = 0; i < 30; ++i) {
    const auto identity = authority_.Issue(kOrg1, "member" + std::to_string(i));
    items.push_back(Item(identity));
    ids.push_back(base::Bytes::Copy(IdOf(identity).view()));
  }
  Give(teacher, items);
  teacher.exchange->Start();
  Run(1s);
  comm::ConnectionInfo requester;
  requester.organization = kOrg1;
  const auto part = teacher.exchange->Find(requester, ids);
  std::size_t bytes = 0;
  for (const auto& item : part) bytes += item.encoded().size();
  EXPECT_LE(bytes, 1000U);
  EXPECT_GT(bytes + items[0].encoded().size(), 1000U);

  pupil.exchange->Start();
  EXPECT_TRUE(world_.scheduler().RunUntil([&] { return pupil.exchange->stored() == 32; }, 60s));
}

// Items exist in updates only: a request that carries ids teaches nothing.
TEST_F(IdentityExchangeTest, D28_RequestsTeachNothing) {
  ExchangeNode& node = Add("node", kOrg1, "");
  wire::PullRequest request;
  request.type = wire::PullType::kIdentity;
  request.digests = {base::Bytes::Copy(IdOf(authority_.Issue(kOrg1, "alice")).view())};
  node.exchange->Handle(Received(wire::NewMessage(std::move(request))), std::make_shared<int>());
  Run(1s);
  EXPECT_EQ(node.exchange->stored(), 0U);
  EXPECT_EQ(node.exchange->checking(), 0U);
}

// ---- Malformed input

// One message of every type, with every field at its default or huge.
std::vector<wire::Message> EveryType(bool huge) {
  const base::Bytes bytes(huge ? std::string(100'000, '\xfe') : std::string());
  const std::string text = bytes.ToString();
  const std::uint64_t number = huge ? ~std::uint64_t{0} : 0;
  const auto id = huge ? *wire::PkiId::From(std::string(32, '\xff')) : wire::PkiId();
  const std::vector<wire::Envelope> envelopes(huge ? 10 : 0, wire::Envelope::Make(bytes, bytes));
  const std::vector<base::Bytes> ids(huge ? 30'000 : 0, base::Bytes(std::string(32, '\x01')));
  std::vector<wire::Content> contents = {
      wire::AliveMessage{{text, bytes, id}, {number, number}, bytes},
      wire::MembershipRequest{wire::Envelope::Make(bytes)},
      wire::MembershipResponse{envelopes, envelopes},
      wire::DataMessage{{number, bytes, {bytes}}},
      wire::Empty{},
      wire::ConnEstablish{id, bytes, bytes, huge},
      wire::StateInfo{{number, number}, id, bytes, wire::Properties{number, huge, {}}},
      wire::StateInfoSnapshot{envelopes},
      wire::StateInfoPullRequest{bytes},
      wire::StateRequest{number, number},
      wire::StateResponse{{{number, bytes, {}}}},
      wire::LeadershipMessage{id, {number, number}, huge},
      wire::PeerIdentity{id, bytes, bytes},
      wire::Acknowledgement{text},
      wire::PrivateDataRequest{},
      wire::PrivateDataResponse{},
      wire::PrivateDataMessage{text, text, text, bytes, number, bytes},
  };
  for (const auto type : {wire::PullType::kUndefined, wire::PullType::kBlock, wire::PullType::kIdentity,
                          static_cast<wire::PullType>(77)}) {
    contents.emplace_back(wire::PullHello{number, type});
    contents.emplace_back(wire::PullDigest{number, ids, type});
    contents.emplace_back(wire::PullRequest{number, ids, type});
    contents.emplace_back(wire::PullUpdate{number, envelopes, type});
  }
  std::vector<wire::Message> messages;
  for (wire::Content& content : contents) messages.push_back(wire::NewMessage(std::move(content), "", number));
  return messages;
}

TEST_F(IdentityExchangeTest, NoMessageOfAnyTypeTeachesAnything) {
  ExchangeNode& node = Add("node", kOrg1, "");
  const auto mallory = authority_.Issue(kOrg1, "mallory");
  std::size_t items = 0;
  for (const bool huge : {false, true}) {
    for (const wire::Message& message : EveryType(huge)) {
      node.exchange->Handle(Received(message), std::make_shared<int>());
      // The same as an item of an update.
      const base::Bytes payload = wire::EncodeMessage(message);
      Give(node, {wire::Envelope::Make(payload, authority_.Sign(mallory, payload))});
      ++items;
    }
  }
  Run(10s);
  EXPECT_EQ(node.exchange->stored(), 0U);
  EXPECT_EQ(node.exchange->checking(), 0U);
  EXPECT_EQ(node.Learned(), 0U);
  std::uint64_t refused = 0;
  for (const auto& [name, value] : node.host.metrics().Snapshot()) {
    if (name.starts_with("gossip_membership_refused")) refused += static_cast<std::uint64_t>(value);
  }
  EXPECT_EQ(refused, items);
}

// Given a genuine item, when its bytes are damaged anywhere, then it teaches nothing but what its owner signed.
TEST_F(IdentityExchangeTest, DamagedItemsTeachNothing) {
  const auto alice = authority_.Issue(kOrg1, "alice");
  const base::Bytes genuine = Item(alice).encoded();
  for (const std::uint64_t seed : testing::Seeds(5)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::Random random(seed);
    ExchangeNode& node = Add("node" + std::to_string(seed), kOrg1, "");
    for (int i = 0; i < 500; ++i) {
      std::string damaged = genuine.ToString();
      if (random.Chance(1, 4)) damaged.resize(random.Below(damaged.size()));
      for (std::uint64_t n = random.Below(4); n > 0 && !damaged.empty(); --n) {
        damaged[random.Below(damaged.size())] = static_cast<char>(random.Below(256));
      }
      const auto envelope = wire::Envelope::Decode(base::Bytes(damaged));
      if (!envelope.has_value() || envelope->payload() == Item(alice).payload()) continue;
      Give(node, {*envelope});
    }
    Run(10s);
    EXPECT_EQ(node.exchange->stored(), 0U);
    EXPECT_EQ(node.exchange->checking(), 0U);
    EXPECT_EQ(node.Learned(), 0U);
  }
}

}  // namespace
}  // namespace grapevine::membership
