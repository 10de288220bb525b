// Pauses between attempts to reach the ordering service (specification 22, sections 5 and 7).
//
// Pure functions.
#pragma once

#include <cstdint>

#include "base/executor.h"

namespace grapevine::delivery {

// After `failures` (at least 1) in a row: 100 ms x 1.2^(failures - 1) in whole milliseconds, at most `longest`. More
// than three days count as three days.
base::Duration GrowingPause(std::uint64_t failures, base::Duration longest);

// `first` x 2^doublings, at most `longest`; at least `first`.
base::Duration DoublingPause(std::uint64_t doublings, base::Duration first, base::Duration longest);

}  // namespace grapevine::delivery
