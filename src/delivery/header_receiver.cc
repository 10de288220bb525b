#include "delivery/header_receiver.h"

#include <utility>

#include "delivery/backoff.h"

namespace grapevine::delivery {

HeaderReceiver::HeaderReceiver(const OrdererStreamContext& context, const ledger::BlockSink& blocks,
                               OrdererAddress address, const DeliverLimits& limits, ByzantinePauses pauses)
    : context_(context),
      blocks_(blocks),
      address_(std::move(address)),
      limits_(limits),
      pauses_(pauses),
      received_(context.environment.metrics.GetCounter("grapevine_deliver_headers_received",
                                                       "Headers received from orderers that watch over the source",
                                                       {{"channel", context.channel}})) {
  Connect();
}

void HeaderReceiver::Connect() {
  next_ = blocks_.next();
  reading_ = false;
  stream_ = std::make_unique<OrdererStream>(
      context_, address_,
      OrdererStreamOptions{.start = next_, .headers_only = true, .max_message_bytes = limits_.max_header_bytes}, *this);
  Continue();
}

void HeaderReceiver::Continue() {
  if (stream_ == nullptr || reading_ || next_ >= blocks_.next() + limits_.max_header_lead) return;
  reading_ = true;
  stream_->Read();
}

void HeaderReceiver::OnBlock(std::uint64_t number, base::Bytes block) {
  received_.Add();
  reading_ = false;
  next_ = number + 1;
  if (number >= blocks_.next()) {
    unverified_ = Unverified{{number, context_.environment.executor.Now()}, std::move(block)};
    Verify();
  }
  Continue();
}

void HeaderReceiver::Verify() {
  if (is_verifying_ || !unverified_) return;
  is_verifying_ = true;
  verifying_ = context_.crypto.VerifyBlockAttestation(
      context_.channel, std::move(unverified_->block),
      [this, header = unverified_->header](base::Result<void> verdict) { Verified(header, verdict); });
  unverified_.reset();
}

void HeaderReceiver::Verified(SeenHeader header, const base::Result<void>& verdict) {
  is_verifying_ = false;
  if (verdict) {
    if (!newest_ || newest_->number < header.number) newest_ = header;
  } else if (verdict.error().code != base::ErrorCode::kExhausted) {
    return OnStreamFailed({"header_refused", verdict.error().message});
  }
  Verify();
}

void HeaderReceiver::OnStreamFailed(DeliverFailure failure) {
  const base::Executor& executor = context_.environment.executor;
  context_.environment.metrics
      .GetCounter("grapevine_deliver_header_failures", "Streams of headers that failed",
                  {{"channel", context_.channel}, {"reason", failure.reason}})
      .Add();
  context_.environment.log.Debug("channel '{}': headers from {}: {}", context_.channel, address_.endpoint,
                                 failure.message);
  stream_.reset();
  unverified_.reset();
  while (!failures_.empty() && executor.Now() - failures_.front() > pauses_.longest) failures_.pop_front();
  failures_.push_back(executor.Now());
  const base::Duration pause = DoublingPause(failures_.size() - 1, pauses_.first, pauses_.longest);
  pause_ = context_.environment.executor.After(pause, [this] { Connect(); });
}

}  // namespace grapevine::delivery
