#include "delivery/block_receiver.h"

#include <algorithm>
#include <utility>

namespace grapevine::delivery {

BlockReceiver::BlockReceiver(const OrdererStreamContext& context, ledger::BlockSink& blocks,
                             const OrdererAddress& address, DeliverLimits limits, BlockReceiverUser& user)
    : context_(context),
      blocks_(blocks),
      limits_(limits),
      user_(user),
      received_(context.environment.metrics.GetCounter("grapevine_deliver_blocks_received",
                                                       "Blocks received from the ordering service",
                                                       {{"channel", context.channel}})),
      connected_(context.environment.metrics.GetGauge("grapevine_deliver_connected",
                                                      "1 while the ordering service delivers blocks to this peer",
                                                      {{"channel", context.channel}})),
      next_(blocks.next()),
      stream_(std::make_unique<OrdererStream>(context, address, OrdererStreamOptions{.start = next_}, *this)) {
  ReadMore();
}

BlockReceiver::~BlockReceiver() { connected_.Set(0); }

void BlockReceiver::OnOpened() {
  connected_.Set(1);
  user_.OnConnected();
}

void BlockReceiver::OnBlock(std::uint64_t number, base::Bytes block) {
  received_.Add();
  reading_ = false;
  next_ = number + 1;
  unverified_bytes_ += block.size();
  unverified_.push_back({number, std::move(block), false, {}});
  OfferAll();
  ReadMore();
}

void BlockReceiver::OnStreamFailed(DeliverFailure failure) {
  connected_.Set(0);
  reading_ = false;
  if (failure.terminal || unverified_.empty()) return user_.OnFailed(std::move(failure));
  ending_ = std::move(failure);
}

void BlockReceiver::ReadMore() {
  if (reading_ || ending_ || unverified_.size() >= limits_.max_unverified_blocks ||
      unverified_bytes_ >= limits_.max_unverified_bytes) {
    return;
  }
  reading_ = true;
  stream_->Read();
}

// Offers what the sink has room for, in order; what is left is tried again after a while.
void BlockReceiver::OfferAll() {
  bool left = false;
  for (Unverified& block : unverified_) {
    if (block.offered) continue;
    left = block.number >= blocks_.limit();
    if (left) break;
    block.offered = true;
    block.verdict = blocks_.Offer(
        block.number, block.block, ledger::BlockOrigin::kOrderer,
        [this, number = block.number](base::Result<void> verdict) { Judged(number, std::move(verdict)); });
  }
  if (!left) return retry_.Reset();
  retry_ = context_.environment.executor.After(limits_.offer_retry, [this] { OfferAll(); });
}

void BlockReceiver::Judged(std::uint64_t number, base::Result<void> verdict) {
  const auto judged = std::ranges::find(unverified_, number, &Unverified::number);
  if (!verdict && verdict.error().code == base::ErrorCode::kExhausted) {
    judged->offered = false;
    retry_ = context_.environment.executor.After(limits_.offer_retry, [this] { OfferAll(); });
    return;
  }
  if (!verdict) return user_.OnFailed({"block_refused", verdict.error().message});
  unverified_bytes_ -= judged->block.size();
  unverified_.erase(judged);
  user_.OnAccepted();
  if (ending_ && unverified_.empty()) return user_.OnFailed(*std::exchange(ending_, std::nullopt));
  OfferAll();
  ReadMore();
}

}  // namespace grapevine::delivery
