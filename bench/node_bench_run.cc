#include "node_bench_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "testnet/block_maker.h"

namespace grapevine::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT

constexpr auto kLookInterval = 50ms;  // how exactly the time to a full view is known
constexpr auto kViewPatience = 120s;
constexpr auto kBlockPatience = 60s;
constexpr auto kTail = 2s;  // after the last delivery: late copies are counted

double ToSeconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }
double ToMilliseconds(base::Duration duration) { return ToSeconds(duration) * 1000; }
double ToMib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

testnet::ChannelOptions Channel() {
  testnet::ChannelOptions options;
  options.orderers = {testnet::OrdererEndpoint(7000, 0)};  // nobody dials it
  return options;
}

// Transactions of about 5 kB each, their values widened until the block has the wanted size.
testnet::BlockShape ShapeOf(const testnet::Network& network, std::size_t bytes) {
  testnet::BlockShape shape{.transactions = std::max<std::size_t>(1, bytes / 5120), .value_bytes = 0};
  const std::size_t empty = testnet::BlockMaker(network, Channel()).Next(shape).size();
  if (bytes > empty) shape.value_bytes = (bytes - empty) / shape.transactions;
  return shape;
}

}  // namespace

Run::Run(const RunOptions& options, const Wanted& wanted)
    : options_(options),
      wanted_(wanted),
      report_(options.nodes),
      network_({.organizations = 1, .peers = options.nodes}),
      pool_(std::make_unique<runtime::WorkerPool>(loop_, options.workers)),
      workers_(*pool_),
      world_{.loop = loop_, .workers = workers_, .files = files_, .network = network_, .genesis = {}, .ledgers = {}} {
  world_.ledgers = options.ledgers;
}

// Jobs that have begun use the nodes' ledgers: they end before the nodes go.
Run::~Run() {
  timer_.Reset();
  next_start_.Reset();
  pool_.reset();
}

bool Run::Measure() {
  MakeBlocks();
  MakeNodes();
  const bool converged = Views();
  if (!converged) return false;
  if (options_.idle || options_.memory) Wait(options_.settle);
  if (options_.idle || options_.blocks) Idle();
  if (options_.memory) Memory();
  return !options_.blocks || Blocks();
}

void Run::MakeBlocks() {
  testnet::BlockMaker maker(network_, Channel());
  world_.genesis = base::Bytes(std::string(maker.genesis()));
  if (!options_.blocks) return;
  const auto shape = ShapeOf(network_, options_.block_kib << 10);
  while (blocks_.size() < options_.block_count) blocks_.push_back(base::Bytes(maker.Next(shape)));
}

void Run::MakeNodes() {
  before_nodes_ = ReadMemory();
  for (std::size_t i = 0; i < options_.nodes; ++i) nodes_.push_back(std::make_unique<BenchNode>(world_, i));
  const bool ready =
      loop_.RunUntil([&] { return std::ranges::all_of(nodes_, [](const auto& node) { return node->ready(); }); }, 60s);
  if (!ready) throw std::runtime_error("the genesis block could not be stored everywhere");
  before_start_ = ReadMemory();
}

bool Run::Views() {
  report_.Part("views");
  member_seconds_.assign(nodes_.size(), -1);
  channel_seconds_.assign(nodes_.size(), -1);
  Sample before;
  timer_ = loop_.After(0s, [&] {
    before = Take();
    start_ = loop_.Now();
    StartFrom(0);
    timer_ = loop_.After(kLookInterval, [this] { LookAround(); });
  });
  const bool full = loop_.RunUntil([&] { return ViewIsFull(); }, kViewPatience);
  timer_.Reset();
  const Sample after = Take();
  if (options_.counters) PrintCounters("until the view is full", before, after);
  if (!full) {
    fmt::print(stderr, "no full view within {} s: {} of {} nodes see all members, {} all of the channel\n",
               kViewPatience / 1s, complete_members_, nodes_.size(), complete_channels_);
    return false;
  }
  if (!options_.views) return true;
  std::ranges::sort(member_seconds_);
  std::ranges::sort(channel_seconds_);
  report_.Add("all members alive, median node", Quantile(member_seconds_, 500), "s");
  report_.Add("all members alive, last node", member_seconds_.back(), "s", wanted_.view_seconds);
  report_.Add("all in the channel, median node", Quantile(channel_seconds_, 500), "s");
  report_.Add("all in the channel, last node", channel_seconds_.back(), "s");
  report_.Add(
      "CPU until then, per node",
      static_cast<double>(after.cpu.process() - before.cpu.process()) / 1000 / static_cast<double>(nodes_.size()),
      "ms");
  report_.Add("stream ends per node", static_cast<double>(Streams()) / static_cast<double>(nodes_.size()), "");
  report_.Add("CPU of other processes", OthersPermille(before.cpu, after.cpu) / 10, "% of the machine");
  report_.Add("load average", LoadAverage(), "");
  return true;
}

