// What gossip knows of other peers: the view that routing, pull and channels choose from.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/comm.h"
#include "wire/pki_id.h"

namespace grapevine::gossip {

struct Peer {
  wire::PkiId pki_id;
  base::Endpoint endpoint;        // where it is dialled: the internal endpoint if known, else the external one
  std::string external_endpoint;  // empty: hidden from other organisations
  std::string organization;       // MSP id; empty: unknown, which every filter treats as "no" (11.12)

  bool has_external_endpoint() const { return !external_endpoint.empty(); }
  comm::RemotePeer remote() const { return {endpoint, pki_id}; }
};

// One executor. Implemented by membership::Discovery; tests have a given one.
class PeerView {
 public:
  virtual ~PeerView() = default;

  // Members believed alive, without the node itself, in order of PKI-ID. The reference is valid until the end of the
  // current event; the vector is only rebuilt when the view has changed, so that looking costs nothing.
  virtual const std::vector<Peer>& Alive() const = 0;
  // Another number whenever Alive() has changed: what was made from it can be kept until then.
  virtual std::uint64_t Version() const = 0;
  // Alive() has been the same since then, or for longer.
  virtual base::SteadyTime UnchangedSince() const = 0;
  // A member that is known, alive or dead; null if unknown or the node itself. Valid until the end of the event.
  virtual const Peer* Find(const wire::PkiId& pki_id) const = 0;
  // The node itself.
  virtual const Peer& Self() const = 0;
};

// A view has settled when it has been the same for so long. Until then others may know less, or more.
constexpr base::Duration kSettledAfter = std::chrono::seconds(10);

inline bool HasSettled(base::SteadyTime unchanged_since, base::SteadyTime now) {
  return now - unchanged_since >= kSettledAfter;
}

}  // namespace grapevine::gossip
