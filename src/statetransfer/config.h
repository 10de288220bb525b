// Settings of state transfer (specification 13.1, peer.gossip.state.*; 20, section 11).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/executor.h"

namespace grapevine::statetransfer {

using namespace std::chrono_literals;  // NOLINT: 10s in the defaults below

struct StateTransferConfig {
  bool enabled = false;  // the requester; requests of others are answered regardless
  base::Duration check_interval = 10s;
  base::Duration response_timeout = 3s;
  std::uint64_t batch_blocks = 10;   // requested is start ... start + batch_blocks, both included; 10 at most is sent
  std::uint64_t buffer_blocks = 20;  // twice as many above the height are kept (node/config_channel.h)
  std::uint64_t max_retries = 3;     // after the first attempt
  std::uint64_t queue_messages = 100;
  bool non_blocking_commit = false;  // no effect: the deliver client waits without holding anybody up

  friend bool operator==(const StateTransferConfig&, const StateTransferConfig&) = default;
};

// Bounds without a key.
struct StateTransferLimits {
  std::size_t max_requests = 4;                // ranges in flight, each to another peer where there is one
  std::size_t max_pending_bytes = 64UL << 20;  // received and not yet stored, before no more is asked for
  std::size_t max_answer_bytes = 64UL << 20;   // of one response; at least one block is sent
  std::size_t max_unsent_bytes = 256UL << 20;  // of responses on their way, to all peers; see StateResponder
  std::size_t max_answers = 4;                 // being read at a time, for all peers
  std::size_t max_answers_per_peer = 3;        // being read or on their way to one peer
  std::size_t max_requests_per_peer = 8;       // that wait for an answer here
  base::Duration small_gap_wait = 1s;          // gossip's own repair comes first where it can:
  std::uint64_t small_gap_blocks = 10;         // when at most so many are missing (ChannelConfig::block_window)
};

}  // namespace grapevine::statetransfer
