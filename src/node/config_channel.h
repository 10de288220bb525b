// From a configuration to the settings of a node's channels.
#pragma once

#include "node/configuration.h"

namespace grapevine::node {

struct ChannelPeerConfig;

// Bounds that have no key keep the defaults of their rooms; the overrides of orderer addresses need files and are for
// whoever reads files. `configuration` has passed Check.
ChannelPeerConfig ToChannelPeerConfig(const Configuration& configuration);

}  // namespace grapevine::node
