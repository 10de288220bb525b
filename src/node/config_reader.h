// From keys and texts to a typed configuration (specification 13, reading rules).
#pragma once

#include <map>
#include <string>

#include "node/config_finding.h"
#include "node/config_keys.h"
#include "node/configuration.h"

namespace grapevine::node {

// Key in dots -> text, whatever the case of the key. Empty text is as if the key were absent. Elements of a list stand
// in one text, separated by commas or spaces; a list of groups has its place in the key: addressOverrides.0.from.
using ConfigValues = std::map<std::string, std::string, KeyLess>;

struct ConfigReading {
  Configuration configuration;
  ConfigFindings findings;  // in the order of the table, then of unknown keys
};

// Never fails: what cannot be read has its default, and a finding. Unknown keys are warnings that name the nearest
// known one; those of parts that Grapevine does not have are listed in one note. Paths are as written: see
// ResolvePaths. What the values mean together is for Check.
ConfigReading ReadConfiguration(const ConfigValues& values);

}  // namespace grapevine::node
