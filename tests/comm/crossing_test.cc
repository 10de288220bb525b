// Two peers that dial each other at the same time (specification 02, 14.2; acceptance 1 and 2), in many orders of
// events.
#include <set>

#include "harness.h"
#include "simulation/model_fabric_peer.h"
#include "support/seeds.h"

namespace grapevine::comm {
namespace {

// Picks among the events that could be next with equal chances: interleavings that latencies alone would not give.
class RandomChooser final : public simulation::Chooser {
 public:
  explicit RandomChooser(std::uint64_t seed) : random_(seed) {}
  std::size_t Choose(const std::vector<simulation::TraceEvent>& pending) override {
    return random_.Below(pending.size());
  }

 private:
  base::Random random_;
};

// One crossing: both sides send their first message within `skew` of each other, then one a second.
struct Crossing {
  explicit Crossing(std::uint64_t seed) : world(seed), authority(seed), random(seed) {}

  simulation::World world;
  simulation::Authority authority;
  base::Random random;

  void Every(base::Duration first, base::Duration period, int times, const std::function<void(int)>& act) {
    for (int i = 0; i < times; ++i) world.After(first + i * period, [act, i] { act(i); });
  }
};

void NodeWithNode(std::uint64_t seed, base::Duration max_skew, bool choose, std::set<std::string>* outcomes) {
  Crossing crossing(seed);
  RandomChooser chooser(seed);
  if (choose) crossing.world.scheduler().SetChooser(&chooser);
  Node first(crossing.world.AddHost("a" + std::to_string(seed)), crossing.authority, kOrg1, {});
  Node second(crossing.world.AddHost("b" + std::to_string(seed)), crossing.authority, kOrg1, {});
  Node& small = first.pki_id() < second.pki_id() ? first : second;
  Node& great = first.pki_id() < second.pki_id() ? second : first;
  small.ReceiveAll();
  great.ReceiveAll();
  constexpr int kMessages = 30;
  crossing.Every(crossing.random.Between(0ns, max_skew), 1s, kMessages,
                 [&](int i) { small.comm->Send(Text(std::to_string(i)), {great.remote()}); });
  crossing.Every(crossing.random.Between(0ns, max_skew), 1s, kMessages,
                 [&](int i) { great.comm->Send(Text(std::to_string(i)), {small.remote()}); });

  crossing.world.scheduler().RunFor(3s);
  const PeerState early = small.StateOf(great.pki_id());
  const PeerState mirror = great.StateOf(small.pki_id());
  ASSERT_EQ(early.outgoing, mirror.incoming == 1);
  ASSERT_EQ(mirror.outgoing, early.incoming == 1);
  ASSERT_TRUE(early.outgoing || mirror.outgoing) << "never none";
  outcomes->insert(std::string(early.outgoing ? "small's " : "") + (mirror.outgoing ? "great's" : ""));

  crossing.world.scheduler().RunFor(32s);
  const PeerState late = small.StateOf(great.pki_id());
  ASSERT_EQ(late.incoming + (late.outgoing ? 1 : 0), 1u) << "exactly one stream in the end";
  if (early.outgoing && mirror.outgoing) {
    ASSERT_TRUE(late.outgoing) << "R5: the stream of the smaller";
    ASSERT_EQ(great.Count("stream_trims"), 1u);
  }
  ASSERT_EQ(small.received.size(), static_cast<std::size_t>(kMessages)) << "no message is lost";
  ASSERT_EQ(great.received.size(), static_cast<std::size_t>(kMessages));
  ASSERT_TRUE(small.presumed_dead.empty() && great.presumed_dead.empty());
}

// Only outcomes that 14.2 lists; and all of them, unless a quick run tries few seeds.
void ExpectOutcomes(const std::set<std::string>& outcomes, const std::set<std::string>& listed) {
  for (const auto& outcome : outcomes) EXPECT_TRUE(listed.contains(outcome)) << outcome;
  if (!testing::Quick()) {
    EXPECT_EQ(outcomes, listed);
  }
}

TEST(CrossingTest, NodeWithNodeAlwaysEndsWithOneStreamAndLosesNothing) {
  std::set<std::string> outcomes;
  for (const std::uint64_t seed : testing::Seeds(300)) {
    SCOPED_TRACE(seed);
    NodeWithNode(seed, 5ms, false, &outcomes);
    if (::testing::Test::HasFatalFailure()) return;
  }
  ExpectOutcomes(outcomes, {"small's ", "great's", "small's great's"});
}

TEST(CrossingTest, NodeWithNodeInEveryOrderOfEvents) {
  std::set<std::string> outcomes;
  for (const std::uint64_t seed : testing::Seeds(300)) {
    SCOPED_TRACE(seed);
    NodeWithNode(seed, 0ns, true, &outcomes);
    if (::testing::Test::HasFatalFailure()) return;
  }
  ExpectOutcomes(outcomes, {"small's ", "great's", "small's great's"});
}

// Acceptance 1: within 3 s messages flow both ways, and the node never presumes the Fabric peer dead.
void NodeWithFabric(std::uint64_t seed, base::Duration max_skew, bool choose, std::set<std::string>* outcomes) {
  Crossing crossing(seed);
  RandomChooser chooser(seed);
  if (choose) crossing.world.scheduler().SetChooser(&chooser);
  Node node(crossing.world.AddHost("node" + std::to_string(seed)), crossing.authority, kOrg1, {});
  node.ReceiveAll();
  simulation::Host& host = crossing.world.AddHost("fabric" + std::to_string(seed));
  simulation::ModelFabricPeer fabric(host, crossing.authority, crossing.authority.Issue(kOrg1, host.name()));
  std::size_t fabric_received = 0;
  fabric.OnMessage([&](const wire::PkiId&, const wire::Message&) { ++fabric_received; });
  crossing.Every(crossing.random.Between(0ns, max_skew), 500ms, 40,
                 [&](int i) { node.comm->Send(Text(std::to_string(i)), {{host.endpoint(), fabric.pki_id()}}); });
  crossing.Every(crossing.random.Between(0ns, max_skew), 500ms, 40,
                 [&](int i) { fabric.Send(node.host.endpoint(), node.pki_id(), Text(std::to_string(i))); });

  crossing.world.scheduler().RunFor(3100ms);  // seven messages have been sent by either
  const PeerState state = node.StateOf(fabric.pki_id());
  outcomes->insert(std::string(state.outgoing ? "node's " : "") + (state.incoming > 0 ? "Fabric's" : ""));
  ASSERT_TRUE(node.presumed_dead.empty());
  const std::size_t at_node = node.received.size();
  const std::size_t at_fabric = fabric_received;
  crossing.world.scheduler().RunFor(17s);
  ASSERT_EQ(node.received.size() - at_node, 33u) << "from 3 s on nothing is lost";
  ASSERT_EQ(fabric_received - at_fabric, 33u);
  ASSERT_TRUE(node.presumed_dead.empty());
}

TEST(CrossingTest, NodeWithFabricPeerNeverEndsWithoutStream) {
  std::set<std::string> outcomes;
  for (const std::uint64_t seed : testing::Seeds(1000)) {
    SCOPED_TRACE(seed);
    NodeWithFabric(seed, 50ms, false, &outcomes);
    if (::testing::Test::HasFatalFailure()) return;
  }
  ExpectOutcomes(outcomes, {"node's ", "Fabric's"});
}

TEST(CrossingTest, NodeWithFabricPeerInEveryOrderOfEvents) {
  std::set<std::string> outcomes;
  for (const std::uint64_t seed : testing::Seeds(1000)) {
    SCOPED_TRACE(seed);
    NodeWithFabric(seed, 0ns, true, &outcomes);
    if (::testing::Test::HasFatalFailure()) return;
  }
  ExpectOutcomes(outcomes, {"node's ", "Fabric's"});
}

}  // namespace
}  // namespace grapevine::comm
