#include "channel/dissemination_meter.h"

#include <algorithm>
#include <utility>

namespace grapevine::channel {

DisseminationMeter::DisseminationMeter(base::Environment environment, const std::string& channel)
    : environment_(std::move(environment)),
      duration_(environment_.metrics.GetTimeHistogram(
          "gossip_channel_dissemination_duration",
          "Seconds from the first sign that a block exists until it was received by gossip and verified",
          {{"channel", channel}})) {}

void DisseminationMeter::Known(std::uint64_t height) {
  if (height <= known_) return;
  const std::uint64_t first = std::max(known_, height - std::min(height, kMaxAwaited));
  known_ = height;
  for (std::uint64_t number = first; number < height; ++number) first_sign_[number] = environment_.executor.Now();
  while (first_sign_.size() > kMaxAwaited) first_sign_.erase(first_sign_.begin());
}

void DisseminationMeter::Arrived(std::uint64_t number) {
  Known(number + 1);
  const auto sign = first_sign_.find(number);
  if (sign == first_sign_.end()) return;
  duration_.Observe(environment_.executor.Now() - sign->second);
  first_sign_.erase(sign);
}

}  // namespace grapevine::channel
