#include "simulation/node_network.h"

#include <algorithm>
#include <utility>

namespace grapevine::simulation {

node::ChannelPeerConfig NodeNetworkOptions::Elected() {
  node::ChannelPeerConfig config;
  config.election.use_leader_election = true;
  config.state.enabled = true;
  return config;
}

NodeNetwork::NodeNetwork(std::uint64_t seed, NodeNetworkOptions options)
    : options_(std::move(options)), world_(seed, options_.network), authority_(seed), chain_(authority_, kChannel) {
  auto& orderers = configuration_.orderers;
  orderers.consensus_type = options_.consensus_type;
  for (std::size_t i = 0; i < options_.orderers; ++i) {
    orderer_hosts_.push_back(&world_.AddHost("orderer" + std::to_string(i)));
    orderers_.push_back(std::make_unique<ModelOrderer>(*orderer_hosts_.back(), chain_));
    orderers.organizations["OrdererOrg"].addresses.push_back(orderer_hosts_.back()->endpoint());
  }
  auto& join = configuration_.join;
  for (std::size_t organization = 0; organization < options_.peers.size(); ++organization) {
    firsts_.push_back(peers_.size());
    join.organizations.push_back(MspId(organization));
    for (std::size_t i = 0; i < options_.peers[organization]; ++i) AddPeer(organization);
    join.anchor_peers.push_back({.endpoint = peers_[firsts_.back()]->endpoint(), .organization = MspId(organization)});
  }
  authority_.SetReaders(kChannel, {join.organizations.begin(), join.organizations.end()});
}

NodeNetwork::~NodeNetwork() = default;

std::string NodeNetwork::MspId(std::size_t organization) { return "Org" + std::to_string(organization + 1) + "MSP"; }

std::size_t NodeNetwork::AddPeer(std::size_t organization) { return AddPeer(organization, options_.channel); }

std::size_t NodeNetwork::AddPeer(std::size_t organization, node::ChannelPeerConfig config) {
  NodePeerOptions options{.name = "peer" + std::to_string(peers_.size()),
                          .organization = MspId(organization),
                          .gossip = options_.gossip,
                          .channel = std::move(config),
                          .host = options_.host};
  const std::size_t first = firsts_[organization];
  if (first < peers_.size()) options.bootstrap = {peers_[first]->endpoint()};
  peers_.push_back(std::make_unique<NodePeer>(world_, authority_, std::move(options)));
  return peers_.size() - 1;
}

void NodeNetwork::StartAll() {
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i]->running()) Start(i);
  }
}

// On a disk that works neither starting nor joining fails.
void NodeNetwork::Start(std::size_t index) {
  (void)peers_[index]->Start();
  (void)peers_[index]->Join({.name = kChannel, .genesis = chain_.block(0), .configuration = configuration_});
}

bool NodeNetwork::RunUntil(const std::function<bool()>& reached, base::Duration limit) {
  const base::SteadyTime end = world_.scheduler().Now() + limit;
  while (!reached()) {
    if (world_.scheduler().Now() >= end) return false;
    world_.scheduler().RunFor(std::chrono::milliseconds(50));
  }
  return true;
}

bool NodeNetwork::AllHave(std::uint64_t height) const {
  return std::ranges::all_of(peers_,
                             [&](const auto& peer) { return !peer->running() || peer->height(kChannel) == height; });
}

std::vector<std::size_t> NodeNetwork::Leaders(std::size_t organization) const {
  std::vector<std::size_t> leaders;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i]->organization() != MspId(organization)) continue;
    auto* channel = peers_[i]->Find(kChannel);
    if (channel != nullptr && channel->status().leader) leaders.push_back(i);
  }
  return leaders;
}

bool NodeNetwork::OneLeaderEach() const {
  for (std::size_t organization = 0; organization < firsts_.size(); ++organization) {
    const bool runs = std::ranges::any_of(
        peers_, [&](const auto& peer) { return peer->running() && peer->organization() == MspId(organization); });
    if (runs && Leaders(organization).size() != 1) return false;
  }
  return true;
}

}  // namespace grapevine::simulation
