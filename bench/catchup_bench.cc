// A new node that is behind catches up from one other by state transfer: real TLS on loopback, real signatures, each
// node in a process of its own, blocks durable (synced in groups).
//
//   catchup_bench [--blocks 2000] [--kib 1 64] [--ledger disk memory]
//
// Compared with reading the same blocks from the new node's ledger, verifying them and writing them to another ledger
// in the same process, by the same committer. `--ledger memory` has the new node's ledgers in /dev/shm. `--kib 1`:
// blocks of one transaction that writes 1 KiB; certificates and signatures come on top, the table says what a block
// has. Prints a table; exit code 1 if a run did not come to its end.
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "catchup_bench_node.h"
#include "node/block_committer.h"
#include "testnet/block_maker.h"

namespace grapevine::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;  // NOLINT

constexpr std::size_t kTransactionBytes = 5120;  // of a small one, with certificates and signatures
constexpr auto kPatience = 600s;

struct Plan {
  std::size_t blocks = 2000;
  std::size_t kib = 64;
  fs::path serving;  // folders
  fs::path catching_up;
};

// What the new node's process tells the first one.
struct Outcome {
  double block_bytes = 0;
  double first_request_ms = 0;  // after the node knew that it is behind
  double seconds = 0;           // until the last block was durable
  double cpu_ms = 0;            // meanwhile, of the process
  double local_seconds = 0;
  double local_cpu_ms = 0;
};

testnet::Network MakeNetwork() { return testnet::Network({.organizations = 1, .peers = 2}); }

testnet::ChannelOptions Channel() {
  testnet::ChannelOptions options;
  options.orderers = {testnet::OrdererEndpoint(7000, 0)};  // nobody dials it
  return options;
}

testnet::BlockShape ShapeOf(const testnet::Network& network, std::size_t kib) {
  if (kib == 1) return {.transactions = 1, .value_bytes = 1024};
  testnet::BlockShape shape{.transactions = std::max<std::size_t>(1, (kib << 10) / kTransactionBytes),
                            .value_bytes = 0};
  const std::size_t empty = testnet::BlockMaker(network, Channel()).Next(shape).size();
  if ((kib << 10) > empty) shape.value_bytes = ((kib << 10) - empty) / shape.transactions;
  return shape;
}

