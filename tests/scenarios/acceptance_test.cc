// Acceptance of the communication layer on virtual time: 02, section 17 (rows 4 and 6 are unit tests of comm).
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/party.h"
#include "support/seeds.h"

namespace grapevine::scenarios {
namespace {

using simulation::Authority;
using simulation::Host;
using simulation::World;
using namespace std::chrono_literals;

std::string SeedText(std::uint64_t seed) { return "GRAPEVINE_SEED=" + std::to_string(seed) + " GRAPEVINE_SEEDS=1"; }

// Two parties that begin to dial each other within `max_skew`; with the nonces 1 (a to b) and 2 (b to a).
struct Crossing {
  Crossing(std::uint64_t seed, PartyKind kind_a, PartyKind kind_b, base::Duration max_skew)
      : world(seed), authority(seed) {
    // The seed is part of the names, so that either side may have the smaller PKI-ID.
    a = MakeParty(kind_a, world.AddHost("a" + std::to_string(seed)), authority);
    b = MakeParty(kind_b, world.AddHost("b" + std::to_string(seed)), authority);
    const base::Duration skew_a = world.random().Between(base::Duration::zero(), max_skew);
    const base::Duration skew_b = world.random().Between(base::Duration::zero(), max_skew);
    world.After(skew_a, [this] { a->SendHello(*b, 1); });
    world.After(skew_b, [this] { b->SendHello(*a, 2); });
  }

  World world;
  Authority authority;
  std::unique_ptr<Party> a;
  std::unique_ptr<Party> b;
};

// Row 1.
TEST(Acceptance, ANodeAndAFabricPeerCrossingEachOtherAreConnectedWithinThreeSeconds) {
  for (const std::uint64_t seed : grapevine::testing::Seeds(1000)) {
    SCOPED_TRACE(SeedText(seed));
    // Given both dial within 50 ms,
    Crossing crossing(seed, PartyKind::kNode, PartyKind::kFabric, 50ms);
    // when each has something to say after 2 s,
    crossing.world.After(2s, [&] {
      crossing.a->SendHello(*crossing.b, 3);
      crossing.b->SendHello(*crossing.a, 4);
    });
    crossing.world.scheduler().RunFor(3s);
    // then both have their answers on the one stream that is left.
    ASSERT_TRUE(crossing.a->digests().contains(3));
    ASSERT_TRUE(crossing.b->digests().contains(4));
    const OpenStreams node = crossing.a->Streams(*crossing.b);
    ASSERT_EQ(node.outgoing + node.incoming, 1U);
    ASSERT_EQ(crossing.a->presumed_dead(), 0U);
  }
}

// Why row 1 needs rules: the same crossing costs two Fabric peers messages, and they presume each other dead.
TEST(Acceptance, TwoFabricPeersCrossingEachOtherLoseMessages) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Crossing crossing(seed, PartyKind::kFabric, PartyKind::kFabric, 5ms);
    crossing.world.scheduler().RunFor(3s);
    if (!crossing.a->digests().contains(1) && !crossing.b->digests().contains(2)) ++lost;
  }
  EXPECT_GT(lost, 0U);
}

// Row 2.
TEST(Acceptance, TwoNodesCrossingEachOtherKeepTheStreamOfTheSmallerPkiIdAndLoseNothing) {
  std::size_t doubled = 0;
  for (const std::uint64_t seed : grapevine::testing::Seeds(100)) {
    SCOPED_TRACE(SeedText(seed));
    Crossing crossing(seed, PartyKind::kNode, PartyKind::kNode, 2ms);
    Party& a = *crossing.a;
    Party& b = *crossing.b;
    const auto streams = [&] {
      const OpenStreams at_a = a.Streams(b);
      return at_a.outgoing + at_a.incoming;
    };
    // Given traffic in both directions all the time,
    constexpr std::uint64_t kMessages = 60;
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      crossing.world.After(i * 500ms, [&a, &b, i] {
        a.SendHello(b, 1000 + i);
        b.SendHello(a, 2000 + i);
      });
    }
    // when both streams stay open at first,
    std::size_t most = 0;
    crossing.world.scheduler().RunUntil(
        [&] {
          most = std::max(most, streams());
          return false;
        },
        35s);
    // then never more than two are open, one at the end, and every message came.
    ASSERT_LE(most, 2U);
    ASSERT_EQ(streams(), 1U);
    if (most == 2) {
      ++doubled;
      ASSERT_EQ(a.Streams(b).outgoing, a.pki_id() < b.pki_id() ? 1U : 0U);
    }
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      ASSERT_TRUE(b.hellos().contains(1000 + i) && a.digests().contains(1000 + i)) << i;
      ASSERT_TRUE(a.hellos().contains(2000 + i) && b.digests().contains(2000 + i)) << i;
    }
    ASSERT_TRUE(b.hellos().contains(1) && a.hellos().contains(2));
    ASSERT_EQ(a.presumed_dead() + b.presumed_dead(), 0U);
  }
  // The case that row 2 is about has occurred.
  if (!grapevine::testing::Quick()) {
    EXPECT_GT(doubled, 0U);
  }
}

