// base::Workers as the real pool keeps it.
#include "runtime/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/event_loop.h"

namespace grapevine::runtime {
namespace {

using base::Handle;
using base::WorkKind;
using namespace std::chrono_literals;  // NOLINT

class WorkerPoolTest : public ::testing::Test {
 protected:
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, 60s); }

  EventLoop loop_;
  base::Metrics metrics_;
  std::optional<WorkerPool> pool_{std::in_place, loop_, 2, &metrics_};
};

TEST_F(WorkerPoolTest, JobRunsOnAnotherThreadAndItsResultComesToTheExecutor) {
  const auto here = std::this_thread::get_id();
  std::optional<std::thread::id> there;
  const Handle handle = pool_->Run(
      WorkKind::kVerify, [] { return std::this_thread::get_id(); },
      [&](std::thread::id id) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        there = id;
      });
  EXPECT_EQ(pool_->in_flight(), 1U);
  ASSERT_TRUE(Until([&] { return there.has_value(); }));
  EXPECT_NE(*there, here);
  EXPECT_EQ(pool_->in_flight(), 0U);
}

TEST_F(WorkerPoolTest, AllOfManyJobsAreReported) {
  std::vector<Handle> handles;
  std::vector<bool> done(500, false);
  std::size_t count = 0;
  for (std::size_t i = 0; i < done.size(); ++i) {
    handles.push_back(pool_->Run(
        WorkKind::kSign, [i] { return i; },
        [&](std::size_t result) {
          EXPECT_FALSE(done[result]);
          done[result] = true;
          ++count;
        }));
  }
  EXPECT_EQ(metrics_.Snapshot().at("worker_queue_length"), 500);
  ASSERT_TRUE(Until([&] { return count == done.size(); }));
  EXPECT_EQ(metrics_.Snapshot().at("worker_queue_length"), 0);
}

TEST_F(WorkerPoolTest, DestroyedHandleSuppressesTheReport) {
  std::latch begun(1);
  bool cancelled_ran = false;
  bool kept_ran = false;
  Handle cancelled = pool_->Submit(WorkKind::kDisk, [&] { begun.count_down(); }, [&] { cancelled_ran = true; });
  begun.wait();
  cancelled.Reset();
  const Handle kept = pool_->Submit(WorkKind::kDisk, [] {}, [&] { kept_ran = true; });
  ASSERT_TRUE(Until([&] { return kept_ran && pool_->in_flight() == 0; }));
  EXPECT_FALSE(cancelled_ran);
}

TEST_F(WorkerPoolTest, DestructionDropsWhatHasNotBegunAndWaitsForTheRest) {
  std::latch begun(2);
  std::latch go(1);
  std::atomic<int> finished = 0;
  bool third_ran = false;
  std::vector<Handle> handles;
  for (int i = 0; i < 2; ++i) {
    handles.push_back(pool_->Submit(
        WorkKind::kDisk,
        [&] {
          begun.count_down();
          go.wait();
          ++finished;
        },
        [] {}));
  }
  // Lets the others end when it is dropped: both threads are busy until then.
  std::shared_ptr<void> release(nullptr, [&](void*) { go.count_down(); });
  handles.push_back(pool_->Submit(WorkKind::kDisk, [&, release = std::move(release)] { third_ran = true; }, [] {}));
  begun.wait();
  pool_.reset();
  EXPECT_EQ(finished, 2);
  EXPECT_FALSE(third_ran);
}

TEST_F(WorkerPoolTest, ReportsThatWaitWhenThePoolGoesAreHarmless) {
  std::latch begun(1);
  auto owned = std::make_shared<int>(0);
  Handle handle = pool_->Submit(WorkKind::kDisk, [&] { begun.count_down(); }, [owned] { ++*owned; });
  begun.wait();
  pool_.reset();
  handle.Reset();
  EXPECT_EQ(owned.use_count(), 1);
  bool later = false;
  loop_.Post([&] { later = true; });
  ASSERT_TRUE(Until([&] { return later; }));
  EXPECT_EQ(*owned, 0);
}

}  // namespace
}  // namespace grapevine::runtime
