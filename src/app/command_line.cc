#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "app/channel_command.h"
#include "app/command_context.h"
#include "app/demo_command.h"
#include "app/ledger_command.h"
#include "app/node_command.h"
#include "app/peers_command.h"
#include "app/replay_orderer_command.h"
#include "app/testnet_command.h"
#include "app/version_command.h"

namespace grapevine::app {

int RunCommandLine(const ProgramInfo& program, std::vector<std::string> arguments, std::ostream& out,
                   std::ostream& err) {
  CLI::App app("Grapevine: Hyperledger Fabric's gossip in C++", "grapevine");
  app.require_subcommand(1);
  app.set_version_flag("--version", "grapevine " + program.version);
  CommandContext context{.version = program.version,
                         .commit = program.commit,
                         .demo_network = program.demo_network,
                         .out = out,
                         .err = err};
  AddNodeCommand(app, context);
  AddChannelCommand(app, context);
  AddPeersCommand(app, context);
  AddLedgerCommand(app, context);
  AddTestnetCommand(app, context);
  AddDemoCommand(app, context);
  AddReplayOrdererCommand(app, context);
  AddVersionCommand(app, context);
  try {
    // It takes them from the end.
    std::ranges::reverse(arguments);
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? 0 : 1;
  }
  return context.status;
}

}  // namespace grapevine::app
