// First contact and synchronisation (specification 10.7, 10.13).
#include "discovery_fixture.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;

class ConnectTest : public DiscoveryFixture {};

// 10.13: the bootstrap peer learns the newcomer by its request, and answers; the newcomer signs its first heartbeat
// only then.
TEST_F(ConnectTest, IsolatedStartWithBootstrap) {
  DiscoveryNode& known = AddNode("known");
  Run(30s);
  DiscoveryNode& newcomer = AddNode("newcomer", kOrg1, {.bootstrap = {"known:7051"}});
  ASSERT_TRUE(RunUntil([&] { return known.IsAlive(newcomer.pki_id()); }, 1s));
  EXPECT_EQ(newcomer.discovery.sizes().alive, 0U);
  ASSERT_TRUE(RunUntil([&] { return newcomer.IsAlive(known.pki_id()); }, 1s));
  EXPECT_TRUE(newcomer.emissions.empty());
  const auto member = newcomer.discovery.Lookup(known.pki_id());
  EXPECT_EQ(member->internal_endpoint, "known:7051");
  Run(5s);
  EXPECT_GE(newcomer.emissions.size(), 1U);
}

TEST_F(ConnectTest, TheOwnEndpointIsNoBootstrapPeer) {
  DiscoveryNode& node =
      AddNode("node", kOrg1,
              {.external_endpoint = "node.example.com:7051",
               .bootstrap = {"node:7051", "127.0.0.1:7051", "localhost:7051", "node.example.com:7051"}});
  Run(60s);
  EXPECT_EQ(node.crypto.signatures, 0U);
  EXPECT_EQ(world_.network().messages(), 0U);
}

TEST_F(ConnectTest, ABootstrapPeerOfAnotherOrganisationIsRefused) {
  DiscoveryNode& foreign = AddNode("foreign", kOrg2, {.external_endpoint = "foreign:7051"});
  DiscoveryNode& node =
      AddNode("node", kOrg1, {.external_endpoint = "node:7051", .bootstrap = {foreign.host.endpoint()}});
  Run(60s);
  EXPECT_EQ(node.discovery.sizes().alive, 0U);
  EXPECT_EQ(foreign.discovery.sizes().alive, 0U);
}

// The table of anchor peers: each case by itself.
struct AnchorCase {
  const char* name;
  std::string endpoint;
  std::string declared;
  std::string external;  // of the node
  bool contacted;
};
class AnchorTest : public ConnectTest, public ::testing::WithParamInterface<AnchorCase> {};