// Those that are due now, and later the others.
void Run::StartFrom(std::size_t node) {
  for (; node < nodes_.size(); ++node) {
    nodes_[node]->Start(node == 0 ? base::Endpoint() : nodes_.front()->endpoint(),
                        [this](std::size_t index, std::uint64_t number) { Committed(index, number); });
    ++started_;
    if (options_.stagger == base::Duration::zero()) continue;
    next_start_ = loop_.After(options_.stagger, [this, node] { StartFrom(node + 1); });
    return;
  }
}

void Run::LookAround() {
  const double now = ToSeconds(loop_.Now() - start_);
  for (std::size_t i = 0; i < started_; ++i) {
    if (member_seconds_[i] < 0 && nodes_[i]->alive() == nodes_.size() - 1) {
      member_seconds_[i] = now;
      ++complete_members_;
    }
    if (channel_seconds_[i] < 0 && nodes_[i]->in_channel() == nodes_.size() - 1) {
      channel_seconds_[i] = now;
      ++complete_channels_;
    }
  }
  timer_ = loop_.After(kLookInterval, [this] { LookAround(); });
}

void Run::Idle() {
  const std::size_t streams = Streams();
  const Sample before = Take();
  Wait(options_.idle_window);
  const Sample after = Take();
  if (options_.counters) PrintCounters("idle", before, after);
  idle_cpu_share_ = static_cast<double>(after.cpu.process() - before.cpu.process()) * 1e-6 / Seconds(before, after);
  if (!options_.idle) return;
  report_.Part("idle");
  ReportCpu(before, after, wanted_.idle_ms);
  report_.Add("stream ends per node, before", static_cast<double>(streams) / static_cast<double>(nodes_.size()), "");
  report_.Add("stream ends per node, after", static_cast<double>(Streams()) / static_cast<double>(nodes_.size()), "");
  ReportTraffic(before, after, false);
}

void Run::Memory() {
  report_.Part("memory");
  const MemoryUsage now = ReadMemory();
  const auto nodes = static_cast<double>(nodes_.size());
  const double streams = static_cast<double>(Streams());
  report_.Add("resident, per node", ToMib(now.resident_bytes - before_nodes_.resident_bytes) / nodes, "MiB",
              wanted_.memory_mib);
  report_.Add("allocated, per node", ToMib(now.allocated_bytes - before_nodes_.allocated_bytes) / nodes, "MiB");
  report_.Add("resident before start, per node",
              ToMib(before_start_.resident_bytes - before_nodes_.resident_bytes) / nodes, "MiB");
  report_.Add("stream ends per node", streams / nodes, "");
  report_.Add("resident since start, per stream end",
              static_cast<double>(now.resident_bytes - before_start_.resident_bytes) / 1024 / streams, "KiB");
  report_.Add("allocated since start, per stream end",
              static_cast<double>(now.allocated_bytes - before_start_.allocated_bytes) / 1024 / streams, "KiB");
}

bool Run::Blocks() {
  deliveries_.resize(blocks_.size());
  const std::size_t expected = blocks_.size() * nodes_.size();
  const Sample before = Take();
  timer_ = loop_.After(0s, [this] {
    first_offer_ = loop_.Now();
    Feed();
  });
  const auto limit = options_.block_interval * static_cast<std::int64_t>(blocks_.size()) + kBlockPatience;
  const bool all = loop_.RunUntil([&] { return delivered_ == expected; }, limit);
  if (!all) fmt::print(stderr, "{} of {} commits within {} s\n", delivered_, expected, limit / 1s);
  Wait(kTail);
  const Sample after = Take();
  if (options_.counters) PrintCounters("while blocks flow", before, after);
  report_.Part("blocks");
  report_.Add("block size", static_cast<double>(blocks_.front().size()) / 1024, "KiB");
  report_.Add("blocks", static_cast<double>(blocks_.size()), "");
  ReportDeliveries();
  ReportBlockCosts(before, after);
  report_.Part("while blocks flow");
  ReportCpu(before, after, std::nullopt);
  ReportTraffic(before, after, true);
  return all;
}

