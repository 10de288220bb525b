// A complete Grapevine node in a network of Fabric's own peers: fabric_gossip.sh starts the peers and this program, and
// judges by what both say.
//
//   fabric_gossip NET NAME LEDGER     runs until it is killed
//
// NET is a folder that grapevine testnet made; NAME (as peer2.org1) a member of it whose identity and port are free;
// LEDGER is where its ledger is kept, as left by an earlier run or new. It writes one line per event:
//
//   alive NAME | gone NAME                 whom it sees in the network
//   member NAME HEIGHT | left NAME         whom it sees in the channel, with the height that they advertise
//   first TYPE NAME                        the first message of a type from a peer
//   block NUMBER                           committed
//   ledger HEIGHT HASH                     after each block and at the start; the header hash of the newest block, hex
//   count METRIC VALUE                     a counter of refusals that has grown
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "interop/fabric_node.h"
#include "ledger/ledger.h"
#include "msp/pem.h"
#include "node/join_message.h"
#include "node/no_orderers.h"
#include "node/node.h"
#include "runtime/leveldb_index.h"
#include "runtime/posix_files.h"

namespace grapevine::interop {
namespace {

using namespace std::chrono_literals;  // NOLINT

constexpr auto kCountersEvery = 1s;

// Input that is missing or wrong ends the program: there is nothing to test then.
template <typename T>
T Need(base::Result<T> result, const std::string& what) {
  if (!result) {
    fmt::print(stderr, "error: {}: {}\n", what, result.error().message);
    std::exit(2);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file && !content.empty()) return content;
  fmt::print(stderr, "error: cannot read '{}'\n", path);
  std::exit(2);
}

template <typename... Args>
void Tell(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("{}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

class FabricGossip {
 public:
  FabricGossip(const std::string& folder, const std::string& name, const std::string& ledger_folder);
  void Run() {
    world_.loop.RunUntil([] { return false; }, 24h);
  }

 private:
  void OpenLedger(const std::string& folder);
  void Listen();
  void StartNode();
  void JoinChannel();
  base::Result<node::AppliedConfiguration> Apply(base::ByteView config_block);
  void TellPeers();
  void TellLedger();
  void TellCounters();
  std::string NameOf(const wire::PkiId& peer) const {
    const auto found = names_.find(peer);
    return found == names_.end() ? peer.Short() : found->second;
  }
  base::Environment environment() {
    return {.executor = world_.loop,
            .workers = world_.workers,
            .random = random_,
            .metrics = metrics_,
            .log = base::Logger(&world_.log, "gossip")};
  }

  const std::string name_;
  World world_;
  const FabricPeer self_;
  std::map<wire::PkiId, std::string> names_;
  base::Random random_;
  base::Metrics metrics_;
  msp::LocalMsp local_;
  msp::MspMessageCrypto crypto_;
  msp::ChannelConfigPtr config_;
  std::shared_ptr<const rpc::TlsIdentity> tls_;
  runtime::PosixFileSystem files_;
  std::unique_ptr<runtime::LevelDbIndex> index_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<rpc::GrpcTransport> transport_;
  std::unique_ptr<rpc::GrpcServer> server_;
  node::NoOrderers orderers_;
  std::unique_ptr<node::Node> node_;
  channel::AcceptedMessages messages_;

  std::set<std::string> alive_;
  std::map<std::string, std::uint64_t> members_;
  std::set<std::pair<std::string, std::string>> types_seen_;
  std::map<std::string, std::int64_t> counters_;
  base::Handle genesis_commit_;
  base::Handle timer_;
  base::Handle on_change_;
};

FabricGossip::FabricGossip(const std::string& folder, const std::string& name, const std::string& ledger_folder)
    : name_(name),
      world_(folder, base::LogLevel::kDebug),
      self_(world_, name),
      random_(static_cast<std::uint64_t>(world_.loop.WallNow().time_since_epoch().count())),
      local_(LoadIdentity(world_, folder, name)),
      crypto_(environment(), local_),
      config_(world_.channel),
      orderers_(world_.loop) {
  const std::string domain = name.substr(name.find('.') + 1) + ".example.com";
  const std::string tls = fmt::format("{}/crypto/peerOrganizations/{}/peers/{}.example.com/tls", folder, domain, name);
  tls_ = Need(rpc::TlsIdentity::FromPem(ReadFile(tls + "/server.crt"), ReadFile(tls + "/server.key")), tls);
  for (const auto& [other, endpoint] : world_.endpoints) {
    if (other.starts_with("peer")) names_[*FabricPeer(world_, other).remote.pki_id] = other;
  }
  crypto_.SetChannel(config_->channel_id(), config_);
  OpenLedger(ledger_folder);
  Listen();
  StartNode();
}

void FabricGossip::OpenLedger(const std::string& folder) {
  Need(files_.MakeFolder(folder), folder);
  index_ = Need(runtime::LevelDbIndex::Open(folder + "/index"), folder);
  ledger_ = Need(ledger::Ledger::Open(environment(), files_, *index_,
                                      {.folder = folder + "/chains/" + config_->channel_id(),
                                       .channel = config_->channel_id(),
                                       .limits = {},
                                       .start = {}}),
                 folder);
  if (ledger_->config_block()) Need(Apply(ledger_->config_block()->block), "the newest configuration block");
}

void FabricGossip::Listen() {
  rpc::ClientOptions client;
  client.tls = {.identity = [this] { return tls_; }, .trust = [this] { return world_.trust; }};
  transport_ = std::make_unique<rpc::GrpcTransport>(world_.loop, world_.workers, std::move(client), &metrics_);
  rpc::ServerOptions server;
  server.listen_address = self_.remote.endpoint;
  server.tls = {.identity = [this] { return tls_; },
                .client_trust = [this] { return world_.trust; },
                .require_client_certificate = true};
  server_ = Need(rpc::GrpcServer::Listen(world_.loop, std::move(server), &metrics_), name_);
}

void FabricGossip::StartNode() {
  node::NodeConfig config;
  config.gossip.membership.endpoint = self_.remote.endpoint;
  config.gossip.membership.external_endpoint = self_.remote.endpoint;
  config.gossip.membership.bootstrap = {world_.endpoints.at("peer0" + name_.substr(name_.find('.')))};
  node_ = std::make_unique<node::Node>(
      environment(),
      node::NodeParts{.transport = *transport_, .server = *server_, .crypto = crypto_, .orderers = orderers_},
      local_.serialized_identity, config);
  messages_ = node_->gossip().AcceptUnvalidated("interop", [](const comm::ReceivedMessage&) { return true; });
  messages_.ReceiveAll([this](const comm::ReceivedMessagePtr& message) {
    const std::pair<std::string, std::string> seen(wire::TypeName(message->message().content),
                                                   NameOf(message->connection().pki_id));
    if (types_seen_.insert(seen).second) Tell("first {} {}", seen.first, seen.second);
  });
  on_change_ = node_->gossip().membership().OnChange([this] { TellPeers(); });
  TellCounters();
  node_->Start();
  if (ledger_->height() > 0) {
    JoinChannel();
    return;
  }
  genesis_commit_ = ledger_->Commit(base::Bytes(ReadFile(world_.folder + "/mychannel.block")), [this](auto stored) {
    Need(std::move(stored), "the genesis block");
    JoinChannel();
  });
}

void FabricGossip::JoinChannel() {
  TellLedger();
  Need(node_->JoinChannel({.name = config_->channel_id(),
                           .ledger = *ledger_,
                           .configuration = {.join = node::MakeJoinMessage(*config_), .orderers = {}},
                           .apply = [this](const base::Bytes& block) { return Apply(block); },
                           .committed =
                               [this](std::uint64_t number) {
                                 Tell("block {}", number);
                                 TellLedger();
                               }}),
       "joining the channel");
}

base::Result<node::AppliedConfiguration> FabricGossip::Apply(base::ByteView config_block) {
  auto config = msp::ChannelConfig::FromBlock(config_block);
  if (!config) return std::unexpected(config.error());
  config_ = std::move(*config);
  crypto_.SetChannel(config_->channel_id(), config_);
  return node::AppliedConfiguration{.join = node::MakeJoinMessage(*config_), .orderers = {}};
}

void FabricGossip::TellPeers() {
  std::set<std::string> alive;
  for (const auto& peer : node_->gossip().Peers()) alive.insert(NameOf(peer.pki_id));
  for (const auto& name : alive) {
    if (!alive_.contains(name)) Tell("alive {}", name);
  }
  for (const auto& name : alive_) {
    if (!alive.contains(name)) Tell("gone {}", name);
  }
  alive_ = std::move(alive);

  std::map<std::string, std::uint64_t> members;
  for (const auto& member : node_->gossip().PeersOfChannel(config_->channel_id())) {
    members[NameOf(member.peer.pki_id)] = member.properties.ledger_height;
  }
  for (const auto& [name, height] : members) {
    const auto before = members_.find(name);
    if (before == members_.end() || before->second != height) Tell("member {} {}", name, height);
  }
  for (const auto& [name, height] : members_) {
    if (!members.contains(name)) Tell("left {}", name);
  }
  members_ = std::move(members);
}

void FabricGossip::TellLedger() { Tell("ledger {} {}", ledger_->height(), base::ToHex(ledger_->current_hash())); }

void FabricGossip::TellCounters() {
  TellPeers();
  for (const auto& [name, value] : metrics_.Snapshot()) {
    const bool telling = name.find("refused") != std::string::npos || name.find("invalid") != std::string::npos ||
                         name.find("dropped") != std::string::npos || name.find("overflow") != std::string::npos;
    if (telling && std::exchange(counters_[name], value) != value) Tell("count {} {}", name, value);
  }
  timer_ = world_.loop.After(kCountersEvery, [this] { TellCounters(); });
}

}  // namespace
}  // namespace grapevine::interop

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: fabric_gossip NET NAME LEDGER\n");
    return 2;
  }
  grapevine::interop::FabricGossip(argv[1], argv[2], argv[3]).Run();
  return 0;
}
