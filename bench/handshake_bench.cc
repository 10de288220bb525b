// Complete gossip handshakes: dial, mutual TLS, Ping, stream, both handshake messages signed and verified, close.
//
//   handshake_bench [--handshakes N] [--parallel N]
//
// Two nodes with X.509 identities in one process and on one loop, so the CPU is that of both ends and of the workers.
// Prints a line of text and one of JSON.
#include <fmt/core.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "../tests/support/real_comm_node.h"
#include "runtime/worker_pool.h"

namespace grapevine::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Figures {
  int succeeded = 0;
  double seconds = 0;
  double cpu_seconds = 0;
};

Figures Measure(int handshakes, int parallel) {
  runtime::EventLoop loop;
  runtime::WorkerPool workers(loop, 2);
  const testnet::Network network({.organizations = 1, .peers = 2});
  const auto& organization = network.organizations()[0];
  const testing::TlsMaterial first_tls(network, organization.nodes[0]);
  const testing::TlsMaterial second_tls(network, organization.nodes[1]);
  testing::RealCommNode first(loop, workers, organization, organization.nodes[0], first_tls, 1);
  testing::RealCommNode second(loop, workers, organization, organization.nodes[1], second_tls, 2);

  Figures figures;
  int begun = 0;
  int ended = 0;
  std::vector<base::Handle> running(static_cast<std::size_t>(parallel));
  std::function<void(std::size_t)> begin = [&](std::size_t lane) {
    if (begun == handshakes) return;
    ++begun;
    running[lane] = first.comm->Handshake(second.remote(), [&, lane](base::Result<comm::ConnectionInfo> result) {
      ++ended;
      figures.succeeded += result ? 1 : 0;
      begin(lane);
    });
  };
  const double cpu = CpuSeconds();
  const auto start = loop.Now();
  for (std::size_t lane = 0; lane < running.size(); ++lane) begin(lane);
  loop.RunUntil([&] { return ended == handshakes; }, 300s);
  figures.seconds = std::chrono::duration<double>(loop.Now() - start).count();
  figures.cpu_seconds = CpuSeconds() - cpu;
  return figures;
}

}  // namespace
}  // namespace grapevine::bench

int main(int argc, char** argv) {
  int handshakes = 1000;
  int parallel = 4;
  CLI::App app{"Gossip handshakes over real TLS"};
  app.add_option("--handshakes", handshakes, "How many in all")->check(CLI::PositiveNumber);
  app.add_option("--parallel", parallel, "How many at the same time")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const auto figures = grapevine::bench::Measure(handshakes, parallel);
  const double per_second = figures.succeeded / figures.seconds;
  const double cpu_us = figures.cpu_seconds * 1e6 / handshakes;
  fmt::print("{} of {} handshakes, {:.0f} per second, {:.0f} us CPU each (both ends)\n", figures.succeeded, handshakes,
             per_second, cpu_us);
  fmt::print("{{\"bench\":\"handshake\",\"handshakes\":{},\"succeeded\":{},\"per_second\":{:.1f},\"cpu_us\":{:.1f}}}\n",
             handshakes, figures.succeeded, per_second, cpu_us);
  return figures.succeeded == handshakes ? 0 : 1;
}
