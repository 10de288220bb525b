#include "delivery/deliver_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "delivery/backoff.h"
#include "delivery/block_receiver.h"
#include "delivery/header_watch.h"
#include "delivery/orderer_endpoints.h"

namespace grapevine::delivery {

namespace {

using namespace std::chrono_literals;

// What Fabric's Byzantine deliverer takes for durations that are not positive.
constexpr base::Duration kFallbackFirstPause = 50ms;
constexpr base::Duration kFallbackLongestPause = 10s;
constexpr base::Duration kFallbackCensorshipTimeout = 20s;

constexpr std::uint32_t kLogLines = 10;
constexpr base::Duration kLogPeriod = 1min;

base::Duration Positive(base::Duration configured, base::Duration fallback) {
  return configured > base::Duration::zero() ? configured : fallback;
}

base::Environment Named(base::Environment environment) {
  environment.log = environment.log.Named("blocksprovider");
  return environment;
}

}  // namespace

// Which orderer is asked when. The attempt itself is a BlockReceiver.
class DeliverClient::Impl final : public BlockReceiverUser, public HeaderWatchUser {
 public:
  Impl(base::Environment environment, DeliverParts parts, DeliverOptions options, OrdererSources sources,
       std::function<void(base::Error)> ended)
      : blocks_(parts.blocks),
        options_(std::move(options)),
        context_{Named(std::move(environment)), parts.dialer, parts.crypto, options_.channel, options_.identity,
                 options_.config.conn_timeout},
        pauses_{Positive(options_.config.minimal_reconnect_interval, kFallbackFirstPause),
                Positive(options_.config.reconnect_backoff_threshold, kFallbackLongestPause)},
        log_limit_(executor(), kLogLines, kLogPeriod),
        sources_(std::move(sources)),
        ended_(std::move(ended)) {
    next_step_ = executor().After(base::Duration::zero(), [this] { Begin(); });
  }

  void SetSources(OrdererSources sources) {
    if (stopped_) return;
    const bool differ = OrderersDiffer(sources_, sources);
    sources_ = std::move(sources);
    if (differ) refresh_ = executor().After(base::Duration::zero(), [this] { Begin(); });
  }

  DeliverState state() const {
    const bool connected = receiver_ != nullptr && receiver_->connected();
    return {connected ? addresses_[current_].endpoint : base::Endpoint(), failures_, last_failure_};
  }

 private:
  base::Executor& executor() const { return context_.environment.executor; }
  bool byzantine() const { return watch_ != nullptr; }

  // Takes the sources as they are now.
  void Begin() {
    next_step_.Reset();
    refresh_.Reset();
    receiver_.reset();
    watch_.reset();
    failed_.reset();
    current_ = 0;
    addresses_ = OrdererAddresses(sources_, options_.overrides);
    if (IsByzantine(options_.config, sources_)) {
      context_.environment.random.Shuffle(addresses_);
      const base::Duration timeout = Positive(options_.config.block_censorship_timeout, kFallbackCensorshipTimeout);
      watch_ = std::make_unique<HeaderWatch>(context_, blocks_, addresses_,
                                             HeaderWatch::Options{options_.limits, pauses_, timeout}, *this);
    }
    Connect();
  }

  void Connect() {
    if (addresses_.empty()) return OnFailed({"no_endpoints", "the channel's configuration names no orderer"});
    if (byzantine()) {
      watch_->Watch(current_);
    } else {
      current_ = ChooseAddress();
    }
    receiver_ = std::make_unique<BlockReceiver>(context_, blocks_, addresses_[current_], options_.limits, *this);
  }

  // Any but the one that has just failed, if there is another.
  std::size_t ChooseAddress() {
    if (!failed_ || addresses_.size() == 1) return context_.environment.random.Below(addresses_.size());
    const std::size_t chosen = context_.environment.random.Below(addresses_.size() - 1);
    return chosen < *failed_ ? chosen : chosen + 1;
  }

  // BlockReceiverUser.
  void OnConnected() override {
    if (!log_limit_.Allow()) return;
    context_.environment.log.Info("channel '{}': receiving blocks from {}", options_.channel,
                                  addresses_[current_].endpoint);
  }

