#include "app/demo_peer.h"

#include <algorithm>
#include <utility>

#include "node/channel_peer.h"

namespace grapevine::app {

using base::ErrorCode;
using namespace std::chrono_literals;  // NOLINT

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

// A peer as operators run it, but on loopback and with hurried elections.
base::Result<node::Configuration> MakeConfiguration(const DemoWorld& world, const PeerFiles& files,
                                                    const std::string& folder, const base::Endpoint& bootstrap) {
  node::Configuration configuration;
  configuration.id = files.name;
  configuration.organization = FindOrganization(*world.genesis_config, files.msp);
  if (configuration.organization.empty()) {
    return base::Fail(
        ErrorCode::kInvalid,
        "no organisation of channel '{}' has issued the certificate in '{}/msp/signcerts': the identities and "
        "the genesis block must be of the same network",
        world.genesis_config->channel_id(), files.folder);
  }
  configuration.listen_address = "127.0.0.1:0";
  configuration.msp_folder = files.folder + "/msp";
  configuration.data_folder = folder;
  configuration.tls.enabled = true;
  configuration.tls.client_auth_required = true;
  configuration.gossip.endpoint = "127.0.0.1:0";
  configuration.gossip.external_endpoint = "127.0.0.1:0";
  if (!bootstrap.empty()) configuration.gossip.bootstrap = {bootstrap};
  configuration.state.enabled = true;
  configuration.election.use_leader_election = true;
  configuration.election.startup_grace_period = 2s;
  configuration.election.membership_sample_interval = 200ms;
  configuration.election.leader_alive_threshold = 2s;
  configuration.election.leader_election_duration = 1s;
  return configuration;
}

base::Result<runtime::PeerFiles> MakeFiles(const PeerFiles& files) {
  auto identity = rpc::TlsIdentity::FromPem(files.tls_certificate, files.tls_key);
  if (!identity) return base::Wrap(identity.error(), "'{}/tls', server.crt and server.key", files.folder);
  return runtime::PeerFiles{
      .msp = files.msp,
      .tls = {.server = *identity, .client = *identity, .authorities = {}, .client_authorities = {}},
      .operations_tls = {},
      .overrides = {},
      .warnings = {}};
}

}  // namespace

DemoPeer::DemoPeer(const DemoWorld& world, std::string name)
    : world_(world), name_(std::move(name)), latency_(LatencyBounds()) {}

base::Result<std::unique_ptr<DemoPeer>> DemoPeer::Create(const DemoWorld& world, const PeerFiles& files,
                                                         const std::string& folder, const base::Endpoint& bootstrap,
                                                         std::uint64_t seed, OnCommitted committed) {
  std::unique_ptr<DemoPeer> peer(new DemoPeer(world, files.name));
  auto configuration = MakeConfiguration(world, files, folder, bootstrap);
  if (!configuration) return base::Wrap(configuration.error(), "{}", files.name);
  auto content = MakeFiles(files);
  if (!content) return base::Wrap(content.error(), "{}", files.name);
  auto opened = runtime::Peer::Open(world.host, {.configuration = std::move(*configuration),
                                                 .files = std::move(*content),
                                                 .hooks = peer->MakeHooks(std::move(committed)),
                                                 .log_name = "gossip." + files.name,
                                                 .seed = seed});
  if (!opened) return base::Wrap(opened.error(), "{}", files.name);
  peer->peer_ = std::move(*opened);
  if (peer->height() > 0) {
    return base::Fail(ErrorCode::kInvalid,
                      "{}: the ledger in '{}' has {} blocks: the demo starts with new ones; name an empty folder",
                      files.name, folder, peer->height());
  }
  return peer;
}

