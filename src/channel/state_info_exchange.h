// Who is in a channel, and how high each one's ledger is (specification 11.10).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/environment.h"
#include "channel/config.h"
#include "comm/comm.h"
#include "gossip/emitter.h"
#include "gossip/envelope_verifier.h"
#include "gossip/intake.h"
#include "gossip/peer_view.h"
#include "gossip/rounds.h"
#include "msp/identity_mapper.h"
#include "msp/message_crypto.h"

namespace grapevine::channel {

// A peer of the channel with its newest state info. Values as signed by the peer.
struct ChannelMember {
  gossip::Peer peer;
  wire::Properties properties;
  wire::PeerTime timestamp;
  wire::Envelope state_info;
};

// What a channel and its parts use; borrowed, and must outlive them.
struct ChannelParts {
  comm::Comm& comm;
  gossip::Rounds& rounds;
  msp::IdentityMapper& mapper;
  msp::MessageCrypto& crypto;
  gossip::Emitter& emitter;
  gossip::EnvelopeVerifier& verifier;
  const gossip::PeerView& peers;
};

// One structure: a record per PKI-ID, replaced as a whole (D-13). A duplicate is recognised before its signature is
// checked (D-6); the signature is checked once under the identity and the channel's readers policy (VerifyByChannel
// covers both). One executor.
class StateInfoExchange {
 public:
  // Called within the event of the verdict, never within a call of its user; must not destroy the exchange, apart from
  // `added`.
  struct Observers {
    // The state info of a peer that has not left is new or raises its height.
    std::function<void(const wire::PkiId& peer, std::uint64_t height)> height;
    // Peers came, left the channel or were forgotten.
    std::function<void()> members;
    // A pushed state info was newly added: for local subscribers (11.13 Accept).
    std::function<void(const comm::ReceivedMessagePtr&)> added;
  };

  StateInfoExchange(base::Environment environment, ChannelParts parts, std::string channel, ChannelConfig config);
  ~StateInfoExchange();
  StateInfoExchange(const StateInfoExchange&) = delete;
  StateInfoExchange& operator=(const StateInfoExchange&) = delete;

  void Start();
  void SetObservers(Observers observers);

  // Organisations of the configuration in force; while the own one is not among them nothing is published or asked
  // for. Everything cached is verified anew at every call (D-26): what an organisation that is no longer in the channel
  // has signed goes at once, the others when their verdict is in.
  void SetOrganizations(std::set<std::string> organizations);

  // Messages whose MAC or channel name is right (11.9 check 2) and whose connection is of an organisation of the
  // channel.
  void HandleStateInfo(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void HandleSnapshot(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void HandlePullRequest(const comm::ReceivedMessagePtr& message);

  // Own state. Height: blocks in the ledger. Published by the next tick if anything changed; chaincodes at once.
  void SetLedgerHeight(std::uint64_t height);
  void SetChaincodes(std::vector<wire::Chaincode> chaincodes);
  void SetLeft();

  // Forgets the state infos of peers that membership no longer knows, alive or dead (11.8). To be called after the
  // membership has changed.
  void ForgetUnknownPeers();

  // This very envelope is cached: a duplicate, recognised without its MAC.
  bool Holds(const wire::Envelope& state_info) const;
  // A state info of the peer is cached, and it does not say that the peer has left (11.10, D-19).
  bool IsEligible(const wire::PkiId& peer) const;
  // Also of a peer that has left; null if there is none. Valid until the end of the event.
  const ChannelMember* Find(const wire::PkiId& peer) const;
  // GetPeers: alive, eligible, not left; in order of PKI-ID. Empty once this node has left.
  std::vector<ChannelMember> Members() const;
  // Last signed own one; nothing before the first signature.
  std::optional<wire::Envelope> own_state_info() const;
  // State infos cached, with the own one once it is published.
  std::size_t size() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::channel