void Run::Feed() {
  const auto due = first_offer_ + options_.block_interval * static_cast<std::int64_t>(offered_);
  latest_offer_ms_ = std::max(latest_offer_ms_, ToMilliseconds(loop_.Now() - due));
  deliveries_[offered_].offered = loop_.Now();
  const std::uint64_t number = ++offered_;
  if (!nodes_.front()->Offer(number, blocks_[offered_ - 1])) {
    throw std::runtime_error(fmt::format("the source does not take block {}", number));
  }
  if (offered_ == blocks_.size()) return;
  timer_ = loop_.After(due + options_.block_interval - loop_.Now(), [this] { Feed(); });
}

void Run::Committed(std::size_t node, std::uint64_t number) {
  Delivery& delivery = deliveries_[number - 1];
  const double milliseconds = ToMilliseconds(loop_.Now() - delivery.offered);
  if (node == 0) {
    delivery.at_source = milliseconds;
  } else {
    delivery.milliseconds.push_back(milliseconds);
  }
  ++delivered_;
}

Run::Sample Run::Take() {
  Sample sample{.time = loop_.Now(),
                .cpu = ReadCpu(),
                .workers = workers_.totals(),
                .received = {},
                .metrics = SumMetrics(nodes_)};
  for (const auto& node : nodes_) {
    for (std::size_t kind = 0; kind < kTrafficKinds; ++kind) {
      sample.received.messages[kind] += node->received().messages[kind];
      sample.received.bytes[kind] += node->received().bytes[kind];
    }
  }
  return sample;
}

std::size_t Run::Streams() const {
  std::size_t streams = 0;
  for (const auto& node : nodes_) streams += node->streams();
  return streams;
}

void Run::Wait(base::Duration time) {
  bool over = false;
  timer_ = loop_.After(time, [&over] { over = true; });
  loop_.RunUntil([&over] { return over; }, time + 60s);
}

double Run::Seconds(const Sample& before, const Sample& after) const { return ToSeconds(after.time - before.time); }

void Run::ReportCpu(const Sample& before, const Sample& after, std::optional<double> wanted_ms) {
  const double per = 1e-3 / Seconds(before, after) / static_cast<double>(nodes_.size());
  const auto add = [&](const std::string& what, std::int64_t microseconds, std::optional<double> wanted) {
    report_.Add(what, static_cast<double>(microseconds) * per, "ms/s and node", wanted);
  };
  report_.Add("window", Seconds(before, after), "s");
  add("CPU of the process", after.cpu.process() - before.cpu.process(), wanted_ms);
  add("  in the kernel", after.cpu.system - before.cpu.system, std::nullopt);
  add("  of the loop's thread", after.cpu.loop - before.cpu.loop, std::nullopt);
  for (std::size_t kind = 0; kind < MeteredWorkers::kKinds; ++kind) {
    const std::int64_t jobs = after.workers.jobs[kind] - before.workers.jobs[kind];
    if (jobs == 0) continue;
    const std::int64_t microseconds = after.workers.microseconds[kind] - before.workers.microseconds[kind];
    add(fmt::format("  of workers: {}, {:.0f} us each", MeteredWorkers::kNames[kind],
                    static_cast<double>(microseconds) / static_cast<double>(jobs)),
        microseconds, std::nullopt);
    report_.Add(fmt::format("jobs: {}", MeteredWorkers::kNames[kind]), static_cast<double>(jobs) * 1000 * per,
                "/s and node");
  }
  report_.Add("CPU of other processes", OthersPermille(before.cpu, after.cpu) / 10, "% of the machine");
  report_.Add("load average", LoadAverage(), "");
}

void Run::ReportTraffic(const Sample& before, const Sample& after, bool ledger_moves) {
  const double per = 1 / Seconds(before, after) / static_cast<double>(nodes_.size());
  const Model model{.nodes = static_cast<double>(nodes_.size()), .ledger_moves = ledger_moves};
  const auto counted = [&](const char* name) {
    const auto was = before.metrics.find(name);
    const auto is = after.metrics.find(name);
    return static_cast<double>((is == after.metrics.end() ? 0 : is->second) -
                               (was == before.metrics.end() ? 0 : was->second));
  };
  double blocks = 0;
  for (std::size_t kind = 0; kind < kTrafficKinds; ++kind) {
    const auto traffic = static_cast<Traffic>(kind);
    const double rate = static_cast<double>(after.received.messages[kind] - before.received.messages[kind]) * per;
    const double bytes = static_cast<double>(after.received.bytes[kind] - before.received.bytes[kind]) * per;
    if (traffic == Traffic::kBlock || traffic == Traffic::kBlockFetch) blocks += rate;
    if (rate == 0 && model.Of(traffic) == 0) continue;
    report_.Add(fmt::format("{}, model {:.2f}, {:.1f} kB/s", ToString(traffic), model.Of(traffic), bytes / 1000), rate,
                "messages/s");
  }
  const double sent = counted("gossip_comm_messages_sent") * per;
  report_.Add("all sent (gossip_comm_messages_sent)", sent, "messages/s");
  report_.Add("  without blocks pushed and fetched", sent - blocks, "messages/s", model.Total());
  report_.Add("bytes sent, TLS included", counted("rpc_sent_bytes") * per / 1000, "kB/s");
}

