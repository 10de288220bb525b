// How fast networks of complete nodes run on virtual time: idle ledger, one channel, default timers, one core.
//
//   simulation_bench [nodes ...]     default: 100 1000
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "simulation/gossip_network.h"

namespace grapevine::simulation {
namespace {

using namespace std::chrono_literals;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

std::uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return resident * 4096;
}

// Virtual seconds of the measured window: long for small networks, so that the figure is steady.
std::int64_t Window(std::size_t nodes) { return nodes <= 100 ? 300 : nodes <= 300 ? 60 : 20; }

void Measure(std::size_t nodes) {
  const std::uint64_t memory_before = ResidentBytes();
  GossipNetworkOptions options;
  options.peers = {nodes};
  GossipNetwork network(1, options);
  const double begun = CpuSeconds();
  network.StartAll();
  const bool complete =
      network.RunUntil([&] { return network.ViewsComplete() && network.ChannelViewsComplete(); }, 300s);
  const double converged = CpuSeconds();
  const auto converged_at = network.scheduler().Now().time_since_epoch();
  network.RunFor(10s);

  const std::int64_t window = Window(nodes);
  const std::uint64_t events = network.scheduler().executed();
  const std::uint64_t messages = network.network().messages();
  const double start = CpuSeconds();
  network.RunFor(std::chrono::seconds(window));
  const double cpu = CpuSeconds() - start;
  const auto per_second = [&](std::uint64_t now, std::uint64_t before) {
    return static_cast<double>(now - before) / static_cast<double>(window) / static_cast<double>(nodes);
  };
  fmt::print(
      "{{\"nodes\": {}, \"views_complete\": {}, \"complete_after_s\": {:.1f}, \"cpu_until_complete_s\": {:.1f}, "
      "\"times_real_time\": {:.1f}, \"events_per_cpu_second\": {:.0f}, \"messages_per_node_and_second\": {:.1f}, "
      "\"model_11_15\": {:.1f}, \"events_per_message\": {:.2f}, \"bytes_per_node\": {:.0f}}}\n",
      nodes, complete, std::chrono::duration<double>(converged_at).count(), converged - begun,
      static_cast<double>(window) / cpu, static_cast<double>(network.scheduler().executed() - events) / cpu,
      per_second(network.network().messages(), messages), 3 + 0.564 * static_cast<double>(nodes) + 2.25,
      static_cast<double>(network.scheduler().executed() - events) /
          static_cast<double>(network.network().messages() - messages),
      static_cast<double>(ResidentBytes() - memory_before) / static_cast<double>(nodes));
  std::cout << std::flush;
}

}  // namespace
}  // namespace grapevine::simulation

// A simulated network is millions of small objects, which are touched in no order: with huge pages the processor finds
// most of them without walking through page tables. glibc takes this from the environment only, before main: set it for
// programs that watch this one, which do not see what is executed.
void UseHugePages(char** argv) {
  constexpr char kVariable[] = "GLIBC_TUNABLES";
  if (std::getenv(kVariable) != nullptr) return;
  if (setenv(kVariable, "glibc.malloc.hugetlb=1", 0) != 0) return;
  execv("/proc/self/exe", argv);  // if it fails, the figures are those without
}

int main(int argc, char** argv) {
  UseHugePages(argv);
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {100, 1000};
  for (const std::size_t nodes : sizes) grapevine::simulation::Measure(nodes);
  return 0;
}
