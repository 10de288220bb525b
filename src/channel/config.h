// Settings of channels (specification 13.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/executor.h"
#include "gossip/pull_engine.h"
#include "membership/discovery.h"

namespace grapevine::channel {

struct ChannelConfig {
  base::Duration publish_state_info_interval = std::chrono::seconds(4);  // peer.gossip.publishStateInfoInterval
  base::Duration request_state_info_interval = std::chrono::seconds(4);  // peer.gossip.requestStateInfoInterval
  std::size_t state_info_peers = 3;                                      // peer.gossip.pullPeerNum
  base::Duration tracker_interval = std::chrono::seconds(5);             // peer.gossip.membershipTrackerInterval
  std::uint64_t block_window = 10;  // peer.gossip.maxBlockCountToStore: numbers n ... n + window are kept
  gossip::PullConfig pull;          // block pull; its interval x 100 is the time to live of stored blocks
  base::Duration leader_alive_threshold =
      std::chrono::seconds(10);  // peer.gossip.election.leaderAliveThreshold: x 10 = leadership messages kept

  // Repair: a node that learns of a block that it lacks asks for it itself after a random part of this time, and
  // another peer each time nobody answers.
  base::Duration repair_jitter_min = std::chrono::milliseconds(50);
  base::Duration repair_jitter_max = std::chrono::milliseconds(250);
  base::Duration repair_wait = std::chrono::seconds(1);  // for the update, before another peer is asked
  std::size_t repair_attempts = 5;  // per block, then the next round's digest or state info starts anew

  std::size_t max_members = 20000;     // state infos kept
  std::size_t max_chaincodes = 10000;  // in one state info
};

// What a channel's configuration says of membership (11.10, Configuration).
struct JoinMessage {
  std::uint64_t sequence = 0;              // config sequence
  std::vector<std::string> organizations;  // MSP ids of the application organisations
  std::vector<membership::AnchorPeer> anchor_peers;
};

}  // namespace grapevine::channel
