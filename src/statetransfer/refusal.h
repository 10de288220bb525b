// Remote input that state transfer ignores, counted by reason. Internal to the room.
#pragma once

#include "base/metrics.h"

namespace grapevine::statetransfer {

inline constexpr char kStateRequest[] = "state_request";
inline constexpr char kStateResponse[] = "state_response";

// gossip_statetransfer_refused{type=..., reason=...}
inline void CountRefusal(base::Metrics& metrics, const char* type, const char* reason) {
  metrics
      .GetCounter("gossip_statetransfer_refused", "Requests, answers, or parts of them, that state transfer ignored",
                  {{"type", type}, {"reason", reason}})
      .Add();
}

}  // namespace grapevine::statetransfer
