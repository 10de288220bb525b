#include "base/log.h"

namespace grapevine::base {

bool LogLimit::Allow(std::uint64_t* suppressed) {
  const SteadyTime now = executor_.Now();
  if (now - window_start_ >= period_) {
    window_start_ = now;
    used_ = 0;
  }
  if (used_ >= burst_) {
    ++held_back_;
    return false;
  }
  ++used_;
  if (suppressed != nullptr) *suppressed = held_back_;
  held_back_ = 0;
  return true;
}

}  // namespace grapevine::base
