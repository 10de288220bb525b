// Whom to ask for the blocks of a channel, and how (specification 22, sections 6 and 7).
//
// Pure functions of one configuration.
#pragma once

#include <vector>

#include "delivery/config.h"
#include "delivery/orderer_sources.h"
#include "msp/channel_config.h"

namespace grapevine::delivery {

OrdererSources MakeOrdererSources(const msp::ChannelConfig& config);

// Every address with its authorities, in a fixed order, without duplicates. The organisations' addresses, each with the
// authorities of its organisation, or, if none has any, the channel's with the authorities of all. Then the overrides.
std::vector<OrdererAddress> OrdererAddresses(const OrdererSources& sources,
                                             const std::vector<OrdererOverride>& overrides);

// Whether streams to orderers must be made anew after `before` became `after`.
bool OrderersDiffer(const OrdererSources& before, const OrdererSources& after);

// Whether the ordering service may lie: headers from the others watch over the source of blocks.
bool IsByzantine(const DeliverClientConfig& config, const OrdererSources& sources);

// Whether a leader gives the blocks that it pulls to gossip (section 4).
bool PassesBlocksOn(const DeliverClientConfig& config, const OrdererSources& sources);

}  // namespace grapevine::delivery
