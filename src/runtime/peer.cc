#include "runtime/peer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <random>
#include <ranges>
#include <utility>

#include "delivery/orderer_endpoints.h"
#include "msp/pem.h"
#include "node/config_channel.h"
#include "node/config_gossip.h"
#include "node/join_message.h"

namespace grapevine::runtime {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

// Clients are given so long to close by themselves when the peer stops.
constexpr base::Duration kDrain = std::chrono::seconds(2);

std::uint64_t SystemSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

rpc::SessionLimits LimitsOf(const node::Configuration& configuration) {
  rpc::SessionLimits limits;
  limits.max_receive_message_bytes = configuration.max_receive_bytes;
  limits.max_send_message_bytes = configuration.max_send_bytes;
  return limits;
}

// An address with port 0 stands for the port that the peer listens on.
base::Endpoint WithPort(const base::Endpoint& endpoint, const base::Endpoint& listening) {
  if (!endpoint.ends_with(":0")) return endpoint;
  return endpoint.substr(0, endpoint.size() - 1) + listening.substr(listening.rfind(':') + 1);
}

std::vector<std::string> PemOf(const std::vector<msp::CertificatePtr>& certificates) {
  std::vector<std::string> texts;
  for (const auto& certificate : certificates) texts.push_back(msp::EncodePem("CERTIFICATE", certificate->der()));
  return texts;
}

}  // namespace

Peer::Peer(PeerHost host, PeerOptions options)
    : host_(host),
      configuration_(std::move(options.configuration)),
      files_(std::move(options.files)),
      hooks_(std::move(options.hooks)),
      random_(options.seed ? *options.seed : SystemSeed()),
      log_(&host.log, std::move(options.log_name)),
      workers_(host.workers) {}

Peer::~Peer() = default;

Result<std::unique_ptr<Peer>> Peer::Open(PeerHost host, PeerOptions options) {
  auto peer = std::unique_ptr<Peer>(new Peer(host, std::move(options)));
  if (auto opened = peer->Open(); !opened) return std::unexpected(opened.error());
  return peer;
}

base::Environment Peer::MakeEnvironment() {
  return {.executor = host_.loop, .workers = workers_, .random = random_, .metrics = metrics_, .log = log_};
}

Result<void> Peer::Open() {
  if (auto taken = TakeFiles(std::move(files_)); !taken) return taken;
  auto data = DataFolder::Open(host_.files, configuration_.data_folder);
  if (!data) return std::unexpected(data.error());
  data_ = std::move(*data);
  if (!data_->discarded_index().empty()) {
    log_.Warn("the index of blocks is built anew: {}", data_->discarded_index());
  }
  const auto incarnation = data_->ReadIncarnation();
  if (!incarnation) return std::unexpected(incarnation.error());
  durable_incarnation_ = *incarnation;
  if (auto opened = OpenChannels(); !opened) return opened;
  return Listen();
}

Result<void> Peer::TakeFiles(PeerFiles files) {
  auto local = msp::LoadLocalMsp(files.msp, configuration_.organization, msp::MspVersion::kV3_0, host_.loop.WallNow());
  if (!local) {
    return base::Wrap(local.error(), "peer.mspConfigPath '{}' of peer.localMspId '{}'", configuration_.msp_folder,
                      configuration_.organization);
  }
  if (configuration_.tls.enabled) {
    if (auto set = tls_.SetMaterial(files.tls); !set) return base::Wrap(set.error(), "peer.tls");
  }
  for (const std::string& warning : local->warnings) log_.Warn("peer.mspConfigPath: {}", warning);
  local_ = std::move(*local);
  files_ = std::move(files);
  return {};
}

Result<void> Peer::OpenChannels() {
  const auto names = data_->Channels();
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    auto ledger = data_->OpenLedger(MakeEnvironment(), name);
    if (!ledger) return base::Wrap(ledger.error(), "channel '{}'", name);
    if ((*ledger)->height() == (*ledger)->first_block()) {
      log_.Warn("channel '{}' was never joined completely: join it again", name);
      continue;
    }
    if (!(*ledger)->config_block()) {
      return Fail(ErrorCode::kCorrupt, "channel '{}': no configuration block in '{}'", name, data_->LedgerFolder(name));
    }
    auto config = msp::ChannelConfig::FromBlock((*ledger)->config_block()->block);
    if (!config) return base::Wrap(config.error(), "channel '{}': its newest configuration", name);
    Channel& channel = channels_[name];
    channel.ledger = std::move(*ledger);
    channel.joined = true;
    if (auto used = UseConfig(name, channel, std::move(*config)); !used) return used;
    log_.Info("channel {}: height {}", name, channel.ledger->height());
  }
  return {};
}

