// Rounds of everything that a node pulls: apart while the view moves, together in a settled one.
#include "gossip/rounds.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "simulation/world.h"

namespace grapevine::gossip {
namespace {

using namespace std::chrono_literals;

class RoundsTest : public ::testing::Test {
 protected:
  // Moment and first lot of each round.
  using Log = std::vector<std::pair<base::SteadyTime, std::uint64_t>>;

  base::Handle Join(base::Duration interval, Log& log) {
    return rounds_->Join(
        interval, [this, &log](base::Random& lots, bool) { log.emplace_back(world_.scheduler().Now(), lots.Next()); });
  }
  void RunFor(base::Duration time) { world_.scheduler().RunFor(time); }
  // The view changes every second for so long.
  void MoveFor(base::Duration time) {
    for (base::Duration moved{}; moved < time; moved += 1s) {
      unchanged_since_ = world_.scheduler().Now();
      RunFor(1s);
    }
  }
  static void ExpectPauses(const Log& log, base::Duration interval) {
    for (std::size_t i = 1; i < log.size(); ++i) EXPECT_EQ(log[i].first - log[i - 1].first, interval);
  }

  simulation::World world_{3};
  simulation::Host& host_ = world_.AddHost("host");
  base::SteadyTime unchanged_since_ = world_.scheduler().Now();
  std::unique_ptr<Rounds> rounds_ = std::make_unique<Rounds>(host_.environment(), [this] { return unchanged_since_; });
};

TEST_F(RoundsTest, WhileTheViewMovesEachHasItsOwnMomentsOncePerInterval) {
  Log members;
  Log identities;
  const base::Handle first = Join(4s, members);
  const base::Handle second = Join(4s, identities);
  MoveFor(40s);
  EXPECT_EQ(members.size(), 10u);
  EXPECT_EQ(identities.size(), 10u);
  ExpectPauses(members, 4s);
  ExpectPauses(identities, 4s);
  EXPECT_NE(members[0].first, identities[0].first);
}

TEST_F(RoundsTest, InASettledViewAllComeTogetherAndDrawTheSameLots) {
  Log members;
  Log identities;
  Log blocks;
  const base::Handle first = Join(4s, members);
  const base::Handle second = Join(4s, identities);
  const base::Handle third = Join(10s, blocks);
  RunFor(20s);
  members.clear();
  identities.clear();
  blocks.clear();
  RunFor(40s);
  EXPECT_EQ(members.size(), 10u);
  EXPECT_EQ(members, identities);
  ExpectPauses(members, 4s);
  EXPECT_EQ(blocks.size(), 4u) << "another interval, other rounds";
  std::set<std::uint64_t> lots;
  for (const auto& [time, lot] : members) lots.insert(lot);
  EXPECT_EQ(lots.size(), members.size()) << "each round has its own";
}

TEST_F(RoundsTest, WhenTheViewSettlesOrMovesOnePauseIsLongerOrShorter) {
  std::vector<Log> logs(8);
  std::vector<base::Handle> handles;
  for (Log& log : logs) handles.push_back(Join(4s, log));
  for (int i = 0; i < 5; ++i) {
    MoveFor(20s);
    RunFor(30s);
  }
  for (const Log& log : logs) {
    std::map<base::Duration, int> pauses;
    for (std::size_t i = 1; i < log.size(); ++i) ++pauses[log[i].first - log[i - 1].first];
    EXPECT_GT(pauses.begin()->first, 2s);
    EXPECT_LE(pauses.rbegin()->first, 6s);
    EXPECT_GE(pauses[4s], 45);
  }
}

TEST_F(RoundsTest, RoundsAreQuietInASettledViewUnlessSomethingIsSuspected) {
  std::vector<bool> heard;
  const base::Handle handle = rounds_->Join(4s, [&](base::Random&, bool quiet) { heard.push_back(quiet); });
  MoveFor(20s);
  EXPECT_EQ(heard, std::vector<bool>(5, false));
  RunFor(12s);
  heard.clear();
  RunFor(12s);
  EXPECT_EQ(heard, std::vector<bool>(3, true));
  std::vector<bool> late;
  const base::Handle other = rounds_->Join(4s, [&](base::Random&, bool quiet) { late.push_back(quiet); });
  heard.clear();
  rounds_->Suspect();
  RunFor(12s);
  EXPECT_EQ(heard, (std::vector<bool>{false, true, true}));
  ASSERT_GE(late.size(), 2u);
  EXPECT_FALSE(late[0]) << "the first one";
  EXPECT_TRUE(late[1]);
}

TEST_F(RoundsTest, WhoComesLaterComesToTheNextRound) {
  Log members;
  Log blocks;
  const base::Handle first = Join(4s, members);
  RunFor(21s);
  const base::Handle second = Join(4s, blocks);
  RunFor(6s);
  EXPECT_GE(blocks.size(), 1u);
  blocks.clear();
  members.clear();
  RunFor(8s);
  EXPECT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks, members);
}

// A node in a hundred channels does not ask one peer for everything at once.
TEST_F(RoundsTest, ManyAreDivided) {
  std::vector<Log> logs(40);
  std::vector<base::Handle> handles;
  for (Log& log : logs) handles.push_back(Join(4s, log));
  RunFor(20s);
  for (Log& log : logs) log.clear();
  RunFor(4s);
  std::multiset<base::SteadyTime> times;
  for (const Log& log : logs) {
    ASSERT_EQ(log.size(), 1u);
    times.insert(log[0].first);
  }
  EXPECT_EQ(std::set<base::SteadyTime>(times.begin(), times.end()).size(), 3u);
  for (const base::SteadyTime time : times) EXPECT_LE(times.count(time), 16u);
}

TEST_F(RoundsTest, WhereNobodyTakesPartThereIsNoTimer) {
  Log log;
  base::Handle handle = Join(4s, log);
  RunFor(4s);
  EXPECT_EQ(log.size(), 1u);
  handle.Reset();
  EXPECT_EQ(world_.scheduler().pending(), 0u);
}

TEST_F(RoundsTest, ARoundMayEndItselfAndOthersAndStartOthers) {
  Log other;
  Log late;
  base::Handle self;
  base::Handle ended = Join(4s, other);
  base::Handle started;
  int calls = 0;
  RunFor(20s);
  self = rounds_->Join(4s, [&](base::Random&, bool) {
    ++calls;
    started = Join(4s, late);
    ended.Reset();
    self.Reset();
  });
  RunFor(4s);
  EXPECT_EQ(calls, 1);
  EXPECT_LE(other.size(), 6u);
  other.clear();
  RunFor(4s);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(other.empty());
  EXPECT_GE(late.size(), 1u);
}

TEST_F(RoundsTest, ARoundMayDestroyThemAll) {
  Log log;
  base::Handle first = rounds_->Join(4s, [&](base::Random&, bool) { rounds_.reset(); });
  const base::Handle second = Join(20s, log);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(10s));
  first.Reset();  // nothing is left to end
}

}  // namespace
}  // namespace grapevine::gossip
