// Blocks of one channel between peers of one organisation: window, push, pull, repair (specification 11.8
// to 11.11, 11.14).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/environment.h"
#include "channel/config.h"
#include "channel/state_info_exchange.h"
#include "gossip/pull_engine.h"

namespace grapevine::channel {

// Keeps the newest blocks that were verified, passes each on once, and makes up for what push missed. One executor.
class BlockExchange final : public gossip::PullItems {
 public:
  // A verified block at most ChannelConfig::max_uncommitted_blocks above the ledger's height, once per number while it
  // is in the window; before it is durable. As an event of its own, in order of acceptance, which need not be the order
  // of numbers. `epoch`: the configuration epoch under which it was verified.
  using OnBlock = std::function<void(std::uint64_t number, const base::Bytes& block, std::uint64_t epoch)>;

  BlockExchange(base::Environment environment, ChannelParts parts, const StateInfoExchange& state_infos,
                const std::string& channel, ChannelConfig config, OnBlock on_block);
  ~BlockExchange() override;
  BlockExchange(const BlockExchange&) = delete;
  BlockExchange& operator=(const BlockExchange&) = delete;

  // A data message, pushed or pulled, whose block was newly stored, right after OnBlock: for local subscribers (11.13
  // Accept).
  void SetOnAccepted(std::function<void(const comm::ReceivedMessagePtr&)> on_accepted);

  void Start();
  // Block pull ends in both directions; push goes on being accepted by nobody here (11.10 LeaveChan).
  void Leave();

  // A block that this node has verified and gives to gossip (11.13 Gossip): stored, pushed, not delivered locally.
  void Publish(std::uint64_t number, const base::Bytes& block);

  // A block that was delivered is not valid under the configuration in force when its turn came: another one of its
  // number is accepted again.
  void Discard(std::uint64_t number);

  // A pushed data message whose common checks passed.
  void HandleBlock(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  // A pull message of type block from an eligible peer of the own organisation.
  void HandlePull(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);

  // Blocks in the ledger: smaller numbers are neither wanted nor accepted.
  void SetLedgerHeight(std::uint64_t height);
  // Of the configuration in force: what was verified under another one is verified again by the committer.
  void SetEpoch(std::uint64_t epoch);
  // A peer advertises `height` blocks: if this node lacks one of them, repair starts after a jitter.
  void PeerHeight(const wire::PkiId& peer, std::uint64_t height);

  std::size_t stored() const;

  // gossip::PullItems.
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

}  // namespace grapevine::channel
