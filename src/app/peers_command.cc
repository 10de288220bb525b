#include "app/peers_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/admin_protocol.h"

namespace grapevine::app {

using base::Result;
using nlohmann::json;

namespace {

constexpr base::Duration kWatchInterval = std::chrono::seconds(2);
constexpr std::size_t kShortPkiId = 8;

struct PeersOptions {
  NodeTarget target;
  std::string channel;
  bool watch = false;
};

using Row = std::array<std::string, 5>;

// "mychannel 20 (leader), other 3"; of one channel only without its name.
std::string Heights(const json& peer, const std::string& only) {
  std::string text;
  for (const json& channel : peer["channels"]) {
    const std::string name = channel.value("channel", "");
    if (!only.empty() && name != only) continue;
    if (!text.empty()) text += ", ";
    if (only.empty()) text += name + " ";
    text += std::to_string(channel.value("height", std::uint64_t{0}));
    if (channel.value("leader", false)) text += " (leader)";
  }
  return text;
}

void PrintTable(const json& peers, const std::string& channel, std::ostream& out) {
  std::vector<Row> rows = {{"PKI-ID", "MSP", "ENDPOINT", "STATE", channel.empty() ? "CHANNELS" : "HEIGHT"}};
  for (const json& peer : peers) {
    rows.push_back({peer.value("pkiId", "").substr(0, kShortPkiId), peer.value("mspId", ""), peer.value("endpoint", ""),
                    peer.value("self", false)    ? "this node"
                    : peer.value("alive", false) ? "alive"
                                                 : "dead",
                    Heights(peer, channel)});
  }
  Row::size_type widths[std::tuple_size_v<Row>] = {};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out, "{}\n", line);
  }
}

Result<void> Show(AdminClient& client, const PeersOptions& options, std::ostream& out) {
  json request = json::object();
  if (!options.channel.empty()) request["channel"] = options.channel;
  const auto answer = CallNode(client, kAdminPeers, request.dump());
  if (!answer) return std::unexpected(answer.error());
  if (options.target.json) {
    fmt::print(out, "{}\n", answer->dump(options.watch ? -1 : 2));
  } else {
    PrintTable((*answer)["peers"], options.channel, out);
  }
  out.flush();
  return {};
}

Result<void> Peers(const PeersOptions& options, std::ostream& out) {
  const auto client = ConnectTo(options.target);
  if (!client) return std::unexpected(client.error());
  auto shown = Show(**client, options, out);
  while (shown && options.watch) {
    (*client)->Wait(kWatchInterval);
    if (!options.target.json) fmt::print(out, "\n");
    shown = Show(**client, options, out);
  }
  return shown;
}

}  // namespace

void AddPeersCommand(CLI::App& app, CommandContext& context) {
  CLI::App* peers = app.add_subcommand("peers", "Show whom a running node sees, alive and dead");
  const auto options = std::make_shared<PeersOptions>();
  AddTargetOptions(*peers, options->target);
  peers->add_option("-c,--channelID", options->channel, "Only members of this channel")->type_name("CHANNEL");
  peers->add_flag("--watch", options->watch, "Show it again every two seconds, until the node ends; JSON: a line each");
  peers->callback([&context, options] {
    if (auto done = Peers(*options, context.out); !done) context.Fail(done.error());
  });
  peers->footer(
      "Examples:\n"
      "  grapevine peers\n"
      "  grapevine peers -c mychannel --watch\n"
      "  grapevine peers --json --config core.yaml");
}

}  // namespace grapevine::app
