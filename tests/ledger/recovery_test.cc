// Recovery at open (specification 23, section 2.2), row by row.
#include <gtest/gtest.h>

#include "ledger/block.h"
#include "ledger/block_store.h"
#include "ledger/chain_fixture.h"

namespace grapevine::ledger {
namespace {

using base::Bytes;
using base::ErrorCode;

std::string Records(const std::vector<Bytes>& chain, std::size_t count) {
  std::string content;
  for (std::size_t i = 0; i < count; ++i) content += StoredRecord(chain[i]);
  return content;
}

// The store must be open, hold the first `height` blocks of `chain`, and go on to the end of it.
void ExpectWorks(StoreOnDisk& on_disk, const std::vector<Bytes>& chain, std::uint64_t height) {
  BlockStore& store = on_disk.store();
  ASSERT_EQ(store.height(), height);
  const auto outcome = store.Append(std::span(chain).subspan(height));
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  ASSERT_EQ(store.height(), chain.size());
  for (std::size_t i = 0; i < chain.size(); ++i) {
    EXPECT_EQ(Message(store.reader().Read(i)), "ok");
    EXPECT_TRUE(store.reader().Read(i).value() == chain[i]);
  }
}

// Row "incomplete record at the end", for a cut at every byte of the last record; the index knows less (the record was
// never advertised).
TEST(Recovery, AnUnfinishedRecordIsCutAtEveryByte) {
  const auto chain = MakeChain(4, 150);
  const std::string complete = Records(chain, 3);
  const std::string last = StoredRecord(chain[3]);
  for (std::size_t size = 0; size < last.size(); ++size) {
    SCOPED_TRACE(size);
    StoreOnDisk on_disk;
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    ASSERT_FALSE(on_disk.store().Append(std::span(chain).subspan(0, 3)).error);
    on_disk.SetContent(complete + last.substr(0, size));
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    EXPECT_EQ(on_disk.store().recovery().cut_bytes, size);
    EXPECT_EQ(on_disk.Content(), complete);
    ExpectWorks(on_disk, chain, 3);
  }
}

// Row "no blkMgrInfo", the same: the index is gone, the files tell everything.
TEST(Recovery, WithoutIndexAnUnfinishedRecordIsCutAtEveryByte) {
  const auto chain = MakeChain(4, 150);
  const std::string complete = Records(chain, 3);
  const std::string last = StoredRecord(chain[3]);
  for (std::size_t size = 0; size <= last.size(); ++size) {
    SCOPED_TRACE(size);
    StoreOnDisk on_disk;
    on_disk.SetContent(complete + last.substr(0, size));
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    const std::uint64_t height = size == last.size() ? 4 : 3;
    EXPECT_EQ(on_disk.store().recovery().indexed_blocks, height);
    ExpectWorks(on_disk, chain, height);
  }
}

// Row "no blkMgrInfo": if the last file holds no complete record, the one before does.
TEST(Recovery, WithoutIndexTheLastFileMayHoldNothing) {
  const auto chain = MakeChain(3, 150);
  for (const std::size_t size : {0, 1, 50}) {
    StoreOnDisk on_disk;
    on_disk.SetContent(Records(chain, 2), 0);
    on_disk.SetContent(StoredRecord(chain[2]).substr(0, size), 1);
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    ExpectWorks(on_disk, chain, 2);
    EXPECT_EQ(on_disk.Content(1), StoredRecord(chain[2]));
  }
}

// Row "file longer than recorded": complete records count as persisted. Row "index behind files".
TEST(Recovery, CompleteRecordsBeyondTheIndexCount) {
  const auto chain = MakeChain(6, 150);
  for (std::size_t indexed = 0; indexed < 6; ++indexed) {
    SCOPED_TRACE(indexed);
    StoreOnDisk on_disk;
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    ASSERT_FALSE(on_disk.store().Append(std::span(chain).subspan(0, indexed)).error);
    on_disk.SetContent(Records(chain, 5));
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    EXPECT_EQ(on_disk.store().recovery().indexed_blocks, indexed < 5 ? 5 - indexed : 0);
    ExpectWorks(on_disk, chain, indexed < 6 ? 5 : 6);
  }
}

// Row "index behind files" as Go leaves it: blkMgrInfo is ahead of the last indexed block.
TEST(Recovery, BlocksThatTheIndexLacksAreIndexed) {
  const auto chain = MakeChain(6, 150);
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(std::span(chain).subspan(0, 5)).error);
  base::IndexBatch batch;
  const std::string prefix("mychannel\0", 10);
  batch.Put(prefix + "indexCheckpointKey", "\x01");
  for (char number = 2; number < 5; ++number) batch.Delete(prefix + "n\x01" + number);
  ASSERT_TRUE(on_disk.index().Write(batch, true));
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  EXPECT_EQ(on_disk.store().recovery().indexed_blocks, 3U);
  ExpectWorks(on_disk, chain, 5);
}

// SHOULD of 2.2: the content of the last record is verified at open; one that is wrong is dropped. For every byte.
TEST(Recovery, AWrongLastRecordIsDropped) {
  const auto chain = MakeChain(4, 60);
  const std::string content = Records(chain, 4);
  const std::size_t last_begin = Records(chain, 3).size();
  const BlockView last = ParseBlock(chain[3]).value();
  const std::size_t metadata_begin = last_begin + TransactionsOffset(last) + 1 + last.transactions[0].size();
  for (std::size_t position = last_begin; position < metadata_begin; ++position) {
    SCOPED_TRACE(position - last_begin);
    StoreOnDisk on_disk;
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    ASSERT_FALSE(on_disk.store().Append(chain).error);
    std::string damaged = content;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x41);
    on_disk.SetContent(damaged);
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    EXPECT_TRUE(on_disk.store().recovery().dropped_last);
    ExpectWorks(on_disk, chain, 3);
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    EXPECT_EQ(on_disk.store().height(), 4U);
  }
}

