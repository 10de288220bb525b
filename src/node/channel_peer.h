// One channel of a node: blocks from gossip, state transfer and the ordering service become one verified, durable
// chain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "channel/gossip_service.h"
#include "delivery/deliver_client.h"
#include "election/leader_election.h"
#include "ledger/ledger.h"
#include "msp/message_crypto.h"
#include "node/block_committer.h"
#include "statetransfer/state_responder.h"
#include "statetransfer/state_transfer.h"

namespace grapevine::node {

// What an applied channel configuration means for the parts of a node.
struct AppliedConfiguration {
  channel::JoinMessage join;
  delivery::OrdererSources orderers;
};

// What a node needs to take part in a channel. The ledger is borrowed, holds at least the genesis block and must
// outlive the node; the configuration in force at its height has been applied already.
struct ChannelSetup {
  // Makes the configuration of a committed configuration block take effect (identities and policies first, then TLS
  // trust: 03, 8.5) and says what it means. All known identities are validated anew afterwards.
  using ApplyConfiguration = std::function<base::Result<AppliedConfiguration>(const base::Bytes& config_block)>;
  using OnCommitted = std::function<void(std::uint64_t number)>;  // may leave the channel

  std::string name;
  ledger::Ledger& ledger;
  AppliedConfiguration configuration;  // in force
  ApplyConfiguration apply;
  OnCommitted committed;
};

// Settings of a channel's parts; one value for all channels of a node.
struct ChannelPeerConfig {
  BlockCommitterConfig committer;  // its channel is filled in
  election::ElectionConfig election;
  statetransfer::StateTransferConfig state;
  statetransfer::StateTransferLimits state_limits;  // Node sets small_gap_blocks: what gossip can repair itself
  delivery::DeliverClientConfig deliver;
  std::vector<delivery::OrdererOverride> orderer_overrides;
};

// Borrowed; must outlive the channel.
struct ChannelPeerParts {
  channel::GossipService& gossip;
  msp::MessageCrypto& crypto;
  delivery::Dialer& orderers;
  base::Bytes identity;  // own serialised identity
};

// For `grapevine channel getinfo`, `node status` and tests.
struct ChannelStatus {
  std::uint64_t height = 0;
  std::string current_hash;   // raw
  bool leader = false;        // this node pulls from the ordering service
  wire::PkiId leader_pki_id;  // empty: unknown
  std::optional<delivery::DeliverState> deliver;
  statetransfer::StateTransferProgress state_transfer;
  std::optional<base::Error> trouble;  // why blocks are not stored at the moment
};

// One executor; destroying it leaves the ledger as it is and gossip's channel to GossipService::LeaveChannel.
class ChannelPeer {
 public:
  ChannelPeer(base::Environment environment, ChannelPeerParts parts, ChannelSetup setup, ChannelPeerConfig config);
  ~ChannelPeer();
  ChannelPeer(const ChannelPeer&) = delete;
  ChannelPeer& operator=(const ChannelPeer&) = delete;

  ChannelStatus status() const;
  const ledger::Ledger& ledger() const { return setup_.ledger; }
  // Whoever has blocks from elsewhere (tests, embedders) offers them here.
  ledger::BlockSink& blocks() { return committer_; }
  // The newest verdict against a block: which one and why. Others may offer a good copy of it.
  const std::optional<base::Error>& last_refusal() const { return committer_.last_refusal(); }

 private:
  void PassOn(std::uint64_t number, const base::Bytes& block, ledger::BlockOrigin origin);
  void Committed(std::uint64_t number, const base::Bytes& block);
  void ApplyConfiguration(std::uint64_t number, const base::Bytes& block);
  void StartDelivery(election::Term term);

  base::Environment environment_;
  ChannelPeerParts parts_;
  ChannelSetup setup_;
  ChannelPeerConfig config_;
  BlockCommitter committer_;
  std::unique_ptr<statetransfer::StateResponder> responder_;
  std::unique_ptr<statetransfer::StateTransfer> state_transfer_;  // null: switched off
  std::unique_ptr<delivery::DeliverClient> deliver_;              // while this node leads
  std::unique_ptr<election::LeaderElection> election_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::node