// Row 3, with two processes of one identity as the client: both streams stay wanted.
TEST(Acceptance, TwoStreamsOfOneClientAreServedAndEndIndependently) {
  for (const bool first_ends : {true, false}) {
    World world(1);
    Authority authority(1);
    NodeParty node(world.AddHost("node"), authority, "Org1MSP");
    const base::Bytes identity = authority.Issue("Org1MSP", "twin");
    NodeParty first(world.AddHost("first"), authority, identity);
    NodeParty second(world.AddHost("second"), authority, identity);
    first.SendHello(node, 1);
    world.scheduler().RunFor(100ms);
    second.SendHello(node, 2);
    world.scheduler().RunFor(100ms);
    ASSERT_EQ(node.Streams(first).incoming, 2U);
    ASSERT_TRUE(first.digests().contains(1) && second.digests().contains(2));
    NodeParty& ending = first_ends ? first : second;
    NodeParty& staying = first_ends ? second : first;
    ending.comm().Stop();
    staying.SendHello(node, 3);
    world.scheduler().RunFor(100ms);
    EXPECT_EQ(node.Streams(first).incoming, 1U);
    EXPECT_TRUE(staying.digests().contains(3));
  }
}

// Row 3, with a Fabric peer whose two senders race (14.3, first cause): it closes the second stream by itself.
TEST(Acceptance, AFabricClientThatDialsTwiceStaysConnected) {
  World world(1);
  Authority authority(1);
  NodeParty node(world.AddHost("node"), authority, "Org1MSP");
  simulation::ModelFabricConfig config;
  config.second_sender_redials = true;
  FabricParty fabric(world.AddHost("fabric"), authority, "Org1MSP", config);
  fabric.SendHello(node, 1);
  fabric.SendHello(node, 2);
  world.scheduler().RunFor(1s);
  fabric.SendHello(node, 3);
  world.scheduler().RunFor(1s);
  EXPECT_EQ(node.hellos(), (std::set<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(fabric.digests(), (std::set<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(node.Streams(fabric).incoming, 1U);
  EXPECT_EQ(fabric.presumed_dead(), 0U);
}

// Row 5.
TEST(Acceptance, APeerThatCannotBeDialledReceivesPushesAndAnswers) {
  for (const PartyKind kind : {PartyKind::kFabric, PartyKind::kNode}) {
    World world(1);
    Authority authority(1);
    NodeParty inside(world.AddHost("inside"), authority, "Org1MSP");
    const auto outside = MakeParty(kind, world.AddHost("outside"), authority);
    world.network().SetDialable(outside->host(), inside.host(), false);
    inside.SendHello(*outside, 1);
    world.scheduler().RunFor(1s);
    outside->SendHello(inside, 2);  // a push on the stream that the other opened
    world.scheduler().RunFor(1s);
    EXPECT_TRUE(inside.digests().contains(1));
    EXPECT_TRUE(inside.hellos().contains(2));
    EXPECT_TRUE(outside->digests().contains(2));
    EXPECT_EQ(inside.presumed_dead() + outside->presumed_dead(), 0U);
  }
}

// Row 7: dial, ping, handshake, traffic; with and without an acknowledged send and a remote that does not read.
TEST(Acceptance, StopInEveryPhaseLeavesNothingBehind) {
  constexpr int kPhases = 120;
  for (int events = 0; events < kPhases; ++events) {
    SCOPED_TRACE(events);
    World world(1);
    Authority authority(1);
    auto node = std::make_unique<NodeParty>(world.AddHost("node"), authority, "Org1MSP");
    auto other = std::make_unique<NodeParty>(world.AddHost("other"), authority, "Org1MSP");
    if (events % 2 == 1) other->host().StopReading();
    bool answered = false;
    const comm::RemotePeer remote{other->host().endpoint(), other->pki_id()};
    const base::Handle acked =
        node->comm().SendWithAck(wire::NewMessage(wire::PullHello{}), 3s, 1, {remote}, [&](auto) { answered = true; });
    for (std::uint64_t i = 0; i < 50; ++i) node->SendHello(*other, i);
    other->SendHello(*node, 100);
    for (int i = 0; i < events; ++i) world.scheduler().Step();
    const bool before = answered;
    // When it is stopped and destroyed in the same event,
    node->comm().Stop();
    node.reset();
    // then no callback comes, and the other side can be ended too.
    world.scheduler().RunFor(100ms);
    EXPECT_EQ(answered, before);
    other.reset();
    EXPECT_TRUE(world.scheduler().RunUntilQuiescent(1s));
    EXPECT_EQ(world.network().connections(), 0U);
  }
}

// Row 8; the pings themselves are the transport's.
TEST(Acceptance, AnIdleConnectionStaysUpForTenMinutes) {
  for (const PartyKind kind : {PartyKind::kFabric, PartyKind::kNode}) {
    World world(1);
    Authority authority(1);
    NodeParty node(world.AddHost("node"), authority, "Org1MSP");
    const auto other = MakeParty(kind, world.AddHost("other"), authority);
    other->SendHello(node, 1);
    world.scheduler().RunFor(600s);
    EXPECT_EQ(node.Streams(*other).incoming, 1U);
    world.network().SetDialable(node.host(), other->host(), false);  // a new dial would not help
    node.SendHello(*other, 2);
    world.scheduler().RunFor(1s);
    EXPECT_TRUE(node.digests().contains(2));
    EXPECT_EQ(node.presumed_dead() + other->presumed_dead(), 0U);
  }
}

// Row 9.
TEST(Acceptance, PurgingAnIdentityClosesItsStreamsWhileAHundredOthersArePurged) {
  constexpr std::uint64_t kOthers = 100;
  World world(1);
  Authority authority(1);
  NodeParty node(world.AddHost("node"), authority, "Org1MSP");
  std::vector<std::unique_ptr<Party>> peers;
  for (std::uint64_t i = 0; i <= kOthers; ++i) {
    const PartyKind kind = i % 2 == 0 ? PartyKind::kFabric : PartyKind::kNode;
    peers.push_back(MakeParty(kind, world.AddHost("peer" + std::to_string(i)), authority));
    peers.back()->SendHello(node, i);
  }
  // Given 101 connected peers and one that is not touched,
  NodeParty bystander(world.AddHost("bystander"), authority, "Org1MSP");
  bystander.SendHello(node, 1000);
  world.scheduler().RunFor(5s);
  for (const auto& peer : peers) ASSERT_EQ(node.Streams(*peer).incoming, 1U) << peer->host().name();
  // when all are purged in one event,
  for (const auto& peer : peers) node.mapper().Purge(peer->pki_id());
  world.scheduler().RunFor(1s);
  // then every stream of theirs is closed, each is reported, and the bystander's stays.
  for (const auto& peer : peers) {
    EXPECT_EQ(node.Streams(*peer).incoming + node.Streams(*peer).outgoing, 0U) << peer->host().name();
    EXPECT_TRUE(node.switches().contains(peer->pki_id())) << peer->host().name();
  }
  EXPECT_EQ(node.switches().size(), kOthers + 1);
  EXPECT_EQ(node.Streams(bystander).incoming, 1U);
}

}  // namespace
}  // namespace grapevine::scenarios
