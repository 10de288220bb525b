// The command `grapevine`: parses the command line and calls what it names.
#include <google/protobuf/stubs/logging.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "app/demo.h"
#include "app/ledger_command.h"
#include "app/testnet_command.h"

namespace {

using grapevine::app::DemoOptions;

// An option that may be given several times, each as N@T or N@T+D.
void AddFaults(CLI::App& command, const std::string& name, const std::string& description,
               std::vector<grapevine::app::DemoFault>& faults) {
  command
      .add_option_function<std::vector<std::string>>(
          name,
          [&faults, name](const std::vector<std::string>& texts) {
            for (const auto& text : texts) {
              const auto fault = grapevine::app::ParseDemoFault(text);
              if (!fault) throw CLI::ValidationError(name, fault.error().message);
              faults.push_back(*fault);
            }
          },
          description)
      ->type_name("N@T[+D]")
      ->expected(1)
      ->take_all();
}

void AddDemo(CLI::App& app, DemoOptions& options, int& status) {
  CLI::App* demo = app.add_subcommand("demo", "Run a network on loopback that spreads a recorded chain");
  demo->add_option("--peers", options.peers, "Number of nodes")->capture_default_str()->check(CLI::Range(2, 1000));
  demo->add_option("--orgs", options.orgs, "Number of organisations")->capture_default_str()->check(CLI::Range(1, 100));
  demo->add_option("--network", options.network,
                   "Folder with the network's identities and genesis block (default: the recorded Fabric network)");
  demo->add_option("--blocks", options.blocks, "Block file that the sources read (default: the recorded chain)");
  demo->add_option("--ledgers", options.ledgers, "Folder for the ledgers (default: temporary, removed at the end)");
  demo->add_option("--rate", options.rate,
                   "Blocks per second at each source; 0: as fast as the slowest node stores them")
      ->capture_default_str();
  demo->add_option("--late", options.late, "So many of the last nodes start 3 s after the blocks begin to flow")
      ->capture_default_str();
  AddFaults(*demo, "--kill", "Node N dies T seconds after the blocks begin to flow; with +D it starts again D later",
            options.kills);
  AddFaults(*demo, "--partition", "Node N is cut off after T seconds; with +D for D seconds", options.cuts);
  const std::map<std::string, grapevine::base::LogLevel> levels = {{"debug", grapevine::base::LogLevel::kDebug},
                                                                   {"info", grapevine::base::LogLevel::kInfo},
                                                                   {"warn", grapevine::base::LogLevel::kWarn},
                                                                   {"error", grapevine::base::LogLevel::kError}};
  demo->add_option("--log", options.log_level, "Log level: debug, info, warn or error")
      ->transform(CLI::CheckedTransformer(levels));
  demo->footer(
      "Examples:\n"
      "  grapevine demo                        eight nodes, two organisations, the recorded chain\n"
      "  grapevine demo --peers 16 --rate 0    sixteen nodes, as fast as they can\n"
      "  grapevine demo --late 2               two nodes start late and catch up\n"
      "  grapevine demo --kill 3@1+4           node 3 dies after a second and comes back four seconds later\n"
      "  grapevine demo --partition 2@1+3      node 2 is cut off for three seconds\n"
      "  grapevine testnet --out net --orgs 3 --peers 4 --blocks 50 &&\n"
      "  grapevine demo --network net --orgs 3 --peers 12");
  demo->callback([&] {
    options.live = isatty(STDOUT_FILENO) == 1;
    status = grapevine::app::RunDemo(options, std::cout, std::cerr);
  });
}

void AddTestnet(CLI::App& app, grapevine::app::TestnetOptions& options, int& status) {
  CLI::App* testnet = app.add_subcommand("testnet", "Make identities, a genesis block and a chain of signed blocks");
  testnet->add_option("--out", options.folder, "Folder to make; it must not hold a network yet")->required();
  testnet->add_option("--orgs", options.organizations, "Organisations with peers")->capture_default_str();
  testnet->add_option("--peers", options.peers, "Peers of each organisation")->capture_default_str();
  testnet->add_option("--users", options.users, "Users of each organisation, besides the admin")->capture_default_str();
  testnet->add_option("--orderers", options.orderers, "Ordering service nodes")->capture_default_str();
  testnet->add_option("--blocks", options.blocks, "Blocks of transactions after the genesis block")
      ->capture_default_str();
  testnet->add_option("--config-every", options.config_every, "A configuration block after so many; 0: never")
      ->capture_default_str();
  testnet->add_option("--updates", options.updates, "Configuration updates to submit to a running ordering service")
      ->capture_default_str();
  testnet->add_option("--transactions", options.transactions, "Transactions of each block")->capture_default_str();
  testnet->add_option("--value-bytes", options.value_bytes, "Bytes that each transaction writes")
      ->capture_default_str();
  testnet->add_option("--channel", options.channel, "Name of the channel")->capture_default_str();
  testnet->add_option("--base-port", options.base_port, "First port of the endpoints")->capture_default_str();
  testnet->add_option("--seed", options.seed, "Equal seeds make equal networks")->capture_default_str();
  testnet->footer(
      "Examples:\n"
      "  grapevine testnet --out net --orgs 3 --peers 4 --blocks 100\n"
      "  grapevine testnet --out big --blocks 2000 --transactions 10 --value-bytes 100000");
  testnet->callback([&] { status = grapevine::app::RunTestnet(options, std::cout, std::cerr); });
}

void AddLedger(CLI::App& app, grapevine::app::LedgerOptions& options, int& status) {
  CLI::App* ledger = app.add_subcommand("ledger", "Look at block files of Grapevine, Fabric peers and orderers");
  ledger->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, auto run) {
    CLI::App* command = ledger->add_subcommand(name, description);
    command->add_option("DIR", options.folder, "A channel's block folder, a peer's ledgersData or an orderer's folder")
        ->required();
    command->add_flag("--json", options.json, "Print JSON, one object per channel");
    command->callback([&options, &status, run] { status = run(options, std::cout, std::cerr); });
  };
  add("verify", "Check every record, hash and orderer signature, from block 0 on", grapevine::app::RunLedgerVerify);
  add("info", "Show height, sizes and configuration blocks", grapevine::app::RunLedgerInfo);
  ledger->footer(
      "Examples:\n"
      "  grapevine ledger info /var/hyperledger/production/ledgersData\n"
      "  grapevine ledger verify ledgers/peer0.org1/chains/mychannel --json");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Grapevine: Hyperledger Fabric's gossip in C++", "grapevine");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("grapevine ") + GRAPEVINE_VERSION);
  int status = 0;
  DemoOptions demo;
  demo.network = GRAPEVINE_DEMO_NETWORK;
  AddDemo(app, demo, status);
  grapevine::app::TestnetOptions testnet;
  AddTestnet(app, testnet, status);
  grapevine::app::LedgerOptions ledger;
  AddLedger(app, ledger, status);
  // What hostile input makes the library say is not for people; the program's own errors are.
  google::protobuf::SetLogHandler(nullptr);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  return status;
}
