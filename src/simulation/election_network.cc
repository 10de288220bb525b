#include "simulation/election_network.h"

#include <utility>

namespace grapevine::simulation {

ElectionNetwork::ElectionNetwork(std::uint64_t seed, ElectionNetworkOptions options)
    : options_(std::move(options)),
      network_(seed, options_.gossip),
      heights_(network_.size(), 1),
      elections_(network_.size()),
      models_(network_.size()) {}

void ElectionNetwork::SetHeight(std::size_t peer, std::uint64_t height) {
  heights_[peer] = height;
  if (network_.peer(peer).running()) network_.peer(peer).gossip().UpdateLedgerHeight(network_.channel(), height);
}

void ElectionNetwork::StartAll() {
  for (std::size_t peer = 0; peer < size(); ++peer) Start(peer);
}

void ElectionNetwork::Start(std::size_t peer) {
  network_.peer(peer).Join(network_.channel(), network_.join());
  network_.peer(peer).Start();
  Elect(peer);
}

void ElectionNetwork::EndElection(std::size_t peer) {
  elections_[peer].reset();
  models_[peer].reset();
}

void ElectionNetwork::Crash(std::size_t peer, CrashKind kind) {
  EndElection(peer);
  network_.peer(peer).Crash(kind);
}

void ElectionNetwork::Restart(std::size_t peer) {
  network_.peer(peer).Restart();
  Elect(peer);
}

std::size_t ElectionNetwork::AddPeer(std::size_t organization, bool fabric) {
  const std::size_t peer = network_.AddPeer(organization);
  if (fabric) options_.fabric.insert(peer);
  heights_.push_back(1);
  elections_.emplace_back();
  models_.emplace_back();
  return peer;
}

void ElectionNetwork::Elect(std::size_t peer) {
  SetHeight(peer, heights_[peer]);
  GossipPeer& on = network_.peer(peer);
  const auto record = [this, peer](bool gained, election::Term term) {
    changes_.push_back({.time = scheduler().Now(), .peer = peer, .gained = gained, .term = term});
  };
  if (IsFabric(peer)) {
    models_[peer] =
        std::make_unique<ModelFabricElection>(on.host().environment(), on.gossip(), network_.channel(),
                                              options_.election, [record](bool leads) { record(leads, 0); });
    return;
  }
  elections_[peer] = std::make_unique<election::LeaderElection>(
      on.host().environment(), on.gossip(), network_.channel(), options_.election,
      [this, peer] { return heights_[peer]; },
      election::LeaderElection::Observers{.gained = [record](election::Term term) { record(true, term); },
                                          .lost = [record](election::Term term) { record(false, term); }});
}

std::vector<std::size_t> ElectionNetwork::Leaders() const {
  std::vector<std::size_t> leaders;
  for (std::size_t peer = 0; peer < elections_.size(); ++peer) {
    const bool leads = elections_[peer] != nullptr ? elections_[peer]->is_leader()
                                                   : models_[peer] != nullptr && models_[peer]->is_leader();
    if (leads) leaders.push_back(peer);
  }
  return leaders;
}

bool ElectionNetwork::Agree() {
  const auto leaders = Leaders();
  if (leaders.size() != 1) return false;
  const wire::PkiId leader = network_.peer(leaders.front()).pki_id();
  for (const auto& election : elections_) {
    if (election != nullptr && election->leader() != leader) return false;
  }
  return true;
}

}  // namespace grapevine::simulation
