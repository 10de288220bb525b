// Contact with the dead (specification 10.7, reconnect loop). Internal to the room.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "base/environment.h"
#include "comm/comm.h"
#include "membership/requester.h"
#include "membership/roster.h"

namespace grapevine::membership {

// Once per reconnection interval, with jitter, every dead member is probed, a few at a time; who answers is asked for
// its members, whereupon it says that it lives. Without dead members there is no timer. One executor; references are
// borrowed.
class Reconnector {
 public:
  Reconnector(const base::Environment& environment, comm::Comm& comm, const MembershipConfig& config,
              const Roster& roster, Requester& requester);

  // The roster has changed: whoever is no longer dead is left alone, and if anybody is dead, rounds go on.
  void Update();
  // Out of turn.
  void Contact(const wire::PkiId& pki_id);

 private:
  void ArmRound();
  void Round();
  void Pump();
  void Probed(const wire::PkiId& pki_id, const base::Result<void>& outcome);
  const MemberRecord* FindDead(const wire::PkiId& pki_id) const;

  const base::Environment& environment_;
  comm::Comm& comm_;
  const MembershipConfig& config_;
  const Roster& roster_;
  Requester& requester_;
  base::Counter& answered_;
  base::Counter& failed_;
  std::deque<wire::PkiId> waiting_;
  std::map<wire::PkiId, base::Handle> probing_;
  base::Handle timer_;
  bool armed_ = false;
};

}  // namespace grapevine::membership
