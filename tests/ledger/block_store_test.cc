#include "ledger/block_store.h"

#include <gtest/gtest.h>

#include "ledger/block.h"
#include "ledger/chain_fixture.h"
#include "ledger/ledger.h"

namespace grapevine::ledger {
namespace {

using base::Bytes;
using base::ErrorCode;

std::string OpuKey(std::initializer_list<std::uint64_t> numbers) {
  std::string key;
  for (const std::uint64_t number : numbers) AppendOrderPreserving(key, number);
  return key;
}

// Given a new store, when the recorded chain is appended block by block and in groups, then the file equals Fabric's.
TEST(BlockStore, TheRecordedChainIsStoredByteForByte) {
  for (const std::size_t group : {1, 50, 203}) {
    StoreOnDisk on_disk;
    ASSERT_EQ(Message(on_disk.Open()), "ok");
    const auto& blocks = RecordedBlocks();
    for (std::size_t i = 0; i < blocks.size(); i += group) {
      const auto outcome = on_disk.store().Append(std::span(blocks).subspan(i, std::min(group, blocks.size() - i)));
      ASSERT_FALSE(outcome.error) << outcome.error->message;
    }
    EXPECT_TRUE(on_disk.Content() == PeerFile());
    EXPECT_EQ(on_disk.store().height(), 203U);
    EXPECT_EQ(base::ToHex(on_disk.store().current_hash()), RecordedChain()["current_block_hash"].get<std::string>());
  }
}

// 23, section 3: of the orderer's form only slot 2 changes.
TEST(BlockStore, OrderersBlocksGetCodesNotValidated) {
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  BlockView block = ParseBlock(RecordedBlocks()[0]).value();
  block.metadata[kTransactionsFilterSlot] = "";
  const auto outcome = on_disk.store().Append(std::vector{Bytes(SerializeBlock(block))});
  ASSERT_FALSE(outcome.error);

  const Bytes stored = on_disk.store().reader().Read(0).value();
  block.metadata[kTransactionsFilterSlot] = "\xfe";
  EXPECT_EQ(stored.view(), SerializeBlock(block));
  EXPECT_TRUE(on_disk.disk().OpenForRead(std::string(kFolder) + "/" + kUnvalidatedMark));
}

TEST(BlockStore, ReadsByNumberHashAndTransactionId) {
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(RecordedBlocks()).error);
  const BlockReader reader = on_disk.store().reader();
  std::map<std::string, TransactionLocation> first;
  for (const auto& expected : RecordedChain()["blocks"]) {
    const auto number = expected["number"].get<std::uint64_t>();
    EXPECT_TRUE(reader.Read(number).value() == RecordedBlocks()[number]);
    EXPECT_TRUE(reader.ReadByHash(base::FromHex(expected["header_hash"].get<std::string>()).value()).value() ==
                RecordedBlocks()[number]);
    for (std::size_t i = 0; i < expected["txs"].size(); ++i) {
      const auto id = expected["txs"][i]["tx_id"].get<std::string>();
      if (id.empty()) continue;  // stored under an id made from nonce and creator
      first.emplace(id, TransactionLocation{number, i, expected["txs"][i]["validation_code"].get<std::int32_t>()});
    }
  }
  for (const auto& [id, location] : first) {
    EXPECT_EQ(reader.FindTransaction(id, 203).value(), location) << id;
    EXPECT_TRUE(reader.ReadByTransactionId(id, 203).value() == RecordedBlocks()[location.block]);
    EXPECT_EQ(reader.FindTransaction(id, location.block).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(reader.Read(203).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(reader.ReadByHash("x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(reader.FindTransaction("x", 203).error().code, ErrorCode::kNotFound);
}

// 23, 2.1: the keys and values that Go tools look for.
TEST(BlockIndex, KeysAndValuesAreFabrics) {
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(RecordedBlocks()).error);
  const std::string prefix("mychannel\0", 10);
  const auto value = [&](const std::string& key) {
    return base::ToHex(on_disk.index().Get(prefix + key).value().value_or("missing"));
  };
  // Block 101: offset 1848178, record of 82452 bytes, 20 transactions, the first of 4067 bytes.
  const auto& expected = RecordedChain()["blocks"][101];
  EXPECT_EQ(on_disk.index().Get(std::string("_\0f", 3)).value(), "2.0");
  EXPECT_EQ(value("n" + OpuKey({101})), "00f2e67000");
  EXPECT_EQ(value("h" + base::FromHex(expected["header_hash"].get<std::string>()).value()), "00f2e67000");
  EXPECT_EQ(value("blkMgrInfo"),
            "00"
            "d7ace001"
            "ca01"
            "00");  // file 0, 3675735 bytes, block 202, not empty
  EXPECT_EQ(value("indexCheckpointKey"), "ca01");
  // After 3 bytes of length, 1 of number, two hashes of 33, 1 of count: offset 1848178 + 71 = 1848249.
  const std::string place = "00b9e770e51f";  // ... and 2 + 4067 bytes
  EXPECT_EQ(value("a" + OpuKey({101, 0})), place);
  const auto id = expected["txs"][0]["tx_id"].get<std::string>();
  EXPECT_EQ(value("t" + OpuKey({64}) + id + OpuKey({101, 0})), "0a0500f2e670001206" + place);
  // Block 76 has an invalid transaction: its code is the third field.
  const auto& refused = RecordedChain()["blocks"][75]["txs"][0];
  const std::string refused_value = value("t" + OpuKey({refused["tx_id"].get<std::string>().size()}) +
                                          refused["tx_id"].get<std::string>() + OpuKey({75, 0}));
  ASSERT_NE(refused["validation_code"].get<int>(), 0);
  EXPECT_EQ(refused_value.substr(refused_value.size() - 4),
            fmt::format("18{:02x}", refused["validation_code"].get<int>()));

  std::size_t transactions = 0;
  for (const auto& block : RecordedChain()["blocks"]) transactions += block["tx_count"].get<std::size_t>();
  std::map<char, std::size_t> kinds;
  ASSERT_TRUE(on_disk.index().Scan(prefix, [&](base::ByteView key, base::ByteView) {
    ++kinds[key[prefix.size()]];
    return true;
  }));
  EXPECT_EQ(kinds, (std::map<char, std::size_t>{
                       {'a', transactions}, {'b', 1}, {'h', 203}, {'i', 1}, {'n', 203}, {'t', transactions}}));
}

TEST(BlockIndex, OrderPreservingIntegers) {
  EXPECT_EQ(base::ToHex(OpuKey({0})), "00");
  EXPECT_EQ(base::ToHex(OpuKey({1})), "0101");
  EXPECT_EQ(base::ToHex(OpuKey({256})), "020100");
  EXPECT_EQ(base::ToHex(OpuKey({UINT64_MAX})), "08ffffffffffffffff");
  for (const std::uint64_t number : {0ULL, 1ULL, 255ULL, 256ULL, 1ULL << 40}) {
    const std::string encoded = OpuKey({number});
    base::ByteView rest = encoded;
    EXPECT_EQ(TakeOrderPreserving(rest), number);
    EXPECT_TRUE(rest.empty());
    EXPECT_LT(encoded, OpuKey({number + 1}));
  }
}

// 23, section 1: number == height and previous_hash == current hash, data hash right.
TEST(BlockStore, RefusesWhatDoesNotContinueTheChain) {
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  const auto chain = MakeChain(3, 50);
  const auto append = [&](const Bytes& block) {
    const auto outcome = on_disk.store().Append(std::vector{block});
    return outcome.error ? outcome.error->message : "ok";
  };
  EXPECT_EQ(append(chain[1]), "block 1 where block 0 must follow");
  EXPECT_EQ(append(chain[0]), "ok");
  EXPECT_EQ(append(chain[0]), "block 0 where block 1 must follow");

  BlockView forged = ParseBlock(chain[1]).value();
  forged.transactions[0] = "other";
  EXPECT_TRUE(append(Bytes(SerializeBlock(forged))).starts_with("block 1 states the data hash"));
  forged = ParseBlock(chain[1]).value();
  forged.header.previous_hash = forged.header.data_hash;
  EXPECT_TRUE(append(Bytes(SerializeBlock(forged))).starts_with("block 1 follows a block with hash"));
  EXPECT_EQ(append(Bytes("garbage")), Message(ParseBlock("garbage")));
  EXPECT_EQ(append(Bytes()), "the block has no header");

  // A refused block does not keep back those before it in the group.
  const auto outcome = on_disk.store().Append(std::vector{chain[1], chain[0], chain[2]});
  EXPECT_EQ(outcome.appended, 1U);
  EXPECT_EQ(on_disk.store().height(), 2U);
  EXPECT_EQ(on_disk.Content(), StoredRecord(chain[0]) + StoredRecord(chain[1]));
}

// 23, section 2: a record is never split; a larger one gets a file of its own.
TEST(BlockStore, RollsOver) {
  const auto chain = MakeChain(6, 1000);
  const std::size_t record = StoredRecord(chain[1]).size();
  StoreOnDisk on_disk({2 * record, 100 * record});
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(chain).error);
  EXPECT_EQ(on_disk.Content(0), StoredRecord(chain[0]) + StoredRecord(chain[1]));
  EXPECT_EQ(on_disk.Content(1), StoredRecord(chain[2]) + StoredRecord(chain[3]));
  EXPECT_EQ(on_disk.Content(2), StoredRecord(chain[4]) + StoredRecord(chain[5]));

  ASSERT_EQ(Message(on_disk.Open()), "ok");
  EXPECT_EQ(on_disk.store().height(), 6U);
  on_disk.disk().RemoveIndex(kIndex);
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  EXPECT_EQ(on_disk.store().height(), 6U);
  EXPECT_EQ(on_disk.store().recovery().indexed_blocks, 6U);
  for (std::size_t i = 0; i < chain.size(); ++i) EXPECT_TRUE(on_disk.store().reader().Read(i).value() == chain[i]);
}

TEST(BlockStore, ARecordLargerThanAFileGetsOneOfItsOwn) {
  const auto chain = MakeChain(3, 1000);
  StoreOnDisk on_disk({500, 10000});
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  ASSERT_FALSE(on_disk.store().Append(chain).error);
  for (std::size_t i = 0; i < chain.size(); ++i) EXPECT_EQ(on_disk.Content(i), StoredRecord(chain[i]));
}

// 23, section 4: a chain that begins after a snapshot.
TEST(BlockStore, BeginsAfterASnapshotAndRemembersIt) {
  const auto chain = MakeChain(8, 50);
  simulation::SimulatedDisk disk;
  auto index = disk.OpenIndex(kIndex).value();
  const ChainStart start{5, ParseBlock(chain[4]).value().header.Hash().ToString()};
  {
    auto store = BlockStore::Open(disk, *index, {kFolder, "mychannel", {}, start}).value();
    EXPECT_EQ(store->height(), 5U);
    EXPECT_EQ(store->current_hash(), start.previous_hash);
    EXPECT_EQ(store->Append(std::span(chain).subspan(0, 1)).error->message, "block 0 where block 5 must follow");
    EXPECT_FALSE(store->Append(std::span(chain).subspan(5)).error);
    EXPECT_EQ(store->reader().Read(4).error().code, ErrorCode::kNotFound);
  }
  disk.RemoveIndex(kIndex);
  index = disk.OpenIndex(kIndex).value();
  auto store = BlockStore::Open(disk, *index, {kFolder, "mychannel", {}, {}}).value();
  EXPECT_EQ(store->first_block(), 5U);
  EXPECT_EQ(store->height(), 8U);
}

TEST(BlockStore, OneOwner) {
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  auto index = on_disk.disk().OpenIndex(kIndex).value();
  const auto second = BlockStore::Open(on_disk.disk(), *index, {kFolder, "mychannel", {}, {}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST(BlockStore, FindsTheConfigurationBlock) {
  StoreOnDisk on_disk;
  ASSERT_EQ(Message(on_disk.Open()), "ok");
  EXPECT_FALSE(FindConfigBlock(on_disk.store()).value());
  const auto& blocks = RecordedBlocks();
  std::size_t stored = 0;
  for (const std::size_t height : {1, 60, 61, 121, 170, 171, 203}) {
    ASSERT_FALSE(on_disk.store().Append(std::span(blocks).subspan(stored, height - stored)).error);
    stored = height;
    const auto number = RecordedChain()["blocks"][height - 1]["last_config"].get<std::uint64_t>();
    EXPECT_EQ(FindConfigBlock(on_disk.store()).value(), (ConfigBlock{number, blocks[number]})) << height;
  }
}

}  // namespace
}  // namespace grapevine::ledger
