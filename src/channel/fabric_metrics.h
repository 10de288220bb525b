// Fabric's gossip metrics that nothing here measures yet (13.4). Internal to the room.
#pragma once

#include <string>

#include "base/metrics.h"

namespace grapevine::channel {

// Shows the histograms of private data with no observations, so that dashboards made for Fabric find every name.
void RegisterPrivateDataMetrics(base::Metrics& metrics, const std::string& channel);

}  // namespace grapevine::channel
