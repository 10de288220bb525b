// The command `grapevine`: all its subcommands.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace grapevine::app {

struct ProgramInfo {
  std::string version;
  std::string commit;        // of the sources; empty: not known
  std::string demo_network;  // folder of the recorded network
};

// Parses the arguments, without the program's name, runs what they say and returns the exit status.
int RunCommandLine(const ProgramInfo& program, std::vector<std::string> arguments, std::ostream& out,
                   std::ostream& err);

}  // namespace grapevine::app
