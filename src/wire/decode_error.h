// Why received bytes are no message (specification 01, section 10). Each reason is a label of a counter.
#pragma once

namespace grapevine::wire {

enum class DecodeError {
  kMalformedEnvelope,  // not a gossip.Envelope
  kMalformedMessage,   // the payload is not a gossip.GossipMessage
  kNoContent,          // no content, or a kind that this version does not know
  kNoMembership,
  kNoTimestamp,
  kNoPkiId,
  kBadPkiId,  // not 32 bytes: no identity has it
  kNoIdentity,
  kNoPayload,
  kNoSelfInformation,
  kNoDigest,
  kTooManyElements,  // more list elements than DecodeLimits allows
};

// As in metrics: "no_timestamp".
const char* ToString(DecodeError error);

// Whether the stream that brought it is ended: only for bytes that are no messages at all; everything else is dropped.
inline bool EndsStream(DecodeError error) { return error <= DecodeError::kMalformedMessage; }

}  // namespace grapevine::wire
