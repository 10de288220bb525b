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
    : executor_(executor), costs_(costs), workers_(std::max<std::size_t>(count, 1)) {
  for (Worker& worker : workers_) worker.lane = executor_.scheduler().NewLane();
}

base::Handle SimulatedWorkers::Submit(base::WorkKind kind, base::Task job, base::Task done) {
  const auto earlier = [](const Worker& a, const Worker& b) { return a.free_at < b.free_at; };
  Worker& worker = *std::min_element(workers_.begin(), workers_.end(), earlier);
  const base::Duration cost = costs_.Of(kind);
  worker.free_at = std::max(worker.free_at, executor_.Now()) + cost;
  ++submitted_;
  busy_ += cost;
  // The job belongs to the event and runs in any case; `done` can be withdrawn until then.
  auto pending = std::make_shared<base::Task>(std::move(done));
  executor_.scheduler().ScheduleDetached(worker.free_at, &executor_,
                                         {EventKind::kWork, static_cast<std::uint64_t>(kind), worker.lane},
                                         [job = std::move(job), pending]() mutable {
                                           job();
                                           if (auto call = std::exchange(*pending, nullptr)) call();
                                         });
  return base::Handle([pending] { *pending = nullptr; });
}

}  // namespace grapevine::simulation
