// Signals of the operating system as events of the loop.
#pragma once

#include <functional>
#include <memory>

#include "base/io_loop.h"

namespace grapevine::runtime {

// Takes one signal, as SIGHUP, from its default effect. Construct it before any other thread is started: they inherit
// that the signal is not delivered to them. Destroying it gives the signal back.
class SignalWatch {
 public:
  // Ends the process when the operating system refuses the descriptor. `received` runs on the loop; signals that come
  // before it has run count as one. May destroy the watch.
  SignalWatch(base::IoLoop& loop, int signal, std::function<void()> received);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  const int signal_;
  const int descriptor_;
  std::unique_ptr<base::IoWatch> watch_;
};

}  // namespace grapevine::runtime
