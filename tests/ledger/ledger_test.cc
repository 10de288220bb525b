#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include "base/environment.h"
#include "ledger/chain_fixture.h"
#include "simulation/scheduler.h"
#include "simulation/workers.h"

namespace grapevine::ledger {
namespace {

using base::Bytes;
using base::ErrorCode;

// A ledger in virtual time on a simulated disk.
class LedgerTest : public ::testing::Test {
 protected:
  void Open(LedgerConfig config = {}) {
    ledger_.reset();
    index_ = disk_.OpenIndex(kIndex).value();
    auto opened = Ledger::Open({executor_, workers_, random_, metrics_, {}}, disk_, *index_,
                               {kFolder, "mychannel", {}, {}}, config);
    ASSERT_EQ(Message(opened), "ok");
    ledger_ = std::move(*opened);
  }
  // Outcomes are noted as "number: message".
  void Commit(std::uint64_t number, const Bytes& block) {
    handles_.push_back(ledger_->Commit(block, [this, number](base::Result<void> result) {
      outcomes_.push_back(fmt::format("{}: {} at height {}", number, Message(result), ledger_->height()));
    }));
  }
  void Run() { ASSERT_TRUE(scheduler_.RunUntilQuiescent(std::chrono::seconds(10))); }
  std::int64_t HeightGauge() { return metrics_.Snapshot().at("ledger_blockchain_height{channel=\"mychannel\"}"); }

  simulation::Scheduler scheduler_;
  simulation::SimulatedExecutor executor_{scheduler_, 1};
  simulation::SimulatedWorkers workers_{executor_, 4, {}};
  base::Random random_{1};
  base::Metrics metrics_;
  simulation::SimulatedDisk disk_;
  std::unique_ptr<base::KeyValueIndex> index_;
  std::unique_ptr<Ledger> ledger_;
  std::vector<base::Handle> handles_;
  std::vector<std::string> outcomes_;
};

// Given commits queued at once and four workers, then they happen in order, one writer at a time, and the height rises
// only when a block is durable.
TEST_F(LedgerTest, CommitsInOrderWithOneWriter) {
  Open({.max_pending_commits = 1000, .max_group_blocks = 2, .max_group_bytes = 1 << 20});
  const auto chain = MakeChain(5, 100);
  for (std::size_t i = 0; i < chain.size(); ++i) Commit(i, chain[i]);
  EXPECT_EQ(workers_.submitted(), 1U);
  EXPECT_EQ(ledger_->height(), 0U);
  Run();
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"0: ok at height 1", "1: ok at height 3", "2: ok at height 3",
                                                 "3: ok at height 5", "4: ok at height 5"}));
  EXPECT_EQ(workers_.submitted(), 3U);  // groups 0, 1-2, 3-4
  EXPECT_EQ(HeightGauge(), 5);
}

TEST_F(LedgerTest, ARefusedBlockDoesNotStopTheOthers) {
  Open();
  const auto chain = MakeChain(3, 100);
  Commit(0, chain[0]);
  Commit(2, chain[2]);
  Commit(1, chain[1]);
  Commit(2, chain[2]);
  Run();
  EXPECT_EQ(outcomes_,
            (std::vector<std::string>{"0: ok at height 1", "2: block 2 where block 1 must follow at height 1",
                                      "1: ok at height 3", "2: ok at height 3"}));
}

TEST_F(LedgerTest, PendingCommitsAreBounded) {
  Open({.max_pending_commits = 2, .max_group_blocks = 64, .max_group_bytes = 1 << 20});
  const auto chain = MakeChain(3, 100);
  for (std::size_t i = 0; i < chain.size(); ++i) Commit(i, chain[i]);
  EXPECT_TRUE(outcomes_.empty());
  Run();
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"2: 2 commits are pending already at height 0", "0: ok at height 1",
                                                 "1: ok at height 2"}));
}

