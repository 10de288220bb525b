// The ordered index on disk: LevelDB, readable by Fabric's tools.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>

#include "base/files.h"

namespace leveldb {
class DB;
}

namespace grapevine::runtime {

// See base/files.h for the contract. LevelDB runs a thread of its own for compaction and locks its folder against other
// processes.
class LevelDbIndex final : public base::KeyValueIndex {
 public:
  // Opens the database in `folder` or creates it; the folder's parent must exist. A damaged database is thrown away and
  // begun anew, because everything in it is rebuilt from the block files: see discarded(). kIo if another process holds
  // it.
  static base::Result<std::unique_ptr<LevelDbIndex>> Open(const std::string& folder);
  ~LevelDbIndex() override;

  // Why the content found at Open was thrown away; empty if it was not. Worth a line in the log.
  const std::string& discarded() const { return discarded_; }

  base::Result<std::optional<std::string>> Get(base::ByteView key) const override;
  base::Result<void> Scan(base::ByteView prefix,
                          const std::function<bool(base::ByteView key, base::ByteView value)>& visit) const override;
  // After a failed write the next one opens the database anew: LevelDB's log must not go on behind a torn record.
  base::Result<void> Write(const base::IndexBatch& batch, bool sync) override;

 private:
  explicit LevelDbIndex(std::string folder);
  base::Result<void> OpenDatabase();

  const std::string folder_;
  std::string discarded_;
  // Readers share it, opening anew excludes them.
  mutable std::shared_mutex mutex_;
  std::unique_ptr<leveldb::DB> database_;  // guarded by mutex_; null after a failed attempt to open it anew
  bool write_failed_ = false;              // guarded by mutex_
};

}  // namespace grapevine::runtime
