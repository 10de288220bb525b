// Whole networks on virtual time: blocks reach everybody who may have them (specification 11).
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/few_seeds.h"
#include "simulation/gossip_network.h"
#include "support/seeds.h"
#include "wire/message.h"
#include "wire/tag.h"

namespace grapevine::scenarios {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::GossipNetwork;
using simulation::GossipNetworkOptions;

std::uint64_t Sum(GossipNetwork& network, const std::string& counter, const base::Labels& labels = {}) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < network.size(); ++i) {
    sum += network.peer(i).host().metrics().CounterValue(counter, labels);
  }
  return sum;
}

bool Ready(GossipNetwork& network) {
  return network.RunUntil([&] { return network.ViewsComplete() && network.ChannelViewsComplete(); }, 60s);
}

// Calls `watch` with each message as it leaves.
void Observe(GossipNetwork& network,
             std::function<void(const simulation::Host&, const simulation::Host&, const wire::Message&)> watch) {
  network.network().Observe([watch = std::move(watch)](const simulation::Host& from, const simulation::Host& to,
                                                       const base::Bytes& bytes, bool) {
    const auto envelope = wire::Envelope::Decode(bytes);
    const auto message = wire::DecodeMessage(envelope.value().payload());
    watch(from, to, message.value());
  });
}

// Copies of each alive message, all nodes together, over `time`.
double CopiesPerAliveMessage(GossipNetwork& network, base::Duration time) {
  const auto pushes = [&] { return Sum(network, "gossip_pushes", {{"type", "alive_msg"}}); };
  const auto messages = [&] { return Sum(network, "gossip_membership_heartbeats"); };
  const std::uint64_t pushes_before = pushes();
  const std::uint64_t messages_before = messages();
  network.RunFor(time);
  return static_cast<double>(pushes() - pushes_before) / static_cast<double>(messages() - messages_before);
}

// Alive messages take one tree once the view is the same for a while, and two while it moves.
TEST(DisseminationScenario, AliveMessagesCostOneCopyEachInASettledNetwork) {
  GossipNetworkOptions options;
  options.peers = {16};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
  EXPECT_GT(CopiesPerAliveMessage(network, 5s), 20);
  ASSERT_TRUE(Ready(network));
  network.RunFor(10s);
  const double settled = CopiesPerAliveMessage(network, 100s);
  EXPECT_GE(settled, 15);  // everybody else
  EXPECT_LE(settled, 18);  // and three entries, one of which is the root
  network.RunFor(100s);
  EXPECT_TRUE(network.ViewsComplete());
}

// Where nothing is new, alive messages travel in company: each node gets them from few others, several at a time, and
// everybody has each one little more than a second after it was made.
TEST(DisseminationScenario, AliveMessagesOfASettledNetworkTravelTogether) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {40};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(Ready(network));
    network.RunFor(20s);

    struct Spread {
      base::SteadyTime made;
      base::SteadyTime last_copy;
      std::set<std::string> receivers;
    };
    std::map<std::pair<wire::PkiId, wire::PeerTime>, Spread> messages;
    std::set<std::pair<base::SteadyTime, std::string>> segments;
    std::uint64_t copies = 0;
    const auto watch = [&](const simulation::Host& from, const simulation::Host& to, const wire::Message& message) {
      const auto* alive = message.As<wire::AliveMessage>();
      if (alive == nullptr) return;
      const base::SteadyTime now = network.scheduler().Now();
      Spread& spread =
          messages.try_emplace({alive->membership.pki_id, alive->timestamp}, Spread{now, now, {}}).first->second;
      spread.last_copy = now;
      spread.receivers.insert(to.name());
      segments.emplace(now, from.name() + " to " + to.name());
      ++copies;
    };
    Observe(network, watch);
    network.RunFor(120s);
    network.network().Observe({});
    EXPECT_GE(copies, 2.5 * static_cast<double>(segments.size()));
    const base::SteadyTime end = network.scheduler().Now();
    std::size_t spread_out = 0;
    for (const auto& [id, spread] : messages) {
      if (spread.made < end - 118s || spread.made > end - 2s) continue;  // those that are seen from first to last
      ++spread_out;
      EXPECT_EQ(spread.receivers.size(), 39U);
      EXPECT_LE(spread.last_copy - spread.made, 1s + 200ms);
    }
    EXPECT_GE(spread_out, 22 * 40U);
  }
}

