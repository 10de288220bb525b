#include "node/channel_peer.h"

#include <utility>

#include "msp/block.h"

namespace grapevine::node {

ChannelPeer::ChannelPeer(base::Environment environment, channel::GossipService& gossip, msp::MessageCrypto& crypto,
                         ChannelSetup setup, std::uint64_t block_window)
    : environment_(std::move(environment)),
      gossip_(gossip),
      setup_(std::move(setup)),
      committer_(
          environment_, crypto, setup_.ledger, {.channel = setup_.name, .window = block_window},
          [this](std::uint64_t number, const base::Bytes& block) {
            if (const auto given = gossip_.GossipBlock(setup_.name, number, block); !given) {
              environment_.log.Warn("block {} is not passed on: {}", number, given.error().message);
            }
          },
          [this](std::uint64_t number, const base::Bytes& block) { Committed(number, block); },
          [this](std::uint64_t number) {
            if (auto* channel = gossip_.FindChannel(setup_.name)) channel->blocks().Discard(number);
          }) {
  committer_.SetEpoch(setup_.join.sequence);
  gossip_.JoinChannel(setup_.name, setup_.join,
                      lifetime_.Guard([this](std::uint64_t number, const base::Bytes& block, std::uint64_t epoch) {
                        committer_.Offer(number, block, epoch);
                      }));
  gossip_.UpdateLedgerHeight(setup_.name, setup_.ledger.height());
}

void ChannelPeer::Committed(std::uint64_t number, const base::Bytes& block) {
  const auto parsed = msp::ParseBlock(block);
  if (parsed && msp::IsConfigBlock(*parsed)) ApplyConfiguration(number, block);
  gossip_.UpdateLedgerHeight(setup_.name, setup_.ledger.height());
  const auto committed = setup_.committed;  // which may destroy this
  committed(number);
}

void ChannelPeer::ApplyConfiguration(std::uint64_t number, const base::Bytes& block) {
  auto join = setup_.apply(block);
  if (!join) {
    environment_.log.Error("configuration of block {} of channel '{}' cannot be applied: {}", number, setup_.name,
                           join.error().message);
    return;
  }
  setup_.join = std::move(*join);
  committer_.SetEpoch(setup_.join.sequence);
  gossip_.JoinChannel(setup_.name, setup_.join);
  gossip_.SuspectPeers([] {});
}

}  // namespace grapevine::node
