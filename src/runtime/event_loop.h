// The real executor: one thread, epoll, timers and a queue of posted tasks (design "the real world").
//
// Every method except Post and Stop belongs to the thread that calls Run; before Run that is the thread that constructs
// the loop. Several nodes may share a loop. Handles and watches may outlive the loop: they then do nothing.
#pragma once

#include <functional>
#include <memory>

#include "base/io_loop.h"

namespace grapevine::runtime {

class EventLoop final : public base::IoLoop {
 public:
  // Ends the process when the operating system refuses an epoll or event descriptor: nothing works without a loop.
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Handles events until Stop.
  void Run();
  // Handles events until `done` holds (true) or `limit` has passed or Stop was called (false). For tests and tools.
  bool RunUntil(const std::function<bool()>& done, base::Duration limit);
  // Ends Run after the current event; a call before Run makes it return at once. Callable from any thread.
  void Stop();

  void Post(base::Task task) override;
  base::Handle After(base::Duration delay, base::Task task) override;
  base::SteadyTime Now() const override;
  base::WallTime WallNow() const override;
  std::unique_ptr<base::IoWatch> Watch(int descriptor, std::function<void(base::IoReady)> ready) override;
  base::Handle BeforeWait(base::Task task) override;

 private:
  class State;
  class DescriptorWatch;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::runtime
