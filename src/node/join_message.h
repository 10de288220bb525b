// What gossip is told of a channel's configuration (specification 11.10, Configuration).
#pragma once

#include "channel/config.h"
#include "msp/channel_config.h"

namespace grapevine::node {

// Sequence, MSP ids of the application organisations, and their anchor peers.
channel::JoinMessage MakeJoinMessage(const msp::ChannelConfig& config);

}  // namespace grapevine::node
