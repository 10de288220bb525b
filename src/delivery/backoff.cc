#include "delivery/backoff.h"

#include <algorithm>

namespace grapevine::delivery {

namespace {

using namespace std::chrono_literals;

constexpr base::Duration kFirstPause = 100ms;
constexpr base::Duration kCeiling = std::chrono::days(3);
// Binary places behind the nanosecond: the rounding of all steps together stays far below a millisecond's edge, and
// the ceiling fits.
constexpr int kPlaces = 14;

}  // namespace

base::Duration GrowingPause(std::uint64_t failures, base::Duration longest) {
  longest = std::min(longest, kCeiling);
  const auto limit = static_cast<std::uint64_t>(std::max(longest, base::Duration::zero()).count()) << kPlaces;
  auto pause = static_cast<std::uint64_t>(kFirstPause.count()) << kPlaces;
  for (; failures > 1 && pause <= limit; --failures) pause = pause / 5 * 6 + pause % 5 * 6 / 5;
  if (pause > limit) return longest;
  return std::chrono::floor<std::chrono::milliseconds>(base::Duration(pause >> kPlaces));
}

base::Duration DoublingPause(std::uint64_t doublings, base::Duration first, base::Duration longest) {
  base::Duration pause = first;
  for (; doublings > 0 && pause < longest; --doublings) pause = pause > longest / 2 ? longest : pause * 2;
  return pause;
}

}  // namespace grapevine::delivery
