#include "gossip/push_strategy.h"

#include <algorithm>
#include <cstdint>

namespace grapevine::gossip {

namespace {

// The finaliser of SplitMix64: every input bit changes every output bit with probability one half.
std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t SeedOf(base::ByteView key) {
  std::uint64_t seed = Mix(key.size() + 1);
  for (; !key.empty(); key.remove_prefix(std::min(sizeof seed, key.size()))) seed = Mix(seed ^ base::FirstWord(key));
  return seed;
}

// Both ends included; empty by default.
struct PointRange {
  std::uint64_t first = 1;
  std::uint64_t last = 0;

  bool Contains(std::uint64_t point) const { return point >= first && point <= last; }
};

// What one node must know of one tree: its own part of the ring, from its point to the next larger one that it knows
// of. The node with the smallest point is the root, and its part begins at 0.
class Part {
 public:
  explicit Part(std::uint64_t self) : begin_(self) {}

  // Without branches, which would be mispredicted for every other point.
  void See(std::uint64_t other) {
    smallest_ = std::min(smallest_, other);
    gap_ = std::min(gap_, other - begin_ - 1);
  }
  // The points whose arity-th part lies in this part: those of the node's children.
  PointRange Children(std::uint64_t arity) const {
    const std::uint64_t greatest = UINT64_MAX / arity;
    const std::uint64_t begin = begin_ <= smallest_ ? 0 : begin_;
    if (begin > greatest) return {};
    // Distances wrap around: beyond the end of the ring there is no next point.
    const bool has_next = gap_ < UINT64_MAX - begin_;
    const std::uint64_t end = begin_ + gap_ + 1;
    return {begin * arity, has_next && end <= greatest ? end * arity - 1 : UINT64_MAX};
  }

 private:
  std::uint64_t begin_;
  std::uint64_t smallest_ = UINT64_MAX;
  std::uint64_t gap_ = UINT64_MAX;  // points between this one and the next larger one
};

// One or two trees over points of a ring that change with every key, so that everybody's share is the same over
// time.
//
// In the first tree a node's parent is the one whose part contains the node's point divided by the arity. Everybody has
// exactly one parent, only points in the first 1/arity of the ring have children, and the depth is the logarithm of the
// number of nodes. The second tree is the same on mirrored points, so that no node is inside both: a node that fails
// or is missing in somebody's view cuts off nobody as long as the other path holds. Everything depends on points and
// never on positions in a list, so that one peer more or less in a view moves only its neighbours.
class RingPush final : public PushStrategy {
 public:
  explicit RingPush(RingConfig config) : config_(config) {}

  std::vector<std::size_t> Targets(const wire::PkiId& self, const Candidates& candidates, base::ByteView key,
                                   const std::optional<wire::PkiId>& received_from) override {
    const std::uint64_t seed = SeedOf(key);
    const std::uint64_t own = PointOf(seed, Candidates::WordOf(self));
    if (received_from && IsOutermost(seed, own, candidates)) return {};
    Part first(own);
    Part second(~own);
    points_.resize(candidates.size());
    for (std::size_t i = 0; i < points_.size(); ++i) {
      const std::uint64_t point = points_[i] = PointOf(seed, candidates.words()[i]);
      first.See(point);
      if (config_.trees > 1) second.See(~point);
    }
    std::vector<std::size_t> targets;
    const PointRange first_children = first.Children(config_.arity);
    const PointRange second_children = config_.trees > 1 ? second.Children(config_.arity) : PointRange();
    const Tops tops = received_from ? Tops() : FindTops(points_);  // only where the message enters
    for (std::size_t i = 0; i < points_.size(); ++i) {
      const std::uint64_t point = points_[i];
      const bool is_child = first_children.Contains(point) || second_children.Contains(~point);
      const bool is_top = !received_from && (point <= tops.first || point >= tops.second);
      if ((is_child || is_top) && candidates[i].pki_id != received_from) targets.push_back(i);
    }
    return targets;
  }

 private:
  // Where a node stands on the ring of one message.
  static std::uint64_t PointOf(std::uint64_t seed, std::uint64_t word) { return Mix(seed ^ word); }

  // Whether the node has no children in any tree, as two thirds have with one tree and a third with two: clear after a
  // few points.
  bool IsOutermost(std::uint64_t seed, std::uint64_t own, const Candidates& candidates) const {
    const std::uint64_t greatest = UINT64_MAX / config_.arity;
    bool first = own > greatest;
    bool second = config_.trees == 1 || ~own > greatest;
    if (!first || !second) return false;
    // Unless it is the root, which has the smallest point.
    first = false;
    second = config_.trees == 1;
    for (const std::uint64_t word : candidates.words()) {
      const std::uint64_t point = PointOf(seed, word);
      first = first || point < own;
      second = second || point > own;
      if (first && second) return true;
    }
    return false;
  }

  // The last point of those at the top of each tree.
  struct Tops {
    std::uint64_t first = UINT64_MAX;
    std::uint64_t second = UINT64_MAX;
  };
  Tops FindTops(std::vector<std::uint64_t> points) const {
    if (points.size() <= config_.entries) return {};
    std::ranges::sort(points);
    Tops tops{.first = points[config_.entries - 1]};
    if (config_.trees > 1) tops.second = points[points.size() - config_.entries];
    return tops;
  }

  RingConfig config_;
  std::vector<std::uint64_t> points_;  // of one call; kept for its memory
};

class RandomPush final : public PushStrategy {
 public:
  RandomPush(std::size_t fan_out, base::Random& random) : fan_out_(fan_out), random_(random) {}

  std::vector<std::size_t> Targets(const wire::PkiId&, const Candidates& candidates, base::ByteView,
                                   const std::optional<wire::PkiId>& received_from) override {
    std::vector<std::size_t> targets;
    const std::size_t count = std::min(fan_out_, candidates.size());
    // Floyd's sample: as many draws as targets, however many candidates there are.
    for (std::size_t last = candidates.size() - count; last < candidates.size(); ++last) {
      const std::size_t drawn = random_.Below(last + 1);
      targets.push_back(std::ranges::find(targets, drawn) == targets.end() ? drawn : last);
    }
    std::erase_if(targets, [&](std::size_t i) { return candidates[i].pki_id == received_from; });
    return targets;
  }

 private:
  std::size_t fan_out_;
  base::Random& random_;
};

}  // namespace

std::uint64_t Candidates::WordOf(const wire::PkiId& pki_id) { return base::FirstWord(pki_id.view()); }

std::unique_ptr<PushStrategy> MakeRandomPush(std::size_t fan_out, base::Random& random) {
  return std::make_unique<RandomPush>(fan_out, random);
}

std::unique_ptr<PushStrategy> MakeRingPush(RingConfig config) { return std::make_unique<RingPush>(config); }

}  // namespace grapevine::gossip
