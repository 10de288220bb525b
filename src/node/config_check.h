// What the values of a configuration mean together (specification 13.3; D-25).
#pragma once

#include "node/config_finding.h"
#include "node/configuration.h"

namespace grapevine::node {

// Everything that is wrong with a configuration by itself; what ReadConfiguration has found is not repeated. With an
// error among the findings the peer must not start.
ConfigFindings Check(const Configuration& configuration);

}  // namespace grapevine::node
