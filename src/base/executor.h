// The executor: where a node's events happen, one at a time, and the only source of time.
#pragma once

#include <chrono>
#include <ratio>

#include "base/handle.h"

namespace grapevine::base {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;  // NOLINT: 10ms, 3s in every room

// Steady time since an arbitrary start. The clock type exists only to make the type distinct: nobody can call now().
struct SteadyClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyClock, Duration>;
  static constexpr bool is_steady = true;
};
using SteadyTime = SteadyClock::time_point;
// Nanoseconds since 1970-01-01 UTC; may jump. Certificates, incarnation numbers and logs use it, timers never.
using WallTime = std::chrono::sys_time<Duration>;

// A single-threaded sequence of events. All methods except Post are called on the executor only.
// Real: runtime::EventLoop. Simulated: simulation::Scheduler (one executor per node).
class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` on the executor after the current event, in the order of the calls. Callable from any thread.
  virtual void Post(Task task) = 0;
  // Runs `task` once, at Now() + delay or as soon as possible after it; never within this call, also when delay <= 0.
  // Timers of equal deadline run in the order in which they were set. Destroying the handle cancels the timer.
  virtual Handle After(Duration delay, Task task) = 0;

  // Time of the current event; does not advance while an event runs.
  virtual SteadyTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

}  // namespace grapevine::base
