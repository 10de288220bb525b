// The gossip of one node: the public API (specification 11.13) over membership, identity exchange and channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "channel/channel.h"
#include "comm/comm.h"
#include "gossip/emitter.h"
#include "gossip/intake.h"
#include "gossip/router.h"
#include "membership/discovery.h"
#include "membership/identity_exchange.h"
#include "msp/identity_mapper.h"

namespace grapevine::channel {

struct GossipConfig {
  comm::CommConfig comm;
  msp::IdentityMapperConfig identities;
  gossip::EmitterConfig emitter;
  gossip::RouterConfig router;
  membership::MembershipConfig membership;
  membership::IdentityExchangeConfig identity_exchange;
  ChannelConfig channel;
  gossip::IntakeConfig intake;               // messages other than liveness
  std::size_t max_relayed = 20000;           // state infos of channels that the node is not in
  std::size_t max_relayed_of_subject = 200;  // of these of one peer, each in a channel of its own
};

// Borrowed; must outlive the service.
struct GossipParts {
  base::Transport& transport;
  base::Server& server;
  msp::MessageCrypto& crypto;
};

// Whom SendByCriteria chooses.
struct SendCriteria {
  base::Duration timeout{};
  std::size_t min_ack = 0;
  std::size_t max_peers = 0;
  std::function<bool(const gossip::Peer&)> is_eligible;  // empty: everybody
  std::string channel;                                   // empty: all members
};

using AcceptedMessages = comm::AcceptedMessages;

// One executor; destroying it stops it. No method blocks; every callback is an event of its own.
class GossipService {
 public:
  // `identity`: own serialised identity, whose MSP id is the own organisation.
  GossipService(base::Environment environment, GossipParts parts, base::Bytes identity, GossipConfig config);
  ~GossipService();
  GossipService(const GossipService&) = delete;
  GossipService& operator=(const GossipService&) = delete;

  void Start();

  // Creates the channel on first use, then configures it (11.10). False if the configuration is not accepted.
  // `on_block`: verified blocks, see BlockExchange; taken at creation.
  bool JoinChannel(const std::string& channel, const JoinMessage& join, BlockExchange::OnBlock on_block = {});
  void LeaveChannel(const std::string& channel);
  Channel* FindChannel(const std::string& channel);
  std::vector<std::string> Channels() const;

  // 11.13. Signs what is to be signed and pushes it; kInvalid if the tag is illegal for the content, kNotFound if the
  // channel is not joined.
  base::Result<void> Gossip(const wire::Message& message);
  // A verified block: stored and pushed.
  base::Result<void> GossipBlock(const std::string& channel, std::uint64_t number, const base::Bytes& block);
  void Send(const wire::Message& message, const std::vector<comm::RemotePeer>& peers);
  // `done` gets the acknowledgements, or kInvalid (no timeout), kNotFound (channel not joined), kUnavailable (fewer
  // than min_ack candidates, or fewer acknowledged; the message names each peer's outcome).
  base::Handle SendByCriteria(const wire::Message& message, SendCriteria criteria,
                              std::move_only_function<void(base::Result<std::vector<comm::AckResult>>)> done);

  const gossip::Peer& Self() const;
  const std::vector<gossip::Peer>& Peers() const;
  std::vector<ChannelMember> PeersOfChannel(const std::string& channel) const;
  membership::Member SelfMembershipInfo() const;
  std::optional<wire::Envelope> SelfChannelInfo(const std::string& channel) const;
  bool IsInMyOrg(const gossip::Peer& peer) const;

  // Messages after validation by their channel: data messages, state infos, leadership messages.
  AcceptedMessages Accept(std::string name, std::function<bool(const comm::ReceivedMessage&)> predicate,
                          std::size_t capacity = 100);
  // Every message from comm that matches, decoded and no more (state transfer, private data).
  AcceptedMessages AcceptUnvalidated(std::string name, std::function<bool(const comm::ReceivedMessage&)> predicate,
                                     std::size_t capacity = 100);

  void UpdateMetadata(base::Bytes metadata);
  void UpdateLedgerHeight(const std::string& channel, std::uint64_t height);
  void UpdateChaincodes(const std::string& channel, std::vector<wire::Chaincode> chaincodes);
  // Everything known of identities is validated anew: after each configuration update (11.12).
  void SuspectPeers(std::move_only_function<void()> done);

  const std::string& organization() const;
  comm::Comm& comm();
  msp::IdentityMapper& identities();
  membership::Discovery& membership();
  const membership::IdentityExchange& identity_exchange() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::channel
