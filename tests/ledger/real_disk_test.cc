// The contract of base/files.h on the operating system and LevelDB, and a store on them.
#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/block_store.h"
#include "ledger/chain_fixture.h"
#include "runtime/leveldb_index.h"
#include "runtime/posix_files.h"

namespace grapevine::ledger {
namespace {

using base::ErrorCode;

class RealDisk : public ::testing::Test {
 protected:
  RealDisk() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ledger-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~RealDisk() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  runtime::PosixFileSystem files_;
};

TEST_F(RealDisk, Files) {
  const std::string folder = folder_ + "/a/b";
  ASSERT_EQ(Message(files_.MakeFolder(folder)), "ok");
  ASSERT_EQ(Message(files_.MakeFolder(folder)), "ok");
  EXPECT_EQ(files_.OpenForRead(folder + "/x").error().code, ErrorCode::kNotFound);
  auto file = files_.OpenForAppend(folder + "/x").value();
  ASSERT_EQ(Message(file->Append("hello world")), "ok");
  ASSERT_EQ(Message(file->Truncate(5)), "ok");
  ASSERT_EQ(Message(file->Append("!")), "ok");
  ASSERT_EQ(Message(file->Sync()), "ok");
  const auto reader = files_.OpenForRead(folder + "/x").value();
  EXPECT_EQ(reader->Size(), 6U);
  EXPECT_EQ(reader->ReadAt(3, 1000000), "lo!");
  EXPECT_EQ(reader->ReadAt(7, 1), "");
  EXPECT_FALSE(reader->Append("x"));
  ASSERT_EQ(Message(files_.Rename(folder + "/x", folder + "/y")), "ok");
  ASSERT_EQ(Message(files_.SyncFolder(folder)), "ok");
  EXPECT_EQ(files_.List(folder), std::vector<std::string>{"y"});
  ASSERT_EQ(Message(files_.Remove(folder + "/y")), "ok");
  EXPECT_EQ(files_.Remove(folder + "/y").error().code, ErrorCode::kNotFound);
  auto lock = files_.LockFolder(folder).value();
  EXPECT_EQ(files_.LockFolder(folder).error().code, ErrorCode::kUnavailable);
  lock.reset();
  EXPECT_TRUE(files_.LockFolder(folder));
}

TEST_F(RealDisk, IndexScansByPrefixAndSurvivesReopening) {
  for (int round = 0; round < 2; ++round) {
    auto index = runtime::LevelDbIndex::Open(folder_ + "/index").value();
    EXPECT_EQ(index->discarded(), "");
    if (round == 0) {
      base::IndexBatch batch;
      for (const char* key : {"b2", "a", "b1", "c"}) batch.Put(key, std::string("value of ") + key);
      batch.Delete("c");
      ASSERT_EQ(Message(index->Write(batch, true)), "ok");
    }
    EXPECT_EQ(index->Get("a").value(), "value of a");
    EXPECT_EQ(index->Get("c").value(), std::nullopt);
    std::string keys;
    ASSERT_EQ(Message(index->Scan("b",
                                  [&](base::ByteView key, base::ByteView) {
                                    keys += std::string(key) + " ";
                                    return true;
                                  })),
              "ok");
    EXPECT_EQ(keys, "b1 b2 ");
  }
}

// A damaged index is begun anew and rebuilt from the block files.
TEST_F(RealDisk, TheStoreOutlivesItsIndex) {
  const std::string chain_folder = folder_ + "/chains/mychannel";
  const std::string index_folder = folder_ + "/index";
  const auto open = [&](base::KeyValueIndex& index) {
    return BlockStore::Open(files_, index, {chain_folder, "mychannel", {}, {}});
  };
  {
    auto index = runtime::LevelDbIndex::Open(index_folder).value();
    auto store = open(*index).value();
    ASSERT_FALSE(store->Append(RecordedBlocks()).error);
    EXPECT_EQ(open(*index).error().code, ErrorCode::kUnavailable);
  }
  {
    auto index = runtime::LevelDbIndex::Open(index_folder).value();
    auto store = open(*index).value();
    EXPECT_EQ(store->height(), 203U);
    EXPECT_EQ(store->recovery().indexed_blocks, 0U);
  }
  std::filesystem::resize_file(index_folder + "/CURRENT", 3);
  auto index = runtime::LevelDbIndex::Open(index_folder).value();
  EXPECT_NE(index->discarded(), "");
  auto store = open(*index).value();
  EXPECT_EQ(store->height(), 203U);
  EXPECT_EQ(store->recovery().indexed_blocks, 203U);
  EXPECT_TRUE(store->reader().Read(101).value() == RecordedBlocks()[101]);
}

}  // namespace
}  // namespace grapevine::ledger
