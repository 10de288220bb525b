// What every command of the command line gets, and how it finds the running node.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>

#include "app/admin_client.h"
#include "base/result.h"

namespace CLI {  // NOLINT: CLI11's name
class App;
}

namespace grapevine::app {

// Lives as long as the command line is parsed and run. Commands add themselves with callbacks that set `status`.
struct CommandContext {
  std::string version;       // of the program
  std::string commit;        // of its sources; empty: not known
  std::string demo_network;  // folder of the recorded network
  std::ostream& out;
  std::ostream& err;
  int status = 0;  // exit status

  // Says why the command failed.
  void Fail(const base::Error& error);
};

// Which node a command talks to.
struct NodeTarget {
  std::string socket;  // --socket
  std::string config;  // --config
  bool json = false;   // --json
};
void AddTargetOptions(CLI::App& command, NodeTarget& target);

// Where the node of `target` listens: its socket, else what its configuration says, else what Fabric's places of
// core.yaml and the environment say.
base::Result<std::string> FindSocket(const NodeTarget& target);
base::Result<std::unique_ptr<AdminClient>> ConnectTo(const NodeTarget& target);
// A call whose answer is a JSON object.
base::Result<nlohmann::json> CallNode(AdminClient& client, const char* method, std::string request);
base::Result<nlohmann::json> CallNode(const NodeTarget& target, const char* method, std::string request);

}  // namespace grapevine::app
