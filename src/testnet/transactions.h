// Endorser transactions of a test network: the form of Fabric's, with a write of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "testnet/network.h"

namespace common {
class ChannelHeader;
class SignatureHeader;
}  // namespace common

namespace grapevine::testnet {

struct TransactionRequest {
  std::string channel;
  base::WallTime time{};
  const Member* client = nullptr;
  std::vector<const Member*> endorsers;
  std::string key;
  std::string value;
  std::string nonce_label;  // the nonce follows from it and the network's seed
};

// A serialised common.Envelope: ENDORSER_TRANSACTION that writes `key` in the namespace of a chaincode called
// "testnet".
std::string MakeTransaction(const Network& network, const TransactionRequest& request);

// 24 bytes that follow from the network's seed and the label.
std::string MakeNonce(const Network& network, std::string_view label);
// Transaction id: hex of SHA-256(nonce || creator).
std::string MakeTransactionId(base::ByteView nonce, base::ByteView creator);
common::ChannelHeader MakeChannelHeader(int type, const std::string& channel, base::WallTime time);
common::SignatureHeader MakeSignatureHeader(const Network& network, const Member& creator, std::string_view label);
// A serialised common.Envelope around the payload; unsigned without a signer.
std::string MakeEnvelope(const common::ChannelHeader& channel_header, const common::SignatureHeader& signature_header,
                         std::string data, const Member* signer);

}  // namespace grapevine::testnet
