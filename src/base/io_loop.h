// File descriptors on the executor: what the rpc room needs of the event loop.
#pragma once

#include <functional>
#include <memory>

#include "base/executor.h"

namespace grapevine::base {

struct IoReady {
  bool readable = false;
  bool writable = false;
  bool failed = false;  // error or hang-up
};

// Level-triggered interest in one descriptor. Destroying it ends the interest; it does not close the descriptor, and
// must be destroyed before the descriptor is closed. Destroying it inside its own callback is allowed.
class IoWatch {
 public:
  virtual ~IoWatch() = default;
  virtual void SetInterest(bool readable, bool writable) = 0;
};

// Real only: runtime::EventLoop (epoll).
class IoLoop : public Executor {
 public:
  virtual std::unique_ptr<IoWatch> Watch(int descriptor, std::function<void(IoReady)> ready) = 0;
  // Runs `task` after the events that are ready now have been handled and before the loop waits again: for writing out
  // once what several events have queued. Runs once.
  virtual Handle BeforeWait(Task task) = 0;
};

}  // namespace grapevine::base
