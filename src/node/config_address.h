// The host of peer.address, where Fabric detects it.
#pragma once

#include <string>

#include "node/configuration.h"

namespace grapevine::node {

// Whether peer.address stands for the machine's own address: with peer.addressAutoDetect, or if its host is 0.0.0.0 or
// [::], which nobody can dial.
bool WantsDetectedHost(const Configuration& configuration);

// Puts `host` in the place of the host of peer.address, and of what has its default from peer.address. Keeps the port.
void UseDetectedHost(const std::string& host, Configuration& configuration);

}  // namespace grapevine::node
