#include "runtime/leveldb_index.h"

#include <leveldb/db.h>
#include <leveldb/iterator.h>
#include <leveldb/write_batch.h>

#include <utility>

namespace grapevine::runtime {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

leveldb::Slice ToSlice(base::ByteView bytes) { return {bytes.data(), bytes.size()}; }
base::ByteView ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

std::unexpected<base::Error> Refused(const char* what, const std::string& folder, const leveldb::Status& status) {
  if (status.IsCorruption()) {
    return Fail(ErrorCode::kCorrupt,
                "cannot {} the index '{}': {}; stop the node and delete this folder, the index is rebuilt from the "
                "block files at the next start",
                what, folder, status.ToString());
  }
  return Fail(ErrorCode::kIo, "cannot {} the index '{}': {}", what, folder, status.ToString());
}

}  // namespace

Result<std::unique_ptr<LevelDbIndex>> LevelDbIndex::Open(const std::string& folder) {
  leveldb::Options options;
  options.create_if_missing = true;
  // A damaged index must be reported: silently skipping entries would make blocks disappear.
  options.paranoid_checks = true;
  leveldb::DB* database = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, folder, &database);
  if (!status.ok()) return Refused("open", folder, status);
  return std::unique_ptr<LevelDbIndex>(new LevelDbIndex(folder, std::unique_ptr<leveldb::DB>(database)));
}

LevelDbIndex::LevelDbIndex(std::string folder, std::unique_ptr<leveldb::DB> database)
    : folder_(std::move(folder)), database_(std::move(database)) {}

LevelDbIndex::~LevelDbIndex() = default;

Result<std::optional<std::string>> LevelDbIndex::Get(base::ByteView key) const {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  std::string value;
  const leveldb::Status status = database_->Get(options, ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return Refused("read", folder_, status);
  return std::optional<std::string>(std::move(value));
}

Result<void> LevelDbIndex::Scan(base::ByteView prefix,
                                const std::function<bool(base::ByteView key, base::ByteView value)>& visit) const {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  const std::unique_ptr<leveldb::Iterator> iterator(database_->NewIterator(options));
  for (iterator->Seek(ToSlice(prefix)); iterator->Valid(); iterator->Next()) {
    const base::ByteView key = ToView(iterator->key());
    if (!key.starts_with(prefix) || !visit(key, ToView(iterator->value()))) break;
  }
  if (!iterator->status().ok()) return Refused("scan", folder_, iterator->status());
  return {};
}

Result<void> LevelDbIndex::Write(const base::IndexBatch& batch, bool sync) {
  leveldb::WriteBatch writes;
  for (const auto& [key, value] : batch.changes) {
    if (value) {
      writes.Put(key, *value);
    } else {
      writes.Delete(key);
    }
  }
  leveldb::WriteOptions options;
  options.sync = sync;
  const leveldb::Status status = database_->Write(options, &writes);
  if (!status.ok()) return Refused("write to", folder_, status);
  return {};
}

}  // namespace grapevine::runtime
