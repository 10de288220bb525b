// The disk never lies: a power failure at every operation, with every fate of what was not synced, loses no block that
// was advertised, and the store opens by itself (design, principle 9; specification 23, section 2.2).
#include <gtest/gtest.h>

#include "base/random.h"
#include "ledger/block.h"
#include "ledger/block_store.h"
#include "ledger/chain_fixture.h"
#include "support/seeds.h"

namespace grapevine::ledger {
namespace {

using base::Bytes;
using simulation::Unsynced;

const char* Name(Unsynced fate) {
  return fate == Unsynced::kLost ? "lost" : fate == Unsynced::kKept ? "kept" : "scrambled";
}

// Opens the store and appends what is missing, in groups of 1, 2, 3, 1, ... blocks; raises `advertised` whenever a call
// has succeeded, as a node does. Ends early when the disk has crashed.
void Work(StoreOnDisk& on_disk, const std::vector<Bytes>& chain, std::uint64_t& advertised) {
  if (!on_disk.Open()) {
    ASSERT_TRUE(on_disk.disk().crashed()) << Message(on_disk.Open());
    return;
  }
  ASSERT_GE(on_disk.store().height(), advertised) << "an advertised block is lost";
  advertised = on_disk.store().height();
  for (std::size_t group = 1; advertised < chain.size(); group = group % 3 + 1) {
    const std::size_t count = std::min<std::size_t>(group, chain.size() - advertised);
    const auto outcome = on_disk.store().Append(std::span(chain).subspan(advertised, count));
    advertised = on_disk.store().height();
    if (!outcome.error) continue;
    ASSERT_TRUE(on_disk.disk().crashed()) << outcome.error->message;
    return;
  }
}

void ExpectComplete(StoreOnDisk& on_disk, const std::vector<Bytes>& chain) {
  ASSERT_EQ(on_disk.store().height(), chain.size());
  for (std::size_t i = 0; i < chain.size(); ++i) ASSERT_TRUE(on_disk.store().reader().Read(i).value() == chain[i]);
}

constexpr BlockFilesLimits kSmallFiles{4000, 100000};

// Number of operations of a run without a crash.
std::uint64_t CountOperations(const std::vector<Bytes>& chain) {
  StoreOnDisk on_disk(kSmallFiles);
  std::uint64_t advertised = 0;
  Work(on_disk, chain, advertised);
  EXPECT_EQ(advertised, chain.size());
  return on_disk.disk().operations();
}

TEST(Crash, AtEveryOperationNothingAdvertisedIsLost) {
  const auto chain = MakeChain(12, 1100);  // several sectors each, three to a file
  const std::uint64_t operations = CountOperations(chain);
  ASSERT_GE(operations, 40U);
  for (const std::uint64_t seed : testing::Seeds(5)) {
    for (const Unsynced fate : {Unsynced::kLost, Unsynced::kKept, Unsynced::kScrambled}) {
      for (std::uint64_t at = 1; at <= operations; ++at) {
        SCOPED_TRACE(fmt::format("GRAPEVINE_SEED={}, {}, crash at operation {}", seed, Name(fate), at));
        base::Random random(seed + at);
        StoreOnDisk on_disk(kSmallFiles);
        std::uint64_t advertised = 0;
        on_disk.disk().CrashAt(at);
        ASSERT_NO_FATAL_FAILURE(Work(on_disk, chain, advertised));
        ASSERT_TRUE(on_disk.disk().crashed());
        on_disk.Close();
        on_disk.disk().Restart(fate, random);
        ASSERT_NO_FATAL_FAILURE(Work(on_disk, chain, advertised));
        ASSERT_NO_FATAL_FAILURE(ExpectComplete(on_disk, chain));
      }
    }
  }
}

// Crashes come again and again, also during recovery, and some kill the process only.
TEST(Crash, RepeatedlyAtRandomMomentsNothingAdvertisedIsLost) {
  const auto chain = MakeChain(12, 1100);
  for (const std::uint64_t seed : testing::Seeds(300)) {
    SCOPED_TRACE(fmt::format("GRAPEVINE_SEED={}", seed));
    base::Random random(seed);
    StoreOnDisk on_disk(kSmallFiles);
    std::uint64_t advertised = 0;
    for (int crashes = 0; crashes < 12; ++crashes) {
      on_disk.disk().CrashAt(on_disk.disk().operations() + 1 + random.Below(12));
      ASSERT_NO_FATAL_FAILURE(Work(on_disk, chain, advertised));
      on_disk.disk().Crash();
      on_disk.Close();
      on_disk.disk().Restart(static_cast<Unsynced>(random.Below(3)), random);
    }
    ASSERT_NO_FATAL_FAILURE(Work(on_disk, chain, advertised));
    ASSERT_NO_FATAL_FAILURE(ExpectComplete(on_disk, chain));
  }
}

}  // namespace
}  // namespace grapevine::ledger
