// Brings block files and index into agreement after any crash (specification 23, section 2.2).
//
// What the index records as durable is never given up, with one exception: a last record whose content is wrong is
// dropped, it will be fetched again. What lies beyond the recorded position was never advertised: complete and correct
// records there count as committed, the first other byte and all behind it are cut off. Damage before the recorded
// position is an error that names file and offset, and nothing is changed.
#pragma once

#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "ledger/block_files.h"
#include "ledger/block_index.h"
#include "ledger/chain_start.h"

namespace grapevine::ledger {

// What recovery found and did, for the log.
struct RecoveryReport {
  std::uint64_t indexed_blocks = 0;  // read from the files because the index did not know them
  std::uint64_t cut_bytes = 0;       // of incomplete or wrong records at the end
  std::string cut_reason;            // empty if nothing was cut
  bool dropped_last = false;         // the last durable block was wrong and is gone: the height has fallen by one
};

struct RecoveredFiles {
  BlockFilesInfo info;
  std::uint64_t height = 0;
  std::string current_hash;  // of block height - 1, or the hash that the first block must follow
  RecoveryReport report;
};

// On success the files end with the last block, everything is durable and indexed. Errors: kCorrupt, kIo.
base::Result<RecoveredFiles> RecoverBlockFiles(base::FileSystem& files, BlockIndex& index, const std::string& folder,
                                               const ChainStart& start, const BlockFilesLimits& limits);

}  // namespace grapevine::ledger
