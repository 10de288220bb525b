#include "simulation/node_peer.h"

#include <utility>

namespace grapevine::simulation {

NodePeer::NodePeer(World& world, Authority& authority, NodePeerOptions options)
    : world_(world),
      authority_(authority),
      options_(std::move(options)),
      host_(world_.AddHost(options_.name, options_.host)),
      identity_(authority.Issue(options_.organization, options_.name)) {
  options_.gossip.membership.endpoint = host_.endpoint();
  if (options_.has_external_endpoint) options_.gossip.membership.external_endpoint = host_.endpoint();
  for (const auto& endpoint : options_.bootstrap) {
    if (endpoint != host_.endpoint()) options_.gossip.membership.bootstrap.push_back(endpoint);
  }
}

NodePeer::~NodePeer() { Destroy(); }

base::Result<void> NodePeer::Start() {
  crypto_ = std::make_unique<SimulatedCrypto>(host_.environment(), authority_, identity_);
  dialer_ = std::make_unique<OrdererDialer>(host_);
  auto index = disk_.OpenIndex("index");
  if (!index) return std::unexpected(index.error());
  index_ = std::move(*index);
  node::NodeConfig config{.gossip = options_.gossip, .channel = options_.channel};
  config.gossip.membership.last_incarnation = last_incarnation_;
  node_ = std::make_unique<node::Node>(
      host_.environment(),
      node::NodeParts{
          .transport = host_.transport(), .server = host_.server(), .crypto = *crypto_, .orderers = *dialer_},
      identity_, config);
  last_incarnation_ = node_->gossip().membership().incarnation();
  node_->Start();
  for (const auto& [name, channel] : channels_) {
    if (auto opened = Open(name); !opened) return opened;
  }
  return {};
}

void NodePeer::Stop() { Destroy(); }

void NodePeer::Destroy() {
  genesis_commits_.clear();
  node_.reset();
  ledgers_.clear();
  index_.reset();
  dialer_.reset();
  crypto_.reset();
}

void NodePeer::Crash(CrashKind kind) {
  host_.Crash(kind);
  if (!disk_.crashed()) disk_.Crash();
  crash_ = kind;
  Destroy();
}

base::Result<void> NodePeer::Restart(Unsynced fate) {
  if (host_.process_up()) host_.Crash(CrashKind::kProcess);
  host_.Restart();
  if (disk_.crashed()) disk_.Restart(crash_ == CrashKind::kProcess ? Unsynced::kKept : fate, world_.random());
  return Start();
}

base::Result<void> NodePeer::Join(Channel channel) {
  const std::string name = channel.name;
  channels_[name] = std::move(channel);
  return running() ? Open(name) : base::Result<void>();
}

void NodePeer::Leave(const std::string& channel) {
  if (running()) node_->LeaveChannel(channel);
  ledgers_.erase(channel);
  channels_.erase(channel);
}

base::Result<void> NodePeer::Open(const std::string& name) {
  auto opened =
      ledger::Ledger::Open(host_.environment(), disk_, *index_,
                           {.folder = "chains/" + name, .channel = name, .limits = {}, .start = {}}, options_.ledger);
  if (!opened) return std::unexpected(opened.error());
  ledger::Ledger& ledger = *(ledgers_[name] = std::move(*opened));
  if (ledger.height() > 0) {
    TakePart(name);
    return {};
  }
  genesis_commits_[name] = ledger.Commit(channels_.at(name).genesis, [this, name](const base::Result<void>& stored) {
    if (stored) TakePart(name);  // else the height says it
  });
  return {};
}

void NodePeer::TakePart(const std::string& name) {
  Channel& channel = channels_.at(name);
  (void)node_->JoinChannel({.name = name,  // joined once per start, so that it cannot fail
                            .ledger = *ledgers_.at(name),
                            .configuration = channel.configuration,
                            .apply = [this, &channel](const base::Bytes& block) { return Apply(channel, block); },
                            .committed =
                                [this, name](std::uint64_t number) {
                                  if (committed_) committed_(*this, std::string(name), number);
                                }});
}

base::Result<node::AppliedConfiguration> NodePeer::Apply(Channel& channel, const base::Bytes& block) {
  auto next = channel.configuration;
  ++next.join.sequence;
  if (channel.apply) {
    auto applied = channel.apply(block);
    if (!applied) return applied;
    next = std::move(*applied);
  }
  channel.configuration = next;
  return next;
}

std::uint64_t NodePeer::height(const std::string& channel) const {
  const auto found = ledgers_.find(channel);
  return found == ledgers_.end() ? 0 : found->second->height();
}

}  // namespace grapevine::simulation
