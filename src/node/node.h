// One peer: gossip and its channels.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/transport.h"
#include "channel/gossip_service.h"
#include "node/channel_peer.h"

namespace grapevine::node {

struct NodeConfig {
  channel::GossipConfig gossip;
  ChannelPeerConfig channel;
};

// What a node is made from; borrowed, and must outlive it. The same code runs in both worlds.
struct NodeParts {
  base::Transport& transport;
  base::Server& server;
  msp::MessageCrypto& crypto;
  delivery::Dialer& orderers;
};

// One executor, that of the environment; destroying it stops it.
class Node {
 public:
  // `identity` is the own serialised identity.
  Node(base::Environment environment, NodeParts parts, base::Bytes identity, NodeConfig config);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void Start() { gossip_.Start(); }

  // Takes part in a channel. kInvalid if it does already.
  base::Result<void> JoinChannel(ChannelSetup setup);
  // Tells the others and takes no more blocks; the ledger stays. Joining again is possible.
  void LeaveChannel(const std::string& channel);
  // Null if not joined.
  ChannelPeer* FindChannel(const std::string& channel);
  std::vector<std::string> Channels() const;

  const wire::PkiId& pki_id() const { return gossip_.Self().pki_id; }
  channel::GossipService& gossip() { return gossip_; }

 private:
  base::Environment environment_;
  NodeConfig config_;
  NodeParts parts_;
  base::Bytes identity_;
  channel::GossipService gossip_;
  std::map<std::string, std::unique_ptr<ChannelPeer>> channels_;
};

}  // namespace grapevine::node
