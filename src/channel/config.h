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
  // peer.gossip.pullPeerNum. One, if the round is quiet (gossip/rounds.h), the last one was answered, and no state info
  // has come since.
  std::size_t state_info_peers = 3;
  base::Duration tracker_interval = std::chrono::seconds(5);  // peer.gossip.membershipTrackerInterval
  std::uint64_t block_window = 10;  // peer.gossip.maxBlockCountToStore: numbers n ... n + window are kept
  // While a ledger is at most so far behind the newest block, what it lacks is kept as well, whatever the window;
  // blocks further above its height are not delivered before it comes near.
  std::uint64_t max_uncommitted_blocks = 100;
  gossip::PullConfig pull;  // block pull; its interval x 100 is the time to live of stored blocks
  base::Duration leader_alive_threshold =
      std::chrono::seconds(10);  // peer.gossip.election.leaderAliveThreshold: x 10 = leadership messages kept

  // Repair: a node that learns of a block that it lacks asks for it itself after a random part of this time, and
  // another peer each time nobody answers.
  base::Duration repair_jitter_min = std::chrono::milliseconds(50);
  base::Duration repair_jitter_max = std::chrono::milliseconds(250);
  base::Duration repair_wait = std::chrono::seconds(1);  // for the update, before another peer is asked
  std::size_t repair_attempts = 5;  // per block, then the next round's digest or state info starts anew

  std::size_t max_block_candidates = 3;             // different blocks of one number, until one is verified
  std::size_t max_verifying_blocks = 256;           // numbers whose candidates are being verified
  std::size_t max_verifying_blocks_per_peer = 128;  // candidates of one peer: nobody can take all places
  std::size_t max_repair_sources = 32;              // peers remembered for having blocks that this node lacks
  std::size_t max_update_bytes = 64 << 20;          // of the blocks in one answer; what is left out is asked for again

  std::size_t max_members = 20000;                                // state infos kept
  std::size_t max_chaincodes = 10000;                             // in one state info
  std::size_t max_state_info_bytes = std::size_t{1} << 20;        // of one state info
  std::size_t max_state_info_requests = 8;                        // answered per peer and request interval (D-4)
  base::Duration foreign_snapshot_age = std::chrono::seconds(1);  // how old an answer to a foreign peer may be
  std::size_t snapshot_slice = 128;             // elements of a snapshot that are looked at in one event
  std::size_t max_snapshot_verifications = 64;  // of one snapshot at a time; likewise after a configuration update
  std::size_t max_bad_signatures = 8;           // in one snapshot; then the rest of it is dropped
};

// What a channel's configuration says of membership (11.10, Configuration).
struct JoinMessage {
  std::uint64_t sequence = 0;              // config sequence
  std::vector<std::string> organizations;  // MSP ids of the application organisations
  std::vector<membership::AnchorPeer> anchor_peers;
};

}  // namespace grapevine::channel
