// Seeds of the scenarios with many peers.
#pragma once

#include <cstdint>
#include <vector>

#include "support/seeds.h"

namespace grapevine::scenarios {

// Networks on virtual time are large: one seed where time is short.
inline std::vector<std::uint64_t> FewSeeds() { return testing::Seeds(testing::Quick() ? 1 : 3); }

}  // namespace grapevine::scenarios
