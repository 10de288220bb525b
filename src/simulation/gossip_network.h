// A network of complete gossip nodes in one simulated world: what scenarios and benchmarks start from.
//
//   GossipNetwork network(seed, {.peers = {10, 10}});
//   network.StartAll();
//   ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 60s));
//   network.PublishAt(0);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/gossip_peer.h"
#include "simulation/world.h"

namespace grapevine::simulation {

struct GossipNetworkOptions {
  std::vector<std::size_t> peers = {4};  // per organisation: Org1MSP, Org2MSP, ...
  std::string channel = "mychannel";     // which all are in; empty: none
  std::set<std::size_t> hidden{};        // indexes of peers without external endpoint
  bool anchors = true;                   // the first peer of each organisation is its anchor peer
  channel::GossipConfig gossip{};
  NetworkConfig network{};
  HostOptions host{};
};

// Peers are numbered through all organisations: those of Org1MSP first. The first of each organisation is the others'
// bootstrap peer. Single-threaded, like the world.
class GossipNetwork {
 public:
  GossipNetwork(std::uint64_t seed, GossipNetworkOptions options);
  ~GossipNetwork();
  GossipNetwork(const GossipNetwork&) = delete;
  GossipNetwork& operator=(const GossipNetwork&) = delete;

  World& world() { return world_; }
  Authority& authority() { return authority_; }
  Network& network() { return world_.network(); }
  Scheduler& scheduler() { return world_.scheduler(); }
  std::size_t size() const { return peers_.size(); }
  GossipPeer& peer(std::size_t index) { return *peers_[index]; }
  const std::string& channel() const { return options_.channel; }
  // Of the first peer of the organisation (from 0).
  std::size_t first_of(std::size_t organization) const { return firsts_[organization]; }
  // The channel's configuration as all join with it; change it and Join the peers again for an update.
  channel::JoinMessage& join() { return join_; }

  // Starts every peer at this instant, in its channel.
  void StartAll();
  // Adds a peer to an organisation (from 0), not started; its index is the result.
  std::size_t AddPeer(std::size_t organization, bool has_external_endpoint = true);

  // The next block of the channel's one chain, signed by the orderer, with `bytes` of transactions.
  base::Bytes NextBlock(std::size_t bytes = 200);
  // The next block enters gossip at this peer, as from the ordering service.
  void PublishAt(std::size_t index, std::size_t bytes = 200);
  // Blocks of the chain so far, the genesis block included.
  std::uint64_t chain_height() const { return next_block_; }

  // Virtual time. Asks `reached` every 50 ms of it, because a look at every view after every event costs more than the
  // event; Scheduler::RunUntil is exact.
  bool RunUntil(const std::function<bool()>& reached, base::Duration limit);
  void RunFor(base::Duration duration) { world_.scheduler().RunFor(duration); }

  // The indexes of the peers that `index` sees alive; in its channel. Unknown ones (identities of old) are left out.
  std::set<std::size_t> AliveAt(std::size_t index) const;
  std::set<std::size_t> ChannelMembersAt(std::size_t index) const;
  // Every running peer sees every other running one alive / in the channel.
  bool ViewsComplete() const;
  bool ChannelViewsComplete() const;
  // Every running peer has that many blocks.
  bool AllHave(std::uint64_t height) const;

 private:
  std::size_t IndexOf(const wire::PkiId& pki_id) const;
  std::size_t RunningOthers(std::size_t index) const;

  GossipNetworkOptions options_;
  World world_;
  Authority authority_;
  base::Bytes orderer_;
  std::vector<std::size_t> firsts_;
  std::vector<std::unique_ptr<GossipPeer>> peers_;
  channel::JoinMessage join_;
  std::uint64_t next_block_ = 1;
  std::string last_hash_;
};

}  // namespace grapevine::simulation
