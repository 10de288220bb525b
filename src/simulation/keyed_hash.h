// SipHash-2-4: the keyed hash that stands for signatures in the simulated world.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace grapevine::simulation {

struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// Without the key the value cannot be guessed; with it, it costs tens of nanoseconds. The same on every machine.
std::uint64_t KeyedHash(const HashKey& key, base::ByteView message);

}  // namespace grapevine::simulation
