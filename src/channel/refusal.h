// Remote input that a channel ignores, counted by reason. Internal to the room.
#pragma once

#include <string>

#include "base/metrics.h"

namespace grapevine::channel {

// gossip_channel_refused{type=..., reason=...}. `type` as wire::TypeName names it.
inline void CountRefusal(base::Metrics& metrics, const char* type, const char* reason) {
  metrics
      .GetCounter("gossip_channel_refused", "Messages, or parts of them, that a channel ignored",
                  {{"type", type}, {"reason", reason}})
      .Add();
}

}  // namespace grapevine::channel
