// The node's own alive messages (specification 10.3, 10.4).
#include "discovery_fixture.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

class HeartbeatTest : public DiscoveryFixture {
 protected:
  static wire::AliveMessage Decode(const wire::Envelope& envelope) {
    return *wire::DecodeMessage(envelope.payload())->As<wire::AliveMessage>();
  }
  // Own heartbeats of the node so far.
  static std::vector<wire::Envelope> Heartbeats(const DiscoveryNode& node) {
    std::vector<wire::Envelope> own;
    for (const auto& emission : node.emissions) {
      if (emission.originator == node.pki_id()) own.push_back(emission.envelope);
    }
    return own;
  }
  const std::uint64_t kIncarnation = 1798761600000000000;  // the world's start
};

TEST_F(HeartbeatTest, NothingIsSignedWhileAlone) {
  DiscoveryNode& node = AddNode("alone");
  Run(120s);
  EXPECT_EQ(node.crypto.signatures, 0U);
  EXPECT_TRUE(node.emissions.empty());
}

// Given a member, then the first heartbeat comes in the second half of the first interval, by lot, and one follows per
// interval.
TEST_F(HeartbeatTest, OnePerIntervalFromTheFirstOne) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  Run(2480ms);  // 2.49 s after the start
  EXPECT_EQ(Heartbeats(node).size(), 0U);
  Run(2520ms);
  ASSERT_EQ(Heartbeats(node).size(), 1U);
  Run(15s);
  EXPECT_EQ(Heartbeats(node).size(), 4U);
  EXPECT_EQ(Decode(Heartbeats(node)[0]).timestamp.incarnation, node.discovery.incarnation());
  EXPECT_EQ(Decode(Heartbeats(node)[0]).timestamp.sequence, 1U);
  EXPECT_LT(Decode(Heartbeats(node)[2]).timestamp, Decode(Heartbeats(node)[3]).timestamp);
}

TEST_F(HeartbeatTest, ContentOfAnAliveMessage) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.external_endpoint = "node.example.com:7051"});
  node.discovery.UpdateMetadata(base::Bytes::Copy("metadata"));
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  Run(20s);
  const auto received = stranger.Received<wire::AliveMessage>();
  ASSERT_GE(received.size(), 3U);
  const comm::ReceivedMessage& first = *received.front();
  EXPECT_EQ(first.message().tag, wire::Tag::kEmpty);
  EXPECT_EQ(first.message().nonce, 0U);
  EXPECT_EQ(first.message().channel, "");
  const auto& alive = *first.message().As<wire::AliveMessage>();
  EXPECT_EQ(alive.membership.endpoint, "node.example.com:7051");
  EXPECT_EQ(alive.membership.metadata.view(), "metadata");
  EXPECT_EQ(alive.membership.pki_id, node.pki_id());
  EXPECT_EQ(first.envelope().internal_endpoint(), "node:7051");
  // publishCertPeriod: the identity is there for ten seconds.
  EXPECT_EQ(alive.identity, node.mapper.own_identity());
  EXPECT_TRUE(received.back()->message().As<wire::AliveMessage>()->identity.empty());
}

// The secret part never changes, so it is signed once and its bytes are used again.
TEST_F(HeartbeatTest, TheSecretPartIsSignedOnce) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  const std::uint64_t before = node.crypto.signatures;
  Run(20s);
  const auto heartbeats = Heartbeats(node);
  ASSERT_EQ(heartbeats.size(), 4U);
  EXPECT_EQ(node.crypto.signatures, before + 5);
  EXPECT_EQ(heartbeats[0].secret(), heartbeats[3].secret());
}

// Synchronisation uses the last heartbeat again instead of signing one of its own.
TEST_F(HeartbeatTest, SynchronisationSignsNothingWhileTheLastMessageIsYoung) {
  DiscoveryNode& node = AddNode("node");
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  Run(4950ms);  // the first heartbeat is out
  const std::uint64_t before = node.crypto.signatures;
  Run(15s);
  EXPECT_EQ(node.crypto.signatures, before + 3) << "one per heartbeat";
  EXPECT_GE(stranger.Received<wire::MembershipRequest>().size(), 3U);
}

