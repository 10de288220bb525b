// Compares ways of pushing blocks (docs/push-study.md): the strategies of the program on a light model of a network,
// without whole nodes. Deterministic; prints tables in Markdown.
//
//   push_study [blocks per network]
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gossip/push_strategy.h"

namespace grapevine {
namespace {

// ---- The model. Times in microseconds.

constexpr std::int64_t kMillisecond = 1000;
constexpr std::int64_t kSecond = 1000 * kMillisecond;
constexpr std::int64_t kLatencyMin = 200;
constexpr std::int64_t kLatencyMax = 800;
constexpr std::int64_t kVerify = 500;
constexpr std::int64_t kPullInterval = 4 * kSecond;     // of pull rounds and of state infos
constexpr std::int64_t kDigestWait = 1 * kSecond;       // a Fabric peer's request leaves so long after its hello
constexpr std::int64_t kRepairWait = 1 * kSecond;       // until another peer is asked
constexpr std::int64_t kJitterMin = 50 * kMillisecond;  // before a repair begins
constexpr std::int64_t kJitterMax = 250 * kMillisecond;
constexpr std::int64_t kStateInfoSpread = 20 * kMillisecond;  // a state info's way through the network
constexpr std::uint64_t kStateInfoReach = 940;                // of 1000 peers, by a push with fan-out 3
constexpr std::size_t kRepairAttempts = 5;
constexpr std::size_t kPullPeers = 3;

// What is wrong with a network. Shares in thousandths.
struct Setting {
  const char* name;
  std::uint64_t loss = 0;          // of messages
  std::uint64_t silent = 0;        // of nodes that neither pass blocks on nor answer, though they advertise them
  std::uint64_t missing = 0;       // of the peers in each node's view
  std::uint64_t fabric = 0;        // of nodes that are Fabric peers: fan-out 3, pull, no repair
  std::int64_t emission_wait = 0;  // of every block at every node, until a batch leaves
};

struct Scheme {
  const char* name;
  gossip::RingConfig ring{};
  bool random = false;  // with fan-out 3, instead of the ring
  bool repair = true;
};

struct Result {
  double reach = 0;   // share of nodes that push alone has reached
  double copies = 0;  // pushed per node
  double hops = 0;
  std::size_t max_hops = 0;
  std::array<double, 3> latency{};  // until a node has the block, repair included: p50, p99, max in milliseconds
  double entry = 0;                 // blocks sent by the node where they enter, over the mean
  double busiest = 0;               // by the busiest one of the others
};

enum class EventKind { kPushed, kVerified, kStateInfo, kHint, kRepair, kServed, kPullRound, kPullRequest };

struct Event {
  std::int64_t time;
  std::uint64_t sequence;  // equal times in the order of scheduling
  EventKind kind;
  std::size_t node;
  std::size_t peer;  // the other one, if the kind has one
  std::size_t hops;

  bool operator<(const Event& other) const {
    return time != other.time ? time > other.time : sequence > other.sequence;
  }
};

class Study {
 public:
  Study(std::size_t size, const Setting& setting, const Scheme& scheme, std::uint64_t seed)
      : size_(size), setting_(setting), scheme_(scheme), random_(seed), nodes_(size), sent_(size) {
    for (auto& peer : peers_ = std::vector<gossip::Peer>(size)) {
      std::string id;
      while (id.size() < wire::PkiId::kSize) id.push_back(static_cast<char>(random_.Below(256)));
      peer.pki_id = *wire::PkiId::From(id);
    }
    ring_ = scheme.random ? gossip::MakeRandomPush(3, random_) : gossip::MakeRingPush(scheme.ring);
    fabric_ = gossip::MakeRandomPush(3, random_);
    for (std::size_t node = 0; node < size; ++node) {
      Node& made = nodes_[node];
      made.silent = node != 0 && random_.Chance(setting.silent, 1000);
      made.fabric = node != 0 && random_.Chance(setting.fabric, 1000);
      made.phase = random_.Between(0, kPullInterval);
      for (std::size_t peer = 0; peer < size; ++peer) {
        if (peer == node || random_.Chance(setting.missing, 1000)) continue;
        made.view.push_back(peer);
        made.candidates.Add(peers_[peer]);
      }
    }
  }

