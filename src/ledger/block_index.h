// Keys and values of the block index, as Fabric's tools expect them (specification 23, section 2.1).
//
// One index serves all channels of a node: each key begins with the channel's name and a zero byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/files.h"
#include "base/result.h"
#include "crypto/hash.h"
#include "ledger/block.h"

namespace grapevine::ledger {

// Where a record begins: the position of its length.
struct RecordLocation {
  std::uint64_t file = 0;
  std::uint64_t offset = 0;

  friend auto operator<=>(const RecordLocation&, const RecordLocation&) = default;
};

// How far the block files are known to be durable: everything before this position was synced.
struct BlockFilesInfo {
  std::uint64_t latest_file = 0;
  std::uint64_t latest_file_size = 0;
  std::uint64_t last_block = 0;
  bool no_blocks = true;

  friend bool operator==(const BlockFilesInfo&, const BlockFilesInfo&) = default;
};

// Where a transaction id was found first.
struct TransactionLocation {
  std::uint64_t block = 0;
  std::uint64_t index = 0;           // within the block
  std::int32_t validation_code = 0;  // of slot 2: what this node or its source believed, not verified

  friend bool operator==(const TransactionLocation&, const TransactionLocation&) = default;
};

// Order-preserving encoding of integers: count of significant bytes, then these, big-endian.
void AppendOrderPreserving(std::string& out, std::uint64_t value);
std::optional<std::uint64_t> TakeOrderPreserving(base::ByteView& in);

// One channel's part of the index. Reading: any thread. The index must outlive it.
class BlockIndex {
 public:
  BlockIndex(base::KeyValueIndex& index, const std::string& channel) : index_(index), prefix_(channel + '\0') {}

  // Marks a new index with the format that Go peers write, and refuses one of another format.
  base::Result<void> CheckFormat();

  // Each is nothing if the index does not know it; kCorrupt if the value does not decode.
  base::Result<std::optional<BlockFilesInfo>> FilesInfo() const;
  base::Result<std::optional<std::uint64_t>> LastIndexed() const;
  base::Result<std::optional<RecordLocation>> FindBlock(std::uint64_t number) const;
  base::Result<std::optional<RecordLocation>> FindBlock(base::ByteView header_hash) const;
  // The occurrence in the lowest block below `height`.
  base::Result<std::optional<TransactionLocation>> FindTransaction(base::ByteView id, std::uint64_t height) const;

  // Adds all entries of one block to `batch`; slot 2 of its metadata must have one code per transaction.
  void AddBlock(base::IndexBatch& batch, const BlockView& block, RecordLocation location) const;
  // Adds `info`, and the number of its last block as the last indexed one.
  void SetInfo(base::IndexBatch& batch, const BlockFilesInfo& info) const;
  base::Result<void> Write(const base::IndexBatch& batch, bool sync) { return index_.Write(batch, sync); }

 private:
  base::Result<std::optional<RecordLocation>> FindLocation(const std::string& key) const;
  std::string Key(base::ByteView key) const { return prefix_ + std::string(key); }
  std::string NumberKey(char kind, std::uint64_t number) const;

  base::KeyValueIndex& index_;
  std::string prefix_;
};

}  // namespace grapevine::ledger
