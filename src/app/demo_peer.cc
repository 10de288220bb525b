#include "app/demo_peer.h"

#include <algorithm>
#include <utility>

#include "msp/pem.h"
#include "node/join_message.h"

namespace grapevine::app {

using base::ErrorCode;

namespace {

// Blocks that a peer keeps for others: the recorded chain, so that whoever comes late or was away finds all of it.
constexpr std::uint64_t kBlockWindow = 250;

// Upper bounds of latencies in microseconds: 100 us to about 100 s in steps of a tenth.
std::vector<std::uint64_t> LatencyBounds() {
  std::vector<std::uint64_t> bounds;
  for (std::uint64_t bound = 100; bound < 100'000'000; bound += bound / 10) bounds.push_back(bound);
  return bounds;
}

// The organisation whose MSP knows the certificate in `signcerts`: the tree of files does not name it.
std::string FindOrganization(const msp::ChannelConfig& config, const msp::MspFolder& folder) {
  const auto certificates = folder.find("signcerts");
  if (certificates == folder.end() || certificates->second.empty()) return {};
  for (const auto& [msp_id, msp] : config.msp_manager().msps()) {
    if (msp->Deserialize(certificates->second.begin()->second)) return msp_id;
  }
  return {};
}

}  // namespace

DemoPeer::DemoPeer(DemoWorld& world, PeerFiles files, std::uint64_t seed)
    : world_(world),
      name_(files.name),
      files_(std::move(files)),
      random_(seed),
      latency_(LatencyBounds()),
      orderers_(world.loop) {}

DemoPeer::~DemoPeer() = default;

base::Result<std::unique_ptr<DemoPeer>> DemoPeer::Create(DemoWorld& world, PeerFiles files, const std::string& folder,
                                                         std::uint64_t seed) {
  auto peer = std::unique_ptr<DemoPeer>(new DemoPeer(world, std::move(files), seed));
  if (auto loaded = peer->Load(folder); !loaded) return base::Wrap(loaded.error(), "{}", peer->name_);
  return peer;
}

base::Environment DemoPeer::MakeEnvironment() {
  return {.executor = world_.loop,
          .workers = world_.workers,
          .random = random_,
          .metrics = metrics_,
          .log = base::Logger(&world_.log, "gossip." + name_)};
}

base::Result<void> DemoPeer::Load(const std::string& folder) {
  const auto genesis = msp::ChannelConfig::FromBlock(world_.genesis);
  if (!genesis) return base::Wrap(genesis.error(), "the genesis block");
  if (auto loaded = LoadIdentity(**genesis); !loaded) return loaded;
  if (auto applied = Apply(world_.genesis); !applied) return applied;

  if (auto made = world_.files.MakeFolder(folder); !made) return made;
  auto index = runtime::LevelDbIndex::Open(folder + "/index");
  if (!index) return std::unexpected(index.error());
  index_ = std::move(*index);
  auto ledger = ledger::Ledger::Open(MakeEnvironment(), world_.files, *index_,
                                     {.folder = folder + "/chains/" + config_->channel_id(),
                                      .channel = config_->channel_id(),
                                      .limits = {},
                                      .start = {}});
  if (!ledger) return std::unexpected(ledger.error());
  ledger_ = std::move(*ledger);
  if (ledger_->height() > 0) {
    return base::Fail(ErrorCode::kInvalid,
                      "the ledger in '{}' has {} blocks: the demo starts with new ones; name an empty folder", folder,
                      ledger_->height());
  }

  if (auto listening = Listen(); !listening) return listening;
  endpoint_ = server_->address();
  pki_id_ = crypto_->PkiIdOf(identity_).value_or(wire::PkiId());
  return {};
}

base::Result<void> DemoPeer::Listen() {
  rpc::ClientOptions client;
  client.tls = {.identity = [this] { return tls_identity_; }, .trust = [this] { return tls_trust_; }};
  transport_ = std::make_unique<rpc::GrpcTransport>(world_.loop, world_.workers, std::move(client), &metrics_);
  rpc::ServerOptions options;
  if (!endpoint_.empty()) options.listen_address = endpoint_;
  options.tls = {.identity = [this] { return tls_identity_; },
                 .client_trust = [this] { return tls_trust_; },
                 .require_client_certificate = true};
  auto server = rpc::GrpcServer::Listen(world_.loop, std::move(options), &metrics_);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  cable_ = std::make_unique<Cable>(world_.loop, *transport_, *server_);
  return {};
}

base::Result<void> DemoPeer::LoadIdentity(const msp::ChannelConfig& genesis) {
  organization_ = FindOrganization(genesis, files_.msp);
  if (organization_.empty()) {
    return base::Fail(
        ErrorCode::kInvalid,
        "no organisation of channel '{}' has issued the certificate in '{}/msp/signcerts': the identities and "
        "the genesis block must be of the same network",
        genesis.channel_id(), files_.folder);
  }
  auto local = msp::LoadLocalMsp(files_.msp, organization_, msp::MspVersion::kV3_0, world_.loop.WallNow());
  if (!local) return base::Wrap(local.error(), "the MSP folder '{}/msp'", files_.folder);
  identity_ = local->serialized_identity;
  crypto_ = std::make_unique<msp::MspMessageCrypto>(MakeEnvironment(), std::move(*local));
  auto tls = rpc::TlsIdentity::FromPem(files_.tls_certificate, files_.tls_key);
  if (!tls) return base::Wrap(tls.error(), "'{}/tls', server.crt and server.key", files_.folder);
  tls_identity_ = std::move(*tls);
  return {};
}

base::Result<void> DemoPeer::Apply(base::ByteView config_block) {
  auto config = msp::ChannelConfig::FromBlock(config_block);
  if (!config) return std::unexpected(config.error());
  std::vector<std::string> authorities;
  for (const auto& certificate : (*config)->application_tls_authorities()) {
    authorities.push_back(msp::EncodePem("CERTIFICATE", certificate->der()));
  }
  auto trust = rpc::TlsTrust::FromPem(authorities);
  if (!trust) return std::unexpected(trust.error());
  // The order of 03, 8.5: what gossip asks about identities first, then whom TLS trusts.
  config_ = std::move(*config);
  crypto_->SetChannel(config_->channel_id(), config_);
  tls_trust_ = std::move(*trust);
  return {};
}

base::Result<void> DemoPeer::Start(const base::Endpoint& bootstrap, std::vector<membership::AnchorPeer> anchors,
                                   OnCommitted committed) {
  anchors_ = std::move(anchors);
  committed_ = std::move(committed);
  if (server_ == nullptr) {
    if (auto listening = Listen(); !listening) return listening;
  }
  node::NodeConfig config;
  config.organization = organization_;
  config.gossip.membership.endpoint = endpoint_;
  config.gossip.membership.external_endpoint = endpoint_;
  if (!bootstrap.empty()) config.gossip.membership.bootstrap = {bootstrap};
  config.gossip.channel.block_window = kBlockWindow;
  node_ = std::make_unique<node::Node>(
      MakeEnvironment(),
      node::NodeParts{.transport = *cable_, .server = *cable_, .crypto = *crypto_, .orderers = orderers_}, identity_,
      config);
  node_->Start();
  if (ledger_->height() > 0) {
    JoinChannel();
    return {};
  }
  genesis_commit_ = ledger_->Commit(world_.genesis, [this](base::Result<void> stored) {
    if (!stored) return;  // told by the ledger's height, which stays 0
    JoinChannel();
    committed_(*this, 0);
  });
  return {};
}

void DemoPeer::JoinChannel() {
  const auto join = [this] {
    auto message = node::MakeJoinMessage(*config_);
    message.anchor_peers = anchors_;
    return message;
  };
  // The name is new for this node, so that joining cannot fail.
  (void)node_->JoinChannel(
      {.name = config_->channel_id(),
       .ledger = *ledger_,
       .configuration = {.join = join(), .orderers = {}},
       .apply = [this, join](const base::Bytes& block) -> base::Result<node::AppliedConfiguration> {
         if (auto applied = Apply(block); !applied) return std::unexpected(applied.error());
         return node::AppliedConfiguration{.join = join(), .orderers = {}};
       },
       .committed = [this](std::uint64_t number) { committed_(*this, number); }});
}

void DemoPeer::Kill() {
  genesis_commit_.Reset();
  node_.reset();
  cable_.reset();
  server_.reset();
  transport_.reset();
}

void DemoPeer::SetCut(bool cut) {
  if (node_ == nullptr) return;
  cable_->SetCut(cut);
  if (!cut) return;
  for (const auto& peer : node_->gossip().comm().Peers()) node_->gossip().comm().CloseConn(peer.pki_id);
}

std::size_t DemoPeer::channel_members() const {
  if (node_ == nullptr) return 0;
  const auto members = node_->gossip().PeersOfChannel(config_->channel_id());
  return static_cast<std::size_t>(
      std::ranges::count_if(members, [&](const auto& member) { return member.peer.organization == organization_; }));
}

std::map<wire::PkiId, std::uint64_t> DemoPeer::SeenHeights() const {
  std::map<wire::PkiId, std::uint64_t> heights;
  if (node_ == nullptr) return heights;
  for (const auto& member : node_->gossip().PeersOfChannel(config_->channel_id())) {
    heights[member.peer.pki_id] = member.properties.ledger_height;
  }
  return heights;
}

void DemoPeer::ObserveLatency(base::Duration latency) {
  latency_.Observe(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(latency).count()));
}

DemoRow DemoPeer::Row(base::Duration elapsed) {
  const std::uint64_t height = ledger_->height();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  const std::uint64_t rate =
      milliseconds > 0 ? (height - last_height_) * 1000 / static_cast<std::uint64_t>(milliseconds) : 0;
  last_height_ = height;
  return {.peer = name_,
          .state = node_ == nullptr ? "down"
                   : cut()          ? "cut off"
                                    : "",
          .alive = alive(),
          .height = height,
          .advertised = {},
          .blocks_per_second = rate,
          .latency_p50 = std::chrono::microseconds(latency_.Quantile(500)),
          .latency_p99 = std::chrono::microseconds(latency_.Quantile(990))};
}

}  // namespace grapevine::app
