#include "app/channel_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/admin_protocol.h"
#include "runtime/read_file.h"

namespace grapevine::app {

using base::Result;
using nlohmann::json;

namespace {

struct ChannelOptions {
  NodeTarget target;
  std::string channel;   // -c
  std::string block;     // -b
  std::string position;  // fetch
  std::string output;    // fetch
};

std::string ForChannel(const ChannelOptions& options) { return json{{"channel", options.channel}}.dump(); }

Result<void> Join(const ChannelOptions& options, std::ostream& out) {
  const auto block = runtime::ReadFile(options.block, "the channel's genesis or configuration block");
  if (!block) return std::unexpected(block.error());
  const auto joined = CallNode(options.target, kAdminJoin, *block);
  if (!joined) return std::unexpected(joined.error());
  if (options.target.json) {
    fmt::print(out, "{}\n", joined->dump(2));
  } else {
    fmt::print(out, "joined channel {}: height {}\n", joined->value("channel", ""), joined->value("height", 0));
  }
  return {};
}

Result<void> List(const ChannelOptions& options, std::ostream& out) {
  const auto channels = CallNode(options.target, kAdminChannels, "{}");
  if (!channels) return std::unexpected(channels.error());
  if (options.target.json) {
    fmt::print(out, "{}\n", channels->dump(2));
    return {};
  }
  fmt::print(out, "Channels peers has joined:\n");
  for (const json& name : (*channels)["channels"]) fmt::print(out, "{}\n", name.get<std::string>());
  return {};
}

Result<void> GetInfo(const ChannelOptions& options, std::ostream& out) {
  auto info = CallNode(options.target, kAdminGetInfo, ForChannel(options));
  if (!info) return std::unexpected(info.error());
  if (options.target.json) {
    fmt::print(out, "{}\n", info->dump(2));
    return {};
  }
  // The line of Fabric's command, for scripts that read it.
  fmt::print(out, "Blockchain info: {{\"height\":{},\"currentBlockHash\":\"{}\",\"previousBlockHash\":\"{}\"}}\n",
             info->value("height", 0), info->value("currentBlockHash", ""), info->value("previousBlockHash", ""));
  return {};
}

Result<void> Fetch(const ChannelOptions& options, std::ostream& out) {
  const auto client = ConnectTo(options.target);
  if (!client) return std::unexpected(client.error());
  const json request = {{"channel", options.channel}, {"position", options.position}};
  const auto block = (*client)->Call(kAdminFetch, base::Bytes(request.dump()));
  if (!block) return std::unexpected(block.error());
  const std::string path =
      options.output.empty() ? fmt::format("{}_{}.block", options.channel, options.position) : options.output;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(block->data(), static_cast<std::streamsize>(block->size()));
  file.close();
  if (!file) return base::Fail(base::ErrorCode::kIo, "cannot write the block to '{}'", path);
  if (options.target.json) {
    fmt::print(out, "{}\n", json{{"file", path}, {"bytes", block->size()}}.dump(2));
  } else {
    fmt::print(out, "block {} of channel {} is in {}\n", options.position, options.channel, path);
  }
  return {};
}

Result<void> Leave(const ChannelOptions& options, std::ostream& out) {
  const auto left = CallNode(options.target, kAdminLeave, ForChannel(options));
  if (!left) return std::unexpected(left.error());
  if (options.target.json) {
    fmt::print(out, "{}\n", left->dump(2));
  } else {
    fmt::print(out, "left channel {}; its ledger stays on the disk\n", options.channel);
  }
  return {};
}

}  // namespace

void AddChannelCommand(CLI::App& app, CommandContext& context) {
  CLI::App* channel = app.add_subcommand("channel", "Join, leave and look at the channels of a running node");
  channel->require_subcommand(1);
  const auto options = std::make_shared<ChannelOptions>();
  const auto add = [&](const char* name, const char* description, auto run) {
    CLI::App* command = channel->add_subcommand(name, description);
    AddTargetOptions(*command, options->target);
    command->callback([&context, options, run] {
      if (auto done = run(*options, context.out); !done) context.Fail(done.error());
    });
    return command;
  };
  const auto add_channel = [&](CLI::App* command) {
    command->add_option("-c,--channelID", options->channel, "Name of the channel")->required()->type_name("CHANNEL");
  };
  add("join", "Take part in a channel", Join)
      ->add_option("-b,--blockpath", options->block, "File with its genesis block, or with a later configuration block")
      ->required()
      ->type_name("FILE");
  add("list", "Show the channels of the node", List);
  add_channel(add("getinfo", "Show height and hashes of a channel's ledger", GetInfo));
  CLI::App* fetch = add("fetch", "Write a block of the node's ledger to a file", Fetch);
  add_channel(fetch);
  fetch->add_option("BLOCK", options->position, "newest, oldest, config or a number")->required();
  fetch->add_option("FILE", options->output, "File to write (default: CHANNEL_BLOCK.block)");
  add_channel(add("leave", "Leave a channel: the ledger stays on the disk", Leave));
  channel->footer(
      "Examples:\n"
      "  grapevine channel join -b mychannel.block\n"
      "  grapevine channel list\n"
      "  grapevine channel getinfo -c mychannel --json\n"
      "  grapevine channel fetch config config.block -c mychannel\n"
      "  grapevine channel leave -c mychannel --socket /var/hyperledger/production/grapevine/admin.sock");
}

}  // namespace grapevine::app
