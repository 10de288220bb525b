#include "ledger/block.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "ledger/block_files.h"
#include "ledger/chain_fixture.h"
#include "simulation/simulated_disk.h"
#include "support/fixtures.h"

namespace grapevine::ledger {
namespace {

using base::ByteView;
using base::ToHex;

// One record as 23, section 2 spells it out.
TEST(BlockRecord, ExampleOfTheSpecification) {
  const std::string data_hash(32, '\x22');
  const std::string previous_hash(32, '\x11');
  BlockView block{true, {1, previous_hash, data_hash}, {"abc"}, {"", "", "", "", ""}};

  std::string record;
  AppendRecord(record, block);

  EXPECT_EQ(ToHex(record), "4e0120" + ToHex(data_hash) + "20" + ToHex(previous_hash) + "0103616263" + "050000000000");
  EXPECT_EQ(RecordSize(block), 79U);
  EXPECT_EQ(BodySize(block), 78U);
  EXPECT_EQ(record.substr(TransactionsOffset(block), 4), std::string("\x03") + "abc");
}

struct RecordedFile {
  const char* name;
  const char* offset_key;
  const char* length_key;
  const char* sha_key;
  const char* size_key;
};

class RecordedBlockFile : public ::testing::TestWithParam<RecordedFile> {};

// Files of a Fabric peer and orderer are read as they are: positions, hashes and serialised blocks equal Fabric's, and
// the records are written again byte for byte.
TEST_P(RecordedBlockFile, EveryRecordEqualsWhatFabricSays) {
  const RecordedFile& param = GetParam();
  simulation::SimulatedDisk disk;
  const std::string content = testing::ReadFixture(param.name);
  auto file = disk.OpenForAppend("/blockfile_000000").value();
  ASSERT_TRUE(file->Append(content));
  RecordReader reader(std::move(file), 0, BlockFilesLimits{}.max_record_bytes);

  std::string previous_hash;
  for (const auto& expected : RecordedChain()["blocks"]) {
    SCOPED_TRACE(expected["number"].dump());
    const auto record = reader.Next().value();
    ASSERT_EQ(record.state, ReadState::kRecord);
    const BlockView& block = record.block;
    EXPECT_EQ(record.offset, expected[param.offset_key].get<std::uint64_t>());
    EXPECT_EQ(record.record.size(), expected[param.length_key].get<std::uint64_t>());
    EXPECT_EQ(block.header.number, expected["number"].get<std::uint64_t>());
    EXPECT_EQ(ToHex(block.header.previous_hash), expected["previous_hash"].get<std::string>());
    EXPECT_EQ(ToHex(block.header.data_hash), expected["data_hash"].get<std::string>());
    EXPECT_EQ(block.header.Hash().ToHex(), expected["header_hash"].get<std::string>());
    EXPECT_EQ(block.DataHash().ToHex(), expected["data_hash"].get<std::string>());
    EXPECT_EQ(Message(CheckLink(block, block.header.number, previous_hash)), "ok");
    EXPECT_EQ(IsConfigBlock(block), expected["is_config"].get<bool>());
    EXPECT_EQ(LastConfigNumber(block).value(), expected["last_config"].get<std::uint64_t>());

    ASSERT_EQ(block.transactions.size(), expected["tx_count"].get<std::size_t>());
    for (std::size_t i = 0; i < block.transactions.size(); ++i) {
      EXPECT_EQ(block.transactions[i].size(), expected["txs"][i]["size"].get<std::size_t>());
    }

    const std::string serialized = SerializeBlock(block);
    EXPECT_EQ(serialized.size(), expected[param.size_key].get<std::size_t>());
    EXPECT_EQ(crypto::Sha256(serialized).ToHex(), expected[param.sha_key].get<std::string>());
    std::string record_again;
    AppendRecord(record_again, ParseBlock(serialized).value());
    EXPECT_EQ(record_again, record.record);
    previous_hash = block.header.Hash().ToString();
  }
  EXPECT_EQ(reader.Next().value().state, ReadState::kEnd);
  EXPECT_EQ(ToHex(previous_hash), RecordedChain()["current_block_hash"].get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Fabric255, RecordedBlockFile,
                         ::testing::Values(RecordedFile{"blocks/peer.blockfile_000000", "peer_file_offset",
                                                        "peer_record_length", "sha256", "size"},
                                           RecordedFile{"blocks/orderer.blockfile_000000", "orderer_file_offset",
                                                        "orderer_record_length", "orderer_sha256", "orderer_size"}),
                         [](const auto& param) {
                           return std::string(param.param.name).substr(7, 4) == "peer" ? "Peer" : "Orderer";
                         });

// Decoding is total: every prefix of a record's body is "truncated", and none is taken for a block.
TEST(BlockRecord, EveryPrefixOfABodyIsTruncated) {
  const auto chain = MakeChain(2, 40);
  const std::string record = StoredRecord(chain[1]);
  const ByteView body = ByteView(record).substr(1 + (record.size() > 128 ? 1 : 0));
  ASSERT_EQ(DecodeBody(body).state, BodyState::kComplete);
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(DecodeBody(body.substr(0, size)).state, BodyState::kTruncated) << size;
  }
  EXPECT_EQ(DecodeBody(std::string(body) + "x").state, BodyState::kMalformed);
}

TEST(BlockRecord, HostileCountsAndLengthsAreRefused) {
  const std::string header = base::FromHex("010000").value();  // number 1, no hashes
  const auto state = [&](const char* hex) { return DecodeBody(header + base::FromHex(hex).value()).state; };
  EXPECT_EQ(state("ffffffffffffffffff01"), BodyState::kMalformed);    // 2^64 - 1 transactions
  EXPECT_EQ(state("ffffffffffffffffff02"), BodyState::kMalformed);    // more than 64 bits
  EXPECT_EQ(state("01ffffffffffffffffff01"), BodyState::kTruncated);  // a transaction of 2^64 - 1 bytes
  EXPECT_EQ(state("81804000"), BodyState::kMalformed);                // 2^20 + 1 items
  EXPECT_EQ(state("0000"), BodyState::kComplete);                     // an empty block
}

// 03, 6.4: blocks of orderers before 1.4.1 name the configuration block in slot 1.
TEST(LastConfig, BothForms) {
  const std::string old_form = base::FromHex("0a02083c").value();         // Metadata{value = LastConfig{index = 60}}
  const std::string new_form = base::FromHex("0a040a02083d").value();     // Metadata{value = OrdererBlockMetadata{61}}
  const std::string signatures_only = base::FromHex("12020a00").value();  // no value
  BlockView block{true, {100, "", ""}, {"x"}, {signatures_only, old_form}};
  EXPECT_EQ(LastConfigNumber(block).value(), 60U);
  block.metadata[0] = new_form;
  EXPECT_EQ(LastConfigNumber(block).value(), 61U);
  block.header.number = 61;
  EXPECT_EQ(Message(LastConfigNumber(block)), "block 61 names block 61 as its configuration block");
  block.metadata = {};
  EXPECT_TRUE(Message(LastConfigNumber(block)).starts_with("block 61 does not name its configuration block: "));
}

// 23, sections 2.1 and 3: one code per transaction, received codes stay, nothing else is touched.
TEST(TransactionsFilter, IsFilledOnlyWhereItHasNotOneCodePerTransaction) {
  std::string storage;
  BlockView block{true, {1, "", ""}, {"a", "b"}, {"signatures"}};
  FillTransactionsFilter(block, storage);
  EXPECT_EQ(block.metadata, (std::vector<ByteView>{"signatures", "", "\xfe\xfe"}));

  block.metadata = {"signatures", "last config", "x", "orderer", "commit hash"};
  FillTransactionsFilter(block, storage);
  EXPECT_EQ(block.metadata, (std::vector<ByteView>{"signatures", "last config", "\xfe\xfe", "orderer", "commit hash"}));

  block.metadata[2] = ByteView("\x00\x0b", 2);
  FillTransactionsFilter(block, storage);
  EXPECT_EQ(block.metadata[2], ByteView("\x00\x0b", 2));
}

}  // namespace
}  // namespace grapevine::ledger
