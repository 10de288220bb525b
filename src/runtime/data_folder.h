// A peer's data folder (peer.fileSystemPath): ledgers in Fabric's layout (specification 23, section 2), and in a folder
// of its own what else must survive a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/files.h"
#include "ledger/ledger.h"

namespace grapevine::runtime {

// Owns the folder against other processes. All methods block on the disk: call them at start, or when an administrator
// asks for something. `files` must outlive it; it must outlive its ledgers and their jobs on the workers.
class DataFolder {
 public:
  // Makes what is missing. Errors: kUnavailable if another process has it, kInvalid if it is a Fabric peer's, kIo.
  static base::Result<std::unique_ptr<DataFolder>> Open(base::FileSystem& files, const std::string& folder);

  // Why the index of blocks found at Open was thrown away; it is rebuilt from the block files. Empty if it was not.
  const std::string& discarded_index() const { return discarded_index_; }

  // Channels with a ledger that the peer has not left, sorted. One that was never begun has no block.
  base::Result<std::vector<std::string>> Channels() const;
  // Whether there is a ledger, left or not.
  bool HasLedger(const std::string& channel) const;
  // Where a channel's blocks are.
  std::string LedgerFolder(const std::string& channel) const;
  // Opens the ledger of a channel, or makes one that begins with `start`. kInvalid if the name is none of a channel.
  base::Result<std::unique_ptr<ledger::Ledger>> OpenLedger(base::Environment environment, const std::string& channel,
                                                           ledger::ChainStart start = {});

  // Durable: whether the peer takes part in a channel whose ledger is there.
  base::Result<void> MarkLeft(const std::string& channel);
  base::Result<void> UnmarkLeft(const std::string& channel);

  // The greatest incarnation that the peer has used (10.3; D-12); 0 if it never ran.
  base::Result<std::uint64_t> ReadIncarnation() const;
  base::Result<void> WriteIncarnation(std::uint64_t incarnation);

 private:
  DataFolder(base::FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  base::Result<void> Prepare();
  base::Result<void> ForgetIndex(const std::string& channel);
  std::string own_folder() const { return folder_ + "/grapevine"; }
  std::string chains_folder() const { return folder_ + "/ledgersData/chains/chains"; }

  base::FileSystem& files_;
  std::string folder_;
  std::string discarded_index_;
  std::unique_ptr<base::FolderLock> lock_;
  std::unique_ptr<base::KeyValueIndex> index_;
};

}  // namespace grapevine::runtime
