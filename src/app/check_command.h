// `grapevine node check`: says everything that can be known about a configuration without starting the peer.
#pragma once

#include <map>
#include <ostream>
#include <string>

namespace grapevine::app {

struct CheckOptions {
  std::string config;  // a file, or its folder; empty: as runtime::LoadConfiguration finds it
  bool json = false;   // one JSON object
  std::map<std::string, std::string> environment;  // of the process
};

// Prints the findings, errors first, each with key, value, what is wrong and what would be right. Returns the exit
// status: 0, or 1 if there is an error or no readable file.
int RunNodeCheck(const CheckOptions& options, std::ostream& out, std::ostream& err);

}  // namespace grapevine::app