// Damage in the middle: an error that names file, offset and remedy, and not a byte is changed.
TEST(Recovery, DamageInTheMiddleIsReportedAndNothingIsChanged) {
  const auto chain = MakeChain(5, 60);
  const std::size_t begin = Records(chain, 2).size();
  const std::size_t end = Records(chain, 3).size() - 6;  // the metadata are not covered by a hash
  for (std::size_t position = begin; position < end; ++position) {
    SCOPED_TRACE(position - begin);
    std::string damaged = Records(chain, 5);
    damaged[position] = static_cast<char>(damaged[position] ^ 0x41);
    StoreOnDisk on_disk;
    on_disk.SetContent(damaged);
    const auto opened = on_disk.Open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    const std::string place =
        fmt::format("'{}/blockfile_000000', offset {}, where block 2 was expected: ", kFolder, begin);
    EXPECT_TRUE(opened.error().message.starts_with(place)) << opened.error().message;
    EXPECT_NE(opened.error().message.find("delete the index"), std::string::npos);
    on_disk.Close();
    EXPECT_EQ(on_disk.Content(), damaged);
  }
}

TEST(Recovery, FilesShorterThanTheIndexSaysAreReported) {
  const auto chain = MakeChain(3, 60);
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(chain).error);
  const std::string content = Records(chain, 3);
  on_disk.SetContent(content.substr(0, content.size() - 1));
  EXPECT_TRUE(Message(on_disk.Open())
                  .starts_with(fmt::format("'{}/blockfile_000000' has {} bytes, but {} were written durably", kFolder,
                                           content.size() - 1, content.size())));
  on_disk.Close();
  ASSERT_TRUE(on_disk.disk().Remove(std::string(kFolder) + "/blockfile_000000"));
  EXPECT_TRUE(Message(on_disk.Open()).starts_with(fmt::format("'{}' holds no block files", kFolder)));
}

