#include "node/config_channel.h"

#include <algorithm>

#include "node/channel_peer.h"

namespace grapevine::node {

ChannelPeerConfig ToChannelPeerConfig(const Configuration& configuration) {
  ChannelPeerConfig config;
  config.election = configuration.election;
  config.state = configuration.state;
  config.deliver = configuration.deliver;
  // Fabric's producers wait while more than twice the buffer is held; here they wait for numbers beyond the window.
  config.committer.window = std::max(config.committer.window, 2 * configuration.state.buffer_blocks);
  return config;
}

}  // namespace grapevine::node
