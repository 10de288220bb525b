// State infos of channels that the node is not in, passed on within the organisation (specification 11.4 step 4).
#pragma once

#include <cstddef>
#include <utility>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/emitter.h"
#include "gossip/envelope_verifier.h"
#include "gossip/intake.h"
#include "gossip/latest_store.h"

namespace grapevine::channel {

struct StateInfoRelayConfig {
  base::Duration time_to_live;
  std::size_t capacity;                 // state infos remembered
  std::size_t max_channels_of_subject;  // of these about one peer: it can make up any number of channel MACs
};

// Keyed by subject and channel MAC, so that a peer in several foreign channels is relayed in each (D-16). Duplicates
// are recognised before their signature is checked (D-6), refusals counted as those of channels are. One executor.
class StateInfoRelay {
 public:
  StateInfoRelay(base::Environment environment, gossip::Emitter& emitter, gossip::EnvelopeVerifier& verifier,
                 StateInfoRelayConfig config);
  StateInfoRelay(const StateInfoRelay&) = delete;
  StateInfoRelay& operator=(const StateInfoRelay&) = delete;

  // Whether this state info, or a newer one of its subject and channel, is remembered: cheap.
  bool Knows(const wire::StateInfo& state_info) const;
  void CountDuplicate() { duplicates_.Add(); }
  // A state info from a peer of the own organisation, about a channel that the node is not in.
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  // The node has joined or left channels: what is remembered may be about one of them.
  void Clear() { seen_.Clear(); }
  std::size_t size() const { return seen_.size(); }

 private:
  using Key = std::pair<wire::PkiId, base::Bytes>;  // subject, channel MAC
  struct Nothing {};

  // Why it is not passed on, apart from its signature; null if it may be.
  const char* Objection(const wire::StateInfo& state_info) const;
  void Refuse(const char* reason);
  void Accept(const comm::ReceivedMessagePtr& message);

  base::Environment environment_;
  gossip::Emitter& emitter_;
  gossip::EnvelopeVerifier& verifier_;
  StateInfoRelayConfig config_;
  base::Counter& duplicates_;
  gossip::LatestStore<Key, Nothing> seen_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::channel
