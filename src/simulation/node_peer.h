// A complete node of the simulated world with everything that a peer of the real one has: gossip, ledgers on a virtual
// disk, state transfer, election, delivery.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "node/node.h"
#include "simulation/authority.h"
#include "simulation/host.h"
#include "simulation/orderer_dialer.h"
#include "simulation/simulated_crypto.h"
#include "simulation/simulated_disk.h"
#include "simulation/world.h"

namespace grapevine::simulation {

struct NodePeerOptions {
  std::string name;          // of the host
  std::string organization;  // MSP id
  bool has_external_endpoint = true;
  std::vector<base::Endpoint> bootstrap{};
  channel::GossipConfig gossip{};  // endpoints and bootstrap are filled in
  node::ChannelPeerConfig channel{};
  ledger::LedgerConfig ledger{};
  HostOptions host{};
};

// Owns the host's process and disk: Stop, Crash and Restart are the ways of a process to end and begin. Calls come from
// outside of events or from events of the world. Must be destroyed before the world.
class NodePeer {
 public:
  struct Channel {
    std::string name;
    base::Bytes genesis;
    node::AppliedConfiguration configuration;
    // What a configuration block means; empty: the configuration stays, with the next sequence.
    std::function<base::Result<node::AppliedConfiguration>(const base::Bytes& block)> apply{};
  };
  // A block is durable at this peer. May stop, crash or restart it.
  using OnCommitted = std::function<void(NodePeer& peer, const std::string& channel, std::uint64_t number)>;

  NodePeer(World& world, Authority& authority, NodePeerOptions options);
  ~NodePeer();
  NodePeer(const NodePeer&) = delete;
  NodePeer& operator=(const NodePeer&) = delete;

  // Starts the process: opens the ledger of every channel joined so far and takes part in it.
  base::Result<void> Start();
  // As a user stops a node: everything is destroyed in order, streams are closed.
  void Stop();
  // The process dies, or the machine with what was not synced.
  void Crash(CrashKind kind);
  // A new process after Stop or Crash. `fate`: of what was not synced when the machine died. Errors: a ledger that
  // cannot be opened.
  base::Result<void> Restart(Unsynced fate = Unsynced::kLost);
  bool running() const { return node_ != nullptr; }

  // Joins now if it runs, and again at each start. The genesis block is committed first if the ledger is empty.
  base::Result<void> Join(Channel channel);
  void Leave(const std::string& channel);
  void OnBlock(OnCommitted observer) { committed_ = std::move(observer); }

  node::Node& node() { return *node_; }
  channel::GossipService& gossip() { return node_->gossip(); }
  // Null if it is not joined, or its genesis block not durable yet.
  node::ChannelPeer* Find(const std::string& channel) { return running() ? node_->FindChannel(channel) : nullptr; }
  // Durable blocks as the ledger says; 0 while it is down.
  std::uint64_t height(const std::string& channel) const;
  const ledger::Ledger& ledger(const std::string& channel) const { return *ledgers_.at(channel); }

  Host& host() { return host_; }
  SimulatedDisk& disk() { return disk_; }
  const base::Endpoint& endpoint() const { return host_.endpoint(); }
  const std::string& name() const { return options_.name; }
  const std::string& organization() const { return options_.organization; }
  const base::Bytes& identity() const { return identity_; }
  wire::PkiId pki_id() const { return *Authority::PkiIdOf(identity_); }

 private:
  base::Result<void> Open(const std::string& name);
  void TakePart(const std::string& name);
  base::Result<node::AppliedConfiguration> Apply(Channel& channel, const base::Bytes& block);
  void Destroy();

  World& world_;
  const Authority& authority_;
  NodePeerOptions options_;
  Host& host_;
  SimulatedDisk disk_;
  base::Bytes identity_;
  std::map<std::string, Channel> channels_;
  std::uint64_t last_incarnation_ = 0;
  CrashKind crash_ = CrashKind::kProcess;  // the last one
  OnCommitted committed_;
  std::unique_ptr<SimulatedCrypto> crypto_;
  std::unique_ptr<OrdererDialer> dialer_;
  std::unique_ptr<base::KeyValueIndex> index_;
  std::map<std::string, std::unique_ptr<ledger::Ledger>> ledgers_;
  std::map<std::string, base::Handle> genesis_commits_;
  std::unique_ptr<node::Node> node_;
};

}  // namespace grapevine::simulation