Result<void> Peer::Listen() {
  rpc::ServerOptions options;
  options.listen_address =
      listening_.empty() ? configuration_.listen_address : WithPort(configuration_.listen_address, listening_);
  if (configuration_.tls.enabled) options.tls = tls_.ForServer(configuration_.tls.client_auth_required);
  options.limits = LimitsOf(configuration_);
  options.keepalive = {configuration_.keepalive.server_interval, configuration_.keepalive.server_timeout};
  options.min_ping_interval = configuration_.keepalive.server_min_interval;
  options.handshake_timeout = configuration_.connection_timeout;
  auto server = rpc::GrpcServer::Listen(host_.loop, std::move(options), &metrics_);
  if (!server) return base::Wrap(server.error(), "peer.listenAddress '{}'", configuration_.listen_address);
  server_ = std::move(*server);
  listening_ = server_->address();
  external_endpoint_ = WithPort(configuration_.gossip.external_endpoint, listening_);
  endpoint_ =
      configuration_.gossip.endpoint.empty() ? listening_ : WithPort(configuration_.gossip.endpoint, listening_);
  return {};
}

Result<void> Peer::Start() {
  if (server_ == nullptr) {
    if (auto listening = Listen(); !listening) return listening;
  }
  rpc::ClientOptions client;
  if (configuration_.tls.enabled) client.tls = tls_.ForClient();
  client.limits = LimitsOf(configuration_);
  client.keepalive = {configuration_.keepalive.client_interval, configuration_.keepalive.client_timeout};
  transport_ = std::make_unique<rpc::GrpcTransport>(host_.loop, workers_, std::move(client), &metrics_);
  OrdererDialerOptions orderers;
  orderers.tls = configuration_.tls.enabled;
  if (configuration_.tls.client_auth_required) orderers.identity = tls_.client_identity();
  orderers.limits = LimitsOf(configuration_);
  orderers.keepalive = {configuration_.keepalive.deliver_interval, configuration_.keepalive.deliver_timeout};
  orderers_ = std::make_unique<OrdererDialer>(host_.loop, workers_, std::move(orderers), &metrics_);
  return StartNode();
}

node::NodeConfig Peer::MakeNodeConfig(std::uint64_t last_incarnation) const {
  node::NodeConfig config;
  config.gossip = node::ToGossipConfig(configuration_);
  auto& membership = config.gossip.membership;
  membership.endpoint = endpoint_;
  membership.external_endpoint = external_endpoint_;
  membership.last_incarnation = last_incarnation;
  config.channel = node::ToChannelPeerConfig(configuration_);
  config.channel.orderer_overrides = files_.overrides;
  return config;
}

Result<void> Peer::StartNode() {
  crypto_ = std::make_unique<msp::MspMessageCrypto>(MakeEnvironment(), *local_);
  for (const auto& [name, channel] : channels_) crypto_->SetChannel(name, channel.config);
  node::NodeParts parts{.transport = *transport_, .server = *server_, .crypto = *crypto_, .orderers = *orderers_};
  node_ = std::make_unique<node::Node>(MakeEnvironment(), hooks_.network ? hooks_.network(parts) : parts,
                                       local_->serialized_identity, MakeNodeConfig(durable_incarnation_));
  pki_id_ = node_->pki_id();
  // Durable before anybody hears of it: after a crash the next start must outrank it, whatever the clock says.
  const std::uint64_t incarnation = node_->gossip().membership().incarnation();
  if (auto written = data_->WriteIncarnation(incarnation); !written) {
    StopNode();
    return written;
  }
  durable_incarnation_ = incarnation;
  membership_changes_ = node_->gossip().membership().OnChange([this] { PersistIncarnation(); });
  node_->Start();
  for (auto& [name, channel] : channels_) {
    if (channel.joined) JoinNode(name, channel);
  }
  return {};
}