TEST_F(HeartbeatTest, UpdatesAreVisibleWithTheNextMessage) {
  DiscoveryNode& node = AddNode("node");
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  Run(5s);
  node.discovery.UpdateMetadata(base::Bytes::Copy("new"));
  node.discovery.UpdateExternalEndpoint("new.example.com:1");
  EXPECT_EQ(node.discovery.Self().external_endpoint, "new.example.com:1");
  stranger.received.clear();
  Run(5s);
  ASSERT_EQ(stranger.Received<wire::AliveMessage>().size(), 1U);
  const auto& alive = *stranger.Received<wire::AliveMessage>().front()->message().As<wire::AliveMessage>();
  EXPECT_EQ(alive.membership.metadata.view(), "new");
  EXPECT_EQ(alive.membership.endpoint, "new.example.com:1");
}

// Given a key that fails for a while, then heartbeats go on as soon as it works again.
TEST_F(HeartbeatTest, D20_AFailedSignatureIsTriedAgainAtTheNextInterval) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  Introduce(stranger, node);
  node.crypto.failing_signatures = SIZE_MAX;
  Run(12s);
  EXPECT_EQ(Heartbeats(node).size(), 0U);
  EXPECT_EQ(node.Counter("gossip_membership_heartbeats_not_signed"), 2U);
  node.crypto.failing_signatures = 0;
  Run(5s);
  EXPECT_EQ(Heartbeats(node).size(), 1U);
}

TEST_F(HeartbeatTest, D12_TheIncarnationIsGreaterThanTheLastOneAlsoIfTheClockIsNot) {
  const std::uint64_t future = kIncarnation + 3'600'000'000'000;
  EXPECT_EQ(AddNode("late", kOrg1, {.last_incarnation = future}).discovery.incarnation(), future + 1);
  EXPECT_EQ(AddNode("normal", kOrg1, {.last_incarnation = 5}).discovery.incarnation(), kIncarnation);
}

// Given a node restarted with an earlier clock, when a peer tells it of the message of its later life, then it outranks
// that message.
TEST_F(HeartbeatTest, D12_AnOwnMessageOfALaterIncarnationIsOutranked) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(10ms);
  const std::uint64_t later = node.discovery.incarnation() + 1000;
  const auto earlier_life = stranger.AliveOf(node.mapper.own_identity(), {.time = {later, 7}, .internal = "node:7051"});
  Introduce(stranger, node);
  stranger.Send(node, Stranger::Response({}, {earlier_life}));
  Run(100ms);
  EXPECT_EQ(node.discovery.incarnation(), later + 1);
  Run(5s);
  ASSERT_EQ(Heartbeats(node).size(), 1U);
  EXPECT_GT(Decode(Heartbeats(node)[0]).timestamp, (wire::PeerTime{later, 7}));

  // A forged one, and one that nothing can outrank, change nothing.
  const std::uint64_t now = node.discovery.incarnation();
  auto forged = Decode(earlier_life);
  forged.timestamp.incarnation = now + 5;
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(forged));
  stranger.Send(node, Stranger::Response({wire::Envelope::Make(payload, "forged")}));
  forged.timestamp.incarnation = ~std::uint64_t{0};
  stranger.Send(node, Stranger::Response({stranger.Signed(node.mapper.own_identity(), wire::NewMessage(forged), "")}));
  Run(100ms);
  EXPECT_EQ(node.discovery.incarnation(), now);
  EXPECT_EQ(node.Refused("response_alive", "bad_signature"), 1U);
}

// What peers reckon from incarnation and sequence about the age of a message stays true while nobody listens.
TEST_F(HeartbeatTest, D9_TheSequenceKeepsUpWithTheTimeWhileAlone) {
  DiscoveryNode& node = AddNode("node", kOrg1, {.sync_interval = 1h});
  Stranger& stranger = AddStranger("stranger");
  Run(3601s);
  Introduce(stranger, node);
  Run(5s);
  ASSERT_EQ(Heartbeats(node).size(), 1U);
  // The phase of the heartbeat decides between the two.
  EXPECT_GE(Decode(Heartbeats(node)[0]).timestamp.sequence, 720U);
  EXPECT_LE(Decode(Heartbeats(node)[0]).timestamp.sequence, 721U);
}

}  // namespace
}  // namespace grapevine::membership