// In a settled network where nothing is missing a node asks one peer for everything at once; while the view moves it
// asks three, for each kind at another moment.
TEST(DisseminationScenario, ASettledNodePullsEverythingAtOnce) {
  GossipNetworkOptions options;
  options.peers = {20};
  GossipNetwork network(FewSeeds().front(), options);
  using Requests = std::set<std::pair<base::SteadyTime, std::string>>;
  Requests members;
  Requests identities;
  Requests state_infos;
  Requests blocks;
  Observe(network, [&](const simulation::Host& from, const simulation::Host& to, const wire::Message& message) {
    const std::pair request(network.scheduler().Now(), from.name() + " to " + to.name());
    if (message.As<wire::MembershipRequest>() != nullptr) members.insert(request);
    if (message.As<wire::StateInfoPullRequest>() != nullptr) state_infos.insert(request);
    if (message.As<wire::PullHello>() == nullptr) return;
    (wire::PullTypeOf(message) == wire::PullType::kIdentity ? identities : blocks).insert(request);
  });
  network.StartAll();
  network.RunFor(8s);
  EXPECT_GT(members.size(), 20U);
  EXPECT_GT(identities.size(), 20U);
  EXPECT_NE(members, identities);
  ASSERT_TRUE(Ready(network));
  network.RunFor(60s);  // the last identities come by pull
  for (Requests* requests : {&members, &identities, &state_infos, &blocks}) requests->clear();
  network.RunFor(20s);
  EXPECT_EQ(members.size(), 20 * 5U) << "one of each node every 4 s";
  EXPECT_EQ(identities, members);
  EXPECT_EQ(state_infos, members);
  EXPECT_EQ(blocks, members);
}

// Without the sync, or with a rare one, nothing completes a single tree.
TEST(DisseminationScenario, AliveMessagesTakeBothTreesWhereNoSyncCompletesOne) {
  for (const auto& change : {+[](membership::MembershipConfig& config) { config.sync_peers = 0; },
                             +[](membership::MembershipConfig& config) { config.sync_interval = 10s; },
                             // Fifteen per expiration, but hardly eleven from the time at which somebody is overdue.
                             +[](membership::MembershipConfig& config) {
                               config.sync_interval = 20s;
                               config.sync_peers = 12;
                             },
                             // Dead before anybody could be overdue.
                             +[](membership::MembershipConfig& config) { config.alive_expiration = 7s; }}) {
    GossipNetworkOptions options;
    options.peers = {16};
    change(options.gossip.membership);
    GossipNetwork network(FewSeeds().front(), options);
    network.StartAll();
    network.RunFor(100s);
    EXPECT_TRUE(network.ViewsComplete());
    EXPECT_GT(CopiesPerAliveMessage(network, 100s), 25);
  }
}

// One entry point per organisation: every block is everywhere within a second by push alone, and nobody gets another
// organisation's copy.
TEST(DisseminationScenario, EveryBlockIsEverywhereAtOnce) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {20, 20};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(Ready(network));
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t number = network.chain_height();
      const auto block = network.NextBlock();
      network.peer(0).Publish(network.channel(), number, block);
      network.peer(20).Publish(network.channel(), number, block);
      ASSERT_TRUE(network.RunUntil([&] { return network.AllHave(number + 1); }, 1s)) << "block " << number;
      network.RunFor(200ms);
    }
  }
}

// Blocks of one organisation stay there (3744: a block may be the configuration that evicts the other one).
TEST(DisseminationScenario, BlocksStayInTheOrganisation) {
  GossipNetworkOptions options;
  options.peers = {5, 5};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(Ready(network));
  for (int i = 0; i < 5; ++i) network.PublishAt(0);
  network.RunFor(120s);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(network.peer(i).height(network.channel()), 6U);
  for (std::size_t i = 5; i < 10; ++i) EXPECT_EQ(network.peer(i).height(network.channel()), 1U);
}

// With a tenth of the peers crashing and coming back while blocks flow, everybody who is up has the whole chain in the
// end, by repair and pull.
TEST(DisseminationScenario, PeersThatComeBackCatchUpWithinTheWindow) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {20};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(Ready(network));
    for (int i = 0; i < 8; ++i) {
      if (i == 2) {
        network.peer(7).Crash(CrashKind::kProcess);
        network.peer(13).Crash(CrashKind::kMachine);
      }
      network.PublishAt(0);
      network.RunFor(500ms);
    }
    network.peer(7).Restart();
    network.peer(13).Restart();
    EXPECT_TRUE(network.RunUntil([&] { return network.AllHave(9); }, 60s));
  }
}

// A late starter gets what is in the window by pull, and asks for nothing twice.
TEST(DisseminationScenario, ALateStarterPullsTheWindow) {
  GossipNetworkOptions options;
  options.peers = {6};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(Ready(network));
  for (int i = 0; i < 10; ++i) network.PublishAt(0);
  network.RunFor(30s);
  const std::size_t late = network.AddPeer(0);
  network.peer(late).Join(network.channel(), network.join());
  network.peer(late).Start();
  EXPECT_TRUE(network.RunUntil([&] { return network.AllHave(11); }, 30s));
}

