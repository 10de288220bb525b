// A chain of signed, valid blocks of a test network, as its ordering service would make it (03, 6).
//
// Deterministic: the same network, options and calls give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "testnet/channel_config.h"
#include "testnet/network.h"

namespace grapevine::testnet {

struct BlockShape {
  std::size_t transactions = 1;
  std::size_t value_bytes = 1000;  // what each transaction writes; its certificates and signatures add some 4 kB
  std::size_t endorsements = 1;    // per transaction, by peers of different organisations
};

// One value of the configuration, replaced.
struct ConfigChange {
  std::vector<std::string> group;  // below /Channel: {"Application", "Org1MSP"}
  std::string key;                 // "AnchorPeers"
  std::string value;               // serialised, as from AnchorPeersValue
};

// Keeps the state of the chain: every call makes the next block. Blocks are serialised common.Block as orderers send
// them: five metadata items, validation codes and commit hash empty. Not shared between threads.
class BlockMaker {
 public:
  // Both are copied.
  BlockMaker(const Network& network, const ChannelOptions& options);
  ~BlockMaker();

  // Block 0. It is unsigned, as configtxgen's.
  const std::string& genesis() const;
  // A block of endorser transactions, each signed by a client and endorsed. A peer of Fabric finds them well-formed,
  // but marks them INVALID_CHAINCODE: no chaincode "testnet" is defined. Precondition: at least one transaction.
  std::string Next(const BlockShape& shape = {});
  // A configuration block whose update is signed by all admins. An unknown group or key is added.
  std::string NextConfig(const std::vector<ConfigChange>& changes);
  // What administrators submitted to get the newest configuration block: a serialised common.Envelope of type
  // CONFIG_UPDATE. A real ordering service whose configuration is that of the block before accepts it.
  const std::string& last_update() const;

  // Number of the next block.
  std::uint64_t height() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace grapevine::testnet
