#include "app/demo_peer.h"

#include <utility>

#include "msp/pem.h"

namespace grapevine::app {

using base::ErrorCode;

namespace {

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
    : world_(world), name_(files.name), files_(std::move(files)), random_(seed), latency_(LatencyBounds()) {}

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

  rpc::ClientOptions client;
  client.tls = {.identity = [this] { return tls_identity_; }, .trust = [this] { return tls_trust_; }};
  transport_ = std::make_unique<rpc::GrpcTransport>(world_.loop, world_.workers, std::move(client), &metrics_);
  rpc::ServerOptions options;
  options.tls = {.identity = [this] { return tls_identity_; },
                 .client_trust = [this] { return tls_trust_; },
                 .require_client_certificate = true};
  auto server = rpc::GrpcServer::Listen(world_.loop, std::move(options), &metrics_);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
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

node::Member DemoPeer::member() const {
  return {.endpoint = server_->address(),
          .pki_id = crypto_->PkiIdOf(identity_).value_or(wire::PkiId()),
          .organization = organization_};
}

void DemoPeer::Start(const std::vector<node::Member>& everyone, OnCommitted committed) {
  std::vector<node::Member> others = everyone;
  std::erase_if(others, [own = member().pki_id](const node::Member& other) { return other.pki_id == own; });
  genesis_commit_ = ledger_->Commit(world_.genesis, [this, others = std::move(others),
                                                     committed = std::move(committed)](base::Result<void> stored) {
    if (!stored) return;  // told by the ledger's height, which stays 0
    node_ = std::make_unique<node::Node>(
        MakeEnvironment(),
        node::NodeParts{.transport = *transport_, .server = *server_, .crypto = *crypto_, .ledger = *ledger_},
        identity_, std::make_unique<node::StaticMembership>(others),
        [this](const base::Bytes& block) { return Apply(block); },
        [this, committed](std::uint64_t number) { committed(*this, number); },
        node::NodeConfig{.channel = config_->channel_id(), .organization = organization_, .comm = {}, .mapper = {}});
    committed(*this, 0);
  });
}

void DemoPeer::ObserveLatency(base::Duration latency) {
  latency_.Observe(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(latency).count()));
}

DemoRow DemoPeer::Row(bool source, base::Duration elapsed) {
  std::size_t connections = 0;
  if (node_) {
    for (const auto& peer : node_->comm().Peers()) connections += peer.outgoing || peer.incoming > 0 ? 1 : 0;
  }
  const std::uint64_t height = ledger_->height();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  const std::uint64_t rate =
      milliseconds > 0 ? (height - last_height_) * 1000 / static_cast<std::uint64_t>(milliseconds) : 0;
  last_height_ = height;
  return {.peer = name_,
          .source = source,
          .connections = connections,
          .height = height,
          .blocks_per_second = rate,
          .latency_p50 = std::chrono::microseconds(latency_.Quantile(500)),
          .latency_p99 = std::chrono::microseconds(latency_.Quantile(990)),
          .duplicates = metrics_.CounterValue("grapevine_blocks_duplicate", {{"channel", config_->channel_id()}})};
}

}  // namespace grapevine::app
