#include "simulation/scheduler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simulation/workers.h"

namespace grapevine::simulation {
namespace {

using namespace std::chrono_literals;

struct SchedulerTest : ::testing::Test {
  Scheduler scheduler;
  SimulatedExecutor alice{scheduler, 1};
  SimulatedExecutor bob{scheduler, 2};
  std::vector<std::string> log;

  base::Task Log(std::string line) {
    return [this, line = std::move(line)] { log.push_back(line); };
  }
};

TEST_F(SchedulerTest, RunsEventsByTimeThenInOrderOfScheduling) {
  const base::Handle late = alice.After(2ms, Log("late"));
  const base::Handle first = alice.After(1ms, Log("first"));
  const base::Handle second = bob.After(1ms, Log("second"));
  alice.Post(Log("posted"));
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(scheduler.RunUntilQuiescent(1s));
  EXPECT_EQ(log, (std::vector<std::string>{"posted", "first", "second", "late"}));
}

TEST_F(SchedulerTest, NeverRunsATimerWithinTheCallThatSetsIt) {
  const base::Handle timer = alice.After(-5ms, Log("overdue"));
  EXPECT_TRUE(log.empty());
  const base::SteadyTime before = scheduler.Now();
  EXPECT_TRUE(scheduler.Step());
  EXPECT_EQ(log.size(), 1U);
  EXPECT_EQ(scheduler.Now(), before);
}

TEST_F(SchedulerTest, DestroyingAHandleCancelsAndLeavesAnEmptyQueue) {
  base::Handle timer = alice.After(1ms, Log("cancelled"));
  EXPECT_EQ(scheduler.pending(), 1U);
  timer.Reset();
  EXPECT_EQ(scheduler.pending(), 0U);
  EXPECT_TRUE(scheduler.RunUntilQuiescent(1s));
  EXPECT_TRUE(log.empty());
}

TEST_F(SchedulerTest, AHandleOfAnEventThatHasRunDoesNotCancelItsSuccessor) {
  base::Handle first = alice.After(1ms, Log("first"));
  scheduler.Step();
  const base::Handle second = alice.After(1ms, Log("second"));  // takes over the slot of the first
  first.Reset();
  scheduler.Step();
  EXPECT_EQ(log, (std::vector<std::string>{"first", "second"}));
}

TEST_F(SchedulerTest, QuiescenceIsNotReachedWhileAPeriodicTimerRuns) {
  base::Handle timer;
  std::function<void()> tick = [&] {
    log.push_back("tick");
    timer = alice.After(100ms, [&] { tick(); });
  };
  tick();
  EXPECT_FALSE(scheduler.RunUntilQuiescent(1s));
  EXPECT_EQ(log.size(), 11U);
}

TEST_F(SchedulerTest, RunUntilStopsAtTheEventThatMakesThePredicateTrue) {
  const base::SteadyTime start = scheduler.Now();
  const base::Handle a = alice.After(10ms, Log("a"));
  const base::Handle b = alice.After(20ms, Log("b"));
  EXPECT_TRUE(scheduler.RunUntil([&] { return log.size() == 1; }, 1s));
  EXPECT_EQ(scheduler.Now() - start, 10ms);
  EXPECT_FALSE(scheduler.RunUntil([&] { return log.size() == 3; }, 1s));
  EXPECT_EQ(scheduler.Now() - start, 1010ms);
}

TEST_F(SchedulerTest, APausedProcessRunsWhatBecameDueWhenItResumesInOrder) {
  const base::Handle a = alice.After(1ms, Log("a"));
  const base::Handle b = alice.After(2ms, Log("b"));
  const base::Handle c = bob.After(3ms, Log("c"));
  alice.Pause();
  scheduler.RunFor(10ms);
  EXPECT_EQ(log, (std::vector<std::string>{"c"}));
  alice.Resume();
  scheduler.RunFor(10ms);
  EXPECT_EQ(log, (std::vector<std::string>{"c", "a", "b"}));
}

TEST_F(SchedulerTest, ACrashDropsEverythingOfTheProcessAndRefusesMore) {
  const base::Handle a = alice.After(1ms, Log("a"));
  const base::Handle b = bob.After(1ms, Log("b"));
  alice.Crash();
  alice.Post(Log("posted"));
  const base::Handle c = alice.After(1ms, Log("c"));
  EXPECT_EQ(scheduler.pending(), 1U);
  EXPECT_TRUE(scheduler.RunUntilQuiescent(1s));
  EXPECT_EQ(log, (std::vector<std::string>{"b"}));
}

TEST_F(SchedulerTest, WallClockFollowsVirtualTimeWithSkewAndJumps) {
  const base::WallTime start = alice.WallNow();
  bob.SetWallOffset(-3s);
  EXPECT_EQ(bob.WallNow(), start - 3s);
  scheduler.RunFor(10s);
  EXPECT_EQ(alice.WallNow(), start + 10s);
  alice.SetWallOffset(3600s);
  EXPECT_EQ(alice.WallNow(), start + 3610s);
}

TEST_F(SchedulerTest, WorkersQueueWhenAllAreBusy) {
  WorkCosts costs;
  costs.verify = 10ms;
  SimulatedWorkers workers(alice, 2, costs);
  std::vector<base::Duration> finished;
  const base::SteadyTime start = scheduler.Now();
  for (int i = 0; i < 5; ++i) {
    workers.Submit(base::WorkKind::kVerify, [] {}, [&] { finished.push_back(scheduler.Now() - start); }).Detach();
  }
  EXPECT_TRUE(scheduler.RunUntilQuiescent(1s));
  EXPECT_EQ(finished, (std::vector<base::Duration>{10ms, 10ms, 20ms, 20ms, 30ms}));
}

TEST_F(SchedulerTest, AWithdrawnJobStillRunsButItsDoneDoesNot) {
  SimulatedWorkers workers(alice, 1, {});
  base::Handle work = workers.Submit(base::WorkKind::kSign, Log("job"), Log("done"));
  work.Reset();
  EXPECT_TRUE(scheduler.RunUntilQuiescent(1s));
  EXPECT_EQ(log, (std::vector<std::string>{"job"}));
}

// Always the last lane: the opposite of the order of scheduling.
struct LastLane : Chooser {
  std::size_t Choose(const std::vector<TraceEvent>& pending) override { return pending.size() - 1; }
};

TEST_F(SchedulerTest, AChooserDecidesBetweenLanesAndTimeStandsStill) {
  LastLane chooser;
  scheduler.SetChooser(&chooser);
  const base::SteadyTime start = scheduler.Now();
  const auto at = [&](base::Duration delay, std::uint32_t lane, const std::string& line) {
    scheduler.ScheduleDetached(start + delay, &alice, {EventKind::kDelivery, 0, lane}, Log(line));
  };
  at(1ms, 1, "a1");
  at(2ms, 1, "a2");
  at(1ms, 2, "b1");
  at(2ms, 2, "b2");
  const base::Handle timer = alice.After(5ms, Log("timer"));
  alice.Post(Log("posted"));
  EXPECT_TRUE(scheduler.RunUntil([&] { return log.size() == 5; }, 1s));
  EXPECT_EQ(scheduler.Now(), start);
  EXPECT_TRUE(scheduler.RunUntilQuiescent(1s));
  EXPECT_EQ(log, (std::vector<std::string>{"posted", "b1", "b2", "a1", "a2", "timer"}));
}

}  // namespace
}  // namespace grapevine::simulation
