// Where a channel's block files begin: with block 0, or after a snapshot (specification 23, section 4).
#pragma once

#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/result.h"

namespace grapevine::ledger {

// The first block in the files and the hash that it must follow; trusted, because an administrator gave it.
struct ChainStart {
  std::uint64_t first_block = 0;
  std::string previous_hash;  // raw; empty for block 0

  friend bool operator==(const ChainStart&, const ChainStart&) = default;
};

// Reads `bootstrappingSnapshot.info` in the channel's folder; block 0 if there is none.
base::Result<ChainStart> ReadChainStart(base::FileSystem& files, const std::string& folder);
// Writes it, durably, as Go peers do when they join by snapshot. Nothing to do for block 0.
base::Result<void> WriteChainStart(base::FileSystem& files, const std::string& folder, const ChainStart& start);

// Makes `path` hold `content`, durably and in one step: after a crash it is there completely or not at all.
base::Result<void> WriteFileOnce(base::FileSystem& files, const std::string& folder, const std::string& name,
                                 base::ByteView content);

}  // namespace grapevine::ledger
