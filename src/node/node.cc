#include "node/node.h"

#include <utility>

namespace grapevine::node {

Node::Node(base::Environment environment, NodeParts parts, base::Bytes identity, NodeConfig config)
    : environment_(std::move(environment)),
      config_(std::move(config)),
      crypto_(parts.crypto),
      gossip_(environment_, {.transport = parts.transport, .server = parts.server, .crypto = parts.crypto},
              std::move(identity), config_.organization, config_.gossip) {}

base::Result<void> Node::JoinChannel(ChannelSetup setup) {
  if (channels_.contains(setup.name)) {
    return base::Fail(base::ErrorCode::kInvalid, "channel '{}' is joined already", setup.name);
  }
  const std::string name = setup.name;
  channels_.emplace(
      name, std::make_unique<ChannelPeer>(environment_, gossip_, crypto_, std::move(setup), config_.block_window));
  return {};
}

void Node::LeaveChannel(const std::string& channel) {
  gossip_.LeaveChannel(channel);
  channels_.erase(channel);
}

ChannelPeer* Node::FindChannel(const std::string& channel) {
  const auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : found->second.get();
}

}  // namespace grapevine::node
