// Answers other peers' requests for blocks (specification 20, sections 3 and 8).
#pragma once

#include <memory>
#include <string>

#include "base/environment.h"
#include "channel/gossip_service.h"
#include "ledger/ledger.h"
#include "msp/message_crypto.h"
#include "statetransfer/config.h"

namespace grapevine::statetransfer {

// Borrowed; must outlive the responder. The channel is joined.
struct StateResponderParts {
  channel::GossipService& gossip;
  msp::MessageCrypto& crypto;
  const ledger::Ledger& ledger;
};

// The responder of one channel: always on. Never blocks; peers take turns, each request is one turn, so that no peer
// takes another one's share; what is beyond the bounds is dropped silently and counted, as the protocol has no refusal.
// An answer takes at most a quarter of what is left of max_unsent_bytes, but one block: peers that do not read make
// answers short, they do not hold others up. One executor; destroying it stops it.
class StateResponder {
 public:
  StateResponder(base::Environment environment, StateResponderParts parts, std::string channel,
                 StateTransferConfig config, StateTransferLimits limits = {});
  ~StateResponder();
  StateResponder(const StateResponder&) = delete;
  StateResponder& operator=(const StateResponder&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::statetransfer
