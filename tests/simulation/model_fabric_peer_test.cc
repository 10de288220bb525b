// The model shows the defects that 02, sections 5 and 14 describe, or tests against it would prove nothing.
#include "simulation/model_fabric_peer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "simulation/world.h"

namespace grapevine::simulation {
namespace {

using namespace std::chrono_literals;
using Role = ModelFabricPeer::Role;

wire::Envelope Hello() { return wire::UnsignedEnvelope(wire::NewMessage(wire::PullHello{})); }

struct ModelFabricPeerTest : ::testing::Test {
  World world{1};
  Authority authority{1};
  std::vector<std::unique_ptr<ModelFabricPeer>> peers;

  ModelFabricPeer& Add(const std::string& name, base::Bytes identity) {
    peers.push_back(std::make_unique<ModelFabricPeer>(world.AddHost(name), authority, std::move(identity)));
    return *peers.back();
  }
  ModelFabricPeer& Add(const std::string& name) { return Add(name, authority.Issue("Org1MSP", name)); }
  void Send(ModelFabricPeer& from, ModelFabricPeer& to) {
    from.Send(to.endpoint(), to.pki_id(), Hello());
    world.scheduler().RunFor(100ms);
  }
};

TEST_F(ModelFabricPeerTest, OneConnectionServesBothDirections) {
  ModelFabricPeer& a = Add("a");
  ModelFabricPeer& b = Add("b");
  Send(a, b);
  Send(b, a);
  EXPECT_EQ(a.LiveConnection(b.pki_id()), Role::kClient);
  EXPECT_EQ(b.LiveConnection(a.pki_id()), Role::kServer);
  EXPECT_EQ(world.network().connections(), 1U);
  EXPECT_EQ(a.messages_received(), 2U);  // an answer and a hello
  EXPECT_EQ(b.messages_received(), 2U);
}

// 14.3: both die, always.
TEST_F(ModelFabricPeerTest, ASecondIncomingStreamOfOneIdentityEndsBoth) {
  ModelFabricPeer& server = Add("server");
  const base::Bytes identity = authority.Issue("Org1MSP", "twin");
  ModelFabricPeer& first = Add("first", identity);
  ModelFabricPeer& second = Add("second", identity);
  Send(first, server);
  EXPECT_EQ(server.LiveConnection(first.pki_id()), Role::kServer);
  Send(second, server);
  EXPECT_EQ(server.LiveConnection(first.pki_id()), std::nullopt);
  EXPECT_EQ(first.LiveConnection(server.pki_id()), std::nullopt);
  EXPECT_EQ(second.LiveConnection(server.pki_id()), std::nullopt);
}

// 5.2: the dead client-side connection is found by the message that it loses.
TEST_F(ModelFabricPeerTest, ADeadClientConnectionCostsAMessageAndAPresumedDeath) {
  ModelFabricPeer& a = Add("a");
  ModelFabricPeer& b = Add("b");
  Send(a, b);
  b.CloseConn(a.pki_id());
  world.scheduler().RunFor(100ms);
  EXPECT_TRUE(a.presumed_dead().empty());
  Send(a, b);
  EXPECT_EQ(b.messages_received(), 1U);
  EXPECT_EQ(a.presumed_dead(), (std::vector<wire::PkiId>{b.pki_id()}));
  Send(a, b);
  EXPECT_EQ(b.messages_received(), 2U);
}

TEST_F(ModelFabricPeerTest, AnIdentityThatDoesNotValidateIsRefusedByBothRoles) {
  ModelFabricPeer& good = Add("good");
  ModelFabricPeer& bad = Add("bad", authority.IssueByUnknownCa("Org1MSP", "bad"));
  Send(bad, good);
  EXPECT_EQ(good.handshakes_refused(), 1U);
  EXPECT_EQ(good.LiveConnection(bad.pki_id()), std::nullopt);
  Send(good, bad);
  EXPECT_EQ(good.handshakes_refused(), 2U);
  EXPECT_EQ(good.presumed_dead(), (std::vector<wire::PkiId>{bad.pki_id()}));
}

TEST_F(ModelFabricPeerTest, AThousandPeersFitIntoOneWorld) {
  constexpr std::size_t kPeers = 1000;
  for (std::size_t i = 0; i < kPeers; ++i) Add("peer" + std::to_string(i));
  for (std::size_t i = 0; i < kPeers; ++i) {
    for (const std::size_t distance : {1U, 10U, 100U}) {
      ModelFabricPeer& to = *peers[(i + distance) % kPeers];
      peers[i]->Send(to.endpoint(), to.pki_id(), Hello());
    }
  }
  world.scheduler().RunFor(5s);
  EXPECT_EQ(world.network().connections(), 3 * kPeers);
  for (const auto& peer : peers) ASSERT_EQ(peer->messages_received(), 6U);  // three hellos and three answers
}

}  // namespace
}  // namespace grapevine::simulation
