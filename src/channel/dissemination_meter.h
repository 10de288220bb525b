// How long blocks take to reach this node by gossip. Internal to the room.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/environment.h"

namespace grapevine::channel {

// Keeps the histogram gossip_channel_dissemination_duration{channel}: the time from the first sign that a block exists
// (a peer advertises it, or it or a later one arrives) until it has been received by gossip and verified. Blocks that
// come from elsewhere (the ordering service, state transfer) are not counted. One executor.
class DisseminationMeter {
 public:
  DisseminationMeter(base::Environment environment, const std::string& channel);

  // Somebody has blocks up to `height`, exclusively.
  void Known(std::uint64_t height);
  void Arrived(std::uint64_t number);

 private:
  static constexpr std::uint64_t kMaxAwaited = 100;  // the newest; a node further behind does not wait for gossip

  base::Environment environment_;
  base::Histogram& duration_;
  std::uint64_t known_ = 0;                               // height
  std::map<std::uint64_t, base::SteadyTime> first_sign_;  // of blocks that have not arrived by gossip
};

}  // namespace grapevine::channel