// Files that were exchanged for others must not be cut because the index does not fit them.
TEST(Recovery, AnIndexOfOtherFilesIsReported) {
  const auto chain = MakeChain(3, 60);
  const auto other = MakeChain(5, 90);
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(chain).error);
  on_disk.SetContent(Records(other, 5));
  const auto opened = on_disk.Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  on_disk.Close();
  EXPECT_EQ(on_disk.Content(), Records(other, 5));
  on_disk.disk().RemoveIndex(kIndex);
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ExpectWorks(on_disk, other, 5);
}

TEST(Recovery, AMissingFileInBetweenIsReported) {
  const auto chain = MakeChain(3, 60);
  StoreOnDisk on_disk;
  on_disk.SetContent(StoredRecord(chain[0]), 0);
  on_disk.SetContent(StoredRecord(chain[2]), 2);
  EXPECT_EQ(Message(on_disk.Open()),
            fmt::format("'{}/blockfile_000001' is missing: restore it, or remove the block files "
                        "after it",
                        kFolder));
}

// Row "failed append": truncated back, an error to the caller, and it works again as soon as the disk does. For every
// operation of the append.
TEST(FailedAppend, AnyFailingOperationLeavesTheStoreUsable) {
  const auto chain = MakeChain(6, 300);
  const std::size_t record = StoredRecord(chain[1]).size();
  for (const bool index_applied : {false, true}) {
    for (std::uint64_t step = 1;; ++step) {
      SCOPED_TRACE(step);
      StoreOnDisk on_disk({3 * record, 100 * record});
      ASSERT_EQ(Message(on_disk.Open()), "ok");
      ASSERT_FALSE(on_disk.store().Append(std::span(chain).subspan(0, 2)).error);
      const std::uint64_t before = on_disk.disk().operations();
      on_disk.disk().FailAt(before + step, index_applied);
      const auto outcome = on_disk.store().Append(std::span(chain).subspan(2));
      if (!outcome.error) {
        EXPECT_LT(on_disk.disk().operations(), before + step);
        EXPECT_GE(step, 8U);  // two files: write, sync, index; create, sync folder, index; write, sync, index
        break;
      }
      EXPECT_EQ(outcome.error->code, ErrorCode::kIo);
      EXPECT_EQ(on_disk.store().height(), 2 + outcome.appended);
      const auto again = on_disk.store().Append(std::span(chain).subspan(on_disk.store().height()));
      ASSERT_FALSE(again.error) << again.error->message;
      ASSERT_EQ(Message(on_disk.Open()), "ok");
      ExpectWorks(on_disk, chain, 6);
    }
  }
}

TEST(FailedAppend, DiskFull) {
  const auto chain = MakeChain(4, 300);
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(std::span(chain).subspan(0, 2)).error);
  const std::string before = on_disk.Content();
  const std::size_t used = before.size() + 1000;  // with the mark
  on_disk.disk().SetCapacity(before.size() + 400);
  const auto outcome = on_disk.store().Append(std::span(chain).subspan(2));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(
      outcome.error->message,
      fmt::format("block 2 is not stored: cannot append to '{}/blockfile_000000': no space left on device", kFolder));
  EXPECT_EQ(on_disk.Content(), before);
  on_disk.disk().SetCapacity(used + 2000);
  ExpectWorks(on_disk, chain, 2);
}

TEST(FailedAppend, ReadOnlyDisk) {
  const auto chain = MakeChain(4, 300);
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(std::span(chain).subspan(0, 2)).error);
  on_disk.disk().SetReadOnly(true);
  EXPECT_NE(on_disk.store().Append(std::span(chain).subspan(2)).error->message.find("read-only file system"),
            std::string::npos);
  EXPECT_TRUE(on_disk.store().reader().Read(1).value() == chain[1]);
  EXPECT_NE(Message(on_disk.Open()).find("read-only file system"), std::string::npos);
  on_disk.disk().SetReadOnly(false);
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ExpectWorks(on_disk, chain, 2);
}

}  // namespace
}  // namespace grapevine::ledger
