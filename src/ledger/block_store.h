// The durable chain of one channel: Fabric's block files with their index (specification 23, sections 1 to 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/files.h"
#include "base/result.h"
#include "ledger/block_files.h"
#include "ledger/block_index.h"
#include "ledger/block_recovery.h"
#include "ledger/chain_start.h"

namespace grapevine::ledger {

struct BlockStoreConfig {
  std::string folder;   // of this channel's block files; made if missing
  std::string channel;  // prefix of its keys in the index
  BlockFilesLimits limits;
  // For a new store that begins after a snapshot; an existing one keeps what it began with.
  ChainStart start;
};

// Reads blocks through the index. A value: copy it into jobs, any thread, also while the writer appends. The file
// system and the index must outlive it.
class BlockReader {
 public:
  BlockReader(base::FileSystem& files, base::KeyValueIndex& index, const BlockStoreConfig& config);

  // A serialised common.Block. kNotFound if the store does not have it; kCorrupt if the files and the index contradict
  // each other.
  base::Result<base::Bytes> Read(std::uint64_t number) const;
  base::Result<base::Bytes> ReadByHash(base::ByteView header_hash) const;
  // The lowest block below `height` with a transaction of this id.
  base::Result<base::Bytes> ReadByTransactionId(base::ByteView id, std::uint64_t height) const;
  // kNotFound if no block below `height` has it.
  base::Result<TransactionLocation> FindTransaction(base::ByteView id, std::uint64_t height) const;

 private:
  base::Result<base::Bytes> ReadAt(RecordLocation location, std::optional<std::uint64_t> number) const;

  base::FileSystem* files_;
  BlockIndex index_;
  std::string folder_;
  std::uint64_t max_record_bytes_;
};

struct AppendOutcome {
  std::size_t appended = 0;          // so many of the blocks are durable
  std::optional<base::Error> error;  // why the one after them is not
};

// The writer, and the owner of the folder while it lives. All methods block on the disk: call them from one worker job
// at a time, or at start.
//
// What it stores of a block: slots of the metadata as received, except that slot 2 gets one code "not validated" (254)
// per transaction unless it has one code per transaction already. This node never validates, so slot 2 of any block
// here is somebody's claim at best: the file `grapevine_unvalidated` in the folder says so, to people and to `ledger
// info`.
class BlockStore {
 public:
  // Opens or creates the store and recovers it (block_recovery.h). Errors: kUnavailable if another process has it,
  // kCorrupt with file, offset and what to do; then nothing was changed.
  static base::Result<std::unique_ptr<BlockStore>> Open(base::FileSystem& files, base::KeyValueIndex& index,
                                                        BlockStoreConfig config);

  // Appends serialised blocks in order, each checked first: number == height, previous_hash == current hash, data hash.
  // They share one sync as far as they share a file. After an error the store is as it was behind the last appended
  // block, and later calls may succeed (space was made, the disk is back).
  AppendOutcome Append(std::span<const base::Bytes> blocks);

  std::uint64_t first_block() const { return config_.start.first_block; }
  // Number of the next block; everything below is durable.
  std::uint64_t height() const { return files_state_.height; }
  // Header hash of block height - 1; before the first block, what that must follow (empty for block 0).
  const std::string& current_hash() const { return files_state_.current_hash; }
  // What happened at the last recovery.
  const RecoveryReport& recovery() const { return files_state_.report; }
  BlockReader reader() const { return {files_, index_, config_}; }

 private:
  struct Group;

  BlockStore(base::FileSystem& files, base::KeyValueIndex& index, BlockStoreConfig config,
             std::unique_ptr<base::FolderLock> lock);
  base::Result<void> Recover();
  base::Result<void> PrepareFolder();
  base::Result<void> OpenCurrentFile();
  base::Result<void> Roll();
  base::Result<void> AddToGroup(Group& group, const base::Bytes& serialized);
  base::Result<void> WriteGroup(Group& group);
  bool AlreadyStored(const base::Bytes& serialized) const;
  base::Result<void> AppendAll(std::span<const base::Bytes> blocks);

  base::FileSystem& files_;
  base::KeyValueIndex& index_;
  BlockStoreConfig config_;
  BlockIndex block_index_;
  std::unique_ptr<base::FolderLock> lock_;
  std::unique_ptr<base::File> file_;  // the latest one, for appending
  RecoveredFiles files_state_;
  bool needs_recovery_ = false;  // a failure left files or index in an unknown state
};

// Name of the file that marks a folder whose blocks nobody here has validated.
inline constexpr const char* kUnvalidatedMark = "grapevine_unvalidated";

}  // namespace grapevine::ledger
