// Complete nodes over real TLS on loopback, in one process: one organisation, one channel, default timers.
//
//   node_bench [--nodes N] [--part views|idle|memory|blocks]... [--ledger disk|memory]
//
// Without --nodes: 50 nodes with 160 KiB blocks every 1.5 s, 16 nodes with 64 KiB blocks ten times per second, and 100
// nodes as the 50. Each run is a process of its own. Every node verifies for itself; shared are the loop, the
// workers and the bytes that nodes are made from. All nodes start at the same instant (--stagger-ms) and know the first
// one; blocks enter there. Ledgers are durable, in a temporary folder; `--ledger memory` has them in /dev/shm. Times
// are those of the loop. Prints a table and one line of JSON per run; exit code 1 if a run did not come to its end.
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "node_bench_run.h"

namespace grapevine::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;  // NOLINT

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) : path_((parent / "node-bench-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + parent.string());
  }
  ~TemporaryFolder() {
    std::error_code ignored;  // nobody can do anything about it now
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Both ends of each connection are in this process; every pair needs one connection, and for a while may have two.
bool AllowDescriptors(std::size_t nodes) {
  const rlim_t others = 40 * nodes + 200;
  const rlim_t needed = nodes * (nodes - 1) + others;
  const rlim_t wanted = 2 * nodes * (nodes - 1) + others;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit raised{.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
  if (limit.rlim_cur >= wanted || setrlimit(RLIMIT_NOFILE, &raised) == 0) return true;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  fmt::print(stderr, "{} nodes may need up to {} open files for a while; the limit is {} (ulimit -Hn)\n", nodes, wanted,
             limit.rlim_cur);
  if (limit.rlim_cur >= needed) return true;
  fmt::print(stderr, "this is less than the {} without which they cannot all be connected: raise it\n", needed);
  return false;
}

Wanted WantedOf(std::size_t nodes) {
  Wanted wanted;
  if (nodes == 50) {
    wanted = {.view_seconds = 10, .idle_ms = 2, .memory_mib = 5, .all_peers_p99_ms = 500};
  } else if (nodes == 16) {
    wanted = {.all_peers_p99_ms = 150, .cpu_per_block_ms = 2, .copies_per_block = 2.2};
  }
  return wanted;
}

// Exit code of the process that runs it.
int RunOnce(RunOptions options, const fs::path& parent) {
  if (!AllowDescriptors(options.nodes)) return 1;
  try {
    const TemporaryFolder folder(parent);
    options.ledgers = folder.path();
    Run run(options, WantedOf(options.nodes));
    const bool complete = run.Measure();
    run.report().Print();
    return complete ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{} nodes: {}\n", options.nodes, error.what());
    return 1;
  }
}

// In a process of its own, so that no run measures the memory of another.
bool RunApart(const RunOptions& options, const fs::path& parent) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) _exit(RunOnce(options, parent));
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The blocks of the runs that are wanted; other sizes are as the first.
RunOptions PlanOf(std::size_t nodes) {
  RunOptions plan;
  plan.nodes = nodes;
  if (nodes == 16) {
    plan.block_kib = 64;
    plan.block_interval = 100ms;
    plan.block_count = 300;
  }
  return plan;
}

}  // namespace
}  // namespace grapevine::bench

int main(int argc, char** argv) {
  using grapevine::bench::RunOptions;
  std::vector<std::size_t> sizes = {50, 16, 100};
  std::vector<std::string> parts;
  std::string ledger = "disk";
  std::size_t block_kib = 0;
  std::int64_t interval_ms = 0;
  std::size_t block_count = 0;
  std::int64_t stagger_ms = 0;
  std::int64_t settle_s = 20;
  std::int64_t idle_s = 30;
  std::size_t workers = RunOptions().workers;
  bool counters = false;
  CLI::App app{"Complete nodes over real TLS on loopback"};
  app.add_option("--nodes", sizes, "Nodes; several: one run after the other")->check(CLI::Range(2, 500));
  app.add_option("--part", parts, "What is measured; all without it")
      ->check(CLI::IsMember({"views", "idle", "memory", "blocks"}));
  app.add_option("--ledger", ledger, "Where the ledgers are: a temporary folder, or /dev/shm")
      ->check(CLI::IsMember({"disk", "memory"}));
  app.add_option("--block-kib", block_kib, "Size of a block")->check(CLI::Range(5, 65536));
  app.add_option("--interval-ms", interval_ms, "Between two blocks")->check(CLI::PositiveNumber);
  app.add_option("--blocks", block_count, "How many")->check(CLI::PositiveNumber);
  app.add_option("--stagger-ms", stagger_ms, "Between the starts of two nodes; 0: all at the same instant")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--settle", settle_s, "Seconds from the full view to the idle window")->check(CLI::PositiveNumber);
  app.add_option("--idle", idle_s, "Seconds of the idle window")->check(CLI::PositiveNumber);
  app.add_option("--workers", workers, "Threads that verify and write, for all nodes together")
      ->check(CLI::Range(1, 256));
  app.add_flag("--counters", counters, "What the nodes counted, to standard error");
  CLI11_PARSE(app, argc, argv);
  if (ledger == "memory" && !std::filesystem::is_directory("/dev/shm")) {
    fmt::print(stderr, "there is no /dev/shm for --ledger memory\n");
    return 1;
  }
  const auto parent = ledger == "memory" ? "/dev/shm" : std::filesystem::temp_directory_path();
  const auto has = [&parts](const char* part) {
    return parts.empty() || std::ranges::find(parts, part) != parts.end();
  };
  bool complete = true;
  for (const std::size_t nodes : sizes) {
    RunOptions options = grapevine::bench::PlanOf(nodes);
    options.views = has("views");
    options.idle = has("idle");
    options.memory = has("memory");
    options.blocks = has("blocks");
    if (block_kib != 0) options.block_kib = block_kib;
    if (interval_ms != 0) options.block_interval = std::chrono::milliseconds(interval_ms);
    if (block_count != 0) options.block_count = block_count;
    options.stagger = std::chrono::milliseconds(stagger_ms);
    options.settle = std::chrono::seconds(settle_s);
    options.idle_window = std::chrono::seconds(idle_s);
    options.workers = workers;
    options.counters = counters;
    complete = grapevine::bench::RunApart(options, parent) && complete;
  }
  return complete ? 0 : 1;
}
