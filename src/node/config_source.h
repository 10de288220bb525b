// Where configuration values come from: the text of core.yaml, and environment variables.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "node/config_reader.h"

namespace grapevine::node {

// All keys of a core.yaml. Keys without a value are left out. kInvalid: it is not YAML (the message names the line), a
// key stands twice (case does not count), or it has more than 10,000 keys.
base::Result<ConfigValues> ReadCoreYaml(const std::string& text);

// CORE_PEER_GOSSIP_PULLINTERVAL=4s sets peer.gossip.pullInterval, whatever `values` has; an empty variable sets
// nothing. Only variables that begin with CORE_ matter. `environment`: name -> value, of this process.
void OverrideFromEnvironment(const std::map<std::string, std::string>& environment, ConfigValues& values);

}  // namespace grapevine::node
