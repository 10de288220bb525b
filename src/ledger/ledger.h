// The chain of one channel as a node sees it on its executor: commit, read, height (specification 23, section 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "ledger/block_store.h"

namespace grapevine::ledger {

struct LedgerConfig {
  // Commits that wait or are being written; further ones are refused with kExhausted.
  std::size_t max_pending_commits = 1000;
  // Waiting commits that are written together, sharing the cost of making them durable.
  std::size_t max_group_blocks = 64;
  std::size_t max_group_bytes = 8 * 1024 * 1024;
};

// The newest configuration block of the chain.
struct ConfigBlock {
  std::uint64_t number = 0;
  base::Bytes block;  // serialised common.Block

  friend bool operator==(const ConfigBlock&, const ConfigBlock&) = default;
};

template <typename T>
using Done = std::move_only_function<void(base::Result<T>)>;

// One executor; the disk is touched on the workers only, by one writer and any number of readers. Every `done` runs as
// an event of its own; destroying a handle, or the ledger, suppresses it (a commit goes on nevertheless). The file
// system and the index must outlive the workers' jobs.
class Ledger {
 public:
  // Opens the channel's store and finds its configuration. Blocks on the disk: call it at start. See BlockStore::Open
  // for the errors; what recovery did is logged.
  static base::Result<std::unique_ptr<Ledger>> Open(base::Environment environment, base::FileSystem& files,
                                                    base::KeyValueIndex& index, BlockStoreConfig store,
                                                    LedgerConfig config = {});
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Number of the next block. Everything below is durable; never falls. May be advertised.
  std::uint64_t height() const { return height_; }
  // Blocks below are not here: the chain began with a snapshot. 0 otherwise.
  std::uint64_t first_block() const { return first_block_; }
  // Header hash of block height - 1 (raw), what the next block must follow.
  const std::string& current_hash() const { return current_hash_; }
  // As of height(). Nothing if the chain is empty, or began with a snapshot after it.
  const std::optional<ConfigBlock>& config_block() const { return config_block_; }

  // Appends a verified serialised common.Block: its number must be the height when its turn comes, its previous_hash
  // the current hash, its data hash right; else kInvalid. Commits happen one after the other in the order of the calls.
  // `done` with success: the block is durable and the height includes it.
  base::Handle Commit(base::Bytes block, Done<void> done);

  // A serialised common.Block as stored (BlockStore says what that means for slot 2); kNotFound at and above the
  // height, and below the first block. Callers bound the number of reads that they have going.
  base::Handle ReadBlock(std::uint64_t number, Done<base::Bytes> done) const;
  // Blocks first to last, both included, as far as they exist: stops before the block that would make them more than
  // `max_bytes` and before one that cannot be read, but gives at least one or the error of the first. kNotFound if
  // `first` is not there.
  base::Handle ReadBlocks(std::uint64_t first, std::uint64_t last, std::size_t max_bytes,
                          Done<std::vector<base::Bytes>> done) const;
  base::Handle ReadBlockByHash(std::string header_hash, Done<base::Bytes> done) const;
  base::Handle ReadBlockByTransactionId(std::string id, Done<base::Bytes> done) const;

 private:
  struct PendingCommit {
    base::Bytes block;
    std::shared_ptr<Done<void>> done;  // null inside when suppressed
  };
  struct CommitResult {
    AppendOutcome outcome;
    std::uint64_t height = 0;
    std::string current_hash;
    std::optional<ConfigBlock> config_block;  // the last one among the appended
  };

  Ledger(base::Environment environment, std::unique_ptr<BlockStore> store, std::optional<ConfigBlock> config_block,
         const std::string& channel, LedgerConfig config);
  static CommitResult Append(BlockStore& store, const std::vector<base::Bytes>& blocks);
  void WriteNext();
  void Written(CommitResult result);

  base::Environment environment_;
  LedgerConfig config_;
  const std::shared_ptr<BlockStore> store_;  // used by the one write job only
  const BlockReader reader_;
  const std::uint64_t first_block_;
  std::uint64_t height_;
  std::string current_hash_;
  std::optional<ConfigBlock> config_block_;
  base::Gauge& height_gauge_;

  std::deque<PendingCommit> waiting_;
  std::vector<PendingCommit> writing_;
  base::Handle write_job_;
  base::Lifetime lifetime_;
};

// The configuration block that the newest block of `store` names (specification 23, section 5). Nothing if there is no
// block, none is named, or it lies before the first block.
base::Result<std::optional<ConfigBlock>> FindConfigBlock(const BlockStore& store);

}  // namespace grapevine::ledger
