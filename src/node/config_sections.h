// Settings of the parts of a peer besides gossip itself. Defaults are Fabric's when the key is absent (specification
// 13.1); the key of each member is in the table of config_keys.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/transport.h"
#include "delivery/config.h"
#include "election/config.h"
#include "statetransfer/config.h"

namespace grapevine::node {

using namespace std::chrono_literals;  // NOLINT: 5s in the defaults below

using delivery::AddressOverride;
using delivery::DeliverClientConfig;
using delivery::DelivererPolicy;
using election::ElectionConfig;
using statetransfer::StateTransferConfig;

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

// Certificates and keys of one listening address; paths are those of the file system, PEM.
struct TlsConfig {
  bool enabled = false;
  bool client_auth_required = false;
  std::string cert_file;
  std::string key_file;
  std::string root_cert_file;
  std::vector<std::string> client_root_ca_files;
  std::string client_cert_file;  // peer.tls only: as client; empty: cert_file
  std::string client_key_file;

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

// operations.*, metrics.*
struct OperationsConfig {
  base::Endpoint listen_address;  // empty: no operations endpoint
  TlsConfig tls;
  std::string metrics_provider = "disabled";  // prometheus, or disabled

  friend bool operator==(const OperationsConfig&, const OperationsConfig&) = default;
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