// Cut off for a while: what was missed comes by pull after healing, without any other block.
TEST(DisseminationScenario, APartitionedPeerPullsWhatItMissed) {
  for (const std::uint64_t seed : FewSeeds()) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetworkOptions options;
    options.peers = {8};
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(Ready(network));
    network.network().Partition({&network.peer(5).host()}, false);
    for (int i = 0; i < 9; ++i) {
      network.PublishAt(0);
      network.RunFor(1s);
    }
    EXPECT_EQ(network.peer(5).height(network.channel()), 1U);
    network.network().Partition({&network.peer(5).host()}, true);
    EXPECT_TRUE(network.RunUntil([&] { return network.AllHave(10); }, 90s));
  }
}

// Loss of a fifth of the packets costs time, never a block.
TEST(DisseminationScenario, LossLosesNoBlock) {
  GossipNetworkOptions options;
  options.peers = {16};
  options.network.link.loss_per_million = 200000;
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(Ready(network));
  for (int i = 0; i < 20; ++i) {
    network.PublishAt(0);
    network.RunFor(1s);
  }
  EXPECT_TRUE(network.RunUntil([&] { return network.AllHave(21); }, 60s));
}

// A configuration update removes an organisation: its peers leave the others' channel views at once, and blocks no
// longer reach them; another update brings them back (D-26).
TEST(DisseminationScenario, AConfigurationUpdateRemovesAndAddsAnOrganisation) {
  GossipNetworkOptions options;
  options.peers = {4, 4, 4};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(Ready(network));
  const auto update = [&](std::vector<std::string> organizations) {
    network.authority().SetReaders(network.channel(), {organizations.begin(), organizations.end()});
    network.join().organizations = std::move(organizations);
    ++network.join().sequence;
    for (std::size_t i = 0; i < 12; ++i) network.peer(i).Join(network.channel(), network.join());
  };
  update({"Org1MSP", "Org2MSP"});
  const auto removed = [&] {
    for (std::size_t i = 0; i < 8; ++i) {
      if (network.ChannelMembersAt(i).size() != 7) return false;
    }
    return true;
  };
  EXPECT_TRUE(network.RunUntil(removed, 1s));
  for (int second = 0; second < 60; ++second) {
    network.RunFor(1s);
    ASSERT_TRUE(removed()) << "after " << second << " s";
  }

  update({"Org1MSP", "Org2MSP", "Org3MSP"});
  EXPECT_TRUE(Ready(network));
}

// A hundred channels on every node: each one's view is complete, and heights are known.
TEST(DisseminationScenario, AHundredChannelsOnOneNode) {
  GossipNetworkOptions options;
  options.peers = {4};
  options.channel = "";
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  std::vector<std::string> channels;
  const std::size_t count = testing::Quick() ? 20 : 100;
  for (std::size_t i = 0; i < count; ++i) channels.push_back("channel" + std::to_string(i));
  for (const auto& channel : channels) {
    network.authority().SetReaders(channel, {"Org1MSP"});
    for (std::size_t i = 0; i < 4; ++i) network.peer(i).Join(channel, network.join());
  }
  const auto complete = [&] {
    for (const auto& channel : channels) {
      for (std::size_t i = 0; i < 4; ++i) {
        if (network.peer(i).gossip().PeersOfChannel(channel).size() != 3) return false;
      }
    }
    return true;
  };
  EXPECT_TRUE(network.RunUntil(complete, 60s));
  // Leaving one is seen in that one only, and the channel is gone from memory after a while (D-19).
  network.peer(2).gossip().LeaveChannel(channels[3]);
  EXPECT_TRUE(network.RunUntil([&] { return network.peer(0).gossip().PeersOfChannel(channels[3]).size() == 2; }, 30s));
  EXPECT_EQ(network.peer(0).gossip().PeersOfChannel(channels[4]).size(), 3U);
  network.RunFor(60s);
  EXPECT_EQ(network.peer(2).gossip().FindChannel(channels[3]), nullptr);
}

// Pushes: everybody at most 2.2 times per block on average, with the structured push.
TEST(DisseminationScenario, PushesStayWithinTheirBudget) {
  GossipNetworkOptions options;
  options.peers = {30};
  GossipNetwork network(FewSeeds().front(), options);
  network.StartAll();
  ASSERT_TRUE(Ready(network));
  const std::uint64_t before = Sum(network, "gossip_pushes", {{"type", "data_msg"}});
  for (int i = 0; i < 50; ++i) {
    network.PublishAt(0);
    network.RunFor(100ms);
  }
  network.RunFor(1s);
  ASSERT_TRUE(network.AllHave(51));
  EXPECT_LE(Sum(network, "gossip_pushes", {{"type", "data_msg"}}) - before, 50U * 30 * 22 / 10);
}

}  // namespace
}  // namespace grapevine::scenarios
