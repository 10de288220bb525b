// Who lives, who has died, who is forgotten, and who wants to know (specification 10.6; D-3, D-8, D-10). Internal to
// the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/environment.h"
#include "comm/comm.h"
#include "membership/config.h"
#include "membership/member_table.h"

namespace grapevine::membership {

// How long a dead member is remembered, and the default of the freshness bound.
inline base::Duration ForgettingTime(const MembershipConfig& config) {
  return config.alive_expiration * config.expiration_factor;
}

// The table with its clock: every change of state is decided and made in one event, connections of the dead are closed,
// and observers hear of it in an event of their own. One executor.
class Roster {
 public:
  // `is_wanted`: bootstrap and anchor peers, which are never forgotten. References are borrowed.
  Roster(const base::Environment& environment, comm::Comm& comm, const MembershipConfig& config,
         std::function<bool(const MemberRecord&)> is_wanted);

  const MemberTable& table() const { return table_; }
  // Those who are alive.
  base::SteadyTime unchanged_since() const { return unchanged_since_; }

  MemberTable::Change See(const Sighting& sighting);
  void AdoptDead(const Sighting& sighting);
  // No effect unless it is alive.
  void PresumeDead(const wire::PkiId& pki_id);
  // Its identity is gone or was replaced (10.8).
  void Purge(const wire::PkiId& pki_id, const char* reason);

  // Somebody became alive, dead or forgotten, or moved: once per event however much changed.
  base::Handle OnChange(std::function<void()> observer);

 private:
  void Changed();
  void Notify();
  void Arm(base::SteadyTime deadline);
  void Expire();

  const base::Environment& environment_;
  comm::Comm& comm_;
  const MembershipConfig& config_;
  std::function<bool(const MemberRecord&)> is_wanted_;
  base::Gauge& alive_;
  base::Gauge& dead_;
  base::Gauge& tombstones_;
  base::Counter& resurrections_;
  base::Counter& deaths_;
  MemberTable table_;
  std::uint64_t version_ = 0;  // of the table
  base::SteadyTime unchanged_since_;
  std::optional<base::SteadyTime> armed_;
  base::Handle timer_;
  bool notifying_ = false;
  std::map<std::uint64_t, std::function<void()>> observers_;
  std::uint64_t next_observer_ = 0;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::membership
