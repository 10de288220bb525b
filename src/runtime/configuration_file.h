// The configuration of this process: core.yaml, the environment, and the machine's own address.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "node/config_reader.h"

namespace grapevine::runtime {

using ProcessEnvironment = std::map<std::string, std::string>;  // name -> value
ProcessEnvironment ReadProcessEnvironment();

struct LoadedConfiguration {
  std::string path;             // of the file that was read
  node::ConfigReading reading;  // paths absolute or relative to the process; peer.address detected where Fabric does so
};

// `path`: a file, or a folder with a core.yaml; empty: core.yaml in the folder that FABRIC_CFG_PATH names, else in the
// working folder, else in /etc/hyperledger/fabric. kNotFound if there is none, kInvalid if it is not YAML; wrong values
// are findings.
base::Result<LoadedConfiguration> LoadConfiguration(const std::string& path, const ProcessEnvironment& environment);

}  // namespace grapevine::runtime
