#include "node/node.h"

#include <utility>

namespace grapevine::node {

Node::Node(base::Environment environment, NodeParts parts, base::Bytes identity, NodeConfig config)
    : environment_(std::move(environment)),
      config_(std::move(config)),
      parts_(parts),
      identity_(std::move(identity)),
      gossip_(environment_, {.transport = parts.transport, .server = parts.server, .crypto = parts.crypto}, identity_,
              config_.gossip) {
  config_.channel.state_limits.small_gap_blocks = config_.gossip.channel.block_window;
}

base::Result<void> Node::JoinChannel(ChannelSetup setup) {
  if (channels_.contains(setup.name)) {
    return base::Fail(base::ErrorCode::kInvalid, "channel '{}' is joined already", setup.name);
  }
  const std::string name = setup.name;
  channels_.emplace(
      name, std::make_unique<ChannelPeer>(
                environment_,
                ChannelPeerParts{
                    .gossip = gossip_, .crypto = parts_.crypto, .orderers = parts_.orderers, .identity = identity_},
                std::move(setup), config_.channel));
  return {};
}

void Node::LeaveChannel(const std::string& channel) {
  channels_.erase(channel);
  gossip_.LeaveChannel(channel);
}

ChannelPeer* Node::FindChannel(const std::string& channel) {
  const auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Node::Channels() const {
  std::vector<std::string> names;
  for (const auto& [name, channel] : channels_) names.push_back(name);
  return names;
}

}  // namespace grapevine::node
