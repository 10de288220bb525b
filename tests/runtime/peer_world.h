// Real peers of a test network in one process: one loop, real sockets with TLS, ledgers in a temporary folder.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/peer.h"
#include "runtime/posix_files.h"
#include "runtime/worker_pool.h"
#include "testnet/block_maker.h"
#include "testnet/network.h"

namespace grapevine::test {

// Far more than anything here takes; only a test that fails waits so long.
inline constexpr base::Duration kDeadline = std::chrono::seconds(60);

// Keeps what it is warned of.
class WarningsKept final : public base::LogSink {
 public:
  bool Enabled(base::LogLevel level, std::string_view) const override { return level >= base::LogLevel::kWarn; }
  void Write(base::LogLevel, std::string_view, std::string_view line) override { lines.emplace_back(line); }

  std::vector<std::string> lines;
};

class PeerWorld {
 public:
  PeerWorld() {
    std::string name = ::testing::TempDir() + "peer_test_XXXXXX";
    folder = mkdtemp(name.data());
  }
  ~PeerWorld() { std::filesystem::remove_all(folder); }

  runtime::PeerFiles Files(const testnet::Organization& organization, const testnet::Member& member) const {
    const auto identity = rpc::TlsIdentity::FromPem(member.tls_certificate, member.tls_key.PrivatePem()).value();
    runtime::PeerFiles content;
    content.msp = testnet::LocalMspFolder(organization, member);
    content.tls = {.server = identity, .client = identity, .authorities = {}, .client_authorities = {}};
    for (const auto& one : network.organizations()) content.tls.authorities.push_back(one.tls_ca.certificate);
    return content;
  }

  // Of peer `index` of an organisation; its data folder is `name`.
  runtime::PeerOptions Options(std::size_t organization, std::size_t index, const std::string& name) const {
    const auto& member = network.peer(organization, index);
    runtime::PeerOptions options;
    options.configuration.organization = member.msp_id;
    options.configuration.listen_address = "127.0.0.1:0";
    options.configuration.gossip.endpoint = "127.0.0.1:0";
    options.configuration.gossip.external_endpoint = "127.0.0.1:0";
    options.configuration.data_folder = (folder / name).string();
    options.configuration.tls.enabled = true;
    options.configuration.tls.client_auth_required = true;
    options.configuration.state.enabled = true;
    options.files = Files(network.organizations()[organization], member);
    options.seed = 1 + 10 * organization + index;
    return options;
  }

  base::Result<std::unique_ptr<runtime::Peer>> TryOpen(runtime::PeerOptions options) {
    return runtime::Peer::Open({.loop = loop, .workers = workers, .files = files, .log = log}, std::move(options));
  }
  std::unique_ptr<runtime::Peer> Start(runtime::PeerOptions options) {
    auto peer = TryOpen(std::move(options));
    EXPECT_TRUE(peer) << peer.error().message;
    if (!peer) return nullptr;
    const auto started = (*peer)->Start();
    EXPECT_TRUE(started) << started.error().message;
    return std::move(*peer);
  }

  base::Result<std::string> Join(runtime::Peer& peer, const std::string& block) {
    std::optional<base::Result<std::string>> outcome;
    peer.JoinChannel(base::Bytes(block), [&](base::Result<std::string> joined) { outcome = std::move(joined); });
    if (!loop.RunUntil([&] { return outcome.has_value(); }, kDeadline)) {
      return base::Fail(base::ErrorCode::kTimeout, "the peer does not answer");
    }
    return *outcome;
  }

  // As if an ordering service had given it.
  void Offer(runtime::Peer& peer, std::uint64_t number, const std::string& block) {
    peer.node()
        ->FindChannel("mychannel")
        ->blocks()
        .Offer(number, base::Bytes(block), ledger::BlockOrigin::kOrderer, [](const base::Result<void>&) {})
        .Detach();
  }
  bool Reaches(runtime::Peer& peer, std::uint64_t height) {
    return loop.RunUntil([&] { return peer.FindLedger("mychannel")->height() >= height; }, kDeadline);
  }

  std::filesystem::path folder;
  const testnet::Network network{{}};
  testnet::BlockMaker blocks{network, testnet::LoopbackChannel(network, 17050)};
  WarningsKept log;
  runtime::PosixFileSystem files;
  runtime::EventLoop loop;
  runtime::WorkerPool workers{loop, 2};
};

}  // namespace grapevine::test
