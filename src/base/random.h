// Randomness, always injected: one generator per node, seeded, so that the same seed gives the same run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/executor.h"

namespace grapevine::base {

// Deterministic generator (xoshiro256**). Its own distributions, in integer arithmetic: the standard library's differ
// between implementations. Not for keys. One executor only.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t Next();
  // Uniform in [0, bound). Precondition: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  // Uniform in [low, high]. Precondition: low <= high.
  std::int64_t Between(std::int64_t low, std::int64_t high);
  Duration Between(Duration low, Duration high) { return Duration(Between(low.count(), high.count())); }
  // True with probability numerator / denominator.
  bool Chance(std::uint64_t numerator, std::uint64_t denominator) { return Below(denominator) < numerator; }
  // A generator of its own for a part of the system, so that parts do not disturb each other's sequence.
  Random Split() { return Random(Next()); }

  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace grapevine::base