  void OnAccepted() override {
    failures_ = 0;
    paused_ = base::Duration::zero();
  }

  void OnFailed(DeliverFailure failure) override {
    receiver_.reset();
    if (watch_ != nullptr) watch_->Rest();
    ++failures_;
    Report(failure);
    if (failure.terminal && options_.gives_up) return End({base::ErrorCode::kUnavailable, last_failure_});
    const base::Duration pause = NextPause();
    if (GivesUp(pause)) {
      return End({base::ErrorCode::kTimeout,
                  fmt::format("channel '{}': gave up after {} failures to reach the ordering service, the last: {}",
                              options_.channel, failures_, last_failure_)});
    }
    next_step_ = executor().After(pause, [this] { Connect(); });
  }

  void Report(const DeliverFailure& failure) {
    context_.environment.metrics
        .GetCounter("grapevine_deliver_failures", "Attempts to get blocks from the ordering service that failed",
                    {{"channel", options_.channel}, {"reason", failure.reason}})
        .Add();
    last_failure_ = addresses_.empty() ? failure.message : addresses_[current_].endpoint + ": " + failure.message;
    if (!log_limit_.Allow()) return;
    context_.environment.log.Warn("channel '{}': {} (failures in a row: {})", options_.channel, last_failure_,
                                  failures_);
  }

  // Moves on to the next orderer as well.
  base::Duration NextPause() {
    if (!byzantine()) {
      failed_ = current_;
      return GrowingPause(failures_, options_.config.reconnect_backoff_threshold);
    }
    const std::size_t sources = std::max<std::size_t>(addresses_.size(), 1);
    current_ = (current_ + 1) % sources;
    return DoublingPause(failures_ / sources, pauses_.first, pauses_.longest);
  }

  // The Byzantine deliverer never does.
  bool GivesUp(base::Duration pause) {
    const base::Duration threshold = options_.config.reconnect_total_time_threshold;
    const bool before = paused_ > threshold;
    paused_ += pause;
    if (byzantine() || paused_ <= threshold) return false;
    if (!options_.gives_up && !before) {
      context_.environment.log.Warn(
          "channel '{}': no block from the ordering service for so long that an elected "
          "leader would give up; going on",
          options_.channel);
    }
    return options_.gives_up;
  }

  // HeaderWatchUser.
  std::optional<std::uint64_t> ExpectedFromSource() const override {
    if (receiver_ == nullptr || !receiver_->reading()) return std::nullopt;
    return std::max(blocks_.next(), receiver_->received_up_to());
  }

  void OnCensorship(std::uint64_t number) override {
    OnFailed({"censorship", fmt::format("it does not send block {}, which others have", number)});
  }

  void End(base::Error reason) {
    stopped_ = true;
    refresh_.Reset();
    watch_.reset();
    next_step_ = executor().After(base::Duration::zero(), [this, reason = std::move(reason)]() mutable {
      const auto ended = std::move(ended_);
      ended(std::move(reason));
    });
  }

  ledger::BlockSink& blocks_;
  DeliverOptions options_;
  OrdererStreamContext context_;
  ByzantinePauses pauses_;
  base::LogLimit log_limit_;
  OrdererSources sources_;
  std::function<void(base::Error)> ended_;
  bool stopped_ = false;

  std::vector<OrdererAddress> addresses_;
  std::size_t current_ = 0;            // of the addresses: the source
  std::optional<std::size_t> failed_;  // likewise: the last one, if it failed
  std::uint64_t failures_ = 0;
  base::Duration paused_{};  // in all, since the last block
  std::string last_failure_;

  std::unique_ptr<HeaderWatch> watch_;  // Byzantine services only
  std::unique_ptr<BlockReceiver> receiver_;
  base::Handle next_step_;
  base::Handle refresh_;
};

DeliverClient::DeliverClient(base::Environment environment, DeliverParts parts, DeliverOptions options,
                             OrdererSources sources, std::function<void(base::Error)> ended)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(options), std::move(sources),
                                   std::move(ended))) {}

DeliverClient::~DeliverClient() = default;

void DeliverClient::SetSources(OrdererSources sources) { impl_->SetSources(std::move(sources)); }

DeliverState DeliverClient::state() const { return impl_->state(); }

}  // namespace grapevine::delivery
