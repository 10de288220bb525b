// A complete gossip node of the simulated world: identity, gossip service, and a ledger reduced to its height.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "channel/gossip_service.h"
#include "simulation/authority.h"
#include "simulation/host.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"

namespace grapevine::simulation {

struct GossipPeerOptions {
  std::string name;                   // of the host
  std::string organization;           // MSP id
  bool has_external_endpoint = true;  // as the internal one
  channel::GossipConfig gossip;       // endpoints are filled in
  HostOptions host;
};

// Owns the host's process: Stop, Crash and Restart are the ways of a process to end and begin. A scenario talks to
// gossip(); what happens meanwhile shows in blocks() and height(). Calls come from outside of events or from events of
// the world. Must be destroyed before the world.
class GossipPeer {
 public:
  // The number of a block that became part of the chain here, at the moment of World::scheduler().Now(). May stop,
  // crash or restart the peer.
  using OnCommitted = std::function<void(GossipPeer& peer, const std::string& channel, std::uint64_t number)>;

  GossipPeer(World& world, Authority& authority, GossipPeerOptions options);
  ~GossipPeer();
  GossipPeer(const GossipPeer&) = delete;
  GossipPeer& operator=(const GossipPeer&) = delete;

  // Starts the process, with every channel joined so far.
  void Start();
  // Destroys everything in order, as a user would stop a node: streams are closed.
  void Stop();
  // The process or the machine dies in the middle.
  void Crash(CrashKind kind);
  // A new process after Stop or Crash. Without disk the heights are lost, and so is the last incarnation.
  void Restart(bool with_disk = true);
  bool running() const { return service_ != nullptr; }

  // Joins now, and again after each restart; a second call is a configuration update.
  void Join(const std::string& channel, const channel::JoinMessage& join);
  // What a leader does with a block from the ordering service: commits it and gives it to gossip.
  void Publish(const std::string& channel, std::uint64_t number, const base::Bytes& block);
  void OnBlock(OnCommitted observer) { committed_ = std::move(observer); }
  // Another identity after the next Restart: a renewed certificate.
  void SetIdentity(base::Bytes identity) { identity_ = std::move(identity); }

  channel::GossipService& gossip() { return *service_; }
  Host& host() { return host_; }
  const base::Endpoint& endpoint() const { return host_.endpoint(); }
  const std::string& name() const { return options_.name; }
  const std::string& organization() const { return options_.organization; }
  const base::Bytes& identity() const { return identity_; }
  wire::PkiId pki_id() const { return *Authority::PkiIdOf(identity_); }
  // Blocks in the chain; 1 (the genesis block) at first.
  std::uint64_t height(const std::string& channel) const;

 private:
  struct Chain {
    channel::JoinMessage join;
    std::uint64_t height = 1;
    std::map<std::uint64_t, base::Bytes> ahead;  // verified, waiting for the blocks before them
  };

  void JoinNow(const std::string& channel);
  void Received(const std::string& channel, std::uint64_t number, const base::Bytes& block);

  World& world_;
  Authority& authority_;
  GossipPeerOptions options_;
  Host& host_;
  base::Bytes identity_;
  std::map<std::string, Chain> chains_;
  std::uint64_t last_incarnation_ = 0;
  OnCommitted committed_;
  std::unique_ptr<SimulatedCrypto> crypto_;
  std::unique_ptr<channel::GossipService> service_;
};

}  // namespace grapevine::simulation