// It grows when an own message of a later incarnation turns up, because the file or the clock was set back.
void Peer::PersistIncarnation() {
  const std::uint64_t incarnation = node_->gossip().membership().incarnation();
  if (incarnation <= durable_incarnation_) return;
  durable_incarnation_ = incarnation;
  incarnation_write_ = workers_.Run(
      base::WorkKind::kDisk, [data = data_.get(), incarnation] { return data->WriteIncarnation(incarnation); },
      [this](const Result<void>& written) {
        if (!written) log_.Warn("the incarnation is not stored: {}", written.error().message);
      });
}

void Peer::StopNode() {
  membership_changes_.Reset();
  node_.reset();
  crypto_.reset();
}

void Peer::Kill() {
  StopNode();
  orderers_.reset();
  transport_.reset();
  server_.reset();
}

void Peer::Stop(base::Task done) {
  StopNode();
  if (server_ == nullptr) return host_.loop.Post(std::move(done));
  server_->Shutdown(kDrain, lifetime_.Guard([this, done = std::move(done)]() mutable {
    Kill();
    done();
  }));
}

std::vector<std::string> Peer::Channels() const {
  std::vector<std::string> names;
  for (const auto& [name, channel] : channels_) {
    if (channel.joined) names.push_back(name);
  }
  return names;
}

ledger::Ledger* Peer::FindLedger(const std::string& channel) {
  const auto found = channels_.find(channel);
  return found == channels_.end() || !found->second.joined ? nullptr : found->second.ledger.get();
}

msp::ChannelConfigPtr Peer::FindConfig(const std::string& channel) const {
  const auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : found->second.config;
}

// The order of 03, 8.5: what gossip asks about identities first, then whom TLS trusts.
Result<void> Peer::UseConfig(const std::string& name, Channel& channel, msp::ChannelConfigPtr config) {
  if (config->channel_id() != name) {
    return Fail(ErrorCode::kInvalid, "channel '{}': the configuration is that of channel '{}'", name,
                config->channel_id());
  }
  auto trusted = tls_.SetChannel(name, PemOf(config->application_tls_authorities()));
  if (!trusted) return base::Wrap(trusted.error(), "channel '{}': the TLS authorities", name);
  channel.config = std::move(config);
  if (crypto_) crypto_->SetChannel(name, channel.config);
  CheckOwnIdentity(name, *channel.config);
  return {};
}

// Not an error: a later configuration may know the certificate, and an earlier one, by which a channel is joined, need
// not.
void Peer::CheckOwnIdentity(const std::string& name, const msp::ChannelConfig& config) const {
  const auto own = config.msp_manager().Deserialize(local_->serialized_identity);
  const Result<void> valid = own ? (*own)->validation() : std::unexpected(own.error());
  if (valid) return;
  log_.Warn(
      "channel {}: the peer's certificate (peer.mspConfigPath) makes it no member of '{}' (peer.localMspId) as the "
      "channel's configuration {} has it, other peers will refuse it: {}",
      name, configuration_.organization, config.sequence(), valid.error().message);
}

node::AppliedConfiguration Peer::Describe(const std::string& name, const Channel& channel) const {
  node::AppliedConfiguration applied{.join = node::MakeJoinMessage(*channel.config),
                                     .orderers = delivery::MakeOrdererSources(*channel.config)};
  if (hooks_.configuration) hooks_.configuration(name, applied);
  return applied;
}

void Peer::JoinNode(const std::string& name, Channel& channel) {
  auto joined = node_->JoinChannel(
      {.name = name,
       .ledger = *channel.ledger,
       .configuration = Describe(name, channel),
       .apply = [this, name, &channel](const base::Bytes& block) -> Result<node::AppliedConfiguration> {
         auto config = msp::ChannelConfig::FromBlock(block);
         if (!config) return std::unexpected(config.error());
         if (auto used = UseConfig(name, channel, std::move(*config)); !used) return std::unexpected(used.error());
         return Describe(name, channel);
       },
       .committed =
           [this, name](std::uint64_t number) {
             // Who leaves the channel there destroys this function, and its name with it.
             if (hooks_.committed) hooks_.committed(std::string(name), number);
           }});
  if (!joined) log_.Error("channel {}: {}", name, joined.error().message);
}

}  // namespace grapevine::runtime
