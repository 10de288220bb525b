#include "node_bench_node.h"

#include <fmt/core.h>

#include <stdexcept>
#include <utility>

#include "msp/msp_folder.h"
#include "node/join_message.h"

namespace grapevine::bench {
namespace {

template <typename T>
T Value(base::Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(fmt::format("{}: {}", what, result.error().message));
  return std::move(*result);
}

}  // namespace

BenchNode::BenchNode(BenchWorld& world, std::size_t index)
    : world_(world), index_(index), random_(index + 1), orderers_(world.loop) {
  const auto& organization = world.network.organizations().front();
  LoadIdentity(organization, organization.nodes[index]);
  Listen();
  OpenLedger();
}

base::Environment BenchNode::MakeEnvironment() {
  return {.executor = world_.loop,
          .workers = world_.workers,
          .random = random_,
          .metrics = metrics_,
          .log = base::Logger()};
}

void BenchNode::LoadIdentity(const testnet::Organization& organization, const testnet::Member& member) {
  organization_ = member.msp_id;
  auto local = Value(msp::LoadLocalMsp(testnet::LocalMspFolder(organization, member), member.msp_id,
                                       msp::MspVersion::kV3_0, world_.loop.WallNow()),
                     "the MSP folder");
  identity_ = local.serialized_identity;
  crypto_ = std::make_unique<msp::MspMessageCrypto>(MakeEnvironment(), std::move(local));
  config_ = Value(msp::ChannelConfig::FromBlock(world_.genesis), "the genesis block");
  crypto_->SetChannel(config_->channel_id(), config_);
  tls_identity_ =
      Value(rpc::TlsIdentity::FromPem(member.tls_certificate, member.tls_key.PrivatePem()), "the TLS identity");
  tls_trust_ = Value(rpc::TlsTrust::FromPem({organization.tls_ca.certificate}), "the TLS trust");
}

void BenchNode::OpenLedger() {
  const std::string folder = fmt::format("{}/node{}", world_.ledgers, index_);
  if (auto made = world_.files.MakeFolder(folder); !made) throw std::runtime_error(made.error().message);
  ledger_index_ = Value(runtime::LevelDbIndex::Open(folder + "/index"), "the index");
  ledger_ = Value(
      ledger::Ledger::Open(MakeEnvironment(), world_.files, *ledger_index_,
                           {.folder = folder + "/chain", .channel = config_->channel_id(), .limits = {}, .start = {}}),
      "the ledger");
  // What became of it shows in the height.
  genesis_commit_ = ledger_->Commit(world_.genesis, [](const base::Result<void>&) {});
}

void BenchNode::Listen() {
  rpc::ServerOptions server;
  server.tls = rpc::TlsServerConfig{.identity = [this] { return tls_identity_; },
                                    .client_trust = [this] { return tls_trust_; },
                                    .require_client_certificate = true};
  server_ = Value(rpc::GrpcServer::Listen(world_.loop, std::move(server), &metrics_), "the listener");
  rpc::ClientOptions client;
  client.tls =
      rpc::TlsClientConfig{.identity = [this] { return tls_identity_; }, .trust = [this] { return tls_trust_; }};
  transport_ = std::make_unique<rpc::GrpcTransport>(world_.loop, world_.workers, std::move(client), &metrics_);
}

void BenchNode::Start(const base::Endpoint& bootstrap, OnCommitted committed) {
  node::NodeConfig config;
  config.gossip.membership.endpoint = endpoint();
  config.gossip.membership.external_endpoint = endpoint();
  if (!bootstrap.empty()) config.gossip.membership.bootstrap = {bootstrap};
  node_ = std::make_unique<node::Node>(
      MakeEnvironment(),
      node::NodeParts{.transport = *transport_, .server = *server_, .crypto = *crypto_, .orderers = orderers_},
      identity_, config);
  // Matches nothing, so that it counts and nothing is queued.
  census_ = node_->gossip().comm().Accept("census", [this](const comm::ReceivedMessage& message) {
    received_.Count(message.message(), message.envelope().payload().size());
    return false;
  });
  node_->Start();
  // The name is new for this node, so that joining cannot fail; the benchmark has no further configuration blocks.
  (void)node_->JoinChannel({.name = config_->channel_id(),
                            .ledger = *ledger_,
                            .configuration = {.join = node::MakeJoinMessage(*config_), .orderers = {}},
                            .apply = [this](const base::Bytes&) -> base::Result<node::AppliedConfiguration> {
                              return node::AppliedConfiguration{.join = node::MakeJoinMessage(*config_),
                                                                .orderers = {}};
                            },
                            .committed = [index = index_, committed = std::move(committed)](
                                             std::uint64_t number) { committed(index, number); }});
}

bool BenchNode::Offer(std::uint64_t number, base::Bytes block) {
  ledger::BlockSink& blocks = node_->FindChannel(config_->channel_id())->blocks();
  if (number >= blocks.limit()) return false;
  blocks.Offer(number, std::move(block), ledger::BlockOrigin::kOrderer, [](const base::Result<void>&) {}).Detach();
  return true;
}

std::size_t BenchNode::streams() const {
  std::size_t streams = 0;
  for (const auto& peer : node_->gossip().comm().Peers()) streams += peer.incoming + (peer.outgoing ? 1 : 0);
  return streams;
}

std::map<std::string, std::int64_t> SumMetrics(const std::vector<std::unique_ptr<BenchNode>>& nodes) {
  std::map<std::string, std::int64_t> sums;
  for (const auto& node : nodes) {
    for (const auto& [name, value] : node->metrics().Snapshot()) sums[name] += value;
  }
  return sums;
}

}  // namespace grapevine::bench
