#include "membership/alive_admission.h"

#include <limits>
#include <memory>
#include <utility>

namespace grapevine::membership {
namespace {

// When the peer made the message, by its own account: it makes at most one per interval on its own, so this is not
// before the truth unless its clock is wrong or it was alone for long. Saturates.
base::WallTime OwnAccount(const wire::PeerTime& timestamp, base::Duration alive_interval) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<base::Duration::rep>::max());
  const auto interval = static_cast<std::uint64_t>(alive_interval.count());
  if (timestamp.incarnation > kMax) return base::WallTime::max();
  const std::uint64_t left = kMax - timestamp.incarnation;
  if (interval > 0 && timestamp.sequence > left / interval) return base::WallTime::max();
  return base::WallTime(base::Duration(timestamp.incarnation + timestamp.sequence * interval));
}

Admission Meaning(Refusal refusal) {
  switch (refusal) {
    case Refusal::kDuplicate:
    case Refusal::kOlder:
    case Refusal::kOwn:
    case Refusal::kKnown:
    case Refusal::kTooOld:
      return Admission::kSeen;
    default:
      return Admission::kRefused;
  }
}

}  // namespace

AliveAdmission::AliveAdmission(const base::Environment& environment, msp::IdentityMapper& mapper,
                               gossip::EnvelopeVerifier& verifier, gossip::Rounds& rounds,
                               const MembershipConfig& config, Roster& roster, OwnAlive& own, Refusals& refusals)
    : environment_(environment),
      mapper_(mapper),
      verifier_(verifier),
      rounds_(rounds),
      config_(config),
      roster_(roster),
      own_(own),
      refusals_(refusals),
      twins_(environment.executor, 1, std::chrono::minutes(1)) {}

Admission AliveAdmission::Refuse(Source source, Refusal refusal) {
  if (refusal == Refusal::kUnknownIdentity) rounds_.Suspect();  // others have it, or nobody
  refusals_.Count(source, refusal);
  return Meaning(refusal);
}

bool AliveAdmission::IsOlderThan(const wire::PeerTime& timestamp, base::Duration age) const {
  return OwnAccount(timestamp, config_.alive_interval) < environment_.executor.WallNow() - age;
}

bool AliveAdmission::IsElsewhere(const wire::Envelope& envelope, const wire::AliveMessage& alive) const {
  const std::string internal = envelope.internal_endpoint();
  return alive.membership.endpoint != own_.external_endpoint() || (!internal.empty() && internal != config_.endpoint);
}

// Of interest are an incarnation that outranks this one (D-12), and another peer that uses the same key. Earlier
// messages of this very start may name an external endpoint that has changed since.
std::optional<Refusal> AliveAdmission::TestOwn(const wire::Envelope& envelope, const wire::AliveMessage& alive) const {
  const std::uint64_t incarnation = alive.timestamp.incarnation;
  if (incarnation > own_.incarnation()) return std::nullopt;
  if (incarnation != own_.incarnation() && IsElsewhere(envelope, alive)) return std::nullopt;
  return Refusal::kOwn;
}

std::optional<Refusal> AliveAdmission::Test(Source source, const wire::Envelope& envelope,
                                            const wire::AliveMessage& alive, bool direct) const {
  const wire::PkiId& pki_id = alive.membership.pki_id;
  const wire::PeerTime& timestamp = alive.timestamp;
  if (pki_id == mapper_.own_pki_id()) return TestOwn(envelope, alive);
  if (source == Source::kResponseDead) {
    if (roster_.table().Find(pki_id) != nullptr) return Refusal::kKnown;
    if (IsOlderThan(timestamp, ForgettingTime(config_))) return Refusal::kTooOld;
  }
  switch (roster_.table().Test(pki_id, timestamp, direct)) {
    case MemberTable::Acceptance::kAccept:
      return std::nullopt;
    case MemberTable::Acceptance::kDuplicate:
      return Refusal::kDuplicate;
    case MemberTable::Acceptance::kOlder:
      return Refusal::kOlder;
    case MemberTable::Acceptance::kFull:
      break;
  }
  return Refusal::kFull;
}

std::optional<Admission> AliveAdmission::Screen(Source source, const wire::Envelope& envelope,
                                                const wire::AliveMessage& alive, bool direct) {
  if (const auto refusal = Test(source, envelope, alive, direct)) return Refuse(source, *refusal);
  if (envelope.encoded().size() > config_.max_alive_bytes) return Refuse(source, Refusal::kTooLarge);
  if (!envelope.is_signed()) return Refuse(source, Refusal::kUnsigned);
  const bool known = !alive.identity.empty() || !mapper_.OrganizationOf(alive.membership.pki_id).empty();
  if (!known) return Refuse(source, Refusal::kUnknownIdentity);
  return std::nullopt;
}

