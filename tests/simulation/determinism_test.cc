// Design, section 1: the same seed gives the same run, bit for bit, on every machine and with every compiler.
#include <gtest/gtest.h>

#include <string>

#include "simulation/keyed_hash.h"
#include "simulation/reference_run.h"

namespace grapevine::simulation {
namespace {

TEST(Determinism, TheReferenceRunHasItsRecordedFingerprint) {
  const ReferenceRunResult result = RunReference(1);
  // Changes when the simulated world or the model peer changes on purpose; then record the new value, and check that
  // every build gives it.
  EXPECT_EQ(result.trace_hash, 0xc23397839e34dc5cULL);
  EXPECT_EQ(result.events, 2589U);
  EXPECT_EQ(result.messages, 827U);
}

TEST(Determinism, EqualSeedsGiveEqualRunsOthersDoNot) {
  EXPECT_EQ(RunReference(7).trace_hash, RunReference(7).trace_hash);
  EXPECT_NE(RunReference(7).trace_hash, RunReference(8).trace_hash);
}

// The vector of SipHash's authors: key 00..0f, message 00..0e.
TEST(Determinism, TheKeyedHashIsSipHash) {
  std::string message;
  for (char c = 0; c < 15; ++c) message.push_back(c);
  EXPECT_EQ(KeyedHash({0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL}, message), 0xa129ca6149be45e5ULL);
}

}  // namespace
}  // namespace grapevine::simulation
