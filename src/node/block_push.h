// Plain push of verified blocks within the organisation, with duplicate suppression.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "node/dissemination.h"
#include "node/membership.h"

namespace grapevine::node {

struct BlockPushConfig {
  std::string channel;
  std::string organization;  // own MSP id: blocks are pushed to its members only (specification 01, tag CHAN_AND_ORG)
};

// Sends each block once to the members 1, 2, 4, 8, ... places behind the own one on the ring of the organisation's
// members in order of PKI-ID. Whoever receives it first does the same, so that a block reaches n members in at most
// log2(n) hops with log2(n) copies sent by each, as long as all see the same members. It repairs nothing: that is for
// pull and state transfer. One executor.
class BlockPush : public Dissemination {
 public:
  BlockPush(base::Environment environment, comm::Comm& comm, const Membership& membership, wire::PkiId own,
            BlockPushConfig config, BlockSink sink);

  void Publish(std::uint64_t number, const base::Bytes& block) override;

 private:
  void Receive(const comm::ReceivedMessage& received);
  std::vector<comm::RemotePeer> Targets() const;

  comm::Comm& comm_;
  const Membership& membership_;
  wire::PkiId own_;
  BlockPushConfig config_;
  BlockSink sink_;
  base::Counter& foreign_;
  comm::AcceptedMessages accepted_;
};

}  // namespace grapevine::node
