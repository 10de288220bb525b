// Two peers that dial each other at the same time: the complete check of 02, 14.2. Every order in which the two
// handshakes, their closes and their clean-ups can interleave is realised in the simulated world.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "scenarios/interleaving_explorer.h"
#include "scenarios/party.h"
#include "support/seeds.h"

namespace grapevine::scenarios {
namespace {

using simulation::Authority;
using simulation::HostOptions;
using simulation::World;
using namespace std::chrono_literals;

// X was opened by `a`, Y by `b`; a stream survives if both ends have it.
std::string Survivors(const Party& a, const Party& b) {
  const OpenStreams at_a = a.Streams(b);
  const OpenStreams at_b = b.Streams(a);
  const bool x = at_a.outgoing > 0 && at_b.incoming > 0;
  const bool y = at_b.outgoing > 0 && at_a.incoming > 0;
  if (x && y) return "X and Y";
  if (x) return "X";
  return y ? "Y" : "none";
}

struct Exploration {
  std::set<std::string> outcomes() const {
    std::set<std::string> names;
    for (const auto& [name, count] : runs_by_outcome) names.insert(name);
    return names;
  }

  std::map<std::string, std::size_t> runs_by_outcome;
  std::size_t runs = 0;
  std::size_t presumed_dead = 0;  // runs in which a node presumed the other dead
  bool diverged = false;
};

// Whether the check of a signature ends at any later moment, like the arrival of a message, or at once. To delay a
// check is mostly the same as to delay the message that is checked, and there are far fewer orders to explore.
enum class Checks { kInstant, kDelayed };

// Lets every message in flight be handled, in the orders that the explorer chooses, before any virtual time passes.
Exploration Explore(PartyKind kind_a, PartyKind kind_b, Checks checks) {
  HostOptions options;
  options.costs = {0ns, 0ns, 0ns, 0ns, 0ns, 0ns};
  if (checks == Checks::kDelayed) options.costs.verify = 1us;
  Exploration result;
  // Dials and pings touch no state that the handshakes see.
  InterleavingExplorer explorer({simulation::EventKind::kDial, simulation::EventKind::kCall});
  while (explorer.Next()) {
    World world(1);
    world.scheduler().SetChooser(&explorer);
    Authority authority(1);
    const auto a = MakeParty(kind_a, world.AddHost("a", options), authority);
    const auto b = MakeParty(kind_b, world.AddHost("b", options), authority);
    a->SendDigest(*b, 1);
    b->SendDigest(*a, 2);
    const base::SteadyTime start = world.scheduler().Now();
    while (!explorer.redundant() && world.scheduler().HasEventUntil(start)) world.scheduler().Step();
    if (explorer.redundant()) continue;
    ++result.runs_by_outcome[Survivors(*a, *b)];
    if (a->presumed_dead() + b->presumed_dead() > 0) ++result.presumed_dead;
  }
  result.runs = explorer.runs();
  result.diverged = explorer.diverged();
  for (const auto& [name, runs] : result.runs_by_outcome) {
    ::testing::Test::RecordProperty(name == "X and Y" ? "X_and_Y" : name, static_cast<int>(runs));
  }
  return result;
}

using Outcomes = std::set<std::string>;

TEST(Crossing, TwoFabricPeersKeepOneStreamOrNone) {
  if (grapevine::testing::Quick()) GTEST_SKIP() << "40,000 runs of two model peers: for the optimised build";
  const Exploration explored = Explore(PartyKind::kFabric, PartyKind::kFabric, Checks::kInstant);
  EXPECT_FALSE(explored.diverged);
  EXPECT_EQ(explored.outcomes(), (Outcomes{"X", "Y", "none"}));
}

TEST(Crossing, ANodeAndAFabricPeerAlwaysKeepOneStream) {
  for (const Checks checks : {Checks::kInstant, Checks::kDelayed}) {
    const Exploration explored = Explore(PartyKind::kNode, PartyKind::kFabric, checks);
    EXPECT_FALSE(explored.diverged);
    EXPECT_EQ(explored.outcomes(), (Outcomes{"X", "Y"}));
  }
}

TEST(Crossing, TwoNodesKeepOneStreamOrBoth) {
  for (const Checks checks : {Checks::kInstant, Checks::kDelayed}) {
    const Exploration explored = Explore(PartyKind::kNode, PartyKind::kNode, checks);
    EXPECT_FALSE(explored.diverged);
    EXPECT_EQ(explored.outcomes(), (Outcomes{"X", "X and Y", "Y"}));
    EXPECT_EQ(explored.presumed_dead, 0U);
  }
}

}  // namespace
}  // namespace grapevine::scenarios
