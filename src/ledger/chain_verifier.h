// Checks a channel's block files from the first byte to the last, without trusting an index and without changing
// anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "ledger/block_files.h"

namespace grapevine::ledger {

struct ChainVerifierConfig {
  // False: only what `info` shows, no hashes and no signatures.
  bool verify = true;
  // The report ends after so many problems.
  std::size_t max_problems = 100;
  BlockFilesLimits limits;
};

struct ChainProblem {
  std::string file;
  std::uint64_t offset = 0;  // of the record
  std::string message;

  friend bool operator==(const ChainProblem&, const ChainProblem&) = default;
};

struct ChainReport {
  std::string channel;  // as the first block's transaction says; empty without blocks
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t transactions = 0;
  std::uint64_t first_block = 0;
  std::uint64_t height = 0;  // number of the last block + 1
  std::string current_hash;  // raw
  std::vector<std::uint64_t> config_blocks;
  // Blocks whose orderer signatures were verified: all but block 0, the trust anchor. Fewer if no configuration block
  // is here for them, as after a snapshot.
  std::uint64_t verified_signatures = 0;
  // A record that was being written or was interrupted; not damage: the next start of the node cuts it off.
  std::uint64_t incomplete_bytes = 0;
  bool unvalidated = false;  // stored by a node that does not validate transactions
  std::vector<ChainProblem> problems;
};

// Checks framing, numbers, previous hashes, data hashes, the configuration block that each block names, and the
// orderers' signatures under the configuration in force; block 0 is the trust anchor. An error means that the folder or
// a file cannot be read; damage is in the report. Blocks on the disk; call it off the executor.
base::Result<ChainReport> VerifyChain(base::FileSystem& files, const std::string& folder,
                                      const ChainVerifierConfig& config = {});

}  // namespace grapevine::ledger
