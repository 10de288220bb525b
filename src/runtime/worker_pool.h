// The real workers: a fixed number of threads for signatures, hashing and disk. The only threads beside the loops.
#pragma once

#include <cstddef>
#include <memory>

#include "base/executor.h"
#include "base/metrics.h"
#include "base/workers.h"

namespace grapevine::runtime {

// Submit belongs to `executor`, where `done` callbacks run. Jobs start in the order of Submit. Destruction waits for
// the jobs that have begun and drops the others; their `done` never runs. The queue has no bound of its own, because a
// job that was accepted must not be lost: whoever submits bounds what it has in flight, and the gauge
// `worker_queue_length` shows the sum.
class WorkerPool final : public base::Workers {
 public:
  // `executor` and `metrics` (optional) must outlive the pool. At least one thread is started.
  WorkerPool(base::Executor& executor, std::size_t threads, base::Metrics* metrics = nullptr);
  ~WorkerPool() override;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  base::Handle Submit(base::WorkKind kind, base::Task job, base::Task done) override;
  // Shows `worker_queue_length` there from now on. `metrics` must last until the last Submit and the last `done`.
  void ShowIn(base::Metrics& metrics);
  // Jobs submitted and not yet reported by `done`.
  std::size_t in_flight() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::runtime
