#include "app/testnet_command.h"

#include <fmt/core.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include "base/result.h"
#include "ledger/block.h"
#include "testnet/block_maker.h"
#include "testnet/channel_config.h"
#include "testnet/network.h"

namespace grapevine::app {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::uint64_t kPortsPerNode = 10;

// Private keys are for their owner only.
Result<void> WriteFile(const fs::path& path, std::string_view content) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    return Fail(ErrorCode::kIo, "cannot make the folder '{}': {}", path.parent_path().string(), error.message());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const std::string name = path.filename().string();
  if (name.ends_with("_sk") || name.ends_with(".key")) {
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  }
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file || error) return Fail(ErrorCode::kIo, "cannot write '{}'", path.string());
  return {};
}

// Block files in Fabric's format (23, 2): a record is never split.
class ChainWriter {
 public:
  ChainWriter(fs::path folder, std::uint64_t file_bytes) : folder_(std::move(folder)), file_bytes_(file_bytes) {}

  Result<void> Add(std::string_view block) {
    auto view = ledger::ParseBlock(block);
    if (!view) return std::unexpected(view.error());
    std::string filter;
    ledger::FillTransactionsFilter(*view, filter);
    std::string record;
    ledger::AppendRecord(record, *view);
    if (!pending_.empty() && pending_.size() + record.size() > file_bytes_) {
      if (auto flushed = Flush(); !flushed) return flushed;
    }
    pending_ += record;
    return {};
  }
  Result<void> Flush() {
    auto written = WriteFile(folder_ / fmt::format("blockfile_{:06}", file_), pending_);
    pending_.clear();
    ++file_;
    return written;
  }

 private:
  fs::path folder_;
  std::uint64_t file_bytes_;
  std::string pending_;
  std::uint64_t file_ = 0;
};

Result<void> Check(const TestnetOptions& options) {
  if (options.folder.empty()) return Fail(ErrorCode::kInvalid, "name the folder that the network is written to");
  if (options.organizations == 0 || options.orderers == 0 || options.transactions == 0) {
    return Fail(ErrorCode::kInvalid,
                "a network has at least one organisation, one orderer and one transaction a block");
  }
  const std::uint64_t nodes = options.orderers + options.organizations * options.peers;
  if (options.base_port + kPortsPerNode * nodes > std::numeric_limits<std::uint16_t>::max()) {
    return Fail(ErrorCode::kInvalid, "{} nodes with ten ports each from {} on: there are only {} ports", nodes,
                options.base_port, std::numeric_limits<std::uint16_t>::max());
  }
  if (fs::exists(fs::path(options.folder) / "crypto")) {
    return Fail(ErrorCode::kInvalid, "'{}' holds a network already: remove it or name another folder", options.folder);
  }
  return {};
}

Result<void> WriteCrypto(const testnet::Network& network, const fs::path& folder) {
  for (const auto& [path, content] : testnet::CryptoTree(network)) {
    if (auto written = WriteFile(folder / path, content); !written) return written;
  }
  return {};
}

Result<void> WriteChainAndUpdates(const TestnetOptions& options, const testnet::Network& network,
                                  const testnet::ChannelOptions& channel, const fs::path& folder) {
  testnet::BlockMaker maker(network, channel);
  if (auto written = WriteFile(folder / (options.channel + ".block"), maker.genesis()); !written) return written;
  ChainWriter chain(folder / "chain", options.block_file_bytes);
  if (auto added = chain.Add(maker.genesis()); !added) return added;
  std::uint32_t max_message_count = channel.max_message_count;
  const auto make_config = [&] {
    return maker.NextConfig({{{"Orderer"}, "BatchSize", testnet::BatchSizeValue(++max_message_count)}});
  };
  for (std::uint64_t i = 1; i <= options.blocks; ++i) {
    const auto block =
        maker.Next({.transactions = options.transactions, .value_bytes = options.value_bytes, .endorsements = 1});
    if (auto added = chain.Add(block); !added) return added;
    if (options.config_every == 0 || i % options.config_every != 0) continue;
    if (auto added = chain.Add(make_config()); !added) return added;
  }
  for (std::uint64_t i = 1; i <= options.updates; ++i) {
    make_config();
    const fs::path path = folder / "updates" / fmt::format("{}.tx", i);
    if (auto written = WriteFile(path, maker.last_update()); !written) return written;
  }
  return chain.Flush();
}

std::string Endpoints(const TestnetOptions& options, const testnet::Network& network) {
  std::string lines;
  const auto add = [&](const testnet::Member& node, const testnet::Endpoint& endpoint) {
    lines += fmt::format("{} {} {}:{}\n", node.name, node.msp_id, endpoint.host, endpoint.port);
  };
  const auto& orderers = network.orderer_organization().nodes;
  for (std::size_t i = 0; i < orderers.size(); ++i) add(orderers[i], testnet::OrdererEndpoint(options.base_port, i));
  for (std::size_t i = 0; i < network.organizations().size(); ++i) {
    const auto& peers = network.organizations()[i].nodes;
    for (std::size_t k = 0; k < peers.size(); ++k) {
      add(peers[k], testnet::PeerEndpoint(network, options.base_port, i, k));
    }
  }
  return lines;
}

Result<void> WriteNetwork(const TestnetOptions& options) {
  if (auto checked = Check(options); !checked) return checked;
  testnet::NetworkConfig config;
  config.seed = options.seed;
  config.organizations = options.organizations;
  config.peers = options.peers;
  config.users = options.users;
  config.orderers = options.orderers;
  const testnet::Network network(config);
  testnet::ChannelOptions channel = testnet::LoopbackChannel(network, options.base_port);
  channel.name = options.channel;
  const fs::path folder = options.folder;
  if (auto written = WriteCrypto(network, folder / "crypto"); !written) return written;
  if (auto written = WriteChainAndUpdates(options, network, channel, folder); !written) return written;
  return WriteFile(folder / "endpoints.txt", Endpoints(options, network));
}

}  // namespace

int RunTestnet(const TestnetOptions& options, std::ostream& out, std::ostream& err) {
  if (auto written = WriteNetwork(options); !written) {
    fmt::print(err, "testnet: {}\n", written.error().message);
    return 1;
  }
  fmt::print(out, "{} organisations with {} peers each and {} orderers, channel {}, in {}\n", options.organizations,
             options.peers, options.orderers, options.channel, options.folder);
  return 0;
}

void AddTestnetCommand(CLI::App& app, CommandContext& context) {
  const auto shared = std::make_shared<TestnetOptions>();
  TestnetOptions& options = *shared;
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
  testnet->callback([&context, shared] { context.status = RunTestnet(*shared, context.out, context.err); });
}

}  // namespace grapevine::app
