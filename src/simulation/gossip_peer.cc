#include "simulation/gossip_peer.h"

#include <utility>

namespace grapevine::simulation {

GossipPeer::GossipPeer(World& world, Authority& authority, GossipPeerOptions options)
    : world_(world),
      authority_(authority),
      options_(std::move(options)),
      host_(world_.AddHost(options_.name, options_.host)),
      identity_(authority_.Issue(options_.organization, options_.name)) {
  options_.gossip.membership.endpoint = host_.endpoint();
  if (options_.has_external_endpoint) options_.gossip.membership.external_endpoint = host_.endpoint();
}

GossipPeer::~GossipPeer() = default;

void GossipPeer::Start() {
  channel::GossipConfig config = options_.gossip;
  config.membership.last_incarnation = last_incarnation_;
  crypto_ = std::make_unique<SimulatedCrypto>(host_.environment(), authority_, identity_);
  service_ = std::make_unique<channel::GossipService>(
      host_.environment(),
      channel::GossipParts{.transport = host_.transport(), .server = host_.server(), .crypto = *crypto_}, identity_,
      config);
  last_incarnation_ = service_->membership().incarnation();
  service_->Start();
  for (auto& [channel, chain] : chains_) JoinNow(channel);
}

void GossipPeer::Stop() {
  service_.reset();
  crypto_.reset();
}

void GossipPeer::Crash(CrashKind kind) {
  host_.Crash(kind);
  Stop();
}

void GossipPeer::Restart(bool with_disk) {
  if (host_.process_up()) host_.Crash(CrashKind::kProcess);
  host_.Restart();
  for (auto& [channel, chain] : chains_) {
    chain.ahead.clear();
    if (!with_disk) chain.height = 1;
  }
  if (!with_disk) last_incarnation_ = 0;
  Start();
}

void GossipPeer::Join(const std::string& channel, const channel::JoinMessage& join) {
  chains_[channel].join = join;
  if (running()) JoinNow(channel);
}

void GossipPeer::JoinNow(const std::string& channel) {
  service_->JoinChannel(channel, chains_[channel].join,
                        [this, channel](std::uint64_t number, const base::Bytes& block, std::uint64_t) {
                          // A copy: this callback goes when the peer is stopped.
                          Received(std::string(channel), number, block);
                        });
  service_->UpdateLedgerHeight(channel, chains_[channel].height);
}

void GossipPeer::Publish(const std::string& channel, std::uint64_t number, const base::Bytes& block) {
  Received(channel, number, block);
  if (running()) (void)service_->GossipBlock(channel, number, block);
}

void GossipPeer::Received(const std::string& channel, std::uint64_t number, const base::Bytes& block) {
  Chain& chain = chains_[channel];
  if (number >= chain.height) chain.ahead.emplace(number, block);
  // The observer may stop or restart this peer.
  while (running() && !chain.ahead.empty() && chain.ahead.begin()->first == chain.height) {
    const std::uint64_t committed = chain.height++;
    chain.ahead.erase(chain.ahead.begin());
    service_->UpdateLedgerHeight(channel, chain.height);
    if (committed_) committed_(*this, channel, committed);
  }
}

std::uint64_t GossipPeer::height(const std::string& channel) const {
  const auto found = chains_.find(channel);
  return found == chains_.end() ? 0 : found->second.height;
}

}  // namespace grapevine::simulation
