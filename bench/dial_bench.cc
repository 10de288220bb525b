// Two peers that dial each other at the same instant, many times, over real TLS: what specification 02, 14.2 is about.
//
//   dial_bench [--trials N] [--batch N]
//
// A trial is two nodes with X.509 identities and mutual TLS whose first sends are 0, 2 or 5 ms apart; --trials (500) is
// per skew. Trials run in batches that keep sending until the trim (R5) must have happened. Required of every trial: a
// live stream as soon as the dials are over, at most one in each direction, no message lost, nobody presumed dead, and
// exactly one stream at the end. Two Fabric 2.5.11 peers end without any connection in 44 % of such trials.
// Prints a table and one line of JSON; exit code 1 if any trial violates a requirement.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../tests/support/real_comm_node.h"
#include "runtime/worker_pool.h"

namespace grapevine::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT
using testing::RealCommNode;
using testing::TlsMaterial;

constexpr auto kStart = 40ms;  // between the trials of a batch, so that one machine does not queue their TLS
constexpr auto kSendInterval = 500ms;
constexpr auto kDialsAreOver = 3s;
constexpr auto kTrimIsOver = 13s;  // ten seconds, a message on the winner, the half-close
constexpr auto kPatience = 60s;

struct Tally {
  int trials = 0;
  int crossed = 0;  // both streams were open when the dials were over
  int single = 0;
  int without_stream = 0;
  int too_many_streams = 0;
  int not_one_at_end = 0;
  int wrong_winner = 0;
  int presumed_dead = 0;
  std::uint64_t messages = 0;
  std::uint64_t lost = 0;

  bool violated() const {
    return without_stream + too_many_streams + not_one_at_end + wrong_winner + presumed_dead > 0 || lost > 0;
  }
};

// The streams between two nodes, by who opened them; both ends must agree.
struct Streams {
  std::size_t of_first = 0;
  std::size_t of_second = 0;
  std::size_t total() const { return of_first + of_second; }
};

class Trial {
 public:
  Trial(runtime::EventLoop& loop, base::Workers& workers, const testnet::Network& network,
        const std::vector<TlsMaterial>& tls, std::size_t first, std::size_t second, std::uint64_t seed)
      : loop_(loop) {
    const auto& organization = network.organizations()[0];
    for (const std::size_t member : {first, second}) {
      nodes_.push_back(std::make_unique<RealCommNode>(loop, workers, organization, organization.nodes[member],
                                                      tls[member], 2 * seed + nodes_.size()));
    }
    for (std::size_t i = 0; i < 2; ++i) {
      subscriptions_.push_back(nodes_[i]->comm->Accept("bench", [](const comm::ReceivedMessage&) { return true; }));
      subscriptions_.back().ReceiveAll([this, i](const comm::ReceivedMessagePtr&) { ++received_[i]; });
    }
  }

  // The first node sends at once, the second `skew` later.
  void Begin(base::Duration skew) {
    Send(0);
    timers_[1] = loop_.After(skew, [this] { Send(1); });
    check_ = loop_.After(kDialsAreOver, [this] {
      early_ = Now();
      check_ = loop_.After(kTrimIsOver - kDialsAreOver, [this] { stopping_ = true; });
    });
  }
  // Everything has been sent and has arrived.
  bool done() const { return stopping_ && received_[0] == sent_[1] && received_[1] == sent_[0]; }

  // What the nodes counted, for the trials that violate a requirement.
  void Explain(std::map<std::string, std::int64_t>& counts) const {
    for (const auto& node : nodes_) {
      for (const auto& [name, value] : node->metrics.Snapshot()) {
        if (value != 0) counts[name] += value;
      }
    }
  }
  void Count(Tally& tally) const {
    const Streams late = Now();
    ++tally.trials;
    tally.without_stream += early_.total() == 0 ? 1 : 0;
    tally.single += early_.total() == 1 ? 1 : 0;
    tally.crossed += early_.of_first == 1 && early_.of_second == 1 ? 1 : 0;
    tally.too_many_streams += early_.of_first > 1 || early_.of_second > 1 ? 1 : 0;
    tally.not_one_at_end += late.total() != 1 ? 1 : 0;
    const bool first_is_smaller = nodes_[0]->pki_id() < nodes_[1]->pki_id();
    const bool smaller_won = first_is_smaller ? late.of_first == 1 : late.of_second == 1;
    tally.wrong_winner += early_.total() == 2 && !smaller_won ? 1 : 0;
    tally.presumed_dead += nodes_[0]->presumed_dead + nodes_[1]->presumed_dead;
    tally.messages += sent_[0] + sent_[1];
    tally.lost += sent_[0] + sent_[1] - received_[0] - received_[1];
  }

 private:
  void Send(std::size_t from) {
    if (stopping_) return;
    wire::DataMessage data;
    data.payload.block = base::Bytes::Copy("block");
    nodes_[from]->comm->Send(wire::UnsignedEnvelope(wire::NewMessage(std::move(data), "channel")),
                             {nodes_[1 - from]->remote()});
    ++sent_[from];
    timers_[from] = loop_.After(kSendInterval, [this, from] { Send(from); });
  }
  Streams Now() const {
    const auto opened_by = [&](std::size_t who) {
      std::size_t outgoing = 0;
      std::size_t incoming = 0;
      for (const auto& state : nodes_[who]->comm->Peers()) outgoing += state.outgoing ? 1 : 0;
      for (const auto& state : nodes_[1 - who]->comm->Peers()) incoming += state.incoming;
      return std::max(outgoing, incoming);
    };
    return {opened_by(0), opened_by(1)};
  }