  // Blocks enter at node 0, as at the leader of an organisation, one after the other; none helps another one.
  Result Run(std::size_t blocks) {
    for (std::size_t block = 0; block < blocks; ++block) RunBlock();
    Result result;
    const auto total = static_cast<double>(size_ * blocks);
    result.reach = static_cast<double>(pushed_to_) / total;
    result.copies = static_cast<double>(pushes_) / total;
    result.hops = static_cast<double>(hops_) / static_cast<double>(pushed_to_);
    result.max_hops = max_hops_;
    std::ranges::sort(latencies_);
    const auto quantile = [&](double part) {
      return static_cast<double>(
                 latencies_[static_cast<std::size_t>(part * static_cast<double>(latencies_.size() - 1))]) /
             kMillisecond;
    };
    result.latency = {quantile(0.5), quantile(0.99), quantile(1)};
    std::uint64_t sum = 0;
    for (const std::uint64_t sent : sent_) sum += sent;
    const double mean = static_cast<double>(sum) / static_cast<double>(size_);
    result.entry = static_cast<double>(sent_[0]) / mean;
    result.busiest = static_cast<double>(*std::max_element(sent_.begin() + 1, sent_.end())) / mean;
    return result;
  }

 private:
  struct Node {
    bool silent = false;
    bool fabric = false;
    std::int64_t phase = 0;  // of its rounds and its state infos
    std::vector<std::size_t> view;
    gossip::Candidates candidates;

    // Of the current block.
    bool has = false;
    bool pending = false;  // being verified
    bool repairing = false;
    std::vector<std::size_t> sources;  // known to have it, not asked yet
    std::size_t attempts = 0;
  };

  void Schedule(std::int64_t delay, EventKind kind, std::size_t node, std::size_t peer = 0, std::size_t hops = 0) {
    queue_.push({now_ + delay, next_sequence_++, kind, node, peer, hops});
  }
  std::int64_t Latency() { return random_.Between(kLatencyMin, kLatencyMax); }
  bool Lost() { return random_.Chance(setting_.loss, 1000); }
  // A small message to `peer` and its answer.
  bool Answers(std::size_t peer) { return !nodes_[peer].silent && !Lost() && !Lost(); }

  void RunBlock() {
    key_.clear();
    while (key_.size() < 32) key_.push_back(static_cast<char>(random_.Below(256)));
    for (Node& node : nodes_) {
      node.has = node.pending = node.repairing = false;
      node.sources.clear();
      node.attempts = 0;
    }
    queue_ = {};
    now_ = 0;
    // The block comes at a random moment of everybody's rounds.
    round_start_ = random_.Between(0, kPullInterval);
    missing_ = size_;
    for (std::size_t node = 0; node < size_; ++node) Schedule(UntilRound(node), EventKind::kPullRound, node);
    Accept(0, 0, size_, 0);
    while (missing_ > 0 && !queue_.empty()) {
      const Event event = queue_.top();
      queue_.pop();
      now_ = event.time;
      Handle(event);
    }
  }

  void Handle(const Event& event) {
    Node& node = nodes_[event.node];
    switch (event.kind) {
      case EventKind::kPushed:
        if (node.has || node.pending) return;
        node.pending = true;
        return Schedule(kVerify, EventKind::kVerified, event.node, event.peer, event.hops);
      case EventKind::kVerified:
        return Accept(event.node, now_, event.peer, event.hops);
      case EventKind::kStateInfo:
        return StateInfo(event.node);
      case EventKind::kHint:
        return Hint(event.node, event.peer);
      case EventKind::kRepair:
        return Repair(event.node);
      case EventKind::kServed:
        if (!node.has) Store(event.node, now_);
        return;
      case EventKind::kPullRound:
        return PullRound(event.node);
      case EventKind::kPullRequest:
        return Fetch(event.node, event.peer);
    }
  }

