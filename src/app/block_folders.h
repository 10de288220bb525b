// Finds the block files of Grapevine, Fabric peers and Fabric orderers below a folder.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"

namespace grapevine::app {

// Folders with block files, one per channel: `folder` itself, or those of the channels below it in the layouts of
// orderers (chains/), peers (chains/chains/ in ledgersData) and peers' data folders. A folder with a gap between its
// files counts.
std::vector<std::string> FindBlockFolders(base::FileSystem& files, const std::string& folder);

}  // namespace grapevine::app
