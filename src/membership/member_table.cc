#include "membership/member_table.h"

#include <algorithm>
#include <utility>

namespace grapevine::membership {

MemberTable::Acceptance MemberTable::Test(const wire::PkiId& pki_id, const wire::PeerTime& timestamp,
                                          bool direct) const {
  const auto newer_than = [&](const wire::PeerTime& known) {
    if (timestamp > known) return Acceptance::kAccept;
    return timestamp == known ? Acceptance::kDuplicate : Acceptance::kOlder;
  };
  if (const MemberRecord* record = Find(pki_id)) {
    return direct && record->doubted && timestamp == record->timestamp ? Acceptance::kAccept
                                                                       : newer_than(record->timestamp);
  }
  if (const auto tombstone = tombstones_.find(pki_id); tombstone != tombstones_.end() && !direct) {
    const Acceptance acceptance = newer_than(tombstone->second.timestamp);
    if (acceptance != Acceptance::kAccept) return acceptance;
  }
  return members_.size() < max_members_ ? Acceptance::kAccept : Acceptance::kFull;
}

bool MemberTable::Update(MemberRecord& record, const Sighting& sighting) {
  const wire::Member& member = sighting.alive.membership;
  // Nearly always the secret part is the one of the message before.
  std::string internal = sighting.envelope.HasSameSecret(record.envelope) ? record.internal_endpoint
                                                                          : sighting.envelope.internal_endpoint();
  if (internal.empty()) internal = record.internal_endpoint;
  const bool moved = internal != record.internal_endpoint || member.endpoint != record.peer.external_endpoint;
  record.timestamp = sighting.alive.timestamp;
  record.envelope = sighting.envelope.Detached();
  // A copy: the decoded one keeps the whole message alive in which it came.
  if (record.metadata != member.metadata) record.metadata = base::Bytes::Copy(member.metadata);
  if (!moved) return false;
  record.peer.external_endpoint = member.endpoint;
  record.peer.endpoint = internal.empty() ? member.endpoint : internal;
  record.internal_endpoint = std::move(internal);
  ++version_;
  return true;
}

MemberRecord& MemberTable::Insert(const Sighting& sighting, base::SteadyTime now) {
  const wire::PkiId& pki_id = sighting.alive.membership.pki_id;
  RemoveTombstone(pki_id);
  MemberRecord& record = members_[pki_id];
  record.peer.pki_id = pki_id;
  record.peer.organization = sighting.organization;
  record.last_seen = now;
  Update(record, sighting);
  return record;
}

MemberTable::Change MemberTable::See(const Sighting& sighting, base::SteadyTime now) {
  const auto found = members_.find(sighting.alive.membership.pki_id);
  const bool known = found != members_.end();
  MemberRecord& record = known ? found->second : Insert(sighting, now);
  if (sighting.direct) record.last_direct = now;
  const bool moved = known && Update(record, sighting);
  if (!record.alive && sighting.doubted) {
    record.doubted = true;  // a known one keeps its old deadline
    return Change::kDoubted;
  }
  record.last_seen = now;
  if (record.alive) return moved ? Change::kMoved : Change::kRefreshed;
  SetAlive(record, true);
  return known ? Change::kResurrected : Change::kLearned;
}

void MemberTable::AdoptDead(const Sighting& sighting, base::SteadyTime now) { Insert(sighting, now); }

void MemberTable::SetAlive(MemberRecord& record, bool alive) {
  record.alive = alive;
  record.doubted = false;
  alive_ = alive ? alive_ + 1 : alive_ - 1;
  ++version_;
}

bool MemberTable::Kill(const wire::PkiId& pki_id) {
  const auto found = members_.find(pki_id);
  if (found == members_.end() || !found->second.alive) return false;
  SetAlive(found->second, false);
  return true;
}

bool MemberTable::Forget(const wire::PkiId& pki_id) {
  const auto found = members_.find(pki_id);
  if (found == members_.end()) return false;
  if (found->second.alive) SetAlive(found->second, false);
  const Tombstone tombstone{found->second.timestamp, next_age_++};
  members_.erase(found);
  if (max_tombstones_ == 0) return true;
  if (tombstones_.size() >= max_tombstones_) RemoveTombstone(wire::PkiId(tombstones_by_age_.begin()->second));
  tombstones_.emplace(pki_id, tombstone);
  tombstones_by_age_.emplace(tombstone.age, pki_id);
  return true;
}

void MemberTable::RemoveTombstone(const wire::PkiId& pki_id) {
  const auto found = tombstones_.find(pki_id);
  if (found == tombstones_.end()) return;
  tombstones_by_age_.erase(found->second.age);
  tombstones_.erase(found);
}

MemberTable::Expired MemberTable::Expire(base::SteadyTime now, base::Duration alive_expiration,
                                         base::Duration forget_after,
                                         const std::function<bool(const MemberRecord&)>& keep) {
  Expired expired;
  const auto consider = [&](base::SteadyTime deadline) {
    expired.next = expired.next ? std::min(*expired.next, deadline) : deadline;
  };
  for (auto& [pki_id, record] : members_) {
    if (record.alive && now - record.last_seen >= alive_expiration) {
      SetAlive(record, false);
      expired.died.push_back(pki_id);
    }
    if (record.alive) {
      consider(record.last_seen + alive_expiration);
    } else if (now - record.last_seen < forget_after) {
      consider(record.last_seen + forget_after);
    } else if (keep(record)) {
      consider(now + alive_expiration);
    } else {
      expired.forgotten.push_back(pki_id);
    }
  }
  for (const wire::PkiId& pki_id : expired.forgotten) Forget(pki_id);
  return expired;
}

bool MemberTable::IsAnybodySilent(base::SteadyTime time) const {
  return std::ranges::any_of(members_,
                             [&](const auto& member) { return member.second.alive && member.second.last_seen < time; });
}

const MemberRecord* MemberTable::Find(const wire::PkiId& pki_id) const {
  const auto found = members_.find(pki_id);
  return found == members_.end() ? nullptr : &found->second;
}

const std::vector<gossip::Peer>& MemberTable::Alive() const {
  if (alive_peers_version_ == version_) return alive_peers_;
  alive_peers_.clear();
  alive_peers_.reserve(alive_);
  for (const auto& [pki_id, record] : members_) {
    if (record.alive) alive_peers_.push_back(record.peer);
  }
  alive_peers_version_ = version_;
  return alive_peers_;
}

}  // namespace grapevine::membership
