// A node that is behind asks others for the blocks that it lacks (specification 20, sections 7 and 9).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/environment.h"
#include "channel/gossip_service.h"
#include "ledger/block_sink.h"
#include "msp/message_crypto.h"
#include "statetransfer/config.h"

namespace grapevine::statetransfer {

// Borrowed; must outlive what is made from it. The channel is joined.
struct StateTransferParts {
  channel::GossipService& gossip;
  msp::MessageCrypto& crypto;  // /Channel/Application/Readers judges whoever answers (section 3)
  ledger::BlockSink& blocks;
};

// Where a transfer stands, for metrics, status and tests.
struct StateTransferProgress {
  std::uint64_t target = 0;  // highest height that members advertise; 0: nobody
  std::size_t requests = 0;  // in flight
  bool active = false;       // behind, and asking
};

// The requester of one channel. Beyond Fabric, without change on the wire: the first request leaves within a second of
// learning that this node is behind; several ranges are in flight to different peers, chosen by height, latency and
// past success; what is missing from an answer, malformed or refused is asked for again at once elsewhere; an answer
// counts only from the peer that was asked, for the blocks that it was asked for; memory is bounded by
// StateTransferLimits. One executor; destroying it stops it.
class StateTransfer {
 public:
  StateTransfer(base::Environment environment, StateTransferParts parts, std::string channel,
                StateTransferConfig config, StateTransferLimits limits = {});
  ~StateTransfer();
  StateTransfer(const StateTransfer&) = delete;
  StateTransfer& operator=(const StateTransfer&) = delete;

  StateTransferProgress progress() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::statetransfer
