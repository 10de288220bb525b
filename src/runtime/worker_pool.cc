#include "runtime/worker_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
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
    bool is_short = false;
  };

  State(base::IoLoop& loop, base::Metrics* metrics) : loop_(loop) {
    if (metrics != nullptr) ShowIn(*metrics);
  }

  void ShowIn(base::Metrics& metrics) {
    queue_length_ = &metrics.GetGauge("worker_queue_length", "Jobs submitted to workers and not yet reported");
    Count(0);
  }

  void Start(const std::shared_ptr<State>& self, std::size_t count) {
    self_ = self;
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { Work(); });
  }
  void Stop() {
    before_wait_.Reset();
    std::deque<Job> dropped;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      dropped.swap(jobs_);
      for (Sleeper* sleeper : idle_) sleeper->wake.notify_one();
      idle_.clear();  // they end now
    }
    dropped.clear();
    for (auto& thread : threads_) thread.join();
    queue_length_ = nullptr;
  }
  void Add(Job job) {
    Count(1);
    const bool is_short = job.is_short;
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    if (!is_short) return WakeOne();
    if (unannounced_++ == 0) AnnounceLater();
  }
  void WakeForUnannounced() {
    for (; unannounced_ > 0; unannounced_ -= std::min(unannounced_, kShortJobs)) WakeOne();
  }
  void Count(int change) {
    in_flight_ += static_cast<std::size_t>(change);
    if (queue_length_ != nullptr) queue_length_->Set(static_cast<std::int64_t>(in_flight_));
  }
  std::size_t in_flight() const { return in_flight_; }

 private:
  // So many short jobs are worth a thread.
  static constexpr std::size_t kShortJobs = 4;

  // A thread that waits for a job, on the thread's stack.
  struct Sleeper {
    std::condition_variable wake;
    bool woken = false;
  };

  // The next job; nothing when the pool stops.
  std::optional<Job> Next(Sleeper& self) {
    std::unique_lock lock(mutex_);
    while (jobs_.empty() && !stopping_) {
      self.woken = false;
      idle_.push_back(&self);
      self.wake.wait(lock, [&] { return self.woken || stopping_; });
    }
    if (stopping_) return std::nullopt;
    return Take();
  }

  // Behind what else is to be done before the loop waits: messages leave first.
  void AnnounceLater() {
    before_wait_ = loop_.BeforeWait([this] { before_wait_ = loop_.BeforeWait([this] { Announce(); }); });
  }
  // The loop is about to wait. Does one job at a time, so that events which come meanwhile are seen.
  void Announce() {
    if (unannounced_ == 0) return;
    auto job = unannounced_ <= kShortJobs && loop_.IsIdle() ? TakeShort() : std::nullopt;
    if (!job) return WakeForUnannounced();
    --unannounced_;
    Run(*job);
    if (unannounced_ == 0) return;
    loop_.Post([self = self_] {
      const auto state = self.lock();
      if (state != nullptr && state->unannounced_ > 0) state->AnnounceLater();
    });
  }
  // The next job if it is short.
  std::optional<Job> TakeShort() {
    std::lock_guard lock(mutex_);
    if (jobs_.empty() || !jobs_.front().is_short) return std::nullopt;
    return Take();
  }
  void WakeOne() {
    Sleeper* sleeper = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (idle_.empty()) return;
      sleeper = idle_.back();
      idle_.pop_back();
      sleeper->woken = true;
    }
    sleeper->wake.notify_one();  // Stop, which ends its life, is called on this thread too
  }

  Job Take() {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }
  void Run(Job& job) {
    job.run();
    job.run = nullptr;  // what the job owned is gone before its result is seen
    loop_.Post([self = self_, completion = std::move(job.completion)] {
      if (const auto state = self.lock()) state->Count(-1);
      if (auto done = std::exchange(completion->done, nullptr)) done();
    });
  }
  void Work() {
    Sleeper sleeper;
    while (auto job = Next(sleeper)) Run(*job);
  }

  base::IoLoop& loop_;
  std::weak_ptr<State> self_;
  base::Gauge* queue_length_ = nullptr;
  // Of the loop's thread only:
  std::size_t in_flight_ = 0;
  // Short jobs for which nobody has been woken; at least as many as those are that wait while all threads sleep (one
  // that is awake takes them too). While it is not zero, Announce will run.
  std::size_t unannounced_ = 0;
  base::Handle before_wait_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::deque<Job> jobs_;
  std::vector<Sleeper*> idle_;  // the last one to fall asleep is woken first: it finds its memory in the cache
  bool stopping_ = false;
};

WorkerPool::WorkerPool(base::IoLoop& loop, std::size_t threads, base::Metrics* metrics)
    : state_(std::make_shared<State>(loop, metrics)) {
  state_->Start(state_, std::max<std::size_t>(threads, 1));
}

WorkerPool::~WorkerPool() { state_->Stop(); }

Handle WorkerPool::Submit(base::WorkKind kind, Task job, Task done) {
  auto completion = std::make_shared<State::Completion>(State::Completion{std::move(done)});
  Handle handle([weak = std::weak_ptr(completion)] {
    if (const auto pending = weak.lock()) {
      const Task cancelled = std::exchange(pending->done, nullptr);
    }
  });
  const bool is_short = kind == base::WorkKind::kSign || kind == base::WorkKind::kVerify;
  state_->Add({std::move(job), std::move(completion), is_short});
  return handle;
}

void WorkerPool::StartAll() { state_->WakeForUnannounced(); }

void WorkerPool::ShowIn(base::Metrics& metrics) { state_->ShowIn(metrics); }

std::size_t WorkerPool::in_flight() const { return state_->in_flight(); }

}  // namespace grapevine::runtime