// Destroying the handle suppresses the callback, not the commit; destroying the ledger suppresses all.
TEST_F(LedgerTest, HandlesSuppressCallbacks) {
  Open();
  const auto chain = MakeChain(3, 100);
  Commit(0, chain[0]);
  handles_.clear();
  Run();
  EXPECT_TRUE(outcomes_.empty());
  EXPECT_EQ(ledger_->height(), 1U);
  Commit(1, chain[1]);
  ledger_.reset();
  Run();
  EXPECT_TRUE(outcomes_.empty());
}

TEST_F(LedgerTest, KeepsTheNewestConfigurationBlock) {
  Open();
  const auto& blocks = RecordedBlocks();
  for (std::size_t i = 0; i < 130; ++i) Commit(i, blocks[i]);
  EXPECT_FALSE(ledger_->config_block());
  Run();
  EXPECT_EQ(ledger_->config_block(), (ConfigBlock{120, blocks[120]}));
  Open();
  EXPECT_EQ(ledger_->height(), 130U);
  EXPECT_EQ(ledger_->config_block(), (ConfigBlock{120, blocks[120]}));
}

TEST_F(LedgerTest, Reads) {
  Open();
  const auto chain = MakeChain(5, 1000);
  for (std::size_t i = 0; i < chain.size(); ++i) Commit(i, chain[i]);
  Run();
  std::vector<std::string> read;
  const auto note_one = [&](base::Result<Bytes> block) {
    read.push_back(block ? std::to_string(ParseBlock(*block).value().header.number) : block.error().message);
  };
  const auto note_many = [&](base::Result<std::vector<Bytes>> blocks) {
    read.push_back(blocks ? fmt::format("{} blocks", blocks->size()) : blocks.error().message);
  };
  handles_.push_back(ledger_->ReadBlock(3, note_one));
  Run();
  handles_.push_back(ledger_->ReadBlock(5, note_one));
  Run();
  handles_.push_back(ledger_->ReadBlockByHash(ParseBlock(chain[2]).value().header.Hash().ToString(), note_one));
  Run();
  handles_.push_back(ledger_->ReadBlocks(1, 100, 1 << 20, note_many));
  Run();
  handles_.push_back(ledger_->ReadBlocks(1, 4, 2500, note_many));
  Run();
  handles_.push_back(ledger_->ReadBlocks(1, 4, 1, note_many));
  Run();
  handles_.push_back(ledger_->ReadBlocks(5, 6, 1, note_many));
  Run();
  EXPECT_EQ(read, (std::vector<std::string>{"3", "block 5 does not exist yet, the height is 5", "2", "4 blocks",
                                            "2 blocks", "1 blocks", "block 5 does not exist yet, the height is 5"}));
}

TEST_F(LedgerTest, ReadsUpToABlockThatCannotBeRead) {
  Open();
  const auto chain = MakeChain(5, 1000);
  for (std::size_t i = 0; i < chain.size(); ++i) Commit(i, chain[i]);
  Run();
  const auto path = BlockFilePath(kFolder, 0);
  const std::size_t size = disk_.OpenForRead(path).value()->ReadAt(0, SIZE_MAX).value().size();
  ASSERT_TRUE(disk_.OpenForAppend(path).value()->Truncate(size - 10));
  std::vector<std::size_t> read;
  const auto note = [&](const base::Result<std::vector<Bytes>>& blocks) {
    read.push_back(blocks ? blocks->size() : 0);
  };
  handles_.push_back(ledger_->ReadBlocks(2, 4, 1 << 20, note));
  Run();
  handles_.push_back(ledger_->ReadBlocks(4, 4, 1 << 20, note));
  Run();
  EXPECT_EQ(read, (std::vector<std::size_t>{2, 0}));
}

// The error of a full disk reaches the caller, and committing again works when there is room.
TEST_F(LedgerTest, DiskFullIsReportedAndCured) {
  Open();
  const auto chain = MakeChain(2, 1000);
  disk_.SetCapacity(500);
  Commit(0, chain[0]);
  Run();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_NE(outcomes_[0].find("no space left on device"), std::string::npos);
  disk_.SetCapacity(100000);
  Commit(0, chain[0]);
  Run();
  EXPECT_EQ(outcomes_[1], "0: ok at height 1");
}

}  // namespace
}  // namespace grapevine::ledger
