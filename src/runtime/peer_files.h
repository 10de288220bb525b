// The files that a peer's configuration names: its MSP, its TLS certificates and keys, authorities (specification 02,
// 2.1; 03, 4.1; 22, section 6).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/orderer_sources.h"
#include "msp/msp_folder.h"
#include "node/config_finding.h"
#include "node/configuration.h"
#include "runtime/peer_tls.h"

namespace grapevine::runtime {

struct PeerFiles {
  msp::MspFolder msp;          // with the keys of key_store_folder, if that is set, as "keystore"
  TlsMaterial tls;             // TLS off: empty
  TlsMaterial operations_tls;  // as server only; TLS off: empty
  std::vector<delivery::OrdererOverride> overrides;
  // What is to be said though it works: entries that are skipped, TLS that is off.
  node::ConfigFindings warnings;
};

// Reads them all; blocks on the disk. Call it at start, and again when FileWatch reports a change. The error is the
// first of ReadPeerFiles and names the key and the path.
base::Result<PeerFiles> LoadPeerFiles(const node::Configuration& configuration);

// The same without stopping at an error: everything that there is to say, errors included.
struct PeerFilesReading {
  PeerFiles files;
  node::ConfigFindings findings;
};
PeerFilesReading ReadPeerFiles(const node::Configuration& configuration);

// Files and folders whose change makes other PeerFiles: what FileWatch is to watch.
std::vector<std::string> WatchedPaths(const node::Configuration& configuration);

}  // namespace grapevine::runtime
