#include "runtime/tracked_workers.h"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace grapevine::runtime {

class TrackedWorkers::Count {
 public:
  // Held by a job as long as it exists: it may be dropped without having run.
  class Token {
   public:
    explicit Token(std::shared_ptr<Count> count) : count_(std::move(count)) {
      const std::lock_guard lock(count_->mutex_);
      ++count_->jobs_;
    }
    Token(Token&&) = default;
    Token& operator=(Token&&) = delete;
    ~Token() {
      if (count_ == nullptr) return;
      const std::lock_guard lock(count_->mutex_);
      if (--count_->jobs_ == 0) count_->none_.notify_all();
    }

   private:
    std::shared_ptr<Count> count_;
  };

  void WaitForNone() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return jobs_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t jobs_ = 0;  // guarded by mutex_
};

TrackedWorkers::TrackedWorkers(base::Workers& workers) : workers_(workers), count_(std::make_shared<Count>()) {}

TrackedWorkers::~TrackedWorkers() { count_->WaitForNone(); }

base::Handle TrackedWorkers::Submit(base::WorkKind kind, base::Task job, base::Task done) {
  // The job goes before its token.
  return workers_.Submit(
      kind,
      [token = Count::Token(count_), job = std::move(job)]() mutable {
        job();
        job = nullptr;
      },
      std::move(done));
}

}  // namespace grapevine::runtime
