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

  // A node whose ledger lacks more blocks than this of what a member of its organisation has does not stand while a
  // better one may (docs/election.md). 0: every node stands, as in Fabric.
  std::uint64_t max_blocks_behind = 100;

  // 13.2: how often a leader declares itself, and for how long one that yielded does not stand again.
  base::Duration declaration_period() const { return leader_alive_threshold / 2; }
  base::Duration yield_period() const { return 6 * leader_alive_threshold; }
  // A declaration that is so late makes a follower look whether its leader is still there.
  base::Duration late_declaration() const { return declaration_period() + declaration_period() / 5; }
  // Within so long of its proposal a peer that nobody outbids declares itself.
  base::Duration proposal_lifetime() const { return leader_election_duration + declaration_period() / 5; }
  // By then somebody leads after a leader's last declaration, if anybody of a Fabric organisation can: two windows and
  // an election (12.8). A node that is far behind waits so long for others.
  base::Duration failover_bound() const { return 2 * leader_alive_threshold + leader_election_duration; }

  friend bool operator==(const ElectionConfig&, const ElectionConfig&) = default;
};

}  // namespace grapevine::election
