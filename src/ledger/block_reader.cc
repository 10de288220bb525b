#include "ledger/block_store.h"

namespace grapevine::ledger {

using base::Bytes;
using base::ErrorCode;
using base::Fail;
using base::Result;

BlockReader::BlockReader(base::FileSystem& files, base::KeyValueIndex& index, const BlockStoreConfig& config)
    : files_(&files),
      index_(index, config.channel),
      folder_(config.folder),
      max_record_bytes_(config.limits.max_record_bytes) {}

Result<Bytes> BlockReader::Read(std::uint64_t number) const {
  const auto location = index_.FindBlock(number);
  if (!location) return std::unexpected(location.error());
  if (!*location) return Fail(ErrorCode::kNotFound, "block {} is not in '{}'", number, folder_);
  return ReadAt(**location, number);
}

Result<Bytes> BlockReader::ReadByHash(base::ByteView header_hash) const {
  const auto location = index_.FindBlock(header_hash);
  if (!location) return std::unexpected(location.error());
  if (!*location) {
    return Fail(ErrorCode::kNotFound, "no block with hash '{}' is in '{}'", base::ToHex(header_hash), folder_);
  }
  return ReadAt(**location, std::nullopt);
}

Result<TransactionLocation> BlockReader::FindTransaction(base::ByteView id, std::uint64_t height) const {
  const auto found = index_.FindTransaction(id, height);
  if (!found) return std::unexpected(found.error());
  if (!*found) return Fail(ErrorCode::kNotFound, "no transaction '{}' is in '{}'", id, folder_);
  return **found;
}

Result<Bytes> BlockReader::ReadByTransactionId(base::ByteView id, std::uint64_t height) const {
  const auto found = FindTransaction(id, height);
  if (!found) return std::unexpected(found.error());
  return Read(found->block);
}

Result<Bytes> BlockReader::ReadAt(RecordLocation location, std::optional<std::uint64_t> number) const {
  const std::string path = BlockFilePath(folder_, location.file);
  auto file = files_->OpenForRead(path);
  if (!file) return std::unexpected(file.error());
  RecordReader reader(std::move(*file), location.offset, max_record_bytes_, RecordReader::kSingleBytes);
  const auto record = reader.Next();
  if (!record) return std::unexpected(record.error());
  if (record->state != ReadState::kRecord || (number && record->block.header.number != *number)) {
    return Fail(ErrorCode::kCorrupt,
                "'{}', offset {}: the block that the index names is not here: stop the node and run `grapevine ledger "
                "verify`",
                path, location.offset);
  }
  return Bytes(SerializeBlock(record->block));
}

}  // namespace grapevine::ledger