void AliveAdmission::Check(AliveOffer offer, Done done) {
  const auto parked = std::make_shared<const Parked>(std::move(offer), std::move(done));
  const wire::AliveMessage& alive = *parked->offer.alive;
  if (alive.identity.empty()) return Verify(parked);
  const std::uint64_t id = next_insertion_++;
  insertions_[id] =
      mapper_.Put(alive.membership.pki_id, base::Bytes::Copy(alive.identity),
                  [this, id, parked](const base::Result<msp::IdentityMapper::Entry>& entry) {
                    const base::Handle finished = std::move(insertions_.extract(id).mapped());
                    if (entry) return Verify(parked);
                    const bool busy = entry.error().code == base::ErrorCode::kExhausted;
                    parked->done(Refuse(parked->offer.source, busy ? Refusal::kBusy : Refusal::kBadIdentity));
                  });
}

void AliveAdmission::Verify(const ParkedPtr& parked) {
  const wire::PkiId& pki_id = parked->offer.alive->membership.pki_id;
  const MemberRecord* known = roster_.table().Find(pki_id);
  auto done = [this, parked](const base::Result<void>& verdict) { parked->done(Verified(parked->offer, verdict)); };
  verifier_.Verify(pki_id, parked->offer.envelope, lifetime_.Guard(std::move(done)),
                   known == nullptr ? nullptr : &known->envelope);
}

Admission AliveAdmission::Verified(const AliveOffer& offer, const base::Result<void>& verdict) {
  if (!verdict) {
    switch (verdict.error().code) {
      case base::ErrorCode::kNotFound:
        return Refuse(offer.source, Refusal::kUnknownIdentity);
      case base::ErrorCode::kExhausted:
        return Refuse(offer.source, Refusal::kBusy);
      default:
        return Refuse(offer.source, Refusal::kBadSignature);
    }
  }
  if (const auto refusal = Test(offer.source, offer.envelope, *offer.alive, offer.direct))
    return Refuse(offer.source, *refusal);
  return offer.alive->membership.pki_id == mapper_.own_pki_id() ? TakeOwn(offer) : Take(offer);
}

Admission AliveAdmission::TakeOwn(const AliveOffer& offer) {
  const std::uint64_t incarnation = offer.alive->timestamp.incarnation;
  const bool later = incarnation > own_.incarnation();
  const bool outranked = own_.Outrank(incarnation);
  if (!twins_.Allow()) return Refuse(offer.source, Refusal::kOwn);
  if (IsElsewhere(offer.envelope, *offer.alive)) {
    environment_.log.Error(
        "a valid message of this peer's own PKI-ID gives the endpoint '{}' instead of '{}': either another peer uses "
        "the same key, which must not be, or this one was restarted with other endpoints",
        offer.alive->membership.endpoint, own_.external_endpoint());
  } else if (!outranked) {
    environment_.log.Error(
        "a message of this peer's own PKI-ID has the greatest incarnation that there is: nobody will listen to this "
        "peer until it has a new key");
  } else if (later) {
    environment_.log.Warn(
        "a message of this peer's own PKI-ID has the later incarnation {}: the clock was set back, or another peer "
        "uses the same key; going on with incarnation {}",
        incarnation, own_.incarnation());
  }
  return Refuse(offer.source, Refusal::kOwn);
}

Admission AliveAdmission::Take(const AliveOffer& offer) {
  Sighting sighting{.alive = *offer.alive,
                    .envelope = offer.envelope,
                    .organization = mapper_.OrganizationOf(offer.alive->membership.pki_id),
                    .direct = offer.direct,
                    .doubted = false};
  if (sighting.organization.empty()) return Refuse(offer.source, Refusal::kUnknownIdentity);  // purged meanwhile
  if (offer.source == Source::kResponseDead) {
    roster_.AdoptDead(sighting);
    return Admission::kNews;
  }
  const base::Duration bound =
      config_.freshness_bound > base::Duration::zero() ? config_.freshness_bound : ForgettingTime(config_);
  sighting.doubted = !offer.direct && IsOlderThan(offer.alive->timestamp, bound);
  switch (roster_.See(sighting)) {
    case MemberTable::Change::kDoubted:
      return Admission::kDoubted;
    case MemberTable::Change::kRefreshed:
      return Admission::kRefreshed;
    default:
      return Admission::kNews;
  }
}

}  // namespace grapevine::membership
