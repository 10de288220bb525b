#include "wire/comparison.h"

namespace grapevine::wire {

namespace {

Replacement CompareContent(const AliveMessage& a, const AliveMessage& b, std::uint64_t) {
  return a.membership.pki_id == b.membership.pki_id ? Compare(a.timestamp, b.timestamp) : Replacement::kNone;
}

template <typename T>
  requires requires(const T& message) {
    message.pki_id;
    message.timestamp;
  }
Replacement CompareContent(const T& a, const T& b, std::uint64_t) {
  return a.pki_id == b.pki_id ? Compare(a.timestamp, b.timestamp) : Replacement::kNone;
}

Replacement CompareContent(const PeerIdentity& a, const PeerIdentity& b, std::uint64_t) {
  return a.pki_id == b.pki_id ? Replacement::kInvalidated : Replacement::kNone;
}

Replacement CompareContent(const DataMessage& a, const DataMessage& b, std::uint64_t window) {
  const std::uint64_t incoming = a.payload.number;
  const std::uint64_t stored = b.payload.number;
  if (incoming == stored) return Replacement::kInvalidated;
  const std::uint64_t distance = incoming > stored ? incoming - stored : stored - incoming;
  if (distance <= window) return Replacement::kNone;
  return incoming > stored ? Replacement::kInvalidates : Replacement::kInvalidated;
}

template <typename A, typename B>
Replacement CompareContent(const A&, const B&, std::uint64_t) {
  return Replacement::kNone;
}

}  // namespace

Replacement Compare(const PeerTime& incoming, const PeerTime& stored) {
  return incoming > stored ? Replacement::kInvalidates : Replacement::kInvalidated;
}

Replacement Compare(const Message& incoming, const Message& stored, std::uint64_t block_window) {
  return std::visit([block_window](const auto& a, const auto& b) { return CompareContent(a, b, block_window); },
                    incoming.content, stored.content);
}

}  // namespace grapevine::wire