  // Has been pushed; `from` is `size_` for nobody.
  void Accept(std::size_t at, std::int64_t time, std::size_t from, std::size_t hops) {
    Node& node = nodes_[at];
    node.pending = false;
    if (node.has) return;
    ++pushed_to_;
    hops_ += hops;
    max_hops_ = std::max(max_hops_, hops);
    Store(at, time);
    if (node.silent) return;
    const auto targets = (node.fabric ? fabric_ : ring_)
                             ->Targets(peers_[at].pki_id, node.candidates, key_,
                                       from == size_ ? std::optional<wire::PkiId>() : peers_[from].pki_id);
    pushes_ += targets.size();
    sent_[at] += targets.size();
    for (const std::size_t target : targets) {
      if (!Lost()) Schedule(setting_.emission_wait + Latency(), EventKind::kPushed, node.view[target], at, hops + 1);
    }
  }

  void Store(std::size_t at, std::int64_t time) {
    nodes_[at].has = true;
    latencies_.push_back(time);
    --missing_;
    Schedule(UntilRound(at), EventKind::kStateInfo, at);
  }

  std::int64_t UntilRound(std::size_t node) const {
    const std::int64_t into = (round_start_ + now_ + kPullInterval - nodes_[node].phase) % kPullInterval;
    return kPullInterval - into;
  }

  // The height that `at` advertises tells the others that there is a block, and that it has it.
  void StateInfo(std::size_t at) {
    for (std::size_t other = 0; other < size_; ++other) {
      if (nodes_[other].has || nodes_[other].fabric || !scheme_.repair) continue;
      if (random_.Chance(kStateInfoReach, 1000)) Schedule(kStateInfoSpread, EventKind::kHint, other, at);
    }
  }

  void Hint(std::size_t at, std::size_t source) {
    Node& node = nodes_[at];
    node.sources.push_back(source);
    if (node.has || std::exchange(node.repairing, true)) return;
    Schedule(random_.Between(kJitterMin, kJitterMax), EventKind::kRepair, at);
  }

  void Repair(std::size_t at) {
    Node& node = nodes_[at];
    if (node.has || node.pending) return;
    if (node.sources.empty() || node.attempts == kRepairAttempts) {
      node.repairing = false;  // until the next hint
      node.attempts = 0;
      return;
    }
    ++node.attempts;
    std::swap(node.sources[random_.Below(node.sources.size())], node.sources.back());
    const std::size_t source = node.sources.back();
    node.sources.pop_back();
    Fetch(at, source);
    Schedule(kRepairWait, EventKind::kRepair, at);
  }

  void Fetch(std::size_t at, std::size_t from) {
    if (!Answers(from)) return;
    ++sent_[from];
    Schedule(Latency() + Latency() + kVerify, EventKind::kServed, at);
  }

  void PullRound(std::size_t at) {
    Node& node = nodes_[at];
    if (node.has) return;
    Schedule(kPullInterval, EventKind::kPullRound, at);
    std::vector<std::size_t> owners;
    std::vector<std::size_t> view = node.view;
    for (std::size_t i = 0; i < std::min(kPullPeers, view.size()); ++i) {
      std::swap(view[i], view[i + random_.Below(view.size() - i)]);
      if (nodes_[view[i]].has && Answers(view[i])) owners.push_back(view[i]);
    }
    if (owners.empty()) return;
    if (node.fabric || !scheme_.repair) {
      Schedule(kDigestWait, EventKind::kPullRequest, at, owners[random_.Below(owners.size())]);
    } else {
      for (const std::size_t owner : owners) Schedule(Latency() + Latency(), EventKind::kHint, at, owner);
    }
  }

