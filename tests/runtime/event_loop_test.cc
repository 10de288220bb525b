// base::Executor and base::IoLoop as the real loop keeps them.
#include "runtime/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace grapevine::runtime {
namespace {

using base::Handle;
using namespace std::chrono_literals;  // NOLINT

class EventLoopTest : public ::testing::Test {
 protected:
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, 60s); }

  EventLoop loop_;
  std::vector<int> order_;
};

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  int read_end() const { return ends_[0]; }
  void Write() const { EXPECT_EQ(write(ends_[1], "x", 1), 1); }

 private:
  std::array<int, 2> ends_{};
};

TEST_F(EventLoopTest, TimersRunByDeadlineThenByOrderOfSetting) {
  const std::vector<std::pair<base::Duration, int>> plan = {{3ms, 5}, {1ms, 2}, {2ms, 4}, {1ms, 3}, {-1s, 0}, {0s, 1}};
  std::vector<Handle> timers;
  loop_.Post([&] {
    for (const auto& [delay, mark] : plan) {
      timers.push_back(loop_.After(delay, [this, number = mark] { order_.push_back(number); }));
    }
    EXPECT_TRUE(order_.empty()) << "never within the call";
  });
  ASSERT_TRUE(Until([&] { return order_.size() == plan.size(); }));
  EXPECT_EQ(order_, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(EventLoopTest, DestroyedHandleCancelsTheTimer) {
  Handle cancelled = loop_.After(1ms, [this] { order_.push_back(1); });
  const Handle kept = loop_.After(2ms, [this] { order_.push_back(2); });
  cancelled.Reset();
  ASSERT_TRUE(Until([&] { return !order_.empty(); }));
  EXPECT_EQ(order_, std::vector<int>{2});
}

TEST_F(EventLoopTest, TimerMayCancelAnotherThatIsDue) {
  Handle second;
  const Handle first = loop_.After(0s, [&] {
    order_.push_back(1);
    second.Reset();
  });
  second = loop_.After(0s, [this] { order_.push_back(2); });
  bool settled = false;
  const Handle end = loop_.After(1ms, [&] { settled = true; });
  ASSERT_TRUE(Until([&] { return settled; }));
  EXPECT_EQ(order_, std::vector<int>{1});
}

TEST_F(EventLoopTest, TimerThatSetsATimerOfNoDelayLetsOthersRun) {
  Handle timer;
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    timer = loop_.After(0s, [&] { again(); });
  };
  again();
  bool posted = false;
  loop_.Post([&] { posted = true; });
  ASSERT_TRUE(Until([&] { return posted && runs > 3; }));
}

TEST_F(EventLoopTest, TimeStandsStillDuringAnEventAndReachesTheDeadline) {
  const auto start = loop_.Now();
  bool done = false;
  const Handle timer = loop_.After(5ms, [&] {
    const auto now = loop_.Now();
    EXPECT_GE(now - start, 5ms);
    const auto spin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() == spin) continue;
    EXPECT_EQ(loop_.Now(), now);
    done = true;
  });
  ASSERT_TRUE(Until([&] { return done; }));
}

TEST_F(EventLoopTest, PostsOfManyThreadsAllArriveAndKeepTheOrderOfEach) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  std::array<std::vector<int>, kThreads> seen;
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) loop_.Post([&seen, t, i] { seen[t].push_back(i); });
    });
  }
  ASSERT_TRUE(
      Until([&] { return std::ranges::all_of(seen, [](const auto& posts) { return posts.size() == kPosts; }); }));
  for (const auto& posts : seen) EXPECT_TRUE(std::ranges::is_sorted(posts));
}

TEST_F(EventLoopTest, StopFromAnotherThreadEndsRun) {
  std::jthread stopper;
  loop_.Post([&] { stopper = std::jthread([this] { loop_.Stop(); }); });
  loop_.Run();
  SUCCEED();
}

TEST_F(EventLoopTest, ReadableDescriptorIsReportedUntilItIsRead) {
  const Pipe pipe;
  int reports = 0;
  const auto watch = loop_.Watch(pipe.read_end(), [&](base::IoReady ready) {
    EXPECT_TRUE(ready.readable);
    if (++reports < 3) return;
    char byte = 0;
    EXPECT_EQ(read(pipe.read_end(), &byte, 1), 1);
  });
  watch->SetInterest(true, false);
  pipe.Write();
  ASSERT_TRUE(Until([&] { return reports == 3; }));
  bool later = false;
  const Handle end = loop_.After(1ms, [&] { later = true; });
  ASSERT_TRUE(Until([&] { return later; }));
  EXPECT_EQ(reports, 3);
}

TEST_F(EventLoopTest, WatchMayDestroyItselfAndOthersInItsCallback) {
  const Pipe first;
  const Pipe second;
  std::unique_ptr<base::IoWatch> a;
  std::unique_ptr<base::IoWatch> b;
  int reports = 0;
  const auto both = [&](base::IoReady) {
    ++reports;
    a.reset();
    b.reset();
  };
  a = loop_.Watch(first.read_end(), both);
  b = loop_.Watch(second.read_end(), both);
  a->SetInterest(true, false);
  b->SetInterest(true, false);
  first.Write();
  second.Write();
  bool later = false;
  const Handle end = loop_.After(1ms, [&] { later = true; });
  ASSERT_TRUE(Until([&] { return later; }));
  EXPECT_EQ(reports, 1);
}

TEST_F(EventLoopTest, BeforeWaitRunsOnceAfterWhatIsReadyNow) {
  Handle flush;
  loop_.Post([&] {
    order_.push_back(1);
    flush = loop_.BeforeWait([this] { order_.push_back(3); });
  });
  loop_.Post([this] { order_.push_back(2); });
  bool later = false;
  const Handle end = loop_.After(1ms, [&] { later = true; });
  ASSERT_TRUE(Until([&] { return later; }));
  EXPECT_EQ(order_, (std::vector<int>{1, 2, 3}));
}

// RunUntil must not wait for another event before it looks.
TEST_F(EventLoopTest, WhatBeforeWaitBringsAboutIsSeenBeforeTheLoopWaits) {
  bool done = false;
  const auto task = loop_.BeforeWait([&] { done = true; });
  const auto start = loop_.Now();
  EXPECT_TRUE(loop_.RunUntil([&] { return done; }, std::chrono::seconds(10)));
  EXPECT_LT(loop_.Now() - start, std::chrono::seconds(10));
}

TEST(EventLoopLifetime, HandlesAndWatchesMayOutliveTheLoop) {
  const Pipe pipe;
  auto loop = std::make_unique<EventLoop>();
  auto owned = std::make_shared<int>(1);
  Handle timer = loop->After(1h, [owned] {});
  Handle flush = loop->BeforeWait([owned] {});
  auto watch = loop->Watch(pipe.read_end(), [owned](base::IoReady) {});
  loop->Post([owned] {});
  loop.reset();
  EXPECT_EQ(owned.use_count(), 1) << "tasks are dropped with the loop";
  watch->SetInterest(true, false);
}

}  // namespace
}  // namespace grapevine::runtime
