#include "ledger/block_recovery.h"

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace grapevine::ledger {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// Changes of the index are written when so many have gathered.
constexpr std::size_t kIndexBatchChanges = 4096;

class Recovery {
 public:
  Recovery(base::FileSystem& files, BlockIndex& index, const std::string& folder, const ChainStart& start,
           const BlockFilesLimits& limits)
      : files_(files), index_(index), folder_(folder), start_(start), limits_(limits) {}

  Result<RecoveredFiles> Run() {
    if (auto result = LoadInfo(); !result) return std::unexpected(result.error());
    if (auto result = FindScanStart(); !result) return std::unexpected(result.error());
    if (auto result = Scan(); !result) return std::unexpected(result.error());
    if (auto result = Finish(); !result) return std::unexpected(result.error());
    return std::move(out_);
  }

 private:
  std::string Path(std::uint64_t file) const { return BlockFilePath(folder_, file); }

  Result<std::unique_ptr<RecordReader>> OpenReader(RecordLocation location) const {
    auto file = files_.OpenForRead(Path(location.file));
    if (!file) return std::unexpected(file.error());
    return std::make_unique<RecordReader>(std::move(*file), location.offset, limits_.max_record_bytes);
  }

  Result<std::uint64_t> SizeOf(std::uint64_t file) const {
    const auto opened = files_.OpenForRead(Path(file));
    if (!opened) return std::unexpected(opened.error());
    return (*opened)->Size();
  }

  Result<void> LoadInfo() {
    auto numbers = ListBlockFiles(files_, folder_);
    if (!numbers) return std::unexpected(numbers.error());
    numbers_ = std::move(*numbers);
    auto recorded = index_.FilesInfo();
    if (!recorded) return std::unexpected(recorded.error());
    recorded_ = *recorded;
    if (numbers_.empty()) return Create();
    if (!recorded_) return {};
    std::uint64_t size = 0;
    const bool exists = numbers_.front() <= recorded_->latest_file && recorded_->latest_file <= numbers_.back();
    if (exists) {
      const auto found = SizeOf(recorded_->latest_file);
      if (!found) return std::unexpected(found.error());
      size = *found;
    }
    if (exists && size >= recorded_->latest_file_size) return {};
    return Fail(ErrorCode::kCorrupt,
                "'{}' has {} bytes, but {} were written durably: restore it; or delete the block files of this channel "
                "and the index and join the channel again, and the blocks are fetched again",
                Path(recorded_->latest_file), size, recorded_->latest_file_size);
  }

  Result<void> Create() {
    if (recorded_ && !recorded_->no_blocks) {
      return Fail(
          ErrorCode::kCorrupt,
          "'{}' holds no block files, but the index knows {} blocks: restore the files; or delete the index and join "
          "the channel again, and the blocks are fetched again",
          folder_, recorded_->last_block + 1);
    }
    auto file = files_.OpenForAppend(Path(0));
    if (!file) return std::unexpected(file.error());
    if (auto synced = files_.SyncFolder(folder_); !synced) return synced;
    numbers_.push_back(0);
    // From now on the index tells what was durable, before the first record is written.
    recorded_ = BlockFilesInfo{};
    return WriteInfo(*recorded_);
  }

  Result<void> WriteInfo(const BlockFilesInfo& info) {
    base::IndexBatch batch;
    index_.SetInfo(batch, info);
    return index_.Write(batch, true);
  }

  // Begins with the last indexed block, so that at least the last record is verified; without one, with the first.
  Result<void> FindScanStart() {
    scan_from_ = {numbers_.front(), 0};
    expected_ = start_.first_block;
    previous_hash_ = start_.previous_hash;
    if (!recorded_ || recorded_->no_blocks) return {};
    const auto last = index_.LastIndexed();
    if (!last) return std::unexpected(last.error());
    if (!*last || **last < start_.first_block) return {};
    const auto location = index_.FindBlock(**last);
    if (!location) return std::unexpected(location.error());
    if (!*location || (*location)->file < numbers_.front() || (*location)->file > numbers_.back()) return {};
    if (**last > start_.first_block) {
      expected_ = **last - 1;
      auto hash = HashOf(**last - 1);
      if (!hash) return std::unexpected(hash.error());
      previous_hash_ = std::move(*hash);
    }
    scan_from_ = **location;
    expected_ = **last;
    indexed_until_ = **last + 1;
    return {};
  }

  Result<std::string> HashOf(std::uint64_t number) const {
    const auto location = index_.FindBlock(number);
    if (!location) return std::unexpected(location.error());
    const RecordLocation at = location->value_or(RecordLocation{});
    const auto reader = OpenReader(at);
    if (!reader) return std::unexpected(reader.error());
    const auto record = (*reader)->Next();
    if (!record) return std::unexpected(record.error());
    if (!*location || record->state != ReadState::kRecord || record->block.header.number != number) {
      return Corrupt(at, fmt::format("block {} is not where the index says", number));
    }
    return record->block.header.Hash().ToString();
  }

  Result<void> Scan() {
    for (const std::uint64_t file : numbers_) {
      if (file < scan_from_.file) continue;
      const RecordLocation from{file, file == scan_from_.file ? scan_from_.offset : 0};
      const auto reader = OpenReader(from);
      if (!reader) return std::unexpected(reader.error());
      end_ = from;
      while (true) {
        const auto record = (*reader)->Next();
        if (!record) return std::unexpected(record.error());
        if (record->state == ReadState::kEnd) break;
        std::string problem = record->problem;
        if (record->state == ReadState::kRecord) {
          const auto link = CheckLink(record->block, expected_, previous_hash_);
          if (!link) problem = link.error().message;
        }
        if (!problem.empty()) return HandleBad(*record, problem);
        if (auto accepted = Accept(record->block); !accepted) return accepted;
        end_.offset = (*reader)->offset();
      }
    }
    return {};
  }

  Result<void> Accept(const BlockView& stored) {
    previous_hash_ = stored.header.Hash().ToString();
    ++expected_;
    if (stored.header.number < indexed_until_) return {};
    ++out_.report.indexed_blocks;
    index_.AddBlock(batch_, stored, end_);
    if (batch_.changes.size() < kIndexBatchChanges) return {};
    return index_.Write(std::exchange(batch_, {}), false);
  }

  // The record at end_ is incomplete or wrong. Decides whether it may be cut off.
  Result<void> HandleBad(const ReadRecord& record, const std::string& problem) {
    const auto size = SizeOf(end_.file);
    if (!size) return std::unexpected(size.error());
    const bool in_last_file = end_.file == numbers_.back();
    // A complete record is the last one only if nothing follows it.
    const bool at_the_end =
        in_last_file && (record.state != ReadState::kRecord || record.offset + record.record.size() == *size);
    bool may_cut = false;
    if (!recorded_) {
      // Only a record that was cut off or is wrong as the very last: everything else may have blocks behind it.
      may_cut = at_the_end && (record.state == ReadState::kRecord ||
                               (record.state == ReadState::kIncomplete && record.plausible && Continues(record.part)));
    } else if (end_ < RecordLocation{recorded_->latest_file, recorded_->latest_file_size}) {
      may_cut = at_the_end && !recorded_->no_blocks && expected_ == recorded_->last_block &&
                end_.file == recorded_->latest_file && *size == recorded_->latest_file_size;
      out_.report.dropped_last = may_cut;
    } else {
      may_cut = true;  // never advertised
    }
    if (!may_cut) return Corrupt(end_, problem);
    out_.report.cut_reason = fmt::format("'{}', offset {}: {}", Path(end_.file), end_.offset, problem);
    return Cut(*size);
  }

  // Whether what is there of a cut-off record may be the beginning of the next block.
  bool Continues(const DecodedBody& part) const {
    return (!part.has_number || part.block.header.number == expected_) &&
           (!part.has_hashes || part.block.header.previous_hash == previous_hash_);
  }

  Result<void> Cut(std::uint64_t size) {
    // Give up the record in the index first: if the crash comes in between, the files are only longer than recorded.
    if (out_.report.dropped_last) {
      recorded_ = Info();
      indexed_until_ = std::min(indexed_until_, expected_);
      if (auto written = WriteInfo(*recorded_); !written) return written;
    }
    auto file = files_.OpenForAppend(Path(end_.file));
    if (!file) return std::unexpected(file.error());
    if (auto truncated = (*file)->Truncate(end_.offset); !truncated) return truncated;
    out_.report.cut_bytes = size - end_.offset;
    for (; numbers_.back() > end_.file; numbers_.pop_back()) {
      const auto later = SizeOf(numbers_.back());
      if (!later) return std::unexpected(later.error());
      out_.report.cut_bytes += *later;
      if (auto removed = files_.Remove(Path(numbers_.back())); !removed) return removed;
    }
    return {};
  }

  BlockFilesInfo Info() const {
    const bool none = expected_ == start_.first_block;
    return {end_.file, end_.offset, none ? 0 : expected_ - 1, none};
  }

  // What was accepted may be in memory only: a process that died leaves its writes to the operating system.
  Result<void> Finish() {
    out_.info = Info();
    out_.height = expected_;
    out_.current_hash = previous_hash_;
    // That nothing is recorded as durable must itself be durable before the first record is written: what the index
    // shows may be in memory only, and without it a torn first record could not be told from a damaged one.
    const bool unchanged = recorded_ == out_.info && out_.report.indexed_blocks == 0 && out_.report.cut_reason.empty();
    if (unchanged && !out_.info.no_blocks) return {};
    for (const std::uint64_t number : numbers_) {
      if (recorded_ && number < recorded_->latest_file) continue;
      const auto file = files_.OpenForAppend(Path(number));
      if (!file) return std::unexpected(file.error());
      if (auto synced = (*file)->Sync(); !synced) return synced;
    }
    if (auto synced = files_.SyncFolder(folder_); !synced) return synced;
    index_.SetInfo(batch_, out_.info);
    return index_.Write(batch_, true);
  }

  std::unexpected<base::Error> Corrupt(RecordLocation at, const std::string& problem) const {
    return Fail(
        ErrorCode::kCorrupt,
        "'{}', offset {}, where block {} was expected: {}. Nothing was changed. Restore this file from a copy; if "
        "the files are good, delete the index to have it rebuilt; or delete the block files of this channel and "
        "the index and join the channel again, and the blocks are fetched again",
        Path(at.file), at.offset, expected_, problem);
  }

  base::FileSystem& files_;
  BlockIndex& index_;
  const std::string& folder_;
  const ChainStart& start_;
  const BlockFilesLimits& limits_;

  std::vector<std::uint64_t> numbers_;  // of the files
  std::optional<BlockFilesInfo> recorded_;
  RecordLocation scan_from_;
  std::uint64_t indexed_until_ = 0;  // blocks below are in the index

  RecordLocation end_;          // of the last accepted record
  std::uint64_t expected_ = 0;  // number of the next block
  std::string previous_hash_;
  base::IndexBatch batch_;
  RecoveredFiles out_;
};

}  // namespace

Result<RecoveredFiles> RecoverBlockFiles(base::FileSystem& files, BlockIndex& index, const std::string& folder,
                                         const ChainStart& start, const BlockFilesLimits& limits) {
  return Recovery(files, index, folder, start, limits).Run();
}

}  // namespace grapevine::ledger
