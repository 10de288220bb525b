#include "runtime/worker_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace grapevine::runtime {

using base::Handle;
using base::Task;

// Shared with the completions that wait in the executor's queue when the pool is destroyed.
class WorkerPool::State {
 public:
  // `done` belongs to the executor, also its destruction: workers only carry the pointer.
  struct Completion {
    Task done;
  };
  struct Job {
    Task run;
    std::shared_ptr<Completion> completion;
  };

  State(base::Executor& executor, base::Metrics* metrics) : executor_(executor) {
    if (metrics != nullptr) ShowIn(*metrics);
  }

  void ShowIn(base::Metrics& metrics) {
    queue_length_ = &metrics.GetGauge("worker_queue_length", "Jobs submitted to workers and not yet reported");
    Count(0);
  }

  void Start(const std::shared_ptr<State>& self, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, weak = std::weak_ptr(self)] { Work(weak); });
    }
  }
  void Stop() {
    std::deque<Job> dropped;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      dropped.swap(jobs_);
    }
    wake_.notify_all();
    dropped.clear();
    for (auto& thread : threads_) thread.join();
    queue_length_ = nullptr;
  }
  void Add(Job job) {
    Count(1);
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }
  void Count(int change) {
    in_flight_ += static_cast<std::size_t>(change);
    if (queue_length_ != nullptr) queue_length_->Set(static_cast<std::int64_t>(in_flight_));
  }
  std::size_t in_flight() const { return in_flight_; }

 private:
  void Work(const std::weak_ptr<State>& self) {
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (stopping_) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job.run();
      job.run = nullptr;  // what the job owned is gone before its result is seen
      executor_.Post([self, completion = std::move(job.completion)] {
        if (const auto state = self.lock()) state->Count(-1);
        if (auto done = std::exchange(completion->done, nullptr)) done();
      });
    }
  }

  base::Executor& executor_;
  base::Gauge* queue_length_ = nullptr;
  std::size_t in_flight_ = 0;  // executor only
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
};

WorkerPool::WorkerPool(base::Executor& executor, std::size_t threads, base::Metrics* metrics)
    : state_(std::make_shared<State>(executor, metrics)) {
  state_->Start(state_, std::max<std::size_t>(threads, 1));
}

WorkerPool::~WorkerPool() { state_->Stop(); }

Handle WorkerPool::Submit(base::WorkKind /*kind*/, Task job, Task done) {
  auto completion = std::make_shared<State::Completion>(State::Completion{std::move(done)});
  Handle handle([weak = std::weak_ptr(completion)] {
    if (const auto pending = weak.lock()) {
      const Task cancelled = std::exchange(pending->done, nullptr);
    }
  });
  state_->Add({std::move(job), std::move(completion)});
  return handle;
}

void WorkerPool::ShowIn(base::Metrics& metrics) { state_->ShowIn(metrics); }

std::size_t WorkerPool::in_flight() const { return state_->in_flight(); }

}  // namespace grapevine::runtime
