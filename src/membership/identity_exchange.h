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
  std::size_t max_stored = 20000;  // signed identity messages kept for others
};

// Serves the own signed identity and those that were pulled; puts what it pulls into the mapper. One identity that
// fails spoils its whole update, as in Fabric. What the mapper purges disappears here in the same event. One executor.
class IdentityExchange final : public gossip::PullItems {
 public:
  IdentityExchange(base::Environment environment, comm::Comm& comm, msp::IdentityMapper& mapper,
                   msp::MessageCrypto& crypto, const gossip::PeerView& peers, IdentityExchangeConfig config);
  ~IdentityExchange() override;
  IdentityExchange(const IdentityExchange&) = delete;
  IdentityExchange& operator=(const IdentityExchange&) = delete;

  // Signs the own identity message (again and again until it succeeds: D-20) and starts the rounds.
  void Start();
  // A pull message of type identity with a legal tag.
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  // Called as an event of its own after an identity was learned by pull: alive messages that were refused for want of
  // it can be asked for again.
  base::Handle OnLearned(std::function<void(const wire::PkiId&)> observer);

  std::size_t stored() const;

  // gossip::PullItems.
  std::vector<gossip::Peer> Partners() const override;
  bool Wants(const base::Bytes& id) const override;
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
