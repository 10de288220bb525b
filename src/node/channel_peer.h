// One channel of a node: what gossip brings and what comes from outside, in order, verified, and durable.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/environment.h"
#include "channel/gossip_service.h"
#include "ledger/ledger.h"
#include "msp/message_crypto.h"
#include "node/block_committer.h"

namespace grapevine::node {

// What a node needs to take part in a channel. The ledger is borrowed, holds at least the genesis block and must
// outlive the node; the configuration in force at its height has been applied already.
struct ChannelSetup {
  // Makes the configuration of a committed configuration block take effect (identities and policies first, then TLS
  // trust: 03, 8.5) and says what it means for gossip. All known identities are validated anew afterwards.
  using ApplyConfiguration = std::function<base::Result<channel::JoinMessage>(const base::Bytes& config_block)>;
  using OnCommitted = std::function<void(std::uint64_t number)>;  // may leave the channel

  std::string name;
  ledger::Ledger& ledger;
  channel::JoinMessage join;  // of the configuration in force
  ApplyConfiguration apply;
  OnCommitted committed;
};

// One executor; destroying it leaves the ledger as it is and gossip's channel to GossipService::LeaveChannel.
class ChannelPeer {
 public:
  ChannelPeer(base::Environment environment, channel::GossipService& gossip, msp::MessageCrypto& crypto,
              ChannelSetup setup, std::uint64_t block_window);
  ChannelPeer(const ChannelPeer&) = delete;
  ChannelPeer& operator=(const ChannelPeer&) = delete;

  // A block from outside gossip: an ordering service or a recorded chain. Verified, committed, and given to gossip.
  // False if it is not wanted now.
  bool Offer(std::uint64_t number, base::Bytes block) { return committer_.Offer(number, std::move(block)); }

  const ledger::Ledger& ledger() const { return setup_.ledger; }
  // Not set: the ledger refused a block, and nothing more is committed.
  const base::Result<void>& health() const { return committer_.health(); }
  const std::optional<base::Error>& last_refusal() const { return committer_.last_refusal(); }

 private:
  void Committed(std::uint64_t number, const base::Bytes& block);
  void ApplyConfiguration(std::uint64_t number, const base::Bytes& block);

  base::Environment environment_;
  channel::GossipService& gossip_;
  ChannelSetup setup_;
  BlockCommitter committer_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::node
