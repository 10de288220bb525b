// One run of the benchmark: one organisation from nothing to blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node_bench_node.h"
#include "node_bench_report.h"
#include "runtime/worker_pool.h"
#include "testnet/network.h"

namespace grapevine::bench {

struct RunOptions {
  std::size_t nodes = 50;
  // Parts that are measured and reported; the view is always waited for.
  bool views = true;
  bool idle = true;
  bool memory = true;
  bool blocks = true;
  std::size_t block_kib = 160;
  base::Duration block_interval = std::chrono::milliseconds(1500);
  std::size_t block_count = 40;
  base::Duration settle = std::chrono::seconds(20);  // from the full view to the idle window: trims are over
  base::Duration idle_window = std::chrono::seconds(30);
  base::Duration stagger{};  // between the starts of two nodes; zero: all at the same instant
  // Threads that verify and write for all nodes together. More than processors, because a write waits for the disk, and
  // each of these nodes would have its own.
  std::size_t workers = 8;
  std::string ledgers;    // folder for the ledgers, emptied by its owner
  bool counters = false;  // what the nodes counted goes to standard error
};

// What is wanted of the run, by its size: issue figures are for 50 and 16 nodes, others are only reported.
struct Wanted {
  std::optional<double> view_seconds{};
  std::optional<double> idle_ms{};
  std::optional<double> memory_mib{};
  std::optional<double> all_peers_p99_ms{};
  std::optional<double> cpu_per_block_ms{};
  std::optional<double> copies_per_block{};
};

// One thread. Throws std::runtime_error where there is nothing to measure.
class Run {
 public:
  Run(const RunOptions& options, const Wanted& wanted);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // False: the nodes did not get a full view, or a block did not arrive everywhere.
  bool Measure();
  const Report& report() const { return report_; }

 private:
  // Everything that a window of time is measured by.
  struct Sample {
    base::SteadyTime time{};
    CpuUsage cpu;
    MeteredWorkers::Totals workers;
    Census received;
    std::map<std::string, std::int64_t> metrics;
  };
  struct Delivery {
    base::SteadyTime offered{};
    std::vector<double> milliseconds;  // of each peer that has it, without the source
    double at_source = 0;
  };

  void MakeBlocks();
  void MakeNodes();
  bool Views();
  void StartFrom(std::size_t node);
  void LookAround();
  bool ViewIsFull() const { return complete_members_ == nodes_.size() && complete_channels_ == nodes_.size(); }
  void Idle();
  void Memory();
  bool Blocks();
  void Feed();
  void Committed(std::size_t node, std::uint64_t number);

  Sample Take();
  std::size_t Streams() const;
  void Wait(base::Duration time);
  // The rows about CPU, machine and messages between the two samples.
  void ReportCpu(const Sample& before, const Sample& after, std::optional<double> wanted_ms);
  void ReportTraffic(const Sample& before, const Sample& after, bool ledger_moves);
  void ReportDeliveries();
  void PrintDelivery(Delivery delivery) const;
  void ReportBlockCosts(const Sample& before, const Sample& after);
  void PrintCounters(const char* when, const Sample& before, const Sample& after) const;
  double Seconds(const Sample& before, const Sample& after) const;

  const RunOptions options_;
  const Wanted wanted_;
  Report report_;
  testnet::Network network_;
  runtime::EventLoop loop_;
  runtime::PosixFileSystem files_;
  std::unique_ptr<runtime::WorkerPool> pool_;
  MeteredWorkers workers_;
  BenchWorld world_;
  std::vector<base::Bytes> blocks_;  // from number 1
  std::vector<std::unique_ptr<BenchNode>> nodes_;
  MemoryUsage before_nodes_;
  MemoryUsage before_start_;

  base::SteadyTime start_{};
  std::size_t started_ = 0;
  std::vector<double> member_seconds_;  // by node: when its view was full; negative: not yet
  std::vector<double> channel_seconds_;
  std::size_t complete_members_ = 0;
  std::size_t complete_channels_ = 0;
  double idle_cpu_share_ = 0;  // CPU seconds per second of the idle process

  std::vector<Delivery> deliveries_;  // from number 1
  std::size_t offered_ = 0;
  std::size_t delivered_ = 0;
  double latest_offer_ms_ = 0;  // how late the source's timer was
  base::SteadyTime first_offer_{};
  base::Handle timer_;
  base::Handle next_start_;
};

}  // namespace grapevine::bench
