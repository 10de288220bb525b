// Work that takes time (signatures, hashing of large data, disk) happens off the executor.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/handle.h"

namespace grapevine::base {

// What a job costs, for the simulated world, which charges virtual time for it, and for metrics.
enum class WorkKind { kSign, kVerify, kIdentity, kBlock, kDisk, kResolve };

// A bounded set of threads, or its simulation. Submit is called on the executor.
// Real: runtime::WorkerPool. Simulated: simulation::SimulatedWorkers (runs the job inside an event).
class Workers {
 public:
  virtual ~Workers() = default;

  // Runs `job` on some worker thread, then `done` on the executor; never within this call. `job` must touch only what
  // it owns or what is immutable. Destroying the handle suppresses `done`; a job that has begun runs to its end.
  virtual Handle Submit(WorkKind kind, Task job, Task done) = 0;

  // The same for a job with a result: done(job()).
  template <typename Job, typename Done>
  Handle Run(WorkKind kind, Job job, Done done) {
    using Value = std::invoke_result_t<Job&>;
    struct Running {
      std::optional<Job> job;  // until it has run: what it owns is gone before its result is seen
      std::optional<Value> value;
    };
    auto running = std::make_shared<Running>(std::move(job));
    return Submit(
        kind,
        [running] {
          running->value.emplace((*running->job)());
          running->job.reset();
        },
        [running, done = std::move(done)]() mutable { done(std::move(*running->value)); });
  }
};

}  // namespace grapevine::base
