// A network of gossip nodes that elect leaders: Grapevine's and model Fabric peers in one simulated world.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "election/leader_election.h"
#include "simulation/gossip_network.h"
#include "simulation/model_fabric_election.h"

namespace grapevine::simulation {

struct ElectionNetworkOptions {
  GossipNetworkOptions gossip{};
  election::ElectionConfig election{.use_leader_election = true};
  std::set<std::size_t> fabric{};  // indexes of peers that elect as Fabric does
};

// Peers as in GossipNetwork; a ledger is a number of blocks. Single-threaded, like the world.
class ElectionNetwork {
 public:
  struct Change {
    base::SteadyTime time;
    std::size_t peer;
    bool gained;
    election::Term term;  // 0: a model
  };

  ElectionNetwork(std::uint64_t seed, ElectionNetworkOptions options);
  ElectionNetwork(const ElectionNetwork&) = delete;
  ElectionNetwork& operator=(const ElectionNetwork&) = delete;

  GossipNetwork& gossip() { return network_; }
  Scheduler& scheduler() { return network_.scheduler(); }
  std::size_t size() const { return network_.size(); }

  // Blocks in a peer's ledger, from now on and after restarts; 1 at first.
  void SetHeight(std::size_t peer, std::uint64_t height);
  std::uint64_t height(std::size_t peer) const { return heights_[peer]; }

  void StartAll();
  void Start(std::size_t peer);
  void Crash(std::size_t peer, CrashKind kind);
  void Restart(std::size_t peer);
  // The node goes on without election, as when its channel's delivery is switched off.
  void EndElection(std::size_t peer);
  // Another peer of an organisation (from 0), not started.
  std::size_t AddPeer(std::size_t organization, bool fabric = false);

  bool IsFabric(std::size_t peer) const { return options_.fabric.contains(peer); }
  // Null: not running, or a model.
  election::LeaderElection* election(std::size_t peer) { return elections_[peer].get(); }
  ModelFabricElection* model(std::size_t peer) { return models_[peer].get(); }

  // Running peers that lead, as they see it themselves, in order.
  std::vector<std::size_t> Leaders() const;
  // Of one organisation: one peer leads, and every other Grapevine peer that runs follows it.
  bool Agree();
  // All so far, in order of time, as observers were told.
  const std::vector<Change>& changes() const { return changes_; }

  bool RunUntil(const std::function<bool()>& reached, base::Duration limit) {
    return scheduler().RunUntil(reached, limit);
  }
  void RunFor(base::Duration duration) { network_.RunFor(duration); }

 private:
  void Elect(std::size_t peer);

  ElectionNetworkOptions options_;
  GossipNetwork network_;
  std::vector<std::uint64_t> heights_;
  std::vector<Change> changes_;
  std::vector<std::unique_ptr<election::LeaderElection>> elections_;
  std::vector<std::unique_ptr<ModelFabricElection>> models_;
};

}  // namespace grapevine::simulation
