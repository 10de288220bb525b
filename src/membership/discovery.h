// Who is there, where, and alive (specification 10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/emitter.h"
#include "gossip/envelope_verifier.h"
#include "gossip/intake.h"
#include "gossip/peer_view.h"
#include "gossip/rounds.h"
#include "membership/config.h"
#include "msp/identity_mapper.h"
#include "msp/message_crypto.h"

namespace grapevine::membership {

// An anchor peer of a channel's configuration.
struct AnchorPeer {
  base::Endpoint endpoint;   // host:port
  std::string organization;  // MSP id of the organisation that declares it
};

// A member as the local API shows it.
struct Member {
  gossip::Peer peer;
  std::string internal_endpoint;  // empty if unknown
  base::Bytes metadata;
  bool alive = false;
  wire::PeerTime timestamp;
  wire::Envelope envelope;  // newest alive message as it came
};

// Counts for invariants and tables.
struct DiscoverySizes {
  std::size_t alive = 0;
  std::size_t dead = 0;
  std::size_t tombstones = 0;
};

// What discovery uses; borrowed, and must outlive it.
struct DiscoveryParts {
  comm::Comm& comm;
  gossip::Rounds& rounds;
  msp::IdentityMapper& mapper;
  msp::MessageCrypto& crypto;
  gossip::Emitter& emitter;
  gossip::EnvelopeVerifier& verifier;
};

// One network-wide view per node: one record per PKI-ID, which is alive, dead, or only a tombstone that keeps replays
// out. One executor. Destroying it stops it; nothing is sent then.
class Discovery final : public gossip::PeerView {
 public:
  Discovery(base::Environment environment, DiscoveryParts parts, MembershipConfig config);
  ~Discovery() override;
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Starts heartbeat, expiry, synchronisation and reconnection, and contacts the bootstrap peers.
  void Start();

  // Alive message, membership request or membership response, with a legal tag (10.5). The ticket is kept while
  // signatures are being checked.
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);

  // Anchor peers of a channel's configuration in force; replaces those of its earlier one, whose connection attempts
  // end (10.7; D-11). Empty: the channel was left.
  void SetAnchorPeers(const std::string& channel, std::vector<AnchorPeer> anchors);

  // gossip::PeerView.
  const std::vector<gossip::Peer>& Alive() const override;
  std::uint64_t Version() const override;
  base::SteadyTime UnchangedSince() const override;
  const gossip::Peer* Find(const wire::PkiId& pki_id) const override;
  const gossip::Peer& Self() const override;

  // In order of PKI-ID.
  std::vector<Member> Members() const;  // alive ones (GetMembership)
  std::vector<Member> DeadMembers() const;
  std::optional<Member> Lookup(const wire::PkiId& pki_id) const;  // alive, dead or self

  // Visible with the next alive message.
  void UpdateMetadata(base::Bytes metadata);
  void UpdateExternalEndpoint(std::string endpoint);

  // Of this start; greater than every earlier one (D-12). May grow when an own message of a later incarnation turns up.
  std::uint64_t incarnation() const;
  DiscoverySizes sizes() const;

  // Called as an event of its own when somebody became alive, dead or forgotten, or changed its endpoint; once per
  // event however much changed.
  base::Handle OnChange(std::function<void()> observer);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::membership
