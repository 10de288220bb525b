// Membership requests of this node (specification 10.7; D-17). Internal to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/peer_view.h"
#include "membership/config.h"
#include "membership/own_alive.h"

namespace grapevine::membership {

// Tells peers of this node and asks them for their members. One executor; references are borrowed.
class Requester {
 public:
  Requester(const base::Environment& environment, comm::Comm& comm, const MembershipConfig& config,
            const gossip::Peer& self, OwnAlive& own);

  // A message that nobody has seen yet makes the peer believe this node alive again; otherwise a young one will do.
  enum class News { kFresh, kYoung };
  // No answer is waited for. Peers to which not even this node may be disclosed are left out (10.9).
  void Ask(const std::vector<gossip::Peer>& peers, News news);

  // Asks whoever was found at `endpoint`, of whom no more is known; `done` gets true when its response has come, false
  // after `response_wait`. The internal endpoint is told to the own organisation only.
  base::Handle Introduce(const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
                         std::move_only_function<void(bool answered)> done);
  // A response has come.
  void Answered(std::uint64_t nonce, const wire::PkiId& from);

 private:
  struct Introduction {
    wire::PkiId remote;
    base::Handle timer;
    std::move_only_function<void(bool)> done;
  };
  void Finish(std::uint64_t nonce, bool answered);

  const base::Environment& environment_;
  comm::Comm& comm_;
  const MembershipConfig& config_;
  const gossip::Peer& self_;
  OwnAlive& own_;
  base::Counter& signing_failed_;
  std::map<std::uint64_t, Introduction> introductions_;  // by nonce
  base::Lifetime lifetime_;
};

}  // namespace grapevine::membership
