#include "app/block_folders.h"

#include "ledger/block_files.h"

namespace grapevine::app {

namespace {

bool HasBlockFiles(base::FileSystem& files, const std::string& folder) {
  const auto numbers = ledger::ListBlockFiles(files, folder);
  return numbers ? !numbers->empty() : numbers.error().code == base::ErrorCode::kCorrupt;
}

}  // namespace

std::vector<std::string> FindBlockFolders(base::FileSystem& files, const std::string& folder) {
  if (HasBlockFiles(files, folder)) return {folder};
  std::vector<std::string> found;
  for (const char* below : {"", "/chains", "/chains/chains", "/ledgersData/chains/chains"}) {
    const auto names = files.List(folder + below);
    if (!names) continue;
    for (const std::string& name : *names) {
      if (const std::string path = folder + below + "/" + name; HasBlockFiles(files, path)) found.push_back(path);
    }
  }
  return found;
}

}  // namespace grapevine::app
