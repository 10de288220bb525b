#include "membership/refusals.h"

namespace grapevine::membership {

const char* ToString(Source source) {
  switch (source) {
    case Source::kGossip:
      return "alive";
    case Source::kRequest:
      return "request";
    case Source::kResponseAlive:
      return "response_alive";
    case Source::kResponseDead:
      return "response_dead";
  }
  return "unknown";
}

const char* ToString(Refusal refusal) {
  switch (refusal) {
    case Refusal::kDuplicate:
      return "duplicate";
    case Refusal::kOlder:
      return "older";
    case Refusal::kFull:
      return "full";
    case Refusal::kOwn:
      return "own";
    case Refusal::kKnown:
      return "known";
    case Refusal::kTooOld:
      return "too_old";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kWrongType:
      return "wrong_type";
    case Refusal::kWrongSender:
      return "wrong_sender";
    case Refusal::kTooLarge:
      return "too_large";
    case Refusal::kUnsigned:
      return "unsigned";
    case Refusal::kBadIdentity:
      return "bad_identity";
    case Refusal::kUnknownIdentity:
      return "unknown_identity";
    case Refusal::kBadSignature:
      return "bad_signature";
    case Refusal::kBusy:
      return "busy";
    case Refusal::kSigning:
      return "signing";
    case Refusal::kNotDisclosed:
      return "not_disclosed";
    case Refusal::kCount:
      break;
  }
  return "unknown";
}

void Refusals::Count(Source source, Refusal refusal) {
  base::Counter*& counter = counters_[static_cast<std::size_t>(source)][static_cast<std::size_t>(refusal)];
  if (counter == nullptr) {
    counter = &metrics_.GetCounter("gossip_membership_refused", "Received membership information that was not taken.",
                                   {{"type", ToString(source)}, {"reason", ToString(refusal)}});
  }
  counter->Add();
}

}  // namespace grapevine::membership