  runtime::EventLoop& loop_;
  std::vector<std::unique_ptr<RealCommNode>> nodes_;
  std::vector<comm::AcceptedMessages> subscriptions_;
  std::uint64_t sent_[2] = {0, 0};
  std::uint64_t received_[2] = {0, 0};
  Streams early_;
  bool stopping_ = false;
  base::Handle timers_[2];
  base::Handle check_;
};

class Bench {
 public:
  Tally Run(base::Duration skew, int trials, int batch) {
    Tally tally;
    for (int begun = 0; begun < trials; begun += batch) {
      RunBatch(skew, begun, std::min(batch, trials - begun), tally);
    }
    return tally;
  }

 private:
  std::unique_ptr<Trial> NewTrial() {
    const std::uint64_t seed = seed_++;
    // Every ordered pair of members comes, so that either side may be the smaller one.
    const std::size_t first = seed % kMembers;
    const std::size_t second = (first + 1 + seed / kMembers % (kMembers - 1)) % kMembers;
    return std::make_unique<Trial>(loop_, workers_, network_, tls_, first, second, seed);
  }
  void RunBatch(base::Duration skew, int number, int size, Tally& tally) {
    std::vector<std::unique_ptr<Trial>> running(static_cast<std::size_t>(size));
    std::vector<base::Handle> starts;
    for (int i = 0; i < size; ++i) {
      starts.push_back(loop_.After(i * kStart, [this, skew, &trial = running[static_cast<std::size_t>(i)]] {
        trial = NewTrial();
        // In an event of its own: making two nodes takes longer than the skew.
        loop_.Post([&trial, skew] { trial->Begin(skew); });
      }));
    }
    const auto all_done = [&] {
      return std::all_of(running.begin(), running.end(),
                         [](const auto& trial) { return trial != nullptr && trial->done(); });
    };
    base::Duration waited = 0s;
    while (!all_done() && waited < size * kStart + kTrimIsOver + kPatience) {
      loop_.RunUntil([] { return false; }, 500ms);
      waited += 500ms;
    }
    std::map<std::string, std::int64_t> counts;
    for (const auto& trial : running) {
      Tally alone;
      trial->Count(alone);
      if (alone.violated()) trial->Explain(counts);
      trial->Count(tally);
    }
    for (const auto& [name, value] : counts) fmt::print(stderr, "in violating trials: {} = {}\n", name, value);
    fmt::print(stderr, "skew {} ms: {} trials\n", skew / 1ms, number + size);
  }

  static constexpr std::size_t kMembers = 6;
  runtime::EventLoop loop_;
  runtime::WorkerPool workers_{loop_, 2};
  testnet::Network network_{{.organizations = 1, .peers = kMembers}};
  std::vector<TlsMaterial> tls_ = [this] {
    std::vector<TlsMaterial> all;
    for (const auto& member : network_.organizations()[0].nodes) all.emplace_back(network_, member);
    return all;
  }();
  std::uint64_t seed_ = 1;
};

void Print(const std::map<int, Tally>& tallies) {
  fmt::print("{:>8} {:>7} {:>8} {:>7} {:>10} {:>9} {:>9} {:>13} {:>9} {:>6} {:>6}\n", "skew ms", "trials", "crossed",
             "single", "no stream", "too many", "not one", "wrong winner", "messages", "lost", "dead");
  for (const auto& [skew, t] : tallies) {
    fmt::print("{:>8} {:>7} {:>8} {:>7} {:>10} {:>9} {:>9} {:>13} {:>9} {:>6} {:>6}\n", skew, t.trials, t.crossed,
               t.single, t.without_stream, t.too_many_streams, t.not_one_at_end, t.wrong_winner, t.messages, t.lost,
               t.presumed_dead);
  }
  std::string json;
  for (const auto& [skew, t] : tallies) {
    json += fmt::format(
        R"({}{{"skew_ms":{},"trials":{},"crossed":{},"single":{},"without_stream":{},"too_many_streams":{},)"
        R"("not_one_at_end":{},"wrong_winner":{},"messages":{},"lost":{},"presumed_dead":{}}})",
        json.empty() ? "" : ",", skew, t.trials, t.crossed, t.single, t.without_stream, t.too_many_streams,
        t.not_one_at_end, t.wrong_winner, t.messages, t.lost, t.presumed_dead);
  }
  fmt::print("{{\"bench\":\"dial\",\"skews\":[{}]}}\n", json);
}

}  // namespace
}  // namespace grapevine::bench

int main(int argc, char** argv) {
  using grapevine::bench::Tally;
  int trials = 500;
  int batch = 250;
  CLI::App app{"Crossing dials of two nodes over real TLS"};
  app.add_option("--trials", trials, "Trials per skew")->check(CLI::PositiveNumber);
  app.add_option("--batch", batch, "Trials that run at the same time")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  grapevine::bench::Bench bench;
  std::map<int, Tally> tallies;
  for (const int skew : {0, 2, 5}) tallies[skew] = bench.Run(std::chrono::milliseconds(skew), trials, batch);
  grapevine::bench::Print(tallies);
  return std::any_of(tallies.begin(), tallies.end(), [](const auto& entry) { return entry.second.violated(); }) ? 1 : 0;
}
