#include "membership/roster.h"

#include <utility>
#include <vector>

namespace grapevine::membership {
namespace {

// Nobody dies before the expiration time, but up to this part of it later, so that few timers serve many members and a
// heartbeat that comes in the very moment still counts.
constexpr int kSlackDivisor = 20;

}  // namespace

Roster::Roster(const base::Environment& environment, comm::Comm& comm, const MembershipConfig& config,
               std::function<bool(const MemberRecord&)> is_wanted)
    : environment_(environment),
      comm_(comm),
      config_(config),
      is_wanted_(std::move(is_wanted)),
      alive_(environment.metrics.GetGauge("gossip_membership_alive", "Members believed alive.")),
      dead_(environment.metrics.GetGauge("gossip_membership_dead", "Members believed dead and not yet forgotten.")),
      tombstones_(environment.metrics.GetGauge("gossip_membership_tombstones",
                                               "Forgotten peers whose old messages are "
                                               "kept out.")),
      resurrections_(environment.metrics.GetCounter("gossip_membership_resurrections", "Dead members that came back.")),
      deaths_(environment.metrics.GetCounter("gossip_membership_deaths", "Members that became dead.")),
      table_(config.max_members, config.max_tombstones),
      unchanged_since_(environment.executor.Now()) {}

MemberTable::Change Roster::See(const Sighting& sighting) {
  const MemberTable::Change change = table_.See(sighting, environment_.executor.Now());
  const MemberRecord& member = *table_.Find(sighting.alive.membership.pki_id);
  const gossip::Peer& peer = member.peer;
  switch (change) {
    case MemberTable::Change::kRefreshed:
      return change;
    case MemberTable::Change::kMoved:
      environment_.log.Info("{} moved: it is at '{}' for its organisation, at '{}' for others", peer.pki_id.Short(),
                            member.internal_endpoint, peer.external_endpoint);
      break;
    case MemberTable::Change::kLearned:
      environment_.log.Info("{} of {} at {} is alive", peer.pki_id.Short(), peer.organization, peer.endpoint);
      break;
    case MemberTable::Change::kResurrected:
      environment_.log.Info("{} of {} at {} is alive again", peer.pki_id.Short(), peer.organization, peer.endpoint);
      resurrections_.Add();
      break;
    case MemberTable::Change::kDoubted:
      environment_.log.Debug("{} at {} has to answer before it counts as alive", peer.pki_id.Short(), peer.endpoint);
      break;
  }
  Changed();
  Arm(environment_.executor.Now() + config_.alive_expiration);
  return change;
}

void Roster::AdoptDead(const Sighting& sighting) {
  table_.AdoptDead(sighting, environment_.executor.Now());
  Changed();
  Arm(environment_.executor.Now() + ForgettingTime(config_));
}

void Roster::PresumeDead(const wire::PkiId& pki_id) {
  if (!table_.Kill(pki_id)) return;
  environment_.log.Info("{} cannot be reached: dead", pki_id.Short());
  deaths_.Add();
  comm_.CloseConn(pki_id);
  Changed();
}

void Roster::Purge(const wire::PkiId& pki_id, const char* reason) {
  if (!table_.Forget(pki_id)) return;
  environment_.log.Info("forgot {}: {}", pki_id.Short(), reason);
  comm_.CloseConn(pki_id);
  Changed();
}

// The first deadline is enough: Expire looks at all.
void Roster::Arm(base::SteadyTime deadline) {
  deadline += config_.alive_expiration / kSlackDivisor;
  if (armed_ && *armed_ <= deadline) return;
  armed_ = deadline;
  timer_ = environment_.executor.After(deadline - environment_.executor.Now(), [this] { Expire(); });
}

void Roster::Expire() {
  armed_.reset();
  const MemberTable::Expired expired =
      table_.Expire(environment_.executor.Now(), config_.alive_expiration, ForgettingTime(config_), is_wanted_);
  for (const wire::PkiId& pki_id : expired.died) {
    environment_.log.Info("{} has been silent for too long: dead", pki_id.Short());
    deaths_.Add();
    comm_.CloseConn(pki_id);
  }
  for (const wire::PkiId& pki_id : expired.forgotten) environment_.log.Info("forgot {}", pki_id.Short());
  if (!expired.died.empty() || !expired.forgotten.empty()) Changed();
  if (expired.next) Arm(*expired.next);
}

base::Handle Roster::OnChange(std::function<void()> observer) {
  const std::uint64_t id = next_observer_++;
  observers_.emplace(id, std::move(observer));
  return base::Handle([this, alive = lifetime_.Watch(), id] {
    if (!alive.expired()) observers_.erase(id);
  });
}

void Roster::Changed() {
  if (version_ != table_.version()) unchanged_since_ = environment_.executor.Now();
  version_ = table_.version();
  alive_.Set(static_cast<std::int64_t>(table_.alive()));
  dead_.Set(static_cast<std::int64_t>(table_.dead()));
  tombstones_.Set(static_cast<std::int64_t>(table_.tombstones()));
  if (!std::exchange(notifying_, true)) environment_.executor.Post(lifetime_.Guard([this] { Notify(); }));
}

void Roster::Notify() {
  notifying_ = false;
  const auto alive = lifetime_.Watch();
  std::vector<std::uint64_t> ids;
  for (const auto& [id, observer] : observers_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    const auto found = observers_.find(id);
    if (found == observers_.end()) continue;  // gone meanwhile
    const std::function<void()> observer = found->second;
    observer();
    if (alive.expired()) return;
  }
}

}  // namespace grapevine::membership
