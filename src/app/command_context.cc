#include "app/command_context.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/configuration_file.h"

namespace grapevine::app {

using base::ErrorCode;
using base::Fail;
using base::Result;

void CommandContext::Fail(const base::Error& error) {
  fmt::print(err, "Error: {}\n", error.message);
  status = 1;
}

void AddTargetOptions(CLI::App& command, NodeTarget& target) {
  command.add_option("--socket", target.socket, "Admin socket of the node")->type_name("PATH");
  command
      .add_option("--config", target.config,
                  "core.yaml of the node (default: in $FABRIC_CFG_PATH, the working folder or /etc/hyperledger/fabric)")
      ->type_name("FILE");
  command.add_flag("--json", target.json, "Print JSON");
}

Result<std::string> FindSocket(const NodeTarget& target) {
  if (!target.socket.empty()) return target.socket;
  const auto environment = runtime::ReadProcessEnvironment();
  const auto loaded = runtime::LoadConfiguration(target.config, environment);
  if (loaded && !loaded->reading.configuration.admin_socket.empty()) return loaded->reading.configuration.admin_socket;
  const auto folder = environment.find("CORE_PEER_FILESYSTEMPATH");
  if (target.config.empty() && folder != environment.end()) return folder->second + "/grapevine/admin.sock";
  return Fail(ErrorCode::kNotFound,
              "where is the node? Name its core.yaml with --config or its socket with --socket, or set FABRIC_CFG_PATH "
              "or CORE_PEER_FILESYSTEMPATH ({})",
              loaded ? "peer.fileSystemPath is not set" : loaded.error().message);
}

Result<std::unique_ptr<AdminClient>> ConnectTo(const NodeTarget& target) {
  const auto socket = FindSocket(target);
  if (!socket) return std::unexpected(socket.error());
  return AdminClient::Connect(*socket);
}

Result<nlohmann::json> CallNode(AdminClient& client, const char* method, std::string request) {
  const auto response = client.Call(method, base::Bytes(std::move(request)));
  if (!response) return std::unexpected(response.error());
  const base::ByteView text = *response;
  auto parsed = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!parsed.is_object()) return Fail(ErrorCode::kInternal, "the node's answer is no JSON");
  return parsed;
}

Result<nlohmann::json> CallNode(const NodeTarget& target, const char* method, std::string request) {
  const auto client = ConnectTo(target);
  if (!client) return std::unexpected(client.error());
  return CallNode(**client, method, std::move(request));
}

}  // namespace grapevine::app
