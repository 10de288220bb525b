#include "ledger/block_store.h"

#include <algorithm>
#include <utility>

namespace grapevine::ledger {

using base::ErrorCode;
using base::Fail;
using base::Result;
using base::Wrap;

namespace {

constexpr base::ByteView kUnvalidatedText =
    "The blocks in this folder were stored by Grapevine, which does not validate transactions. Metadata slot 2 (the "
    "transactions filter) is not to be trusted, and a Fabric peer must not take these files over.\n";

}  // namespace

// Blocks on their way into one file, with one write and one sync.
struct BlockStore::Group {
  std::string records;
  base::IndexBatch batch;
  std::uint64_t blocks = 0;
  std::string current_hash;  // behind the group
};

Result<std::unique_ptr<BlockStore>> BlockStore::Open(base::FileSystem& files, base::KeyValueIndex& index,
                                                     BlockStoreConfig config) {
  if (config.channel.empty() || config.channel.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalid, "'{}' is not a name of a channel", config.channel);
  }
  if (auto made = files.MakeFolder(config.folder); !made) return std::unexpected(made.error());
  auto lock = files.LockFolder(config.folder);
  if (!lock) return std::unexpected(lock.error());
  std::unique_ptr<BlockStore> store(new BlockStore(files, index, std::move(config), std::move(*lock)));
  if (auto ready = store->block_index_.CheckFormat(); !ready) return std::unexpected(ready.error());
  if (auto prepared = store->PrepareFolder(); !prepared) return std::unexpected(prepared.error());
  if (auto recovered = store->Recover(); !recovered) return std::unexpected(recovered.error());
  return store;
}

BlockStore::BlockStore(base::FileSystem& files, base::KeyValueIndex& index, BlockStoreConfig config,
                       std::unique_ptr<base::FolderLock> lock)
    : files_(files),
      index_(index),
      config_(std::move(config)),
      block_index_(index, config_.channel),
      lock_(std::move(lock)) {}

// The start and the mark must be there before the first block is.
Result<void> BlockStore::PrepareFolder() {
  const auto names = files_.List(config_.folder);
  if (!names) return std::unexpected(names.error());
  const bool is_new = std::none_of(names->begin(), names->end(),
                                   [](const std::string& name) { return name.starts_with("blockfile_"); });
  if (is_new) {
    if (auto written = WriteChainStart(files_, config_.folder, config_.start); !written) return written;
  }
  auto start = ReadChainStart(files_, config_.folder);
  if (!start) return std::unexpected(start.error());
  config_.start = std::move(*start);
  if (std::find(names->begin(), names->end(), kUnvalidatedMark) != names->end()) return {};
  return WriteFileOnce(files_, config_.folder, kUnvalidatedMark, kUnvalidatedText);
}

Result<void> BlockStore::Recover() {
  file_.reset();
  auto recovered = RecoverBlockFiles(files_, block_index_, config_.folder, config_.start, config_.limits);
  if (!recovered) return std::unexpected(recovered.error());
  files_state_ = std::move(*recovered);
  if (auto opened = OpenCurrentFile(); !opened) return opened;
  needs_recovery_ = false;
  return {};
}

Result<void> BlockStore::OpenCurrentFile() {
  auto file = files_.OpenForAppend(BlockFilePath(config_.folder, files_state_.info.latest_file));
  if (!file) return std::unexpected(file.error());
  file_ = std::move(*file);
  return {};
}

// A new file is durable, and known to the index, before a record is written to it.
Result<void> BlockStore::Roll() {
  BlockFilesInfo info = files_state_.info;
  ++info.latest_file;
  info.latest_file_size = 0;
  needs_recovery_ = true;
  auto file = files_.OpenForAppend(BlockFilePath(config_.folder, info.latest_file));
  if (!file) return std::unexpected(file.error());
  if (auto synced = files_.SyncFolder(config_.folder); !synced) return synced;
  base::IndexBatch batch;
  block_index_.SetInfo(batch, info);
  if (auto written = block_index_.Write(batch, true); !written) return written;
  needs_recovery_ = false;
  file_ = std::move(*file);
  files_state_.info = info;
  return {};
}

