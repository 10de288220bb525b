// From a configuration to the settings of gossip.
#pragma once

#include "node/configuration.h"

namespace grapevine::channel {
struct GossipConfig;
}  // namespace grapevine::channel

namespace grapevine::node {

// Bounds and delays that have no key keep the defaults of their rooms. `configuration` has passed Check.
channel::GossipConfig ToGossipConfig(const Configuration& configuration);

}  // namespace grapevine::node
