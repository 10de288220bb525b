#include "node/channel_peer.h"

#include <utility>

#include "delivery/orderer_endpoints.h"
#include "msp/block.h"

namespace grapevine::node {

namespace {

BlockCommitterConfig WithChannel(BlockCommitterConfig config, const std::string& channel) {
  config.channel = channel;
  return config;
}

}  // namespace

ChannelPeer::ChannelPeer(base::Environment environment, ChannelPeerParts parts, ChannelSetup setup,
                         ChannelPeerConfig config)
    : environment_(std::move(environment)),
      parts_(std::move(parts)),
      setup_(std::move(setup)),
      config_(std::move(config)),
      committer_(environment_, parts_.crypto, setup_.ledger, WithChannel(config_.committer, setup_.name),
                 {.verified = [this](std::uint64_t number, const base::Bytes& block,
                                     ledger::BlockOrigin origin) { PassOn(number, block, origin); },
                  .committed = [this](std::uint64_t number, const base::Bytes& block) { Committed(number, block); },
                  .refused =
                      [this](std::uint64_t number) {
                        if (auto* channel = parts_.gossip.FindChannel(setup_.name)) channel->blocks().Discard(number);
                      }}) {
  committer_.SetEpoch(setup_.configuration.join.sequence);
  parts_.gossip.JoinChannel(
      setup_.name, setup_.configuration.join,
      lifetime_.Guard([this](std::uint64_t number, const base::Bytes& block, std::uint64_t epoch) {
        committer_.OfferVerified(number, block, epoch);
      }));
  parts_.gossip.UpdateLedgerHeight(setup_.name, setup_.ledger.height());
  responder_ = std::make_unique<statetransfer::StateResponder>(
      environment_,
      statetransfer::StateResponderParts{.gossip = parts_.gossip, .crypto = parts_.crypto, .ledger = setup_.ledger},
      setup_.name, config_.state, config_.state_limits);
  if (config_.state.enabled) {
    state_transfer_ = std::make_unique<statetransfer::StateTransfer>(
        environment_,
        statetransfer::StateTransferParts{.gossip = parts_.gossip, .crypto = parts_.crypto, .blocks = committer_},
        setup_.name, config_.state, config_.state_limits);
  }
  election_ = std::make_unique<election::LeaderElection>(
      environment_, parts_.gossip, setup_.name, config_.election, [this] { return setup_.ledger.height(); },
      election::LeaderElection::Observers{.gained = [this](election::Term term) { StartDelivery(term); },
                                          .lost = [this](election::Term) { deliver_.reset(); }});
}

ChannelPeer::~ChannelPeer() = default;

void ChannelPeer::StartDelivery(election::Term term) {
  environment_.log.Info("leads channel {} from now on (term {}): pulls its blocks from the ordering service",
                        setup_.name, term);
  deliver_ = std::make_unique<delivery::DeliverClient>(
      environment_, delivery::DeliverParts{.dialer = parts_.orderers, .crypto = parts_.crypto, .blocks = committer_},
      delivery::DeliverOptions{.channel = setup_.name,
                               .identity = parts_.identity,
                               .config = config_.deliver,
                               .overrides = config_.orderer_overrides,
                               .gives_up = config_.election.use_leader_election,
                               .limits = {}},
      setup_.configuration.orderers, [this, term](const base::Error& error) {
        environment_.log.Warn("blocks of channel {} are no longer pulled: {}", setup_.name, error.message);
        election_->Yield(term);
        deliver_.reset();
      });
}

void ChannelPeer::PassOn(std::uint64_t number, const base::Bytes& block, ledger::BlockOrigin origin) {
  if (origin != ledger::BlockOrigin::kOrderer ||
      !delivery::PassesBlocksOn(config_.deliver, setup_.configuration.orderers)) {
    return;
  }
  if (const auto given = parts_.gossip.GossipBlock(setup_.name, number, block); !given) {
    environment_.log.Warn("block {} of channel {} is not passed on: {}", number, setup_.name, given.error().message);
  }
}

void ChannelPeer::Committed(std::uint64_t number, const base::Bytes& block) {
  const auto parsed = msp::ParseBlock(block);
  if (parsed && msp::IsConfigBlock(*parsed)) ApplyConfiguration(number, block);
  parts_.gossip.UpdateLedgerHeight(setup_.name, setup_.ledger.height());
  const auto committed = setup_.committed;  // which may destroy this
  if (committed) committed(number);
}

void ChannelPeer::ApplyConfiguration(std::uint64_t number, const base::Bytes& block) {
  auto configuration = setup_.apply(block);
  if (!configuration) {
    environment_.log.Error("configuration of block {} of channel '{}' cannot be applied: {}", number, setup_.name,
                           configuration.error().message);
    return;
  }
  setup_.configuration = std::move(*configuration);
  committer_.SetEpoch(setup_.configuration.join.sequence);
  parts_.gossip.JoinChannel(setup_.name, setup_.configuration.join);
  if (deliver_) deliver_->SetSources(setup_.configuration.orderers);
  parts_.gossip.SuspectPeers([] {});
}

ChannelStatus ChannelPeer::status() const {
  ChannelStatus status;
  status.height = setup_.ledger.height();
  status.current_hash = setup_.ledger.current_hash();
  status.leader = election_->is_leader();
  status.leader_pki_id = election_->leader();
  if (deliver_) status.deliver = deliver_->state();
  if (state_transfer_) status.state_transfer = state_transfer_->progress();
  if (const auto& health = committer_.health(); !health) status.trouble = health.error();
  return status;
}

}  // namespace grapevine::node
