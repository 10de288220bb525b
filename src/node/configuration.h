// The configuration of a peer: one typed value per key of Fabric's core.yaml that concerns gossip (specification 13.1).
//
// Values come from ReadConfiguration (config_reader.h) or are set in code; Check (config_check.h) says what is wrong
// with them. Defaults are those that Fabric takes when a key is absent; the sample core.yaml has others in places
// (D-25). docs/configuration.md lists the keys with their meaning.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/transport.h"
#include "node/config_sections.h"

namespace grapevine::node {

// peer.gossip.*, without the groups below it. Counts are in what the name says.
struct GossipKeys {
  std::vector<base::Endpoint> bootstrap;
  base::Endpoint endpoint;           // internal; peer.address if the key is absent
  base::Endpoint external_endpoint;  // empty: hidden from other organisations
  base::Duration dial_timeout = 3s;
  base::Duration conn_timeout = 2s;
  std::uint64_t receive_buffer_messages = 20;
  std::uint64_t send_buffer_messages = 20;
  base::Duration publish_cert_period = 10s;

  std::uint64_t propagate_iterations = 1;  // 0: push is off, which no file can say
  std::uint64_t propagate_peers = 3;
  std::uint64_t max_burst_messages = 10;
  base::Duration max_burst_latency = 10ms;
  std::uint64_t max_blocks_stored = 10;

  base::Duration pull_interval = 4s;
  std::uint64_t pull_peers = 3;
  base::Duration digest_wait = 1s;
  base::Duration request_wait = 1500ms;
  base::Duration response_wait = 2s;

  base::Duration publish_state_info_interval = 4s;
  base::Duration request_state_info_interval = 4s;
  base::Duration membership_tracker_interval = 5s;
  base::Duration alive_interval = 5s;
  base::Duration alive_expiration = 25s;
  base::Duration reconnect_interval = 25s;
  std::uint64_t max_connection_attempts = 120;
  std::uint64_t expiration_factor = 20;

  friend bool operator==(const GossipKeys&, const GossipKeys&) = default;
};

struct Configuration {
  std::string id;                 // peer.id, for logs
  base::Endpoint listen_address;  // peer.listenAddress
  base::Endpoint address;         // peer.address
  bool address_auto_detect = false;
  std::string msp_folder;        // peer.mspConfigPath
  std::string organization;      // peer.localMspId
  std::string key_store_folder;  // empty: keystore below msp_folder
  std::string data_folder;       // peer.fileSystemPath: ledgers and what else must survive a restart
  base::Duration authentication_time_window = 15min;
  base::Duration connection_timeout = 5s;        // of a handshake with a client
  std::uint64_t max_receive_bytes = 100U << 20;  // of one message
  std::uint64_t max_send_bytes = 100U << 20;
  TlsConfig tls;
  KeepaliveConfig keepalive;
  GossipKeys gossip;
  ElectionConfig election;
  StateTransferConfig state;
  PrivateDataConfig private_data;
  DeliverClientConfig deliver;
  OperationsConfig operations;
  std::string admin_socket;  // grapevine.admin.socket

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

}  // namespace grapevine::node
