// Files of the operating system (Linux).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"

namespace grapevine::runtime {

// Stateless; see base/files.h for the contract. Sync is fdatasync, which also makes the size durable.
class PosixFileSystem final : public base::FileSystem {
 public:
  base::Result<std::unique_ptr<base::File>> OpenForAppend(const std::string& path) override;
  base::Result<std::unique_ptr<base::File>> OpenForRead(const std::string& path) override;
  base::Result<void> Rename(const std::string& from, const std::string& to) override;
  base::Result<void> Remove(const std::string& path) override;
  base::Result<std::vector<std::string>> List(const std::string& folder) override;
  base::Result<void> MakeFolder(const std::string& folder) override;
  base::Result<void> SyncFolder(const std::string& folder) override;
  // An advisory lock (flock) on the folder itself: no lock file is left behind.
  base::Result<std::unique_ptr<base::FolderLock>> LockFolder(const std::string& folder) override;
};

}  // namespace grapevine::runtime
