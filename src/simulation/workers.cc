#include "simulation/workers.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace grapevine::simulation {

base::Duration WorkCosts::Of(base::WorkKind kind) const {
  switch (kind) {
    case base::WorkKind::kSign:
      return sign;
    case base::WorkKind::kVerify:
      return verify;
    case base::WorkKind::kIdentity:
      return identity;
    case base::WorkKind::kBlock:
      return block;
    case base::WorkKind::kDisk:
      return disk;
    case base::WorkKind::kResolve:
      return resolve;
  }
  return {};
}

SimulatedWorkers::SimulatedWorkers(SimulatedExecutor& executor, std::size_t count, WorkCosts costs)
    : executor_(executor), costs_(costs), free_at_(std::max<std::size_t>(count, 1)) {}

base::Handle SimulatedWorkers::Submit(base::WorkKind kind, base::Task job, base::Task done) {
  base::SteadyTime& free_at = *std::min_element(free_at_.begin(), free_at_.end());
  const base::Duration cost = costs_.Of(kind);
  free_at = std::max(free_at, executor_.Now()) + cost;
  ++submitted_;
  busy_ += cost;
  // Jobs that take time may end in any order.
  const std::uint64_t lane = cost > base::Duration::zero() ? executor_.NewLane() : 0;
  // The job belongs to the event and runs in any case; `done` can be withdrawn until then.
  struct Pending {
    base::Task job;
    base::Task done;
  };
  auto pending = std::make_shared<Pending>(std::move(job), std::move(done));
  executor_.scheduler().ScheduleDetached(free_at, &executor_,
                                         {EventKind::kWork, static_cast<std::uint64_t>(kind), lane}, [pending] {
                                           std::exchange(pending->job, nullptr)();
                                           if (auto call = std::exchange(pending->done, nullptr)) call();
                                         });
  return base::Handle([pending] { pending->done = nullptr; });
}

}  // namespace grapevine::simulation
