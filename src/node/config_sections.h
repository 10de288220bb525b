// Settings of the parts of a peer besides gossip itself. Defaults are Fabric's when the key is absent (specification
// 13.1); the key of each member is in the table of config_keys.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/transport.h"

namespace grapevine::node {

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

struct StateTransferConfig {
  bool enabled = false;  // the requester; requests of others are answered regardless
  base::Duration check_interval = 10s;
  base::Duration response_timeout = 3s;
  std::uint64_t batch_blocks = 10;   // requested is start ... start + batch_blocks, both included
  std::uint64_t buffer_blocks = 20;  // pushed blocks so far above the height are dropped
  std::uint64_t max_retries = 3;     // after the first attempt
  std::uint64_t queue_messages = 100;
  bool non_blocking_commit = false;  // a full buffer drops the deliver client's blocks instead of holding it up

  friend bool operator==(const StateTransferConfig&, const StateTransferConfig&) = default;
};

struct PrivateDataConfig {
  base::Duration pull_retry_threshold{};  // zero: missing data is never pulled
  std::uint64_t transient_store_blocks = 20000;
  base::Duration push_ack_timeout{};  // zero: every push at endorsement fails
  std::uint64_t btl_pull_margin_blocks = 10;
  std::uint64_t reconcile_batch_blocks = 10;
  base::Duration reconcile_sleep_interval = 1min;
  bool reconciliation_enabled = false;
  bool skip_pulling_invalid_transactions = false;
  std::uint64_t implicit_required_peers = 0;
  std::uint64_t implicit_max_peers = 1;  // 0: implicit collections are not disseminated

  friend bool operator==(const PrivateDataConfig&, const PrivateDataConfig&) = default;
};

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

// HTTP/2 pings: as client of other peers, as server, and as client of the ordering service.
struct KeepaliveConfig {
  base::Duration client_interval = 60s;
  base::Duration client_timeout = 20s;
  base::Duration server_interval = 7200s;
  base::Duration server_timeout = 20s;
  base::Duration server_min_interval = 60s;
  base::Duration deliver_interval = 60s;
  base::Duration deliver_timeout = 20s;

  friend bool operator==(const KeepaliveConfig&, const KeepaliveConfig&) = default;
};

}  // namespace grapevine::node
