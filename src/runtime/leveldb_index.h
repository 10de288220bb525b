// The ordered index on disk: LevelDB, readable by Fabric's tools.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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
  // Opens the database in `folder`, creating it with its missing parents' last part only: the parent must exist.
  // kUnavailable if another process holds it, kCorrupt if it is damaged: its content can always be rebuilt, so the
  // message says which folder to delete.
  static base::Result<std::unique_ptr<LevelDbIndex>> Open(const std::string& folder);
  ~LevelDbIndex() override;

  base::Result<std::optional<std::string>> Get(base::ByteView key) const override;
  base::Result<void> Scan(base::ByteView prefix,
                          const std::function<bool(base::ByteView key, base::ByteView value)>& visit) const override;
  base::Result<void> Write(const base::IndexBatch& batch, bool sync) override;

 private:
  LevelDbIndex(std::string folder, std::unique_ptr<leveldb::DB> database);

  std::string folder_;
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace grapevine::runtime
