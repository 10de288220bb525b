// Seeds of randomised tests: GRAPEVINE_SEED sets the first one, GRAPEVINE_SEEDS how many a test tries,
// GRAPEVINE_MAX_SEEDS how many at most.
#pragma once

#include <cstdint>
#include <vector>

namespace grapevine::testing {

// `count` seeds (GRAPEVINE_SEEDS overrides, GRAPEVINE_MAX_SEEDS bounds), different in every iteration of
// --gtest_repeat. Put the seed into a SCOPED_TRACE: `GRAPEVINE_SEED=<seed> GRAPEVINE_SEEDS=1` then reproduces a
// failure.
std::vector<std::uint64_t> Seeds(std::size_t count);

// GRAPEVINE_QUICK is set (sanitizer builds, repeated runs): leave out what only an optimised build does in seconds and
// what is about models rather than the program.
bool Quick();

}  // namespace grapevine::testing
