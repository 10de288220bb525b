// The leader election of an unmodified Fabric peer, defects included, so that mixed organisations can be tested on
// virtual time (specification 12.6, statement by statement).
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/environment.h"
#include "channel/gossip_service.h"
#include "election/config.h"

namespace grapevine::simulation {

// On the executor of the peer whose gossip it uses, which is borrowed. Destroying it ends it without a word.
class ModelFabricElection {
 public:
  // `changed`: this peer leads now, or no longer; synchronous, as in Fabric.
  ModelFabricElection(base::Environment environment, channel::GossipService& gossip, std::string channel,
                      election::ElectionConfig config, std::function<void(bool leads)> changed);
  ModelFabricElection(const ModelFabricElection&) = delete;
  ModelFabricElection& operator=(const ModelFabricElection&) = delete;

  // As the finalizer of the deliverer does, without terms (D-15).
  void Yield();
  bool is_leader() const { return is_leader_; }

 private:
  std::set<wire::PkiId> Peers() const;
  void Handle(const wire::LeadershipMessage& message);
  void Send(bool is_declaration);
  void Stabilize();
  void MainLoop();
  void ElectionEnds();
  void LeadOrFollow();
  // The rest of the main loop, after a wait that a declaration cuts short, or that nothing does.
  void Wait(base::Duration time, bool interruptible, void (ModelFabricElection::*then)());

  base::Environment environment_;
  channel::GossipService& gossip_;
  std::string channel_;
  election::ElectionConfig config_;
  std::function<void(bool)> changed_;
  wire::PkiId self_;
  wire::PeerTime timestamp_;

  base::SteadyTime started_;
  std::size_t view_size_ = 0;
  bool is_leader_ = false;
  bool leader_exists_ = false;
  std::set<wire::PkiId> proposals_;
  bool yield_ = false;
  base::Handle yield_timer_;
  void (ModelFabricElection::*woken_)() = nullptr;  // of an interruptible wait
  base::Handle wait_;
  comm::AcceptedMessages messages_;
};

}  // namespace grapevine::simulation
