#include "app/node_command.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/admin_protocol.h"
#include "app/check_command.h"
#include "app/node_start.h"
#include "runtime/configuration_file.h"

namespace grapevine::app {

using base::Result;
using nlohmann::json;

namespace {

void PrintChannel(const json& channel, std::ostream& out) {
  fmt::print(out, "  {}: height {}", channel.value("channel", ""), channel.value("height", 0));
  if (channel.value("leader", false)) fmt::print(out, ", leads its organisation");
  if (channel.contains("delivery")) {
    const json& delivery = channel["delivery"];
    const std::string endpoint = delivery.value("endpoint", "");
    if (!endpoint.empty()) {
      fmt::print(out, ", pulls from {}", endpoint);
    } else {
      const std::string failure = delivery.value("lastFailure", "");
      fmt::print(out, ", no ordering service ({})", failure.empty() ? "not reached yet" : failure);
    }
  }
  if (const json& transfer = channel.value("stateTransfer", json::object()); transfer.value("active", false)) {
    fmt::print(out, ", catches up to height {}", transfer.value("target", 0));
  }
  if (channel.contains("trouble")) fmt::print(out, ", stores nothing: {}", channel.value("trouble", ""));
  fmt::print(out, "\n");
}

void PrintStatus(const json& status, std::ostream& out) {
  fmt::print(out, "{} of {}, grapevine {}, process {}\n", status.value("id", ""), status.value("mspId", ""),
             status.value("version", ""), status.value("pid", 0));
  const std::string external = status.value("externalEndpoint", "");
  fmt::print(out, "endpoint {}, for other organisations {}{}\n", status.value("endpoint", ""),
             external.empty() ? "hidden" : external, status.value("tls", true) ? "" : ", without TLS");
  fmt::print(out, "PKI-ID {}, certificate valid until {}\n", status.value("pkiId", ""),
             status.value("certificateExpires", ""));
  fmt::print(out, "{} members alive, {} dead\n", status.value("alive", 0), status.value("dead", 0));
  fmt::print(out, "data in {}\nchannels: {}\n", status.value("dataFolder", ""), status["channels"].size());
  for (const json& channel : status["channels"]) PrintChannel(channel, out);
}

Result<void> Status(const NodeTarget& target, std::ostream& out) {
  const auto status = CallNode(target, kAdminStatus, "{}");
  if (!status) return std::unexpected(status.error());
  if (target.json) {
    fmt::print(out, "{}\n", status->dump(2));
  } else {
    PrintStatus(*status, out);
  }
  return {};
}

void AddStart(CLI::App& node, CommandContext& context) {
  CLI::App* start = node.add_subcommand("start", "Run a node until SIGTERM or SIGINT");
  const auto options = std::make_shared<NodeStartOptions>();
  start
      ->add_option("--config", options->config,
                   "core.yaml (default: in $FABRIC_CFG_PATH, the working folder or /etc/hyperledger/fabric); "
                   "CORE_PEER_... variables go before what it says")
      ->type_name("FILE");
  start->add_option("--ready-fd", options->ready_fd, "Descriptor that gets a line when the node takes part")
      ->type_name("N");
  start->callback([&context, options] {
    options->version = context.version;
    options->commit = context.commit;
    context.status = RunNodeStart(*options, context.out, context.err);
  });
  start->footer(
      "Examples:\n"
      "  grapevine node start --config /etc/hyperledger/fabric/core.yaml\n"
      "  FABRIC_CFG_PATH=. CORE_PEER_FILESYSTEMPATH=data FABRIC_LOGGING_SPEC=gossip=debug:info grapevine node start");
}

void AddCheck(CLI::App& node, CommandContext& context) {
  CLI::App* check = node.add_subcommand("check", "Check configuration, certificates and files without starting");
  const auto options = std::make_shared<CheckOptions>();
  check->add_option("--config", options->config, "core.yaml (default: as of node start)")->type_name("FILE");
  check->add_flag("--json", options->json, "Print JSON");
  check->callback([&context, options] {
    options->environment = runtime::ReadProcessEnvironment();
    context.status = RunNodeCheck(*options, context.out, context.err);
  });
  check->footer("Example:\n  grapevine node check --config /etc/hyperledger/fabric/core.yaml");
}

}  // namespace

void AddNodeCommand(CLI::App& app, CommandContext& context) {
  CLI::App* node = app.add_subcommand("node", "Run a node, and ask a running one");
  node->require_subcommand(1);
  AddStart(*node, context);
  AddCheck(*node, context);
  CLI::App* status = node->add_subcommand("status", "Show what a running node is, whom it sees and its channels");
  const auto target = std::make_shared<NodeTarget>();
  AddTargetOptions(*status, *target);
  status->callback([&context, target] {
    if (auto done = Status(*target, context.out); !done) context.Fail(done.error());
  });
  status->footer(
      "Examples:\n"
      "  grapevine node status --config core.yaml\n"
      "  grapevine node status --json --socket /var/hyperledger/production/grapevine/admin.sock");
}

}  // namespace grapevine::app
