// One node's environment in virtual time, for components that answer by events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "simulation/scheduler.h"
#include "simulation/workers.h"

namespace grapevine::msp {

class CapturedLog final : public base::LogSink {
 public:
  bool Enabled(base::LogLevel, std::string_view) const override { return true; }
  void Write(base::LogLevel level, std::string_view, std::string_view line) override {
    if (level == base::LogLevel::kError) errors.emplace_back(line);
  }
  std::vector<std::string> errors;
};

struct VirtualNode {
  // The wall clock begins at `wall`.
  explicit VirtualNode(base::WallTime wall) { executor.SetWallOffset(wall - executor.WallNow()); }

  base::Environment environment() { return {executor, workers, random, metrics, base::Logger(&log, "msp")}; }

  // The answer that `start(done)` gives by virtual time; it must not come inside the call.
  template <typename T, typename Start>
  base::Result<T> Await(Start start) {
    std::optional<base::Result<T>> answer;
    const base::Handle handle = start([&](base::Result<T> result) { answer = std::move(result); });
    if (answer) return base::Fail(base::ErrorCode::kInternal, "answered inside the call");
    scheduler.RunUntil([&] { return answer.has_value(); }, std::chrono::minutes(1));
    return answer ? *answer : base::Fail(base::ErrorCode::kTimeout, "no answer");
  }

  simulation::Scheduler scheduler;
  simulation::SimulatedExecutor executor{scheduler, 1};
  simulation::SimulatedWorkers workers{executor, 2, {}};
  base::Random random{1};
  base::Metrics metrics;
  CapturedLog log;
};

}  // namespace grapevine::msp
