// Settings of leader election (specification 12.12, 13.1).
#pragma once

#include <cstdint>

#include "base/executor.h"

namespace grapevine::election {

using namespace std::chrono_literals;  // NOLINT: 5s in the defaults below

// Who pulls blocks from the ordering service: the static leaders, or one elected leader per organisation and channel.
struct ElectionConfig {
  bool use_leader_election = false;  // excludes org_leader
  bool org_leader = false;
  base::Duration startup_grace_period = 15s;
  base::Duration membership_sample_interval = 1s;
  base::Duration leader_alive_threshold = 10s;  // the same on all peers of an organisation
  base::Duration leader_election_duration = 5s;

  // 13.2: how often a leader declares itself, and for how long one that yielded does not stand again.
  base::Duration declaration_period() const { return leader_alive_threshold / 2; }
  base::Duration yield_period() const { return 6 * leader_alive_threshold; }

  friend bool operator==(const ElectionConfig&, const ElectionConfig&) = default;
};

}  // namespace grapevine::election
