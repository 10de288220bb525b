// `grapevine node start`: runs a peer until a signal ends it.
#pragma once

#include <ostream>
#include <string>

namespace grapevine::app {

struct NodeStartOptions {
  std::string config;  // core.yaml; empty: where Fabric looks for it
  int ready_fd = -1;   // a line is written to this descriptor, and it is closed, when the node takes part
  std::string version;
  std::string commit;  // of the program's sources
};

// Returns the exit status: 0 after SIGTERM or SIGINT, 1 if the node cannot start; `err` says why. A second such signal
// ends the process at once. SIGHUP, and a change of their files, takes up renewed certificates and keys.
int RunNodeStart(const NodeStartOptions& options, std::ostream& out, std::ostream& err);

}  // namespace grapevine::app
