// A recorded chain as an ordering service has it: it grows block by block, and its configuration says who may read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/recorded_chain.h"
#include "base/environment.h"
#include "delivery/deliver_service.h"
#include "msp/channel_config.h"

namespace grapevine::app {

// One executor; files are read and signatures verified on the workers.
class ReplayChain final : public delivery::BlockChain {
 public:
  // Begins with the first `start_height` blocks, at least the genesis block. Reads the configuration in force there:
  // blocks on the disk, call it at start. kInvalid, naming the block, if it is none that can be applied.
  static base::Result<std::unique_ptr<ReplayChain>> Create(base::Environment environment,
                                                           std::shared_ptr<const RecordedChain> recorded,
                                                           std::uint64_t start_height);

  // Lets the rest of the chain follow, `rate` blocks per second, a million at most; 0: all at once. Each configuration
  // block takes effect as it is passed.
  void Grow(std::uint64_t rate);
  bool complete() const { return height_ == recorded_->height(); }
  // Why the chain does not grow any more before it is complete.
  const std::optional<base::Error>& failure() const { return failure_; }
  const RecordedChain& recorded() const { return *recorded_; }

  std::uint64_t height() const override { return height_; }
  base::Handle Read(std::uint64_t number, std::move_only_function<void(base::Result<base::Bytes>)> done) override;
  base::Handle OnGrowth(std::function<void()> grown) override;
  // /Channel/Readers of the newest configuration block.
  base::Handle CheckAccess(base::Bytes identity, base::Bytes signature, base::Bytes message,
                           std::move_only_function<void(base::Result<base::WallTime>)> done) override;
  std::uint64_t config_sequence() const override { return config_->sequence(); }

 private:
  ReplayChain(base::Environment environment, std::shared_ptr<const RecordedChain> recorded, std::uint64_t height,
              msp::ChannelConfigPtr config);
  std::uint64_t Due() const;
  void Release();
  void ApplyConfiguration();
  void Announce();

  base::Environment environment_;
  const std::shared_ptr<const RecordedChain> recorded_;
  std::uint64_t height_;
  msp::ChannelConfigPtr config_;
  std::optional<base::Error> failure_;

  std::uint64_t rate_ = 0;
  std::uint64_t grows_from_ = 0;  // height at grows_since_
  base::SteadyTime grows_since_{};
  base::Handle pace_;
  base::Handle applying_;
  bool is_applying_ = false;

  std::uint64_t next_subscriber_ = 0;
  std::map<std::uint64_t, std::shared_ptr<const std::function<void()>>> subscribers_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::app