AppendOutcome BlockStore::Append(std::span<const base::Bytes> blocks) {
  AppendOutcome outcome;
  if (needs_recovery_) {
    if (auto recovered = Recover(); !recovered) {
      outcome.error = recovered.error();
      return outcome;
    }
    // What failed before may have reached the disk after all, and then counts as committed.
    while (outcome.appended < blocks.size() && AlreadyStored(blocks[outcome.appended])) ++outcome.appended;
  }
  const std::uint64_t height_before = height();
  const auto result = AppendAll(blocks.subspan(outcome.appended));
  outcome.appended += height() - height_before;
  if (!result) outcome.error = result.error();
  return outcome;
}

bool BlockStore::AlreadyStored(const base::Bytes& serialized) const {
  const auto block = ParseBlock(serialized);
  if (!block || block->header.number >= height()) return false;
  const auto stored = block_index_.FindBlock(block->header.Hash().view());
  return stored && stored->has_value();
}

Result<void> BlockStore::AppendAll(std::span<const base::Bytes> blocks) {
  Group group;
  group.current_hash = current_hash();
  Result<void> added;
  for (std::size_t i = 0; i < blocks.size() && added; ++i) added = AddToGroup(group, blocks[i]);
  // A block that is refused does not keep back those before it.
  if (auto written = WriteGroup(group); !written) return written;
  return added;
}

Result<void> BlockStore::AddToGroup(Group& group, const base::Bytes& serialized) {
  auto block = ParseBlock(serialized);
  if (!block) return std::unexpected(block.error());
  if (auto linked = CheckLink(*block, height() + group.blocks, group.current_hash); !linked) return linked;
  std::string filter;
  FillTransactionsFilter(*block, filter);
  const std::size_t size = RecordSize(*block);
  if (size > config_.limits.max_record_bytes) {
    return Fail(ErrorCode::kExhausted, "block {} takes {} bytes, the limit is {}", block->header.number, size,
                config_.limits.max_record_bytes);
  }
  const std::uint64_t used = files_state_.info.latest_file_size + group.records.size();
  if (used != 0 && used + size > config_.limits.max_file_bytes) {
    if (auto written = WriteGroup(group); !written) return written;
    if (auto rolled = Roll(); !rolled) return rolled;
  }
  const RecordLocation location{files_state_.info.latest_file,
                                files_state_.info.latest_file_size + group.records.size()};
  AppendRecord(group.records, *block);
  block_index_.AddBlock(group.batch, *block, location);
  group.current_hash = block->header.Hash().ToString();
  ++group.blocks;
  return {};
}

// Empties the group, whether it succeeds or not.
Result<void> BlockStore::WriteGroup(Group& group) {
  if (group.blocks == 0) return {};
  Group written_group = std::exchange(group, Group{});
  group.current_hash = current_hash();
  BlockFilesInfo info = files_state_.info;
  auto written = file_->Append(written_group.records);
  if (written) written = file_->Sync();
  if (!written) {
    if (auto truncated = file_->Truncate(info.latest_file_size); !truncated) needs_recovery_ = true;
    return Wrap(written.error(), "block {} is not stored", height());
  }
  info.latest_file_size += written_group.records.size();
  info.last_block = height() + written_group.blocks - 1;
  info.no_blocks = false;
  block_index_.SetInfo(written_group.batch, info);
  if (auto indexed = block_index_.Write(written_group.batch, true); !indexed) {
    // Unknown whether the index took it: the records must stay, and recovery decides.
    needs_recovery_ = true;
    return Wrap(indexed.error(), "block {} is not indexed", height());
  }
  files_state_.info = info;
  files_state_.height += written_group.blocks;
  files_state_.current_hash = std::move(written_group.current_hash);
  group.current_hash = files_state_.current_hash;
  return {};
}

}  // namespace grapevine::ledger
