#include "delivery/header_watch.h"

#include <algorithm>
#include <utility>

namespace grapevine::delivery {

namespace {
constexpr int kLooksPerTimeout = 100;
}  // namespace

HeaderWatch::HeaderWatch(const OrdererStreamContext& context, const ledger::BlockSink& blocks,
                         std::vector<OrdererAddress> addresses, Options options, HeaderWatchUser& user)
    : context_(context), blocks_(blocks), addresses_(std::move(addresses)), options_(options), user_(user) {}

void HeaderWatch::Watch(std::size_t source) {
  receivers_.erase(source);
  for (std::size_t i = 0; i < addresses_.size() && receivers_.size() < options_.limits.max_header_streams; ++i) {
    if (i == source || receivers_.contains(i)) continue;
    receivers_[i] =
        std::make_unique<HeaderReceiver>(context_, blocks_, addresses_[i], options_.limits, options_.pauses);
  }
  watched_since_ = context_.environment.executor.Now();
  suspicion_.reset();
  tick_ = context_.environment.executor.After(options_.timeout / kLooksPerTimeout, [this] { Tick(); });
}

void HeaderWatch::Tick() {
  for (const auto& [index, receiver] : receivers_) receiver->Continue();
  const base::SteadyTime now = context_.environment.executor.Now();
  const std::optional<std::uint64_t> expected = user_.ExpectedFromSource();
  if (!expected) {
    watched_since_ = now;
    suspicion_.reset();
  } else {
    if (suspicion_ && suspicion_->number < *expected) suspicion_.reset();
    if (!suspicion_) Suspect(*expected);
  }
  if (suspicion_ && now - suspicion_->since >= options_.timeout) return user_.OnCensorship(suspicion_->number);
  tick_ = context_.environment.executor.After(options_.timeout / kLooksPerTimeout, [this] { Tick(); });
}

// The earliest header of a block that the source has not given.
void HeaderWatch::Suspect(std::uint64_t expected) {
  for (const auto& [index, receiver] : receivers_) {
    const std::optional<SeenHeader>& header = receiver->newest();
    if (!header || header->number < expected) continue;
    const base::SteadyTime since = std::max(header->arrived, watched_since_);
    if (!suspicion_ || since < suspicion_->since) suspicion_ = Suspicion{header->number, since};
  }
}

}  // namespace grapevine::delivery
