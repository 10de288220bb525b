// Settings of the deliver client (specification 13.1, peer.deliveryclient.*; 22, section 8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/transport.h"

namespace grapevine::delivery {

using namespace std::chrono_literals;  // NOLINT: 3s in the defaults below

// An orderer endpoint that is replaced by another one.
struct AddressOverride {
  base::Endpoint from;
  base::Endpoint to;
  std::string ca_certs_file;

  friend bool operator==(const AddressOverride&, const AddressOverride&) = default;
};

// How channels with a BFT ordering service are delivered.
enum class DelivererPolicy { kCluster, kSimple };

struct DeliverClientConfig {
  bool block_gossip_enabled = true;                    // leaders push what they pull; never for BFT
  base::Duration reconnect_total_time_threshold = 1h;  // an elected leader gives up
  base::Duration conn_timeout = 3s;
  base::Duration reconnect_backoff_threshold = 1h;    // longest single pause
  base::Duration block_censorship_timeout = 30s;      // BFT
  base::Duration minimal_reconnect_interval = 100ms;  // BFT
  std::vector<AddressOverride> address_overrides;
  DelivererPolicy policy = DelivererPolicy::kCluster;

  friend bool operator==(const DeliverClientConfig&, const DeliverClientConfig&) = default;
};

// Bounds without a key.
struct DeliverLimits {
  std::size_t max_unverified_blocks = 64;         // received, verdict outstanding; then the stream is not read
  std::size_t max_unverified_bytes = 32UL << 20;  // one block is always taken
  base::Duration offer_retry = 100ms;             // a block for which there was no room is offered again

  // BFT.
  std::size_t max_header_streams = 32;       // endpoints whose headers are watched
  std::uint64_t max_header_lead = 1024;      // headers are read so far ahead of the blocks
  std::size_t max_header_bytes = 4UL << 20;  // of one header with its signatures, or of a configuration block
};

}  // namespace grapevine::delivery