TEST_P(AnchorTest, IsContactedOrNot) {
  DiscoveryNode& own = AddNode("own", kOrg1);
  DiscoveryNode& foreign = AddNode("foreign", kOrg2, {.external_endpoint = "foreign:7051"});
  DiscoveryNode& node = AddNode("node", kOrg1, {.external_endpoint = GetParam().external});
  Run(10ms);
  node.discovery.SetAnchorPeers("mychannel", {{GetParam().endpoint, GetParam().declared}});
  Run(20s);
  EXPECT_EQ(node.discovery.sizes().alive, GetParam().contacted ? 1U : 0U);
  EXPECT_EQ(own.discovery.sizes().alive + foreign.discovery.sizes().alive, GetParam().contacted ? 1U : 0U);
  if (foreign.discovery.sizes().alive == 1) {
    EXPECT_EQ(foreign.discovery.Members()[0].internal_endpoint, "") << "the internal endpoint stays inside";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, AnchorTest,
    ::testing::Values(AnchorCase{"own", "own:7051", kOrg1, "", true},
                      AnchorCase{"foreign", "foreign:7051", kOrg2, "node:7051", true},
                      AnchorCase{"foreign_while_hidden", "foreign:7051", kOrg2, "", false},
                      AnchorCase{"no_host", ":7051", kOrg1, "", false}, AnchorCase{"no_port", "own", kOrg1, "", false},
                      AnchorCase{"port_zero", "own:0", kOrg1, "", false},
                      AnchorCase{"self", "node:7051", kOrg1, "node:7051", false},
                      AnchorCase{"declared_as_own_but_foreign", "foreign:7051", kOrg1, "node:7051", false},
                      AnchorCase{"declared_as_foreign_but_own", "own:7051", kOrg2, "node:7051", true}),
    [](const auto& tested) { return std::string(tested.param.name); });

// Given anchors before the node is ready, and an external endpoint only later, then the contact is made nevertheless.
TEST_F(ConnectTest, AnchorsOfOtherOrganisationsWaitForTheExternalEndpoint) {
  DiscoveryNode& foreign = AddNode("foreign", kOrg2, {.external_endpoint = "foreign:7051"});
  DiscoveryNode& node = AddNode("node", kOrg1);
  node.discovery.SetAnchorPeers("mychannel", {{"foreign:7051", kOrg2}});
  Run(20s);
  EXPECT_EQ(foreign.discovery.sizes().alive, 0U);
  node.discovery.UpdateExternalEndpoint("node:7051");
  Run(5s);
  EXPECT_TRUE(node.IsAlive(foreign.pki_id()));
  EXPECT_TRUE(foreign.IsAlive(node.pki_id()));
}

// Given an anchor that does not answer requests, then the contact is tried again; its answer with another nonce, or
// from somebody else, is none.
TEST_F(ConnectTest, AnIntroductionNeedsTheResponseToItsNonce) {
  Stranger& anchor = AddStranger("anchor");
  Stranger& other = AddStranger("other");
  DiscoveryNode& node = AddNode("node", kOrg1, {.bootstrap = {"anchor:7051"}});
  Run(1s);
  const auto requests = [&] { return anchor.Received<wire::MembershipRequest>(); };
  ASSERT_EQ(requests().size(), 1U);
  const std::uint64_t nonce = requests()[0]->message().nonce;
  EXPECT_NE(nonce, 0U);
  other.Send(node, Stranger::Response({}, {}, nonce));
  anchor.Send(node, Stranger::Response({}, {}, nonce + 1));
  Run(30s);
  ASSERT_GE(requests().size(), 2U) << "tried again";
  requests().back()->Respond(Stranger::Response({}, {}, requests().back()->message().nonce));
  Run(1s);
  const std::size_t answered = requests().size();
  Run(300s);
  EXPECT_EQ(requests().size(), answered);
}

// In a settled view it asks one, unless somebody's alive message is overdue: then it was missed, or somebody is dead.
TEST_F(ConnectTest, SynchronisationAsksOneWhileNobodyIsOverdue) {
  DiscoveryNode& node = AddNode("node", kOrg1);
  node.settles = true;
  std::vector<Stranger*> strangers;
  for (const std::string name : {"a", "b", "c", "d", "e"}) strangers.push_back(&AddStranger(name));
  const std::uint64_t incarnation = StartedAgo(node, 0s);
  for (Stranger* stranger : strangers) Introduce(*stranger, node, {.time = {incarnation, 1}, .embed_identity = true});
  std::uint64_t sequence = 1;
  // The first `speaking` of them send an alive message each 4 s.
  const auto requests_within = [&](int intervals, std::size_t speaking) {
    for (Stranger* stranger : strangers) stranger->received.clear();
    for (int i = 0; i < intervals; ++i) {
      ++sequence;
      for (std::size_t at = 0; at < speaking; ++at) {
        strangers[at]->Send(node, strangers[at]->Alive({.time = {incarnation, sequence},
                                                        .internal = strangers[at]->node.host.endpoint()}));
      }
      Run(4s);
    }
    std::size_t requests = 0;
    for (const Stranger* stranger : strangers) requests += stranger->Received<wire::MembershipRequest>().size();
    return requests;
  };
  EXPECT_GE(requests_within(2, 5), 3U) << "the view is in motion";
  requests_within(3, 5);
  EXPECT_EQ(requests_within(5, 5), 5U);
  requests_within(2, 4);
  EXPECT_EQ(requests_within(2, 4), 6U) << "one has been silent for more than 7.5 s";
  requests_within(1, 5);
  EXPECT_EQ(requests_within(5, 5), 5U);
}

// Given a member unknown to one peer only, then synchronisation repairs it, without any gossip.
TEST_F(ConnectTest, SynchronisationSpreadsWhatPushMissed) {
  DiscoveryNode& a = AddNode("a", kOrg1, {.alive_interval = 20s});
  DiscoveryNode& b = AddNode("b", kOrg1, {.bootstrap = {"a:7051"}, .alive_interval = 20s});
  DiscoveryNode& c = AddNode("c", kOrg1, {.bootstrap = {"a:7051"}, .alive_interval = 20s});
  Run(9s);
  EXPECT_TRUE(a.emissions.empty() && b.emissions.empty() && c.emissions.empty());
  EXPECT_TRUE(b.IsAlive(c.pki_id()));
  EXPECT_TRUE(c.IsAlive(b.pki_id()));
}

// No third organisation is told of: two foreign organisations meet only by contacting each other.
TEST_F(ConnectTest, NothingIsRelayedBetweenForeignOrganisations) {
  DiscoveryNode& a = AddNode("a", kOrg1, {.external_endpoint = "a:7051"});
  DiscoveryNode& b = AddNode("b", kOrg2, {.external_endpoint = "b:7051"});
  DiscoveryNode& c = AddNode("c", kOrg3, {.external_endpoint = "c:7051"});
  Run(10ms);
  b.discovery.SetAnchorPeers("one", {{"a:7051", kOrg1}});
  c.discovery.SetAnchorPeers("two", {{"a:7051", kOrg1}});
  ASSERT_TRUE(RunUntil([&] { return a.discovery.sizes().alive == 2; }, 20s));
  // Only the answers of `a`, which the fixture's gossip does not filter by origin.
  EXPECT_FALSE(b.discovery.Lookup(c.pki_id()));
  EXPECT_FALSE(c.discovery.Lookup(b.pki_id()));
}

TEST_F(ConnectTest, TheSameSeedGivesTheSameRun) {
  const auto run = [] {
    simulation::World world(7);
    simulation::Authority authority(7);
    std::vector<std::unique_ptr<DiscoveryNode>> nodes;
    for (int i = 0; i < 6; ++i) {
      simulation::Host& host = world.AddHost("peer" + std::to_string(i));
      MembershipConfig config;
      config.endpoint = host.endpoint();
      config.bootstrap = {"peer0:7051", "peer1:7051"};
      nodes.push_back(
          std::make_unique<DiscoveryNode>(host, authority, authority.Issue(kOrg1, host.name()), std::move(config)));
      nodes.back()->discovery.Start();
    }
    world.scheduler().RunFor(30s);
    for (const auto& node : nodes) EXPECT_EQ(node->discovery.sizes().alive, 5U);
    return world.scheduler().trace_hash();
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace grapevine::membership
