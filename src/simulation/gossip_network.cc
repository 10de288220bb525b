#include "simulation/gossip_network.h"

#include <algorithm>
#include <utility>

#include "msp/block.h"
#include "simulation/simulated_block.h"

namespace grapevine::simulation {

namespace {

std::string MspId(std::size_t organization) { return "Org" + std::to_string(organization + 1) + "MSP"; }

}  // namespace

GossipNetwork::GossipNetwork(std::uint64_t seed, GossipNetworkOptions options)
    : options_(std::move(options)),
      world_(seed, options_.network),
      authority_(seed),
      orderer_(authority_.Issue(kOrdererMspId, "orderer")),
      last_hash_(32, '\0') {
  for (std::size_t organization = 0; organization < options_.peers.size(); ++organization) {
    firsts_.push_back(peers_.size());
    join_.organizations.push_back(MspId(organization));
    for (std::size_t i = 0; i < options_.peers[organization]; ++i) {
      AddPeer(organization, !options_.hidden.contains(peers_.size()));
    }
    if (options_.anchors) {
      join_.anchor_peers.push_back(
          {.endpoint = peers_[firsts_.back()]->endpoint(), .organization = MspId(organization)});
    }
  }
  if (!options_.channel.empty()) {
    authority_.SetReaders(options_.channel, {join_.organizations.begin(), join_.organizations.end()});
  }
}

GossipNetwork::~GossipNetwork() = default;

std::size_t GossipNetwork::AddPeer(std::size_t organization, bool has_external_endpoint) {
  GossipPeerOptions options{.name = "peer" + std::to_string(peers_.size()),
                            .organization = MspId(organization),
                            .has_external_endpoint = has_external_endpoint,
                            .gossip = options_.gossip,
                            .host = options_.host};
  const std::size_t first = firsts_[organization];
  if (first < peers_.size()) options.gossip.membership.bootstrap = {peers_[first]->endpoint()};
  peers_.push_back(std::make_unique<GossipPeer>(world_, authority_, std::move(options)));
  return peers_.size() - 1;
}

void GossipNetwork::StartAll() {
  for (const auto& peer : peers_) {
    if (!options_.channel.empty()) peer->Join(options_.channel, join_);
    peer->Start();
  }
}

base::Bytes GossipNetwork::NextBlock(std::size_t bytes) {
  const std::uint64_t number = next_block_++;
  const auto block = MakeBlock(authority_, orderer_, options_.channel, number, last_hash_,
                               {std::string(bytes, static_cast<char>('a' + number % 26))});
  last_hash_ = msp::ParseBlock(block)->header.Hash().ToString();
  return block;
}

void GossipNetwork::PublishAt(std::size_t index, std::size_t bytes) {
  const std::uint64_t number = next_block_;
  peers_[index]->Publish(options_.channel, number, NextBlock(bytes));
}

bool GossipNetwork::RunUntil(const std::function<bool()>& reached, base::Duration limit) {
  const base::SteadyTime end = world_.scheduler().Now() + limit;
  while (!reached()) {
    if (world_.scheduler().Now() >= end) return false;
    world_.scheduler().RunFor(std::min<base::Duration>(std::chrono::milliseconds(50), end - world_.scheduler().Now()));
  }
  return true;
}

std::size_t GossipNetwork::IndexOf(const wire::PkiId& pki_id) const {
  const auto found = std::ranges::find_if(peers_, [&](const auto& peer) { return peer->pki_id() == pki_id; });
  return static_cast<std::size_t>(found - peers_.begin());
}

std::set<std::size_t> GossipNetwork::AliveAt(std::size_t index) const {
  std::set<std::size_t> alive;
  for (const gossip::Peer& peer : peers_[index]->gossip().Peers()) {
    if (const std::size_t seen = IndexOf(peer.pki_id); seen < peers_.size()) alive.insert(seen);
  }
  return alive;
}

std::set<std::size_t> GossipNetwork::ChannelMembersAt(std::size_t index) const {
  std::set<std::size_t> members;
  for (const auto& member : peers_[index]->gossip().PeersOfChannel(options_.channel)) {
    if (const std::size_t seen = IndexOf(member.peer.pki_id); seen < peers_.size()) members.insert(seen);
  }
  return members;
}

std::size_t GossipNetwork::RunningOthers(std::size_t index) const {
  std::size_t count = 0;
  for (std::size_t other = 0; other < peers_.size(); ++other) {
    if (other != index && peers_[other]->running()) ++count;
  }
  return count;
}

bool GossipNetwork::ViewsComplete() const {
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i]->running() && peers_[i]->gossip().Peers().size() != RunningOthers(i)) return false;
  }
  return true;
}

bool GossipNetwork::ChannelViewsComplete() const {
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i]->running() && peers_[i]->gossip().PeersOfChannel(options_.channel).size() != RunningOthers(i)) {
      return false;
    }
  }
  return true;
}

bool GossipNetwork::AllHave(std::uint64_t height) const {
  return std::ranges::all_of(
      peers_, [&](const auto& peer) { return !peer->running() || peer->height(options_.channel) >= height; });
}

}  // namespace grapevine::simulation
