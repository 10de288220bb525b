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
  // Called as an event of its own for each peer whose state info is new or raises its height.
  using OnHeight = std::function<void(const wire::PkiId& peer, std::uint64_t height)>;
  // A pushed state info was newly added: for local subscribers (11.13 Accept).
  using OnAdded = std::function<void(const comm::ReceivedMessagePtr&)>;

  StateInfoExchange(base::Environment environment, ChannelParts parts, std::string channel, ChannelConfig config);
  ~StateInfoExchange();
  StateInfoExchange(const StateInfoExchange&) = delete;
  StateInfoExchange& operator=(const StateInfoExchange&) = delete;

  void Start();
  void SetObservers(OnHeight height, OnAdded added);

  // Organisations of the configuration in force. Everything cached is verified anew at every call (D-26): what an
  // organisation that is no longer in the channel has signed goes at once, the others when their verdict is in.
  void SetOrganizations(std::set<std::string> organizations);

  // Messages whose MAC is right for this channel (11.9 check 2) and whose connection is of an organisation of the
  // channel.
  void HandleStateInfo(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void HandleSnapshot(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void HandlePullRequest(const comm::ReceivedMessagePtr& message);

  // Own state. Height: blocks in the ledger. Published by the next tick if anything changed; chaincodes at once.
  void SetLedgerHeight(std::uint64_t height);
  void SetChaincodes(std::vector<wire::Chaincode> chaincodes);
  void SetLeft();

  // A state info is cached (11.10). `left` says whether it says that the peer has left (D-19).
  bool IsEligible(const wire::PkiId& peer) const;
  const ChannelMember* Find(const wire::PkiId& peer) const;
  // GetPeers: alive, eligible, not left; in order of PKI-ID.
  std::vector<ChannelMember> Members() const;
  // Last signed own one; nothing before the first signature.
  std::optional<wire::Envelope> own_state_info() const;
  std::size_t size() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::channel