double Milliseconds(base::Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

double CpuMilliseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

template <typename T>
void Tell(int descriptor, const T& value) {
  if (write(descriptor, &value, sizeof value) != sizeof value) throw std::runtime_error("the other process has gone");
}

template <typename T>
T Hear(int descriptor) {
  T value{};
  if (read(descriptor, &value, sizeof value) != sizeof value) throw std::runtime_error("the other process has failed");
  return value;
}

using EndpointText = std::array<char, 64>;

// Says where it listens, then serves until `orders` closes, then says how much CPU that took.
void Serve(const Plan& plan, int orders, int reports) {
  const auto network = MakeNetwork();
  testnet::BlockMaker maker(network, Channel());
  const base::Bytes genesis(std::string(maker.genesis()));
  CatchupNode node(network, 0, genesis, plan.serving / "node");
  {
    std::vector<base::Bytes> blocks;
    const auto shape = ShapeOf(network, plan.kib);
    while (blocks.size() < plan.blocks) blocks.push_back(base::Bytes(maker.Next(shape)));
    node.Store(blocks);
  }
  node.Start("");
  EndpointText endpoint{};
  node.endpoint().copy(endpoint.data(), endpoint.size() - 1);
  Tell(reports, endpoint);
  const double before = CpuMilliseconds();
  const auto watch = node.loop().Watch(orders, [&](base::IoReady) { node.loop().Stop(); });
  watch->SetInterest(true, false);
  node.loop().Run();
  Tell(reports, CpuMilliseconds() - before);
}

// Reads the chain of `from`, verifies it and stores it in a new ledger, as a node does with blocks of others.
void CopyLocally(CatchupNode& node, const fs::path& folder, const base::Bytes& genesis, Outcome& outcome) {
  BenchLedger copy(node.loop(), node.environment(), folder, genesis, node.channel());
  node::BlockCommitter committer(
      node.environment(), node.crypto(), copy.ledger(), {.channel = node.channel()},
      {.verified = {}, .committed = [](std::uint64_t, const base::Bytes&) {}, .refused = {}});
  committer.SetEpoch(0);
  const std::uint64_t height = node.ledger().height();
  std::uint64_t next = 1;
  base::Handle reading;
  bool read_under_way = false;
  const std::function<void()> read_on = [&] {
    if (read_under_way || next == height || next + 11 >= committer.limit()) return;
    read_under_way = true;
    reading = node.ledger().ReadBlocks(next, std::min(next + 10, height - 1), 64 << 20,
                                       [&](base::Result<std::vector<base::Bytes>> blocks) {
                                         read_under_way = false;
                                         if (!blocks) throw std::runtime_error(blocks.error().message);
                                         for (base::Bytes& block : *blocks) {
                                           committer
                                               .Offer(next++, std::move(block), ledger::BlockOrigin::kStateTransfer,
                                                      [&](const base::Result<void>&) { read_on(); })
                                               .Detach();
                                         }
                                         read_on();
                                       });
  };
  const auto start = node.loop().Now();
  const double cpu = CpuMilliseconds();
  node.loop().Post(read_on);
  if (!node.loop().RunUntil([&] { return copy.ledger().height() == height; }, kPatience)) {
    throw std::runtime_error("the local copy did not come to its end");
  }
  outcome.local_seconds = Milliseconds(node.loop().Now() - start) / 1e3;
  outcome.local_cpu_ms = CpuMilliseconds() - cpu;
}

void CatchUp(const Plan& plan, const std::string& bootstrap, int reports) {
  const auto network = MakeNetwork();
  testnet::BlockMaker maker(network, Channel());
  const base::Bytes genesis(std::string(maker.genesis()));
  CatchupNode node(network, 1, genesis, plan.catching_up / "node");
  node.Start(bootstrap);
  runtime::EventLoop& loop = node.loop();
  std::optional<base::SteadyTime> knows;
  const auto heights =
      node.gossip().FindChannel(node.channel())->OnPeerHeight([&](const wire::PkiId&, std::uint64_t height) {
        if (height > 1 && !knows) knows = loop.Now();
      });
  Outcome outcome;
  const auto asked = [&] { return node.Count("gossip_statetransfer_requests") > 0; };
  if (!loop.RunUntil(asked, 60s) || !knows) throw std::runtime_error("no request was sent");
  const auto start = loop.Now();
  const double cpu = CpuMilliseconds();
  outcome.first_request_ms = Milliseconds(start - *knows);
  const std::uint64_t height = plan.blocks + 1;
  if (!loop.RunUntil([&] { return node.ledger().height() == height; }, kPatience)) {
    throw std::runtime_error(fmt::format("height {} after {} s", node.ledger().height(), kPatience / 1s));
  }
  outcome.seconds = Milliseconds(loop.Now() - start) / 1e3;
  outcome.cpu_ms = CpuMilliseconds() - cpu;
  outcome.block_bytes = static_cast<double>(node.Count("gossip_statetransfer_bytes_received")) /
                        static_cast<double>(node.Count("gossip_statetransfer_blocks_received"));
  CopyLocally(node, plan.catching_up / "copy", genesis, outcome);
  Tell(reports, outcome);
}

// `role` in a process of its own. Exit code 1 if it throws.
pid_t Fork(const std::function<void()>& role) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    role();
    _exit(0);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    _exit(1);
  }
}

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) : path_((parent / "catchup-bench-XXXXXX").string()) {
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

void Run(Plan plan, const std::string& ledger) {
  const TemporaryFolder serving(fs::temp_directory_path());
  const TemporaryFolder catching_up(ledger == "memory" ? fs::path("/dev/shm") : fs::temp_directory_path());
  plan.serving = serving.path();
  plan.catching_up = catching_up.path();
  int orders[2];
  int from_server[2];
  int from_client[2];
  if (pipe(orders) != 0 || pipe(from_server) != 0 || pipe(from_client) != 0) throw std::runtime_error("no pipes");
  const pid_t server = Fork([&] {
    close(orders[1]);
    close(from_client[1]);
    Serve(plan, orders[0], from_server[1]);
  });
  close(from_server[1]);
  const auto endpoint = Hear<EndpointText>(from_server[0]);
  const pid_t client = Fork([&] {
    close(orders[1]);
    CatchUp(plan, endpoint.data(), from_client[1]);
  });
  close(from_client[1]);
  const auto outcome = Hear<Outcome>(from_client[0]);
  close(orders[1]);
  const auto server_cpu = Hear<double>(from_server[0]);
  waitpid(client, nullptr, 0);
  waitpid(server, nullptr, 0);
  for (const int descriptor : {orders[0], from_server[0], from_client[0]}) close(descriptor);
  const auto blocks = static_cast<double>(plan.blocks);
  const double megabytes = blocks * outcome.block_bytes / 1e6;
  fmt::print("{:>3} KiB  {:<6}  {:>7.0f}  {:>8.1f}  {:>7.1f}  {:>8.0f}  {:>8.3f}  {:>8.3f}  {:>9.1f}  {:>7.2f}\n",
             plan.kib, ledger, outcome.block_bytes, outcome.first_request_ms, megabytes / outcome.seconds,
             blocks / outcome.seconds, outcome.cpu_ms / blocks, server_cpu / blocks, megabytes / outcome.local_seconds,
             outcome.seconds / outcome.local_seconds);
}

}  // namespace
}  // namespace grapevine::bench

int main(int argc, char** argv) {
  grapevine::bench::Plan plan;
  std::vector<std::size_t> sizes = {1, 64};
  std::vector<std::string> ledgers = {"disk", "memory"};
  CLI::App app{"A new node catches up from one other by state transfer"};
  app.add_option("--blocks", plan.blocks, "That it is behind")->check(CLI::Range(20, 100000));
  app.add_option("--kib", sizes, "Sizes of a block")->check(CLI::Range(1, 65536));
  app.add_option("--ledger", ledgers, "Where the new node's ledger is: a temporary folder, or /dev/shm")
      ->check(CLI::IsMember({"disk", "memory"}));
  CLI11_PARSE(app, argc, argv);
  fmt::print("{} blocks. CPU: of the new node's process, and of the serving one's\n", plan.blocks);
  fmt::print("{:<7}  {:<6}  {:>7}  {:>8}  {:>7}  {:>8}  {:>8}  {:>8}  {:>9}  {:>7}\n", "size", "ledger", "bytes",
             "first ms", "MB/s", "blocks/s", "CPU ms", "serving", "local MB/s", "factor");
  try {
    for (const std::size_t kib : sizes) {
      plan.kib = kib;
      for (const std::string& ledger : ledgers) grapevine::bench::Run(plan, ledger);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "catchup_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