void Run::ReportDeliveries() {
  std::vector<double> single;
  std::vector<double> all;
  std::vector<double> source;
  std::size_t missing = 0;
  for (const Delivery& delivery : deliveries_) {
    single.insert(single.end(), delivery.milliseconds.begin(), delivery.milliseconds.end());
    source.push_back(delivery.at_source);
    missing += nodes_.size() - 1 - delivery.milliseconds.size();
    if (delivery.milliseconds.size() == nodes_.size() - 1) all.push_back(std::ranges::max(delivery.milliseconds));
    if (options_.counters) PrintDelivery(delivery);
  }
  std::ranges::sort(single);
  std::ranges::sort(all);
  std::ranges::sort(source);
  report_.Add("Offer to commit at the source, p50", Quantile(source, 500), "ms");
  report_.Add("Offer to commit at a peer, p50", Quantile(single, 500), "ms");
  report_.Add("Offer to commit at a peer, p99", Quantile(single, 990), "ms");
  report_.Add("Offer to commit at all peers, p50", Quantile(all, 500), "ms");
  report_.Add("Offer to commit at all peers, p99", Quantile(all, 990), "ms", wanted_.all_peers_p99_ms);
  report_.Add("Offer to commit at all peers, max", Quantile(all, 1000), "ms");
  report_.Add("commits missing", static_cast<double>(missing), "", 0);
  report_.Add("Offer later than due, max", latest_offer_ms_, "ms");
}

// One line per block: whether latency follows the nodes' timers, which all started together.
void Run::PrintDelivery(Delivery delivery) const {
  std::ranges::sort(delivery.milliseconds);
  fmt::print(stderr,
             "  block offered {:.2f} s after the start: source {:.0f} ms, half of the peers {:.0f} ms, all {:.0f} ms\n",
             ToSeconds(delivery.offered - start_), delivery.at_source, Quantile(delivery.milliseconds, 500),
             Quantile(delivery.milliseconds, 1000));
}

void Run::ReportBlockCosts(const Sample& before, const Sample& after) {
  const double delivered = static_cast<double>(blocks_.size() * (nodes_.size() - 1));
  const double cpu = static_cast<double>(after.cpu.process() - before.cpu.process()) / 1000;
  const double idle = idle_cpu_share_ * Seconds(before, after) * 1000;
  report_.Add("CPU per delivered block, without idle CPU", (cpu - idle) / delivered, "ms", wanted_.cpu_per_block_ms);
  for (std::size_t kind = 0; kind < MeteredWorkers::kKinds; ++kind) {
    const std::int64_t spent = after.workers.microseconds[kind] - before.workers.microseconds[kind];
    if (spent != 0) {
      report_.Add(fmt::format("  workers: {}, idle included", MeteredWorkers::kNames[kind]),
                  static_cast<double>(spent) / 1000 / delivered, "ms");
    }
  }
  const auto pushed = static_cast<std::size_t>(Traffic::kBlock);
  const double copies = static_cast<double>(after.received.messages[pushed] - before.received.messages[pushed]);
  report_.Add("copies pushed per node and block",
              copies / static_cast<double>(blocks_.size()) / static_cast<double>(nodes_.size()), "",
              wanted_.copies_per_block);
  report_.Add("copies received per delivery beyond the first", copies / delivered - 1, "");
  const auto fetched = static_cast<std::size_t>(Traffic::kBlockFetch);
  report_.Add("requests and updates for blocks",
              static_cast<double>(after.received.messages[fetched] - before.received.messages[fetched]), "");
}

void Run::PrintCounters(const char* when, const Sample& before, const Sample& after) const {
  fmt::print(stderr, "{}, {:.1f} s, all {} nodes together:\n", when, Seconds(before, after), nodes_.size());
  for (const auto& [name, value] : after.metrics) {
    const auto was = before.metrics.find(name);
    const std::int64_t change = value - (was == before.metrics.end() ? 0 : was->second);
    if (change != 0) fmt::print(stderr, "  {} {:+}\n", name, change);
  }
}

}  // namespace grapevine::bench
