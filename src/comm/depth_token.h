// A queued message's part of a queue depth gauge. Internal to the room.
#pragma once

#include <utility>

#include "base/metrics.h"

namespace grapevine::comm {

// Travels with the message: counts 1 in the gauge as long as it lives.
class DepthToken {
 public:
  DepthToken() = default;
  explicit DepthToken(base::Gauge& gauge) : gauge_(&gauge) { gauge.Add(1); }
  DepthToken(DepthToken&& other) noexcept : gauge_(std::exchange(other.gauge_, nullptr)) {}
  DepthToken& operator=(DepthToken&& other) noexcept {
    std::swap(gauge_, other.gauge_);
    return *this;
  }
  ~DepthToken() {
    if (gauge_ != nullptr) gauge_->Add(-1);
  }

 private:
  base::Gauge* gauge_ = nullptr;
};

}  // namespace grapevine::comm
