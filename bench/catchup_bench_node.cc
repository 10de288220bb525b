#include "catchup_bench_node.h"

#include <fmt/core.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "msp/msp_folder.h"
#include "node/join_message.h"

namespace grapevine::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT

constexpr std::size_t kWorkers = 2;
constexpr std::size_t kMaxCommits = 500;  // waiting at a time while a chain is stored

template <typename T>
T Value(base::Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(fmt::format("{}: {}", what, result.error().message));
  return std::move(*result);
}

}  // namespace

BenchLedger::BenchLedger(runtime::EventLoop& loop, const base::Environment& environment, const std::string& folder,
                         const base::Bytes& genesis, const std::string& channel) {
  if (auto made = files_.MakeFolder(folder); !made) throw std::runtime_error(made.error().message);
  index_ = Value(runtime::LevelDbIndex::Open(folder + "/index"), "the index");
  ledger_ = Value(ledger::Ledger::Open(environment, files_, *index_,
                                       {.folder = folder + "/chain", .channel = channel, .limits = {}, .start = {}}),
                  "the ledger");
  const auto commit = ledger_->Commit(genesis, [](const base::Result<void>&) {});
  if (!loop.RunUntil([this] { return ledger_->height() == 1; }, 60s)) throw std::runtime_error("no genesis block");
}

CatchupNode::CatchupNode(const testnet::Network& network, std::size_t index, const base::Bytes& genesis,
                         const std::string& folder)
    : random_(index + 1), workers_(std::make_unique<runtime::WorkerPool>(loop_, kWorkers)) {
  const auto& organization = network.organizations().front();
  LoadIdentity(organization, organization.nodes[index], genesis);
  Listen();
  ledger_ = std::make_unique<BenchLedger>(loop_, environment(), folder, genesis, channel());
}

// Jobs that have begun use the ledger: they end before it goes.
CatchupNode::~CatchupNode() {
  node_.reset();
  workers_.reset();
}

base::Environment CatchupNode::environment() {
  return {.executor = loop_, .workers = *workers_, .random = random_, .metrics = metrics_, .log = base::Logger()};
}

void CatchupNode::LoadIdentity(const testnet::Organization& organization, const testnet::Member& member,
                               const base::Bytes& genesis) {
  organization_ = member.msp_id;
  auto local = Value(msp::LoadLocalMsp(testnet::LocalMspFolder(organization, member), member.msp_id,
                                       msp::MspVersion::kV3_0, loop_.WallNow()),
                     "the MSP folder");
  identity_ = local.serialized_identity;
  crypto_ = std::make_unique<msp::MspMessageCrypto>(environment(), std::move(local));
  config_ = Value(msp::ChannelConfig::FromBlock(genesis), "the genesis block");
  crypto_->SetChannel(config_->channel_id(), config_);
  tls_identity_ =
      Value(rpc::TlsIdentity::FromPem(member.tls_certificate, member.tls_key.PrivatePem()), "the TLS identity");
  tls_trust_ = Value(rpc::TlsTrust::FromPem({organization.tls_ca.certificate}), "the TLS trust");
}

void CatchupNode::Listen() {
  rpc::ServerOptions server;
  server.tls = rpc::TlsServerConfig{.identity = [this] { return tls_identity_; },
                                    .client_trust = [this] { return tls_trust_; },
                                    .require_client_certificate = true};
  server_ = Value(rpc::GrpcServer::Listen(loop_, std::move(server), &metrics_), "the listener");
  rpc::ClientOptions client;
  client.tls =
      rpc::TlsClientConfig{.identity = [this] { return tls_identity_; }, .trust = [this] { return tls_trust_; }};
  transport_ = std::make_unique<rpc::GrpcTransport>(loop_, *workers_, std::move(client), &metrics_);
}

void CatchupNode::Store(const std::vector<base::Bytes>& blocks) {
  std::uint64_t stored = ledger().height();
  for (const base::Bytes& block : blocks) {
    ledger().Commit(block, [](const base::Result<void>&) {}).Detach();
    if (++stored - ledger().height() < kMaxCommits && &block != &blocks.back()) continue;
    if (!loop_.RunUntil([&] { return ledger().height() == stored; }, 600s)) {
      throw std::runtime_error("the chain could not be stored");
    }
  }
}

void CatchupNode::Start(const base::Endpoint& bootstrap) {
  node::NodeConfig config;
  config.channel.state.enabled = true;
  config.gossip.membership.endpoint = endpoint();
  config.gossip.membership.external_endpoint = endpoint();
  if (!bootstrap.empty()) config.gossip.membership.bootstrap = {bootstrap};
  node_ = std::make_unique<node::Node>(
      environment(),
      node::NodeParts{.transport = *transport_, .server = *server_, .crypto = *crypto_, .orderers = orderers_},
      identity_, config);
  node_->Start();
  const node::AppliedConfiguration configuration{.join = node::MakeJoinMessage(*config_), .orderers = {}};
  const auto joined = node_->JoinChannel(
      {.name = channel(),
       .ledger = ledger(),
       .configuration = configuration,
       .apply = [configuration](const base::Bytes&) { return base::Result<node::AppliedConfiguration>(configuration); },
       .committed = {}});
  if (!joined) throw std::runtime_error(joined.error().message);
}

}  // namespace grapevine::bench
