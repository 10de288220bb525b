#include "interop/crossing_dials.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>

namespace grapevine::interop {

using namespace std::chrono_literals;  // NOLINT

namespace {

constexpr auto kLimit = 3s;        // 02, 17.1
constexpr auto kSettled = 1200ms;  // an answer to a question asked this long after the dials: the stream is to stay
constexpr auto kGiveUp = 10s;      // for the statistics of a trial that failed
constexpr auto kMaxSkew = 50ms;
constexpr auto kQuestions = 200ms;
constexpr auto kMaxDelay = 400ms;  // of a start

struct Pair {
  struct Question {
    std::uint64_t nonce;
    base::SteadyTime asked;
  };
  FabricNode* node;
  const FabricPeer* peer;
  base::SteadyTime begun{};
  std::vector<Question> questions{};
  std::optional<base::SteadyTime> first_answer{};
  bool settled = false;
  base::Handle next{};
};

// One round: every node restarts once.
class Round {
 public:
  Round(World& world, base::Random& random, FabricNode& introducer, const std::vector<FabricNode*>& nodes,
        const std::vector<FabricPeer>& peers, base::Duration down)
      : world_(world), introducer_(introducer), down_(down) {
    for (FabricNode* node : nodes) {
      const base::Duration up = down + random.Between(base::Duration(0ms), base::Duration(kMaxDelay));
      After(up, [node] { node->Start(); });
      for (const FabricPeer& peer : peers) {
        pairs_.push_back({.node = node, .peer = &peer});
        Pair* const pair = &pairs_.back();
        After(up + random.Between(base::Duration(0ms), base::Duration(kMaxSkew)),
              [this, pair] { introducer_.comm().Send(pair->node->AliveFor(*pair->peer), {pair->peer->remote}); });
        After(up + random.Between(base::Duration(0ms), base::Duration(kMaxSkew)), [this, pair] {
          pair->begun = world_.loop.Now();
          Ask(*pair);
        });
      }
    }
  }

  void Run(CrossingResult& result) {
    const auto over = [this] {
      return std::ranges::count_if(pairs_, [this](Pair& pair) { return Over(pair); }) == std::ssize(pairs_);
    };
    world_.loop.RunUntil(over, down_ + kGiveUp);
    for (const Pair& pair : pairs_) {
      ++result.trials;
      if (pair.first_answer) {
        const auto needed = *pair.first_answer - pair.begun;
        result.milliseconds.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(needed).count());
        if (needed > kLimit) ++result.late;
        if (!pair.settled) ++result.unstable;
      } else {
        ++result.late;
      }
    }
  }

 private:
  void After(base::Duration delay, base::Task task) { timers_.push_back(world_.loop.After(delay, std::move(task))); }

  void Ask(Pair& pair) {
    pair.questions.push_back({pair.node->Ask(*pair.peer), world_.loop.Now()});
    pair.next = world_.loop.After(kQuestions, [this, &pair] { Ask(pair); });
  }

  // Whether the pair has an answer that shows that its stream is there to stay.
  bool Over(Pair& pair) {
    if (pair.settled) return true;
    for (const auto& [nonce, asked] : pair.questions) {
      if (!pair.node->Answered(nonce)) continue;
      const base::SteadyTime at = pair.node->AnsweredAt(nonce);
      pair.first_answer = std::min(pair.first_answer.value_or(at), at);
      pair.settled = pair.settled || asked - pair.begun >= kSettled;
    }
    if (pair.settled) pair.next.Reset();
    return pair.settled;
  }

  World& world_;
  FabricNode& introducer_;
  const base::Duration down_;
  std::deque<Pair> pairs_;  // stable addresses
  std::vector<base::Handle> timers_;
};

// Adds `sign` times the sums over all nodes.
void Count(const std::vector<FabricNode*>& nodes, int sign, CrossingResult& result) {
  const char* const handshakes = "gossip_comm_handshakes";
  for (const FabricNode* node : nodes) {
    result.own_streams += sign * node->Count(handshakes, "role=\"initiator\",result=\"ok\"");
    result.superseded += sign * node->Count(handshakes, "superseded");
    result.fabric_streams += sign * node->Count(handshakes, "role=\"responder\",result=\"ok\"");
    result.fabric_gave_way += sign * node->Count(handshakes, "role=\"responder\",result=\"stream_ended\"");
    result.quick_redials += sign * node->Count("gossip_comm_quick_redials");
    result.presumed_dead += sign * node->presumed_dead();
  }
}

}  // namespace

CrossingResult CrossDials(World& world, FabricNode& introducer, const std::vector<FabricNode*>& nodes,
                          const std::vector<FabricPeer>& peers, std::size_t rounds, base::Duration down) {
  CrossingResult result;
  base::Random random(1);
  Count(nodes, -1, result);
  for (std::size_t i = 0; i < rounds; ++i) {
    // Passed on to nodes that are down, whereby Fabric peers notice that their own streams are over.
    for (FabricNode* node : nodes) node->Stop();
    for (const FabricPeer& peer : peers) introducer.comm().Send(introducer.AliveFor(peer), {peer.remote});
    Round(world, random, introducer, nodes, peers, down).Run(result);
  }
  Count(nodes, 1, result);
  std::ranges::sort(result.milliseconds);
  return result;
}

std::string CrossingResult::Describe() const {
  const auto at = [this](std::size_t permille) {
    return milliseconds.empty() ? 0 : milliseconds[(milliseconds.size() - 1) * permille / 1000];
  };
  const auto dials = own_streams + fabric_streams + superseded + fabric_gave_way;
  return fmt::format("{} trials: both ways after {} ms (median), {} ms (99 %), {} ms (worst)", trials, at(500), at(990),
                     at(1000)) +
         fmt::format("; late {}, lost again {}, presumed dead {}", late, unstable, presumed_dead) +
         fmt::format("; streams: {} of ours, {} of Fabric peers", own_streams, fabric_streams) +
         fmt::format("; handshakes given up for the other's stream: {} of ours, {} of Fabric peers", superseded,
                     fabric_gave_way) +
         fmt::format("; at least {} dials crossed; {} quick redials",
                     dials - quick_redials - static_cast<std::int64_t>(trials), quick_redials);
}

}  // namespace grapevine::interop
