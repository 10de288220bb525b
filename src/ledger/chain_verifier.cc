#include "ledger/chain_verifier.h"

#include <algorithm>
#include <utility>

#include "ledger/block.h"
#include "ledger/block_store.h"
#include "ledger/chain_start.h"
#include "msp/block_verifier.h"
#include "msp/channel_config.h"

namespace grapevine::ledger {
namespace {

using base::Result;

class ChainVerifier {
 public:
  ChainVerifier(base::FileSystem& files, const std::string& folder, const ChainVerifierConfig& config)
      : files_(files), folder_(folder), config_(config) {}

  Result<ChainReport> Run() {
    const auto numbers = ListBlockFiles(files_, folder_);
    if (!numbers) return std::unexpected(numbers.error());
    const auto names = files_.List(folder_);
    report_.unvalidated = names && std::find(names->begin(), names->end(), kUnvalidatedMark) != names->end();
    auto start = ReadChainStart(files_, folder_);
    if (!start) return std::unexpected(start.error());
    report_.first_block = start->first_block;
    report_.height = start->first_block;
    report_.current_hash = start->previous_hash;
    report_.files = numbers->size();
    for (const std::uint64_t number : *numbers) {
      const auto goes_on = ReadFile(number, number == numbers->back());
      if (!goes_on) return std::unexpected(goes_on.error());
      if (!*goes_on) break;
    }
    return std::move(report_);
  }

 private:
  // False: the rest cannot be judged.
  Result<bool> ReadFile(std::uint64_t number, bool last) {
    path_ = BlockFilePath(folder_, number);
    auto file = files_.OpenForRead(path_);
    if (!file) return std::unexpected(file.error());
    const auto size = (*file)->Size();
    if (!size) return std::unexpected(size.error());
    report_.bytes += *size;
    RecordReader reader(std::move(*file), 0, config_.limits.max_record_bytes);
    while (report_.problems.size() < config_.max_problems) {
      const auto record = reader.Next();
      if (!record) return std::unexpected(record.error());
      offset_ = record->offset;
      if (record->state == ReadState::kEnd) return true;
      if (record->state == ReadState::kIncomplete && last && record->plausible) {
        report_.incomplete_bytes = *size - record->offset;
        return true;
      }
      if (record->state != ReadState::kRecord) {
        Problem(record->problem + "; nothing behind it in this file can be read");
        return false;
      }
      Count(record->block);
      if (config_.verify) Check(record->block);
      report_.height = record->block.header.number + 1;
      report_.current_hash = record->block.header.Hash().ToString();
    }
    return false;
  }

  void Count(const BlockView& block) {
    if (report_.blocks == 0 && !block.transactions.empty()) {
      if (const auto info = msp::InspectTransaction(block.transactions[0])) report_.channel = info->channel_id;
    }
    ++report_.blocks;
    report_.transactions += block.transactions.size();
  }

  void Check(const BlockView& block) {
    if (auto linked = CheckLink(block, report_.height, report_.current_hash); !linked) Problem(linked.error().message);
    const std::uint64_t number = block.header.number;
    const bool is_config = IsConfigBlock(block);
    const std::string serialized = SerializeBlock(block);
    bool genuine = number == 0;
    if (number != 0 && channel_config_ != nullptr) {
      const auto verified = msp::VerifyBlock(*channel_config_, number, serialized, signers_);
      genuine = verified.has_value();
      if (verified) {
        ++report_.verified_signatures;
      } else {
        Problem(fmt::format("block {} is not genuine: {}", number, verified.error().message));
      }
    }
    if (is_config) {
      // Without a configuration, after a snapshot, the first one found is the trust anchor.
      TakeConfig(number, serialized, genuine || channel_config_ == nullptr);
    } else if (number == 0) {
      Problem("block 0 is not a configuration block: there is nothing to verify signatures with");
    } else {
      CheckLastConfig(block);
    }
  }

  void TakeConfig(std::uint64_t number, const std::string& serialized, bool trusted) {
    report_.config_blocks.push_back(number);
    if (!trusted) return;
    auto channel_config = msp::ChannelConfig::FromBlock(serialized);
    if (!channel_config) {
      Problem(fmt::format("the configuration in block {} cannot be used: {}", number, channel_config.error().message));
      return;
    }
    channel_config_ = std::move(*channel_config);
    signers_ = {};
  }

  void CheckLastConfig(const BlockView& block) {
    const auto named = LastConfigNumber(block);
    if (!named) {
      Problem(named.error().message);
    } else if (!report_.config_blocks.empty() && *named != report_.config_blocks.back()) {
      Problem(fmt::format("block {} names block {} as its configuration block, but the newest one is {}",
                          block.header.number, *named, report_.config_blocks.back()));
    }
  }

  void Problem(std::string message) { report_.problems.push_back({path_, offset_, std::move(message)}); }

  base::FileSystem& files_;
  const std::string& folder_;
  const ChainVerifierConfig& config_;
  ChainReport report_;
  msp::ChannelConfigPtr channel_config_;
  msp::BlockSigners signers_;  // under channel_config_
  std::string path_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Result<ChainReport> VerifyChain(base::FileSystem& files, const std::string& folder, const ChainVerifierConfig& config) {
  return ChainVerifier(files, folder, config).Run();
}

}  // namespace grapevine::ledger
