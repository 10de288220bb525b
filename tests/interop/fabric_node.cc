#include "interop/fabric_node.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "msp/pem.h"
#include "msp/serialized_identity.h"

namespace grapevine::interop {

namespace fs = std::filesystem;

namespace {

template <typename T>
T Need(base::Result<T> result, const std::string& what) {
  if (result) return std::move(*result);
  fmt::print(stderr, "error: {}: {}\n", what, result.error().message);
  std::exit(2);
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file && !content.empty()) return content;
  fmt::print(stderr, "error: cannot read '{}': name the folder that grapevine testnet made\n", path.string());
  std::exit(2);
}

// "peer1.org2" -> "org2".
std::string OrganizationPart(const std::string& name) { return name.substr(name.find('.') + 1); }

fs::path FolderOf(const std::string& network, const std::string& name) {
  const std::string domain = OrganizationPart(name) + ".example.com";
  return fs::path(network) / "crypto" / "peerOrganizations" / domain / "peers" / (name + ".example.com");
}

std::string MspIdOf(const std::string& name) { return "Org" + OrganizationPart(name).substr(3) + "MSP"; }

}  // namespace

World::World(std::string from, base::LogLevel level) : folder(std::move(from)), log({.spec = runtime::LogSpec(level)}) {
  const base::Bytes genesis(ReadFile(fs::path(folder) / "mychannel.block"));
  channel = Need(msp::ChannelConfig::FromBlock(genesis), "the genesis block");
  std::vector<std::string> authorities;
  for (const auto& certificate : channel->application_tls_authorities()) {
    authorities.push_back(msp::EncodePem("CERTIFICATE", certificate->der()));
  }
  trust = Need(rpc::TlsTrust::FromPem(authorities), "the TLS authorities");
  std::istringstream lines(ReadFile(fs::path(folder) / "endpoints.txt"));
  for (std::string host, msp_id, endpoint; lines >> host >> msp_id >> endpoint;) {
    endpoints[host.substr(0, host.find(".example.com"))] = endpoint;
  }
}

msp::LocalMsp LoadIdentity(const World& world, const std::string& network, const std::string& name) {
  msp::MspFolder folder;
  const fs::path root = FolderOf(network, name) / "msp";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const fs::path parent = entry.path().parent_path();
    folder[parent == root ? "" : parent.filename().string()][entry.path().filename().string()] = ReadFile(entry.path());
  }
  return Need(msp::LoadLocalMsp(folder, MspIdOf(name), msp::MspVersion::kV1_4_3, world.loop.WallNow()), root.string());
}

FabricPeer::FabricPeer(const World& world, const std::string& of)
    : name(of), organization(MspIdOf(of)), remote{.endpoint = world.endpoints.at(of), .pki_id = {}} {
  const msp::LocalMsp local = LoadIdentity(world, world.folder, of);
  remote.pki_id = Need(msp::ComputePkiId(local.serialized_identity), of);
}

FabricNode::FabricNode(World& world, const std::string& name, const std::string& identities, Decorate decorate)
    : world_(world),
      name_(name),
      local_(LoadIdentity(world, identities, name)),
      decorate_(std::move(decorate)),
      random_(std::hash<std::string>()(name)),
      crypto_(environment(), local_),
      mapper_(environment(), crypto_, local_.serialized_identity),
      tls_(Need(rpc::TlsIdentity::FromPem(ReadFile(FolderOf(world.folder, name) / "tls" / "server.crt"),
                                          ReadFile(FolderOf(world.folder, name) / "tls" / "server.key")),
                name + "'s TLS certificate")) {
  crypto_.SetChannel(world_.channel->channel_id(), world_.channel);
}

base::Environment FabricNode::environment() {
  return {.executor = world_.loop,
          .workers = world_.workers,
          .random = random_,
          .metrics = metrics_,
          .log = base::Logger(&world_.log, "gossip." + name_)};
}

void FabricNode::Start() {
  incarnation_ = static_cast<std::uint64_t>(world_.loop.WallNow().time_since_epoch().count());
  received_.clear();
  rpc::ServerOptions server;
  server.listen_address = world_.endpoints.at(name_);
  server.tls = rpc::TlsServerConfig{.identity = [this] { return tls_; },
                                    .client_trust = [this] { return world_.trust; },
                                    .require_client_certificate = true};
  server_ = Need(rpc::GrpcServer::Listen(world_.loop, std::move(server), &metrics_), name_);
  rpc::ClientOptions client;
  client.tls = rpc::TlsClientConfig{.identity = [this] { return tls_; }, .trust = [this] { return world_.trust; }};
  transport_ = std::make_unique<rpc::GrpcTransport>(world_.loop, world_.workers, std::move(client), &metrics_);
  if (decorate_) decorated_ = decorate_(*transport_);
  comm_ =
      std::make_unique<comm::Comm>(environment(), decorated_ ? *decorated_ : *transport_, *server_, mapper_, crypto_);
  dead_ = comm_->OnPresumedDead([this](const wire::PkiId&) { ++presumed_dead_; });
  messages_ = comm_->Accept("interop", [](const comm::ReceivedMessage&) { return true; });
  messages_.ReceiveAll([this](const comm::ReceivedMessagePtr& message) {
    ++received_[message->connection().pki_id][wire::TypeName(message->message().content)];
    if (message->message().As<wire::MembershipResponse>() != nullptr) {
      answered_.emplace(message->message().nonce, world_.loop.Now());
    }
  });
}

void FabricNode::Stop() {
  messages_ = {};
  dead_.Reset();
  comm_.reset();
  decorated_.reset();
  transport_.reset();
  server_.reset();
}

wire::Envelope FabricNode::Alive(Tell tell) {
  const base::Endpoint& endpoint = world_.endpoints.at(name_);
  const auto sign = [this](base::ByteView payload) { return base::Bytes(Need(local_.key.Sign(payload), name_)); };
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(wire::AliveMessage{
      .membership = {.endpoint = tell == Tell::kInternal ? "" : endpoint, .metadata = {}, .pki_id = pki_id()},
      .timestamp = {.incarnation = incarnation_, .sequence = ++sequence_},
      .identity = local_.serialized_identity}));
  if (tell == Tell::kExternal) return wire::Envelope::Make(payload, sign(payload));
  const base::Bytes secret = wire::EncodeSecret(endpoint);
  return wire::Envelope::Make(payload, sign(payload),
                              wire::SecretEnvelope{.payload = secret, .signature = sign(secret)});
}

wire::Envelope FabricNode::AliveFor(const FabricPeer& peer) {
  return Alive(peer.organization == MspIdOf(name_) ? Tell::kBoth : Tell::kExternal);
}

std::uint64_t FabricNode::Ask(const FabricPeer& peer) {
  const std::uint64_t nonce = ++nonce_;
  comm_->Send(wire::UnsignedEnvelope(wire::NewMessage(wire::MembershipRequest{AliveFor(peer)}, "", nonce)),
              {peer.remote});
  return nonce;
}

comm::PeerState FabricNode::StateOf(const FabricPeer& peer) const {
  for (const comm::PeerState& state : comm_->Peers()) {
    if (state.pki_id == *peer.remote.pki_id) return state;
  }
  return {};
}

std::int64_t FabricNode::Count(std::string_view counter, std::string_view labels) const {
  std::int64_t sum = 0;
  for (const auto& [name, value] : metrics_.Snapshot()) {
    if (name.starts_with(counter) && name.find(labels) != std::string::npos) sum += value;
  }
  return sum;
}

}  // namespace grapevine::interop
