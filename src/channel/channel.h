// One channel of a node: the checks that every message passes, and the parts that handle them (specification 11.9).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "channel/block_exchange.h"
#include "channel/config.h"
#include "channel/state_info_exchange.h"

namespace grapevine::channel {

// One executor. Destroying it removes the channel from memory for good.
class Channel {
 public:
  struct Observers {
    BlockExchange::OnBlock block;
    // Data messages, state infos and leadership messages after validation, for Accept (11.13).
    std::function<void(const comm::ReceivedMessagePtr&)> delivered;
  };

  Channel(base::Environment environment, ChannelParts parts, std::string name, ChannelConfig config,
          Observers observers);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // 11.10 Configuration: false, with a log line, if the organisations are none, the sequence is older than the one in
  // force, or the own organisation is not in it: then the node has been removed, and nothing more is exchanged until it
  // is in again (D-26). Every configuration, also one that leaves the organisations as they are, re-verifies what is
  // cached.
  bool Configure(const JoinMessage& join);
  // For good: peers learn of it, blocks and leadership are no longer exchanged, Members is empty.
  void Leave();
  // To be called after members of the network came, died or were forgotten. Cheap: what follows from it, the gauge, the
  // log line and forgetting the state infos of peers that nobody knows any more (11.8), happens once per
  // tracker_interval.
  void MembershipChanged();

  // A channel-restricted message with legal tag that is about this channel.
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);

  bool IsOrgInChannel(const std::string& organization) const;
  // A state info that does not say "left" is cached (D-19).
  bool IsEligible(const wire::PkiId& peer) const;
  std::vector<ChannelMember> Members() const;
  // `observer` hears whenever the state info of another member is new or raises its height; it must not destroy the
  // channel, nor the handle of any observer. Destroying the handle, also after the channel, ends it.
  base::Handle OnPeerHeight(std::function<void(const wire::PkiId& peer, std::uint64_t height)> observer);

  const std::string& name() const;
  StateInfoExchange& state_infos();
  BlockExchange& blocks();
  const JoinMessage& configuration() const;
  bool left() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::channel
