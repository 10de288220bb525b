// Reads what a peer needs from the tree that cryptogen or `grapevine testnet` makes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/msp_folder.h"

namespace grapevine::app {

struct PeerFiles {
  std::string name;    // "peer0.org1"
  std::string folder;  // of this peer, with msp/ and tls/; for messages
  msp::MspFolder msp;
  std::string tls_certificate;  // PEM, as TLS server and client
  std::string tls_key;          // PEM
};

// Peers 0 to count - 1 of organisation `number` (from 1) below `network`/crypto/peerOrganizations. kNotFound, saying
// how many there are, if there are fewer.
base::Result<std::vector<PeerFiles>> ReadPeers(const std::string& network, std::size_t organization, std::size_t count);

// The TLS files of an ordering service node.
struct OrdererFiles {
  std::string folder;           // for messages
  std::string tls_certificate;  // PEM
  std::string tls_key;          // PEM
};

// The first orderer below `network`/crypto/ordererOrganizations.
base::Result<OrdererFiles> ReadOrderer(const std::string& network);

}  // namespace grapevine::app
