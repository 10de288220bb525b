// One record per PKI-ID (specification 10.2, 10.5, 10.6; D-3, D-9, D-24). Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "gossip/peer_view.h"
#include "wire/message.h"
#include "wire/pki_id_map.h"

namespace grapevine::membership {

// A member, alive or dead.
struct MemberRecord {
  // First what every message and every response looks at.
  bool alive = false;
  bool doubted = false;        // dead only because its newest message is old by its own account (D-9)
  base::SteadyTime last_seen;  // when a newer message came, whichever way
  wire::PeerTime timestamp;    // of the newest alive message; equal and older ones have been seen
  wire::Envelope envelope;     // that message, in a buffer of its own
  gossip::Peer peer;
  std::string internal_endpoint;  // empty: unknown
  base::Bytes metadata;
  std::optional<base::SteadyTime> last_direct;  // when one came on the member's own connection
};

// A valid alive message about somebody else, on its way into the table. Borrows the message for the call.
struct Sighting {
  const wire::AliveMessage& alive;
  const wire::Envelope& envelope;
  std::string organization;
  bool direct = false;   // it came on the connection of the peer that it is about
  bool doubted = false;  // old by its own account, and not direct
};

// A plain data structure: timestamps of everybody who was ever heard of, records of those who are not forgotten. A
// PKI-ID has either a record or a tombstone. One executor.
class MemberTable {
 public:
  enum class Acceptance { kAccept, kDuplicate, kOlder, kFull };
  enum class Change { kRefreshed, kMoved, kLearned, kResurrected, kDoubted };

  MemberTable(std::size_t max_members, std::size_t max_tombstones)
      : max_members_(max_members), max_tombstones_(max_tombstones) {}

  // What becomes of a message with this timestamp; asked before its signature is looked at, and again afterwards.
  // A peer of which only a tombstone is left is believed on its own connection whatever its clock says (D-12), and so
  // is one that is doubted.
  Acceptance Test(const wire::PkiId& pki_id, const wire::PeerTime& timestamp, bool direct) const;

  // 10.5, handleAlive. Precondition: Test accepts.
  Change See(const Sighting& sighting, base::SteadyTime now);
  // 10.5, dead entry of a response. Preconditions: Test accepts, no record.
  void AdoptDead(const Sighting& sighting, base::SteadyTime now);

  // Alive becomes dead; false if it was not alive.
  bool Kill(const wire::PkiId& pki_id);
  // Leaves a tombstone; false if there is no record.
  bool Forget(const wire::PkiId& pki_id);

  struct Expired {
    std::vector<wire::PkiId> died;
    std::vector<wire::PkiId> forgotten;
    std::optional<base::SteadyTime> next;  // the earliest deadline of those that are left
  };
  // 10.6 with one clock per record: dead when silent for `alive_expiration`, forgotten after `forget_after` unless
  // `keep` says otherwise, which is asked again an `alive_expiration` later.
  Expired Expire(base::SteadyTime now, base::Duration alive_expiration, base::Duration forget_after,
                 const std::function<bool(const MemberRecord&)>& keep);

  // Whether any that is alive was last seen before `time`.
  bool IsAnybodySilent(base::SteadyTime time) const;

  // Null if there is no record.
  const MemberRecord* Find(const wire::PkiId& pki_id) const;
  const wire::PkiIdMap<MemberRecord>& members() const { return members_; }
  // In order of PKI-ID; rebuilt only after a change, valid until the next one.
  const std::vector<gossip::Peer>& Alive() const;
  // Another number whenever Alive() has changed.
  std::uint64_t version() const { return version_; }

  std::size_t alive() const { return alive_; }
  std::size_t dead() const { return members_.size() - alive_; }
  std::size_t tombstones() const { return tombstones_.size(); }

 private:
  struct Tombstone {
    wire::PeerTime timestamp;
    std::uint64_t age = 0;  // key in tombstones_by_age_
  };

  // Takes the message over; true if an endpoint differs from before.
  bool Update(MemberRecord& record, const Sighting& sighting);
  MemberRecord& Insert(const Sighting& sighting, base::SteadyTime now);
  void SetAlive(MemberRecord& record, bool alive);
  void RemoveTombstone(const wire::PkiId& pki_id);

  std::size_t max_members_;
  std::size_t max_tombstones_;
  wire::PkiIdMap<MemberRecord> members_;
  std::size_t alive_ = 0;
  std::map<wire::PkiId, Tombstone> tombstones_;
  std::map<std::uint64_t, wire::PkiId> tombstones_by_age_;  // oldest first
  std::uint64_t next_age_ = 0;
  std::uint64_t version_ = 0;
  mutable std::vector<gossip::Peer> alive_peers_;
  mutable std::uint64_t alive_peers_version_ = 0;
};

}  // namespace grapevine::membership
