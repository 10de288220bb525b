#include "ledger/chain_fixture.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "ledger/block.h"
#include "ledger/block_files.h"
#include "support/fixtures.h"

namespace grapevine::ledger {

const std::string& PeerFile() {
  static const std::string content = testing::ReadFixture("blocks/peer.blockfile_000000");
  return content;
}

const std::string& OrdererFile() {
  static const std::string content = testing::ReadFixture("blocks/orderer.blockfile_000000");
  return content;
}

const nlohmann::json& RecordedChain() {
  static const nlohmann::json chain = testing::ReadFixtureJson("chain.json");
  return chain;
}

const std::vector<base::Bytes>& RecordedBlocks() {
  static const std::vector<base::Bytes> blocks = [] {
    std::vector<base::Bytes> all;
    for (std::string& block : testing::ReadFixtureBlocks("blocks/peer.blockfile_000000")) {
      all.emplace_back(std::move(block));
    }
    return all;
  }();
  return blocks;
}

std::vector<base::Bytes> MakeChain(std::size_t count, std::size_t bytes) {
  std::vector<base::Bytes> chain;
  std::string previous_hash;
  for (std::size_t number = 0; number < count; ++number) {
    std::string transaction;
    while (transaction.size() < bytes) {
      transaction += crypto::Sha256({std::to_string(number), transaction}).ToString();
    }
    transaction.resize(bytes);
    BlockView block;
    block.header.number = number;
    block.header.previous_hash = previous_hash;
    block.transactions = {transaction};
    const crypto::Digest data_hash = block.DataHash();
    block.header.data_hash = data_hash.view();
    block.metadata = {"", "", base::ByteView("\xfe", 1), "", ""};
    chain.emplace_back(SerializeBlock(block));
    previous_hash = block.header.Hash().ToString();
  }
  return chain;
}

std::string StoredRecord(const base::Bytes& block) {
  BlockView view = ParseBlock(block).value();
  std::string filter;
  FillTransactionsFilter(view, filter);
  std::string record;
  AppendRecord(record, view);
  return record;
}

base::Result<void> StoreOnDisk::Open() {
  Close();
  auto index = disk_.OpenIndex(kIndex);
  if (!index) return std::unexpected(index.error());
  index_ = std::move(*index);
  auto store = BlockStore::Open(disk_, *index_, {kFolder, "mychannel", limits_, {}});
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  return {};
}

void StoreOnDisk::Close() {
  store_.reset();
  index_.reset();
}

std::string StoreOnDisk::Content(std::uint64_t file) {
  const auto opened = disk_.OpenForRead(BlockFilePath(kFolder, file));
  return opened ? (*opened)->ReadAt(0, SIZE_MAX).value() : std::string();
}

void StoreOnDisk::SetContent(const std::string& content, std::uint64_t file) {
  EXPECT_TRUE(disk_.MakeFolder(kFolder));
  const auto opened = disk_.OpenForAppend(BlockFilePath(kFolder, file));
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->Truncate(0));
  ASSERT_TRUE((*opened)->Append(content));
  ASSERT_TRUE((*opened)->Sync());
  ASSERT_TRUE(disk_.SyncFolder(kFolder));
}

}  // namespace grapevine::ledger
