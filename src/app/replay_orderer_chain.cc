#include "app/replay_orderer_chain.h"

#include <algorithm>
#include <array>
#include <utility>

namespace grapevine::app {

using base::ErrorCode;

namespace {

constexpr char kReaders[] = "/Channel/Readers";
// Faster rates release several blocks at once.
constexpr base::Duration kShortestPause = std::chrono::milliseconds(5);

base::Result<msp::ChannelConfigPtr> ReadConfiguration(const RecordedChain& recorded, std::uint64_t number) {
  const auto block = recorded.Read(number);
  if (!block) return std::unexpected(block.error());
  auto config = msp::ChannelConfig::FromBlock(*block);
  if (!config) return base::Wrap(config.error(), "the configuration in block {} cannot be applied", number);
  return config;
}

// Evaluates the policy on a worker.
base::Result<base::WallTime> JudgeReader(const msp::ChannelConfig& config, const msp::SignedData& request) {
  const auto identity = config.msp_manager().Deserialize(request.identity);
  if (!identity) return std::unexpected(identity.error());
  if (const auto allowed = config.policies().Get(kReaders)->Evaluate(std::array{request}); !allowed) {
    return std::unexpected(allowed.error());
  }
  return (*identity)->not_after();
}

}  // namespace

base::Result<std::unique_ptr<ReplayChain>> ReplayChain::Create(base::Environment environment,
                                                               std::shared_ptr<const RecordedChain> recorded,
                                                               std::uint64_t start_height) {
  const std::uint64_t height = std::clamp<std::uint64_t>(start_height, 1, recorded->height());
  std::uint64_t newest = height - 1;
  while (newest > 0 && !recorded->IsConfigBlock(newest)) --newest;
  auto config = ReadConfiguration(*recorded, newest);
  if (!config) return std::unexpected(config.error());
  return std::unique_ptr<ReplayChain>(
      new ReplayChain(std::move(environment), std::move(recorded), height, std::move(*config)));
}

ReplayChain::ReplayChain(base::Environment environment, std::shared_ptr<const RecordedChain> recorded,
                         std::uint64_t height, msp::ChannelConfigPtr config)
    : environment_(std::move(environment)),
      recorded_(std::move(recorded)),
      height_(height),
      config_(std::move(config)) {}

void ReplayChain::Grow(std::uint64_t rate) {
  rate_ = rate;
  grows_from_ = height_;
  grows_since_ = environment_.executor.Now();
  Release();
}

// The height that the chain should have by now.
std::uint64_t ReplayChain::Due() const {
  if (rate_ == 0) return recorded_->height();
  const auto elapsed =
      std::chrono::duration_cast<std::chrono::microseconds>(environment_.executor.Now() - grows_since_);
  const std::uint64_t released = static_cast<std::uint64_t>(elapsed.count()) * rate_ / 1'000'000;
  return std::min(recorded_->height(), grows_from_ + released);
}

void ReplayChain::Release() {
  if (is_applying_ || failure_) return;
  const std::uint64_t due = Due();
  const std::uint64_t before = height_;
  while (height_ < due && !recorded_->IsConfigBlock(height_)) ++height_;
  if (height_ > before) Announce();
  if (height_ < due) return ApplyConfiguration();
  if (complete()) return;
  const base::Duration pause =
      std::max(kShortestPause, base::Duration(1'000'000'000 / static_cast<base::Duration::rep>(rate_)));
  pace_ = environment_.executor.After(pause, [this] { Release(); });
}

// Of the next block, which is released once it is in force.
void ReplayChain::ApplyConfiguration() {
  is_applying_ = true;
  applying_ = environment_.workers.Run(
      base::WorkKind::kDisk, [recorded = recorded_, number = height_] { return ReadConfiguration(*recorded, number); },
      [this](base::Result<msp::ChannelConfigPtr> config) {
        is_applying_ = false;
        if (!config) {
          failure_ = config.error();
          environment_.log.Error("{}; the chain ends before it", failure_->message);
          return;
        }
        config_ = std::move(*config);
        ++height_;
        Announce();
        Release();
      });
}

void ReplayChain::Announce() {
  environment_.executor.Post(lifetime_.Guard([this] {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, subscriber] : subscribers_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
      const auto found = subscribers_.find(id);
      if (found == subscribers_.end()) continue;
      const auto grown = found->second;  // it may unsubscribe meanwhile
      (*grown)();
    }
  }));
}

base::Handle ReplayChain::Read(std::uint64_t number, std::move_only_function<void(base::Result<base::Bytes>)> done) {
  return environment_.workers.Run(
      base::WorkKind::kDisk, [recorded = recorded_, number] { return recorded->Read(number); }, std::move(done));
}

base::Handle ReplayChain::OnGrowth(std::function<void()> grown) {
  const std::uint64_t id = next_subscriber_++;
  subscribers_[id] = std::make_shared<const std::function<void()>>(std::move(grown));
  return base::Handle(lifetime_.Guard([this, id] { subscribers_.erase(id); }));
}

base::Handle ReplayChain::CheckAccess(base::Bytes identity, base::Bytes signature, base::Bytes message,
                                      std::move_only_function<void(base::Result<base::WallTime>)> done) {
  return environment_.workers.Run(
      base::WorkKind::kVerify,
      [config = config_, request = msp::SignedData{.data = std::move(message),
                                                   .identity = std::move(identity),
                                                   .signature = std::move(signature)}] {
        return JudgeReader(*config, request);
      },
      std::move(done));
}

}  // namespace grapevine::app
