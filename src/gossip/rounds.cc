#include "gossip/rounds.h"

#include "gossip/peer_view.h"

namespace grapevine::gossip {
namespace {

// Participants that may have common moments: a node in a hundred channels does not ask one peer for everything at once.
constexpr std::uint64_t kGroup = 16;

// From `now` until the next moment of `phase`, less than an interval.
base::Duration Until(base::SteadyTime now, base::Duration phase, base::Duration interval) {
  const base::Duration since = (now.time_since_epoch() - phase) % interval;
  return since > base::Duration::zero() ? interval - since : -since;
}

}  // namespace

Rounds::Rounds(base::Environment environment, std::function<base::SteadyTime()> view_unchanged_since)
    : environment_(std::move(environment)),
      view_unchanged_since_(std::move(view_unchanged_since)),
      secret_(environment_.random.Next()) {}

base::Handle Rounds::Join(base::Duration interval, Round round) {
  const std::uint64_t id = next_id_++;
  const base::Duration phase = environment_.random.Between(base::Duration::zero(), interval);
  base::Random of_group(secret_ + id / kGroup);
  const base::Duration common_phase = of_group.Between(base::Duration::zero(), interval);
  Participant& participant = participants_[id];
  participant = {.interval = interval,
                 .phase = phase,
                 .common_phase = common_phase,
                 .round = std::move(round),
                 .suspicious = true,
                 .timer = environment_.executor.After(Until(environment_.executor.Now(), phase, interval),
                                                      [this, id] { Begin(id, {}); })};
  return base::Handle(lifetime_.Guard([this, id] { participants_.erase(id); }));
}

void Rounds::Suspect() {
  for (auto& [id, participant] : participants_) participant.suspicious = true;
}

bool Rounds::IsSettled() const { return HasSettled(view_unchanged_since_(), environment_.executor.Now()); }

void Rounds::Schedule(std::uint64_t id) {
  Participant& participant = participants_.at(id);
  const base::SteadyTime now = environment_.executor.Now();
  const bool common = IsSettled();
  base::Duration delay = Until(now, common ? participant.common_phase : participant.phase, participant.interval);
  if (delay <= participant.interval / 2) delay += participant.interval;
  const base::SteadyTime moment = common ? now + delay : base::SteadyTime{};
  participant.timer = environment_.executor.After(delay, [this, id, moment] { Begin(id, moment); });
}

// `common_moment`: nothing if it is the participant's own.
void Rounds::Begin(std::uint64_t id, base::SteadyTime common_moment) {
  Schedule(id);
  const bool common = common_moment != base::SteadyTime{};
  base::Random random(common ? secret_ ^ static_cast<std::uint64_t>(common_moment.time_since_epoch().count())
                             : environment_.random.Next());
  Participant& participant = participants_.at(id);
  const bool suspicious = std::exchange(participant.suspicious, false);
  const Round round = participant.round;  // it may end itself
  round(random, !suspicious && IsSettled());
}

}  // namespace grapevine::gossip
