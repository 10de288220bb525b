// The way of an alive message from its bytes into the roster (specification 10.5, V and handleAlive; D-3, D-9, D-12,
// D-24). Internal to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/environment.h"
#include "gossip/envelope_verifier.h"
#include "gossip/rounds.h"
#include "membership/own_alive.h"
#include "membership/refusals.h"
#include "membership/roster.h"
#include "msp/identity_mapper.h"

namespace grapevine::membership {

// An alive message as it came, decoded and not yet believed.
struct AliveOffer {
  Source source = Source::kGossip;
  wire::Envelope envelope;
  std::shared_ptr<const wire::AliveMessage> alive;  // often a part of the message that it came in
  bool direct = false;                              // it came on the connection of the peer that it is about
};

enum class Admission : std::uint8_t {
  kNews,       // new and valid, and its peer was not alive before, or is somewhere else now
  kRefreshed,  // new and valid, and its peer was alive before
  kDoubted,    // new and valid, but its peer has to answer before it counts as alive
  kSeen,       // nothing new, of whatever validity
  kRefused,
};

// Duplicates are recognised before any signature is looked at, and once more when the verdict comes. What is not taken
// is counted. One executor; references are borrowed.
class AliveAdmission {
 public:
  using Done = std::function<void(Admission)>;

  AliveAdmission(const base::Environment& environment, msp::IdentityMapper& mapper, gossip::EnvelopeVerifier& verifier,
                 gossip::Rounds& rounds, const MembershipConfig& config, Roster& roster, OwnAlive& own,
                 Refusals& refusals);

  // The outcome if it is clear without looking at a signature; cheap.
  std::optional<Admission> Screen(Source source, const wire::Envelope& envelope, const wire::AliveMessage& alive,
                                  bool direct);
  // For what Screen lets through: `done` gets the outcome as an event of its own.
  void Check(AliveOffer offer, Done done);

 private:
  // While its signature is being checked.
  struct Parked {
    AliveOffer offer;
    Done done;
  };
  using ParkedPtr = std::shared_ptr<const Parked>;

  // Why the message is of no interest; nothing if it is.
  std::optional<Refusal> Test(Source source, const wire::Envelope& envelope, const wire::AliveMessage& alive,
                              bool direct) const;
  std::optional<Refusal> TestOwn(const wire::Envelope& envelope, const wire::AliveMessage& alive) const;
  bool IsElsewhere(const wire::Envelope& envelope, const wire::AliveMessage& alive) const;
  Admission Refuse(Source source, Refusal refusal);
  void Verify(const ParkedPtr& parked);
  Admission Verified(const AliveOffer& offer, const base::Result<void>& verdict);
  Admission TakeOwn(const AliveOffer& offer);
  Admission Take(const AliveOffer& offer);
  bool IsOlderThan(const wire::PeerTime& timestamp, base::Duration age) const;

  const base::Environment& environment_;
  msp::IdentityMapper& mapper_;
  gossip::EnvelopeVerifier& verifier_;
  gossip::Rounds& rounds_;
  const MembershipConfig& config_;
  Roster& roster_;
  OwnAlive& own_;
  Refusals& refusals_;
  base::LogLimit twins_;
  std::map<std::uint64_t, base::Handle> insertions_;  // embedded identities that are being validated
  std::uint64_t next_insertion_ = 0;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::membership
