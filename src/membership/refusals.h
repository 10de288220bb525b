// Counters of what was received and not taken, by kind and reason. Internal to the room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/metrics.h"

namespace grapevine::membership {

// Where an alive message came from, or the message that brought it.
enum class Source : std::uint8_t { kGossip, kRequest, kResponseAlive, kResponseDead };

enum class Refusal : std::uint8_t {
  kDuplicate,
  kOlder,
  kFull,         // max_members
  kOwn,          // about this node, and nothing new
  kKnown,        // dead entry about a member
  kTooOld,       // dead entry that others have long forgotten (D-3)
  kMalformed,    // the element is no message
  kWrongType,    // the element is another message
  kWrongSender,  // self information of somebody else
  kTooLarge,     // max_alive_bytes
  kUnsigned,
  kBadIdentity,  // the embedded identity is not accepted
  kUnknownIdentity,
  kBadSignature,
  kBusy,          // too much is being verified
  kSigning,       // answering needed a signature of the own key, which failed
  kNotDisclosed,  // the requester may not even see this node
  kCount
};

const char* ToString(Source source);
const char* ToString(Refusal refusal);

// gossip_membership_refused{type=...,reason=...}. Duplicates are frequent, so a counter is looked up once.
class Refusals {
 public:
  explicit Refusals(base::Metrics& metrics) : metrics_(metrics) {}
  void Count(Source source, Refusal refusal);

 private:
  base::Metrics& metrics_;
  std::array<std::array<base::Counter*, static_cast<std::size_t>(Refusal::kCount)>, 4> counters_{};
};

}  // namespace grapevine::membership
