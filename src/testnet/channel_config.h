// The channel configuration of a test network: what configtxgen makes of its sample profile, for an etcdraft orderer
// (03, 8).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "testnet/network.h"

namespace common {
class Block;
class ConfigGroup;
}  // namespace common

namespace grapevine::testnet {

struct Endpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

struct ChannelOptions {
  std::string name = "mychannel";
  // One per orderer of the network: where it serves, as consenter and for delivery.
  std::vector<Endpoint> orderers;
  // By MSP id; an organisation without an entry has no anchor peers.
  std::map<std::string, std::vector<Endpoint>> anchor_peers;
  std::uint32_t max_message_count = 10;
  std::string batch_timeout = "500ms";
};

// The endpoints that a network on one machine has from `base_port` on, ten ports each: orderers, then peers by
// organisation. The first peer of each organisation is its anchor peer.
ChannelOptions LoopbackChannel(const Network& network, std::uint16_t base_port);
Endpoint OrdererEndpoint(std::uint16_t base_port, std::size_t orderer);
Endpoint PeerEndpoint(const Network& network, std::uint16_t base_port, std::size_t organization, std::size_t peer);

// The group /Channel: policies as in configtxgen's sample, NodeOUs on, capabilities V2_0.
common::ConfigGroup ChannelGroup(const Network& network, const ChannelOptions& options);

// Values for config updates, serialised as a ConfigValue carries them.
std::string BatchSizeValue(std::uint32_t max_message_count);
std::string AnchorPeersValue(const std::vector<Endpoint>& anchor_peers);
// The organisation's MSP, with PEM revocation lists.
std::string MspValue(const Organization& organization, const std::vector<std::string>& revocation_lists = {});

}  // namespace grapevine::testnet
