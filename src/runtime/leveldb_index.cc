#include "runtime/leveldb_index.h"

#include <leveldb/db.h>
#include <leveldb/iterator.h>
#include <leveldb/write_batch.h>

#include <mutex>
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

std::unexpected<base::Error> Closed(const std::string& folder) {
  return Fail(ErrorCode::kIo, "the index '{}' could not be opened again after a failed write", folder);
}

}  // namespace

Result<std::unique_ptr<LevelDbIndex>> LevelDbIndex::Open(const std::string& folder) {
  std::unique_ptr<LevelDbIndex> index(new LevelDbIndex(folder));
  auto opened = index->OpenDatabase();
  if (!opened && opened.error().code == ErrorCode::kCorrupt) {
    index->discarded_ = opened.error().message;
    const leveldb::Status destroyed = leveldb::DestroyDB(folder, leveldb::Options());
    if (!destroyed.ok()) return Refused("remove", folder, destroyed);
    opened = index->OpenDatabase();
  }
  if (!opened) return std::unexpected(opened.error());
  return index;
}

LevelDbIndex::LevelDbIndex(std::string folder) : folder_(std::move(folder)) {}

LevelDbIndex::~LevelDbIndex() = default;

Result<void> LevelDbIndex::OpenDatabase() {
  database_.reset();
  leveldb::Options options;
  options.create_if_missing = true;
  // A damaged index must be noticed: silently skipping entries would make blocks disappear.
  options.paranoid_checks = true;
  leveldb::DB* database = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, folder_, &database);
  if (!status.ok()) return Refused("open", folder_, status);
  database_.reset(database);
  return {};
}

Result<std::optional<std::string>> LevelDbIndex::Get(base::ByteView key) const {
  const std::shared_lock lock(mutex_);
  if (database_ == nullptr) return Closed(folder_);
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
  const std::shared_lock lock(mutex_);
  if (database_ == nullptr) return Closed(folder_);
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
  {
    const std::unique_lock lock(mutex_);
    if (std::exchange(write_failed_, false)) {
      if (auto opened = OpenDatabase(); !opened) {
        write_failed_ = true;
        return opened;
      }
    }
  }
  std::shared_lock lock(mutex_);
  const leveldb::Status status = database_->Write(options, &writes);
  if (status.ok()) return {};
  lock.unlock();
  const std::unique_lock exclusive(mutex_);
  write_failed_ = true;
  return Refused("write to", folder_, status);
}

}  // namespace grapevine::runtime
