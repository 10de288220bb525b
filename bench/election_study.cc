// How long an organisation is without leader after its leader was killed (docs/election.md): complete gossip nodes on
// virtual time, with Grapevine's election, Fabric's (a model of it), and both in one organisation. Deterministic;
// prints a table in Markdown.
//
//   election_study [seeds]
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "simulation/election_network.h"

namespace grapevine {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::ElectionNetwork;

enum class Who { kGrapevine, kMixed, kFabric };

// From killing the leader until another peer has been told that it leads; nothing if nobody was within two minutes.
std::optional<base::Duration> LeaderChange(std::uint64_t seed, Who who, CrashKind how) {
  simulation::ElectionNetworkOptions options;
  const std::size_t peers = 3 + seed % 6;
  options.gossip.peers = {peers};
  for (std::size_t peer = 0; peer < peers; ++peer) {
    if (who == Who::kFabric || (who == Who::kMixed && peer % 2 == 0)) options.fabric.insert(peer);
  }
  ElectionNetwork network(seed, options);
  network.StartAll();
  // Whatever the start was like: one leader, and everybody's windows somewhere.
  network.RunFor(60s + network.gossip().world().random().Between(base::Duration::zero(), base::Duration(10s)));
  if (network.Leaders().size() != 1) return std::nullopt;
  network.Crash(network.Leaders().front(), how);
  const base::SteadyTime killed = network.scheduler().Now();
  if (!network.RunUntil([&] { return !network.Leaders().empty(); }, 120s)) return std::nullopt;
  return network.scheduler().Now() - killed;
}

void PrintRow(const char* name, Who who, const char* kind, CrashKind how, std::uint64_t seeds) {
  std::vector<base::Duration> times;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    if (const auto time = LeaderChange(seed, who, how)) times.push_back(*time);
  }
  std::ranges::sort(times);
  fmt::print("| {} | {} |", name, kind);
  for (const std::size_t permille : {0, 500, 900, 990, 1000}) {
    const base::Duration time = times.empty() ? base::Duration() : times[permille * (times.size() - 1) / 1000];
    fmt::print(" {:.1f} |", static_cast<double>(time / 1ms) / 1000);
  }
  fmt::print(" {} |\n", seeds - times.size());
}

}  // namespace
}  // namespace grapevine

int main(int argc, char** argv) {
  using namespace grapevine;
  const std::uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000;
  if (seeds == 0) {
    fmt::print(stderr, "election_study: '{}' is no number of seeds above 0\n", argv[1]);
    return 2;
  }
  fmt::print("Seconds from killing the leader to the next one, {} seeds, organisations of 3 to 8 peers\n\n", seeds);
  fmt::print("| peers | killed | p0 | p50 | p90 | p99 | max | none |\n|---|---|---|---|---|---|---|---|\n");
  for (const auto& [kind, how] :
       {std::pair{"process", CrashKind::kProcess}, std::pair{"machine", CrashKind::kMachine}}) {
    PrintRow("Grapevine", Who::kGrapevine, kind, how, seeds);
    PrintRow("half Fabric", Who::kMixed, kind, how, seeds);
    PrintRow("Fabric", Who::kFabric, kind, how, seeds);
  }
  return 0;
}
