#include "election/elector.h"

#include <algorithm>
#include <utility>

namespace grapevine::election {

namespace {

// What a leader needs to answer a proposal, and this node to read what has waited while it did not run.
constexpr base::Duration kAnswerTime = 500ms;
// Between two declarations, or two proposals, that messages of others cause.
constexpr base::Duration kMinDeclarationGap = 100ms;
constexpr base::Duration kMinProposalGap = 1s;

}  // namespace

Elector::Elector(base::Environment environment, Surroundings& surroundings, wire::PkiId self, ElectionConfig config)
    : environment_(std::move(environment)),
      surroundings_(surroundings),
      self_(self),
      config_(config),
      started_(environment_.executor.Now()),
      silent_since_(started_) {
  timer_ = environment_.executor.After(config_.membership_sample_interval, [this] { Sample(); });
}

// --- stabilizing -----------------------------------------------------------------------------------------------------

// An empty view says nothing while the state infos of members that are alive may be on their way (D-30, 12.9 item 1).
void Elector::Sample() {
  const base::SteadyTime now = environment_.executor.Now();
  const base::Duration elapsed = now - started_;
  const std::size_t members = surroundings_.View().size();
  if (members > 0 && !first_view_) silent_since_ = *(first_view_ = now);
  const bool is_stable = members > 0
                             ? members == sampled_
                             : !surroundings_.OrganizationIsAlive() &&
                                   elapsed >= config_.membership_sample_interval + config_.leader_election_duration;
  sampled_ = members;
  if (is_stable || elapsed >= config_.startup_grace_period) return Stand();
  timer_ = environment_.executor.After(
      std::min(config_.membership_sample_interval, config_.startup_grace_period - elapsed), [this] { Sample(); });
}

// --- following -------------------------------------------------------------------------------------------------------

void Elector::Follow(const wire::PkiId& leader) {
  state_ = State::kFollowing;
  leader_ = leader;
  gone_ = {};
  proposals_.clear();
  silent_since_ = environment_.executor.Now();
  yielding_ = false;
  yield_timer_.Reset();
  reach_.Reset();
  late_ = environment_.executor.After(config_.late_declaration(), [this] { DeclarationIsLate(); });
  timer_ = environment_.executor.After(config_.leader_alive_threshold, [this] { LeaderIsGone(); });
}

// Late alone is no reason to doubt a leader, and neither is a connection that fails.
void Elector::DeclarationIsLate() {
  const auto view = surroundings_.View();
  if (std::ranges::find(view, leader_, &Candidate::pki_id) == view.end()) return LeaderIsGone();
  reach_ = surroundings_.Reach(leader_, [this](bool reachable) {
    if (!reachable) LeaderIsGone();
  });
}

void Elector::LeaderIsGone() {
  environment_.log.Info("nothing heard of the leader {} for {} ms", leader_.Short(),
                        (environment_.executor.Now() - silent_since_) / 1ms);
  gone_ = std::exchange(leader_, {});
  Stand();
}

// --- electing --------------------------------------------------------------------------------------------------------

// Nobody is known to lead.
void Elector::Stand() {
  state_ = State::kFollowing;
  timer_.Reset();
  late_.Reset();
  reach_.Reset();  // its answer would come too late
  if (yielding_) return;
  if (!IsFarBehindView()) return Propose();
  // A proposal of this node could make a better one step back, so it never makes one while it is behind; but somebody
  // has to lead in the end.
  base::SteadyTime stands = silent_since_ + config_.failover_bound();
  if (const auto proposal = LatestProposal(false)) stands = std::max(stands, *proposal + config_.proposal_lifetime());
  if (const base::Duration left = stands - environment_.executor.Now(); left > base::Duration::zero()) {
    return StandAside(left);
  }
  environment_.log.Warn("far behind the organisation, but nobody else stands");
  stands_in_ = true;
  LeadNow();
}

// It may catch up meanwhile.
void Elector::StandAside(base::Duration left) {
  timer_ = environment_.executor.After(std::min(left, config_.leader_election_duration), [this] { Stand(); });
}

void Elector::Propose() {
  state_ = State::kElecting;
  election_began_ = proposed_ = environment_.executor.Now();
  surroundings_.SendProposal();
  base::SteadyTime decides = proposed_ + config_.leader_election_duration;
  // Whoever has just come into the others' views hears a leader that there is within a declaration period.
  if (!HasListened()) decides = std::max(decides, *first_view_ + config_.leader_alive_threshold);
  timer_ = environment_.executor.After(decides - proposed_, [this] { Decide(); });
  answer_ = environment_.executor.After(kAnswerTime, [this] { DecideEarly(); });
  DecideEarly();
}

// Waiting is for proposals of smaller PKI-IDs and for leaders that were not heard yet: without either there is nothing
// to wait for. Somebody who proposes does not lead.
void Elector::DecideEarly() {
  if (state_ != State::kElecting) return;
  const auto rivals = Rivals();
  if (!rivals.empty() && environment_.executor.Now() - election_began_ < kAnswerTime) return;
  const bool has_listened = HasListened();
  const bool is_decided = std::ranges::all_of(rivals, [&](const Candidate& rival) {
    return self_ < rival.pki_id && (has_listened || proposals_.contains(rival.pki_id));
  });
  if (is_decided) Lead();
}

void Elector::Decide() {
  const auto better = LatestProposal(true);
  if (!better) return Lead();
  // Not a whole window (12.9 item 4): should the better one die now, this node stands again as soon as it must have
  // declared itself.
  state_ = State::kFollowing;
  const base::Duration left = *better + config_.proposal_lifetime() - environment_.executor.Now();
  timer_ = environment_.executor.After(left, [this] { Stand(); });
}

// --- leading ---------------------------------------------------------------------------------------------------------

void Elector::Lead() {
  // The state infos that tell may have come since the proposal.
  if (IsFarBehindView()) return Stand();
  LeadNow();
}

void Elector::LeadNow() {
  state_ = State::kLeading;
  leader_ = self_;
  proposals_.clear();
  surroundings_.Gained();
  Declare();
}

void Elector::Declare() {
  if (!stands_in_ && IsFarBehindView()) {  // it led alone, and has met its organisation
    StepDown();
    return Stand();
  }
  declared_ = environment_.executor.Now();
  surroundings_.SendDeclaration();
  timer_ = environment_.executor.After(config_.declaration_period(), [this] { Declare(); });
}

void Elector::DeclareSoon() {
  const base::Duration left = declared_ + kMinDeclarationGap - environment_.executor.Now();
  if (left <= base::Duration::zero()) return Declare();
  timer_ = environment_.executor.After(left, [this] { Declare(); });
}

void Elector::StepDown() {
  state_ = State::kFollowing;
  leader_ = {};
  stands_in_ = false;
  silent_since_ = environment_.executor.Now();
  timer_.Reset();
  surroundings_.Lost();
}

void Elector::Yield() {
  if (state_ != State::kLeading) return;
  StepDown();
  yielding_ = true;
  yield_timer_ = environment_.executor.After(config_.yield_period(), [this] {
    yielding_ = false;
    Stand();
  });
}

// --- messages --------------------------------------------------------------------------------------------------------

void Elector::HandleProposal(const wire::PkiId& from) {
  if (from == gone_) gone_ = {};
  if (state_ == State::kLeading) return DeclareSoon();  // who proposes has not heard of this leader
  const base::SteadyTime now = environment_.executor.Now();
  proposals_.insert_or_assign(from, now);
  if (state_ != State::kElecting) return;
  // The better one may have come after the proposal, and waits for it (DecideEarly).
  if (from < self_ && now - proposed_ >= kMinProposalGap) {
    proposed_ = now;
    surroundings_.SendProposal();
  }
  DecideEarly();
}

void Elector::HandleDeclaration(const wire::PkiId& from) {
  if (state_ == State::kLeading) {
    const auto view = surroundings_.View();
    const auto other = std::ranges::find(view, from, &Candidate::pki_id);
    const bool is_fitter = other != view.end() && IsFarBehind(other->height);
    if (self_ < from && !is_fitter) return DeclareSoon();
    StepDown();
  }
  Follow(from);
}

// --- judgement -------------------------------------------------------------------------------------------------------

bool Elector::IsFarBehind(std::uint64_t height) const {
  if (config_.max_blocks_behind == 0) return false;
  const std::uint64_t own = surroundings_.OwnHeight();
  return height > own && height - own > config_.max_blocks_behind;
}

bool Elector::IsFarBehindView() const {
  return std::ranges::any_of(Rivals(), [this](const Candidate& rival) { return IsFarBehind(rival.height); });
}

std::optional<base::SteadyTime> Elector::LatestProposal(bool better) const {
  std::optional<base::SteadyTime> latest;
  for (const Candidate& rival : Rivals()) {
    const auto proposal = proposals_.find(rival.pki_id);
    if (proposal == proposals_.end() || (better && self_ < rival.pki_id)) continue;
    if (environment_.executor.Now() - proposal->second >= config_.proposal_lifetime()) continue;
    latest = std::max(latest.value_or(proposal->second), proposal->second);
  }
  return latest;
}

std::vector<Candidate> Elector::Rivals() const {
  auto rivals = surroundings_.View();
  std::erase_if(rivals, [this](const Candidate& rival) { return rival.pki_id == gone_; });
  return rivals;
}

bool Elector::HasListened() const {
  return !first_view_ || environment_.executor.Now() - *first_view_ >= config_.leader_alive_threshold;
}

}  // namespace grapevine::election
