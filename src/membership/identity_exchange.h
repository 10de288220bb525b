// Who is behind a PKI-ID: identities pulled from other members (specification 11.11, 11.12).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/intake.h"
#include "gossip/peer_view.h"
#include "gossip/pull_engine.h"
#include "msp/identity_mapper.h"
#include "msp/message_crypto.h"

namespace grapevine::membership {

struct IdentityExchangeConfig {
  gossip::PullConfig pull;
  std::size_t max_stored = 20000;                         // signed identity messages kept for others
  std::size_t max_item_bytes = std::size_t{64} << 10;     // one of them; a certificate has a few KiB at most
  std::size_t max_update_bytes = std::size_t{4} << 20;    // given at a time; what is missing is asked for again
  base::Duration sign_retry = std::chrono::seconds(1);    // after the own message could not be signed
  base::Duration refused_for = std::chrono::seconds(60);  // identities that the mapper refused are not asked for
  std::size_t max_refused = 1000;                         // of these; the oldest makes room
  std::size_t max_refused_of_update = 100;                // of one update; the rest of it is dropped
};

// Serves the own signed identity and those that were pulled; puts what it pulls into the mapper. What the mapper purges
// disappears here in the same event. One executor.
//
// Items of an update are checked one after the other: hash, then the signature, then the mapper (validity, expiry). An
// item that nobody could have taken for genuine (undecodable, another PKI-ID than its identity's, wrong signature)
// drops the rest of its update, as in Fabric. A genuine-looking identity that the mapper refuses (revoked, expired, of
// an organisation that this node does not know) does not: its sender may be in other channels than this node, and in
// Fabric the identities behind it never arrive. It is remembered and not asked for again for a while. Refusals are
// counted in gossip_membership_refused{type="peer_identity"}.
class IdentityExchange final : public gossip::PullItems {
 public:
  IdentityExchange(base::Environment environment, comm::Comm& comm, gossip::Rounds& rounds, msp::IdentityMapper& mapper,
                   msp::MessageCrypto& crypto, const gossip::PeerView& peers, IdentityExchangeConfig config);
  ~IdentityExchange() override;
  IdentityExchange(const IdentityExchange&) = delete;
  IdentityExchange& operator=(const IdentityExchange&) = delete;

  // Signs the own identity message (again and again until it succeeds: D-20) and starts the rounds.
  void Start();
  // A pull message of type identity with a legal tag.
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  // After a configuration update: identities that were refused may be acceptable now, and are asked for again.
  void Reconsider();

  std::size_t stored() const;    // the own one included
  std::size_t checking() const;  // updates whose items are being checked

  // gossip::PullItems. Partners: everybody alive. Digest and Find: of requesters of the own organisation everything; of
  // another organisation, what is of theirs or of the own one and has an external endpoint; of an unknown one, nothing.
  std::vector<const gossip::Peer*> Partners(base::Random& random, std::size_t count) const override;
  bool Wants(const base::Bytes& id) const override;
  bool MayLack() override;
  void Receive(const comm::ReceivedMessagePtr& update, const std::vector<wire::Envelope>& items,
               const gossip::Ticket& ticket) override;
  std::vector<base::Bytes> Digest(const comm::ConnectionInfo& requester) const override;
  std::vector<wire::Envelope> Find(const comm::ConnectionInfo& requester,
                                   const std::vector<base::Bytes>& ids) const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::membership