  std::size_t size_;
  Setting setting_;
  Scheme scheme_;
  base::Random random_;
  std::vector<gossip::Peer> peers_;
  std::vector<Node> nodes_;
  std::unique_ptr<gossip::PushStrategy> ring_;
  std::unique_ptr<gossip::PushStrategy> fabric_;
  std::priority_queue<Event> queue_;
  std::uint64_t next_sequence_ = 0;
  std::int64_t now_ = 0;
  std::int64_t round_start_ = 0;
  std::string key_;
  std::size_t missing_ = 0;

  std::size_t pushed_to_ = 0;
  std::uint64_t pushes_ = 0;
  std::uint64_t hops_ = 0;
  std::size_t max_hops_ = 0;
  std::vector<std::int64_t> latencies_;
  std::vector<std::uint64_t> sent_;
};

void PrintTable(const Setting& setting, const std::vector<Scheme>& schemes, const std::vector<std::size_t>& sizes,
                std::size_t blocks) {
  fmt::print("\n### {}\n\n", setting.name);
  fmt::print("| N | push | reached by push | copies per node | hops mean / max | p50 ms | p99 ms | max ms |");
  fmt::print(" entry / mean | busiest other / mean |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::size_t size : sizes) {
    for (const Scheme& scheme : schemes) {
      const Result result = Study(size, setting, scheme, size).Run(blocks);
      fmt::print("| {} | {} | {:.2f} % | {:.2f} | {:.1f} / {} | {:.1f} | {:.1f} | {:.0f} | {:.2f} | {:.2f} |\n", size,
                 scheme.name, result.reach * 100, result.copies, result.hops, result.max_hops, result.latency[0],
                 result.latency[1], result.latency[2], result.entry, result.busiest);
    }
  }
}

}  // namespace
}  // namespace grapevine

int main(int argc, char** argv) {
  using namespace grapevine;
  const std::size_t blocks = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200;
  if (blocks == 0) {
    fmt::print(stderr, "push_study: '{}' is no number of blocks above 0\n", argv[1]);
    return 2;
  }
  const std::vector<std::size_t> sizes{10, 30, 100, 300, 1000};
  const std::vector<Scheme> both{{.name = "ring"}, {.name = "random", .random = true, .repair = false}};
  fmt::print("## Ring and Fabric's push, {} blocks per network\n", blocks);
  PrintTable({.name = "No faults"}, both, sizes, blocks);
  PrintTable({.name = "10 % of messages lost", .loss = 100}, both, sizes, blocks);
  PrintTable({.name = "30 % of nodes silent", .silent = 300}, both, sizes, blocks);
  PrintTable({.name = "Views that lack 1 % of the peers", .missing = 10}, both, sizes, blocks);
  PrintTable({.name = "Views that lack 10 % of the peers", .missing = 100}, both, sizes, blocks);
  PrintTable({.name = "Half of the nodes are Fabric peers", .fabric = 500}, both, sizes, blocks);

  const std::vector<Scheme> variants{
      {.name = "ring, arity 2, 1 entry", .ring = {2, 1}},   {.name = "ring, arity 2, 3 entries", .ring = {2, 3}},
      {.name = "ring, arity 3, 3 entries", .ring = {3, 3}}, {.name = "ring, arity 4, 4 entries", .ring = {4, 4}},
      {.name = "ring, arity 8, 8 entries", .ring = {8, 8}}, {.name = "random with repair", .random = true}};
  const std::vector<std::size_t> ends{10, 1000};
  fmt::print("\n## Variants\n");
  PrintTable({.name = "No faults"}, variants, ends, blocks);
  PrintTable({.name = "10 % of messages lost", .loss = 100}, variants, ends, blocks);
  PrintTable({.name = "30 % of nodes silent", .silent = 300}, variants, ends, blocks);
  PrintTable({.name = "Views that lack 10 % of the peers", .missing = 100}, variants, ends, blocks);
  PrintTable({.name = "No faults, blocks wait 10 ms at each node for a batch", .emission_wait = 10 * kMillisecond},
             {variants[0], variants[2], variants[4]}, ends, blocks);
  return 0;
}
