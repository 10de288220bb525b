// A network of complete nodes and an ordering service in one simulated world: what scenarios about whole peers start
// from.
//
//   NodeNetwork network(seed, {.peers = {3, 2}});
//   network.StartAll();
//   network.Order(10);
//   ASSERT_TRUE(network.RunUntil([&] { return network.AllHave(network.chain_height()); }, 60s));
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simulation/model_orderer.h"
#include "simulation/node_peer.h"
#include "simulation/world.h"

namespace grapevine::simulation {

struct NodeNetworkOptions {
  std::vector<std::size_t> peers = {3};  // per organisation: Org1MSP, Org2MSP, ...
  std::size_t orderers = 1;
  std::string consensus_type = "etcdraft";
  channel::GossipConfig gossip{};
  node::ChannelPeerConfig channel = Elected();  // of every peer; AddPeer may give another one
  NetworkConfig network{};
  HostOptions host{};

  // Dynamic election and state transfer.
  static node::ChannelPeerConfig Elected();
};

// Peers are numbered through all organisations: those of Org1MSP first. The first of each organisation is its anchor
// peer and the others' bootstrap peer. All are in the one channel. Single-threaded, like the world.
class NodeNetwork {
 public:
  NodeNetwork(std::uint64_t seed, NodeNetworkOptions options);
  ~NodeNetwork();
  NodeNetwork(const NodeNetwork&) = delete;
  NodeNetwork& operator=(const NodeNetwork&) = delete;

  static constexpr char kChannel[] = "mychannel";

  World& world() { return world_; }
  Authority& authority() { return authority_; }
  Network& network() { return world_.network(); }
  std::size_t size() const { return peers_.size(); }
  NodePeer& peer(std::size_t index) { return *peers_[index]; }
  ModelOrderer& orderer(std::size_t index) { return *orderers_[index]; }
  Host& orderer_host(std::size_t index) { return *orderer_hosts_[index]; }
  // What the peers' configuration says; for those that start from now on.
  node::AppliedConfiguration& configuration() { return configuration_; }

  // Starts every peer that does not run, and joins it to the channel.
  void StartAll();
  void Start(std::size_t index);
  // Adds a peer to an organisation (from 0), not started; its index is the result.
  std::size_t AddPeer(std::size_t organization);
  std::size_t AddPeer(std::size_t organization, node::ChannelPeerConfig config);

  // `blocks` more in the ordered chain.
  void Order(std::size_t blocks = 1, std::size_t bytes = 200) { chain_.Order(blocks, bytes); }
  std::uint64_t chain_height() const { return chain_.height(); }
  OrderedChain& chain() { return chain_; }

  // Virtual time. Asks `reached` every 50 ms of it.
  bool RunUntil(const std::function<bool()>& reached, base::Duration limit);
  void RunFor(base::Duration duration) { world_.scheduler().RunFor(duration); }

  std::uint64_t height(std::size_t index) const { return peers_[index]->height(kChannel); }
  // Every running peer has that many blocks.
  bool AllHave(std::uint64_t height) const;
  // Indexes of the running peers of an organisation (from 0) that lead.
  std::vector<std::size_t> Leaders(std::size_t organization) const;
  // One and only one in each organisation that has running peers.
  bool OneLeaderEach() const;

 private:
  static std::string MspId(std::size_t organization);

  NodeNetworkOptions options_;
  World world_;
  Authority authority_;
  OrderedChain chain_;
  std::vector<Host*> orderer_hosts_;
  std::vector<std::unique_ptr<ModelOrderer>> orderers_;
  node::AppliedConfiguration configuration_;
  std::vector<std::size_t> firsts_;
  std::vector<std::unique_ptr<NodePeer>> peers_;
};

}  // namespace grapevine::simulation
