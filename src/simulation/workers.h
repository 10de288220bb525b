// Workers of a simulated process: jobs run inside events and cost virtual time, so that CPU-bound behaviour shows.
#pragma once

#include <cstdint>
#include <vector>

#include "base/workers.h"
#include "simulation/scheduler.h"

namespace grapevine::simulation {

// Virtual time per job; zero: done at once, in an event of its own. Defaults: measured on one core of 2.5 GHz with
// ECDSA P-256.
struct WorkCosts {
  base::Duration sign = std::chrono::microseconds(32);
  base::Duration verify = std::chrono::microseconds(80);
  base::Duration identity = std::chrono::microseconds(350);
  base::Duration block = std::chrono::microseconds(200);
  base::Duration disk = std::chrono::microseconds(300);
  base::Duration resolve = std::chrono::milliseconds(1);

  base::Duration Of(base::WorkKind kind) const;
};

// `count` workers serve the jobs in the order of Submit; a job runs, then its `done`, when its virtual time is over.
class SimulatedWorkers final : public base::Workers {
 public:
  SimulatedWorkers(SimulatedExecutor& executor, std::size_t count, WorkCosts costs);

  base::Handle Submit(base::WorkKind kind, base::Task job, base::Task done) override;

  std::uint64_t submitted() const { return submitted_; }
  // Virtual time that the jobs submitted so far cost in all.
  base::Duration busy() const { return busy_; }

 private:
  SimulatedExecutor& executor_;
  WorkCosts costs_;
  std::vector<base::SteadyTime> free_at_;  // per worker
  std::uint64_t submitted_ = 0;
  base::Duration busy_{};
};

}  // namespace grapevine::simulation
