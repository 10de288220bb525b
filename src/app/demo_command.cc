#include "app/demo_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/demo.h"

namespace grapevine::app {
namespace {

// An option that may be given several times, each as N@T or N@T+D.
void AddFaults(CLI::App& command, const std::string& name, const std::string& description,
               std::vector<DemoFault>& faults) {
  command
      .add_option_function<std::vector<std::string>>(
          name,
          [&faults, name](const std::vector<std::string>& texts) {
            for (const auto& text : texts) {
              const auto fault = ParseDemoFault(text);
              if (!fault) throw CLI::ValidationError(name, fault.error().message);
              faults.push_back(*fault);
            }
          },
          description)
      ->type_name("N@T[+D]")
      ->expected(1)
      ->take_all();
}

}  // namespace

void AddDemoCommand(CLI::App& app, CommandContext& context) {
  const auto shared = std::make_shared<DemoOptions>();
  DemoOptions& options = *shared;
  options.network = context.demo_network;
  CLI::App* demo = app.add_subcommand(
      "demo", "Run a network on loopback that pulls a recorded chain from an ordering service and spreads it");
  demo->add_option("--peers", options.peers, "Number of nodes")->capture_default_str()->check(CLI::Range(2, 1000));
  demo->add_option("--orgs", options.orgs, "Number of organisations")->capture_default_str()->check(CLI::Range(1, 100));
  demo->add_option("--network", options.network,
                   "Folder with the network's identities and genesis block (default: the recorded Fabric network)");
  demo->add_option("--blocks", options.blocks,
                   "The chain that the ordering service replays: block file or folder (default: the recorded chain)");
  demo->add_option("--ledgers", options.ledgers, "Folder for the ledgers (default: temporary, removed at the end)");
  demo->add_option("--rate", options.rate, "Blocks per second of the ordering service; 0: all at once")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  demo->add_option("--late", options.late, "So many of the last nodes start 3 s after the blocks begin to flow")
      ->capture_default_str();
  AddFaults(*demo, "--kill",
            "Node N (from 0; leaderK: who leads organisation K) dies T seconds after the blocks begin to flow; with +D "
            "it starts again D later",
            options.kills);
  AddFaults(*demo, "--partition", "Node N is cut off after T seconds; with +D for D seconds", options.cuts);
  const std::map<std::string, base::LogLevel> levels = {{"debug", base::LogLevel::kDebug},
                                                        {"info", base::LogLevel::kInfo},
                                                        {"warn", base::LogLevel::kWarn},
                                                        {"error", base::LogLevel::kError}};
  demo->add_option("--log", options.log_level, "Log level: debug, info, warn or error")
      ->transform(CLI::CheckedTransformer(levels));
  demo->footer(
      "Examples:\n"
      "  grapevine demo                        eight nodes, two organisations, the recorded chain\n"
      "  grapevine demo --peers 16 --rate 0    sixteen nodes, as fast as they can\n"
      "  grapevine demo --late 2               two nodes start late and catch up\n"
      "  grapevine demo --kill 3@1+4           node 3 dies after a second and comes back four seconds later\n"
      "  grapevine demo --kill leader1@1       the leader of the first organisation dies; another one takes over\n"
      "  grapevine demo --partition 2@1+3      node 2 is cut off for three seconds\n"
      "  grapevine testnet --out net --orgs 3 --peers 4 --blocks 50 &&\n"
      "  grapevine demo --network net --orgs 3 --peers 12");
  demo->callback([&context, shared] {
    shared->live = isatty(STDOUT_FILENO) == 1;
    context.status = RunDemo(*shared, context.out, context.err);
  });
}

}  // namespace grapevine::app
