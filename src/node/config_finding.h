// What is to be said about a configuration.
#pragma once

#include <string>
#include <vector>

namespace grapevine::node {

enum class Severity {
  kNote,     // works as it stands; worth knowing
  kWarning,  // works, but hardly as meant: the peer starts
  kError,    // cannot work: the peer does not start
};

const char* ToString(Severity severity);

struct ConfigFinding {
  Severity severity = Severity::kWarning;
  std::string key;
  std::string value;   // empty: not set
  std::string rule;    // what the value must be or what becomes of it, and why
  std::string remedy;  // what to write instead

  friend bool operator==(const ConfigFinding&, const ConfigFinding&) = default;
};

using ConfigFindings = std::vector<ConfigFinding>;

// One sentence: "KEY = VALUE: RULE; REMEDY".
std::string ToString(const ConfigFinding& finding);
bool HasError(const ConfigFindings& findings);

}  // namespace grapevine::node