runtime::PeerHooks DemoPeer::MakeHooks(OnCommitted committed) {
  return {.network =
              [this](node::NodeParts parts) {
                cable_ = std::make_unique<Cable>(world_.host.loop, parts.transport, parts.server, parts.orderers);
                return node::NodeParts{
                    .transport = *cable_, .server = *cable_, .crypto = parts.crypto, .orderers = *cable_};
              },
          .configuration =
              [this](const std::string&, node::AppliedConfiguration& applied) {
                applied.join.anchor_peers = world_.anchors;
                for (auto& [name, organization] : applied.orderers.organizations) organization.addresses.clear();
                applied.orderers.addresses = {world_.orderer};
              },
          .committed = [this, committed = std::move(committed)](const std::string&,
                                                                std::uint64_t number) { committed(*this, number); }};
}

base::Result<void> DemoPeer::Start() {
  if (auto started = peer_->Start(); !started) return base::Wrap(started.error(), "{}", name_);
  if (peer_->FindConfig(world_.genesis_config->channel_id()) != nullptr) return {};
  peer_->JoinChannel(world_.genesis, [this](const base::Result<std::string>& joined) {
    if (!joined) join_failure_ = joined.error();
  });
  return {};
}

void DemoPeer::Kill() {
  peer_->Kill();
  cable_.reset();
}

void DemoPeer::SetCut(bool cut) {
  if (!running()) return;
  cable_->SetCut(cut);
  if (!cut) return;
  auto& comm = peer_->node()->gossip().comm();
  for (const auto& peer : comm.Peers()) comm.CloseConn(peer.pki_id);
}

node::ChannelPeer* DemoPeer::channel() const {
  return running() ? peer_->node()->FindChannel(world_.genesis_config->channel_id()) : nullptr;
}

bool DemoPeer::leads() const {
  const auto* joined = channel();
  return joined != nullptr && joined->status().leader;
}

std::optional<base::Error> DemoPeer::trouble() const {
  std::optional<base::Error> found = join_failure_;
  if (const auto* joined = channel(); joined != nullptr && !found) {
    // Nobody here sends bad blocks, so the recorded chain itself is to blame.
    found = joined->last_refusal() ? joined->last_refusal() : joined->status().trouble;
  }
  if (found) found->message = name_ + ": " + found->message;
  return found;
}

std::uint64_t DemoPeer::height() const {
  const auto* ledger = peer_->FindLedger(world_.genesis_config->channel_id());
  return ledger == nullptr ? 0 : ledger->height();
}

std::string DemoPeer::current_hash() const {
  const auto* ledger = peer_->FindLedger(world_.genesis_config->channel_id());
  return ledger == nullptr ? std::string() : ledger->current_hash();
}

std::size_t DemoPeer::alive() const { return running() ? peer_->node()->gossip().Peers().size() : 0; }

std::size_t DemoPeer::channel_members() const {
  if (channel() == nullptr) return 0;
  const auto members = peer_->node()->gossip().PeersOfChannel(world_.genesis_config->channel_id());
  return static_cast<std::size_t>(
      std::ranges::count_if(members, [&](const auto& member) { return member.peer.organization == organization(); }));
}

std::map<wire::PkiId, std::uint64_t> DemoPeer::SeenHeights() const {
  std::map<wire::PkiId, std::uint64_t> heights;
  if (channel() == nullptr) return heights;
  for (const auto& member : peer_->node()->gossip().PeersOfChannel(world_.genesis_config->channel_id())) {
    heights[member.peer.pki_id] = member.properties.ledger_height;
  }
  return heights;
}

void DemoPeer::ObserveLatency(base::Duration latency) {
  latency_.Observe(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(latency).count()));
}

DemoRow DemoPeer::Row(base::Duration elapsed) {
  const std::uint64_t now = height();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  const std::uint64_t rate =
      milliseconds > 0 ? (now - last_height_) * 1000 / static_cast<std::uint64_t>(milliseconds) : 0;
  last_height_ = now;
  return {.peer = name_,
          .state = !running() ? "down"
                   : cut()    ? "cut off"
                   : leads()  ? "leader"
                              : "",
          .alive = alive(),
          .height = now,
          .advertised = {},
          .blocks_per_second = rate,
          .latency_p50 = std::chrono::microseconds(latency_.Quantile(500)),
          .latency_p99 = std::chrono::microseconds(latency_.Quantile(990))};
}

}  // namespace grapevine::app
