// How often something may happen: a bucket that allows bursts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/executor.h"

namespace grapevine::rpc {

class FloodGuard {
 public:
  FloodGuard(std::uint32_t burst, std::uint32_t per_second)
      : per_second_(std::max<std::uint32_t>(per_second, 1)), burst_(burst), left_(burst) {}

  // False when it has happened too often.
  bool Allow(base::SteadyTime now) {
    if (left_ == burst_) last_ = now;
    if (left_ == 0) Refill(now);
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  void Refill(base::SteadyTime now) {
    const std::int64_t each = std::int64_t{1'000'000'000} / per_second_;
    const std::int64_t earned = std::min<std::int64_t>((now - last_).count() / each, burst_);
    left_ = static_cast<std::uint32_t>(std::max<std::int64_t>(earned, 0));
    if (left_ > 0) last_ = now;
  }

  std::uint32_t per_second_;
  std::uint32_t burst_;
  std::uint32_t left_;
  base::SteadyTime last_{};
};

}  // namespace grapevine::rpc
