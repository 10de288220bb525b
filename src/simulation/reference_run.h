// A fixed small simulation with every kind of event and fault: the fingerprint of determinism.
#pragma once

#include <cstdint>

namespace grapevine::simulation {

struct ReferenceRunResult {
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t messages = 0;
};

// The same seed gives the same result on every machine, with every compiler and at every optimisation level.
ReferenceRunResult RunReference(std::uint64_t seed);

}  // namespace grapevine::simulation
