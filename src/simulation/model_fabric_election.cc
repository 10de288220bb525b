#include "simulation/model_fabric_election.h"

#include <utility>

namespace grapevine::simulation {

ModelFabricElection::ModelFabricElection(base::Environment environment, channel::GossipService& gossip,
                                         std::string channel, election::ElectionConfig config,
                                         std::function<void(bool)> changed)
    : environment_(std::move(environment)),
      gossip_(gossip),
      channel_(std::move(channel)),
      config_(config),
      changed_(std::move(changed)),
      self_(gossip_.Self().pki_id),
      timestamp_{static_cast<std::uint64_t>(environment_.executor.WallNow().time_since_epoch().count()), 0},
      started_(environment_.executor.Now()),
      view_size_(Peers().size()) {
  messages_ = gossip_.Accept("model election", [channel = channel_](const comm::ReceivedMessage& received) {
    return received.message().As<wire::LeadershipMessage>() != nullptr && received.message().channel == channel;
  });
  messages_.ReceiveAll(
      [this](const comm::ReceivedMessagePtr& received) { Handle(*received->message().As<wire::LeadershipMessage>()); });
  Wait(config_.membership_sample_interval, false, &ModelFabricElection::Stabilize);
}

std::set<wire::PkiId> ModelFabricElection::Peers() const {
  std::set<wire::PkiId> peers;
  for (const auto& member : gossip_.PeersOfChannel(channel_)) {
    if (gossip_.IsInMyOrg(member.peer)) peers.insert(member.peer.pki_id);
  }
  return peers;
}

void ModelFabricElection::Handle(const wire::LeadershipMessage& message) {
  if (!Peers().contains(message.pki_id)) return;
  if (!message.is_declaration) {
    proposals_.insert(message.pki_id);
    return;
  }
  leader_exists_ = true;
  if (auto then = std::exchange(woken_, nullptr)) {
    wait_ = environment_.executor.After(base::Duration::zero(), [this, then] { (this->*then)(); });
  }
  if (message.pki_id < self_ && is_leader_) {
    is_leader_ = false;
    changed_(false);
  }
}

void ModelFabricElection::Send(bool is_declaration) {
  ++timestamp_.sequence;
  const auto sent = gossip_.Gossip(wire::NewMessage(
      wire::LeadershipMessage{.pki_id = self_, .timestamp = timestamp_, .is_declaration = is_declaration}, channel_));
  if (!sent) environment_.log.Warn("model election: {}", sent.error().message);
}

void ModelFabricElection::Wait(base::Duration time, bool interruptible, void (ModelFabricElection::*then)()) {
  woken_ = interruptible ? then : nullptr;
  wait_ = environment_.executor.After(time, [this, then] {
    woken_ = nullptr;
    (this->*then)();
  });
}

void ModelFabricElection::Stabilize() {
  const std::size_t size = Peers().size();
  const bool is_over = environment_.executor.Now() - started_ >= config_.startup_grace_period;
  if (size == view_size_ || is_over || leader_exists_) return MainLoop();
  view_size_ = size;
  Wait(config_.membership_sample_interval, false, &ModelFabricElection::Stabilize);
}

void ModelFabricElection::MainLoop() {
  if (leader_exists_ || yield_) return LeadOrFollow();
  Send(false);
  Wait(config_.leader_election_duration, true, &ModelFabricElection::ElectionEnds);
}

void ModelFabricElection::ElectionEnds() {
  const bool is_outbid = !proposals_.empty() && *proposals_.begin() < self_;
  if (!leader_exists_ && !yield_ && !is_outbid) {
    is_leader_ = true;
    changed_(true);
    leader_exists_ = true;
  }
  LeadOrFollow();
}

void ModelFabricElection::LeadOrFollow() {
  if (leader_exists_ && yield_) {
    yield_ = false;
    yield_timer_.Reset();
  }
  if (is_leader_) {
    Send(true);
    return Wait(config_.declaration_period(), true, &ModelFabricElection::MainLoop);
  }
  proposals_.clear();
  leader_exists_ = false;
  Wait(config_.leader_alive_threshold, false, &ModelFabricElection::MainLoop);
}

void ModelFabricElection::Yield() {
  if (!is_leader_ || yield_) return;
  yield_ = true;
  is_leader_ = false;
  changed_(false);
  leader_exists_ = false;
  yield_timer_ = environment_.executor.After(config_.yield_period(), [this] { yield_ = false; });
}

}  // namespace grapevine::simulation
