// Which peer of an organisation pulls a channel's blocks from the ordering service (specification 12).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/environment.h"
#include "channel/gossip_service.h"
#include "election/config.h"

namespace grapevine::election {

// A leadership of this node: counts from 1, each gain is a new one. What belongs to an earlier term is ignored (D-15).
using Term = std::uint64_t;

// Of one channel. One executor; destroying it stops it without a word, as 12.7 says: whoever owns it ends the delivery
// first. Dynamic and static leaders and those who never lead (12.2) are all modes of this one class, so that the gauge
// leader_election_leader{channel} is right in each (D-30).
class LeaderElection {
 public:
  struct Observers {
    // This node leads from now on: start to deliver. As an event of its own; each is followed by `lost` with the same
    // term, or by destruction.
    std::function<void(Term term)> gained;
    std::function<void(Term term)> lost;
  };

  // `gossip` is borrowed and must outlive it; the channel is joined. `own_height`: blocks in the own ledger, asked when
  // this node considers to stand: one that is far behind the members of its organisation does not (RFC 0011).
  LeaderElection(base::Environment environment, channel::GossipService& gossip, std::string channel,
                 ElectionConfig config, std::function<std::uint64_t()> own_height, Observers observers);
  ~LeaderElection();
  LeaderElection(const LeaderElection&) = delete;
  LeaderElection& operator=(const LeaderElection&) = delete;

  // The delivery of this term could not start or gave up: somebody else should lead (D-14). Ignored for terms that are
  // over (D-15), and for static leaders, who never give up.
  void Yield(Term term);

  bool is_leader() const;
  // PKI-ID of the leader whose declaration was heard last, or the own one; empty: unknown.
  wire::PkiId leader() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::election
