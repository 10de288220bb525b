#include "ledger/chain_verifier.h"

#include <gtest/gtest.h>

#include "ledger/block.h"
#include "ledger/chain_fixture.h"

namespace grapevine::ledger {
namespace {

// Both forms of the recorded chain are whole: hashes, and the signatures of all blocks but the genesis block under the
// configurations 0, 60, 120 and 170.
TEST(VerifyChain, TheRecordedChainIsWhole) {
  for (const std::string* content : {&PeerFile(), &OrdererFile()}) {
    StoreOnDisk on_disk;
    on_disk.SetContent(*content);
    const ChainReport report = VerifyChain(on_disk.disk(), kFolder).value();
    EXPECT_EQ(report.problems, std::vector<ChainProblem>{});
    EXPECT_EQ(report.channel, "mychannel");
    EXPECT_EQ(report.height, 203U);
    EXPECT_EQ(report.verified_signatures, 202U);
    EXPECT_EQ(report.config_blocks, (std::vector<std::uint64_t>{0, 60, 120, 170}));
    EXPECT_EQ(report.bytes, content->size());
    EXPECT_EQ(base::ToHex(report.current_hash), RecordedChain()["current_block_hash"].get<std::string>());
    EXPECT_FALSE(report.unvalidated);
  }
}

// A changed byte is found where it is, and the blocks after it are still checked.
TEST(VerifyChain, NamesFileOffsetAndReason) {
  const auto offset = RecordedChain()["blocks"][5]["peer_file_offset"].get<std::size_t>();
  const auto length = RecordedChain()["blocks"][5]["peer_record_length"].get<std::size_t>();
  const std::string path = std::string(kFolder) + "/blockfile_000000";
  StoreOnDisk on_disk;

  std::string damaged = PeerFile();
  damaged[offset + 2000] ^= 1;  // in the transaction
  on_disk.SetContent(damaged);
  ChainReport report = VerifyChain(on_disk.disk(), kFolder).value();
  ASSERT_EQ(report.problems.size(), 2U);
  EXPECT_EQ(report.problems[0].file, path);
  EXPECT_EQ(report.problems[0].offset, offset);
  EXPECT_TRUE(report.problems[0].message.starts_with("block 5 states the data hash ")) << report.problems[0].message;
  EXPECT_TRUE(report.problems[1].message.starts_with("block 5 is not genuine: ")) << report.problems[1].message;
  EXPECT_EQ(report.verified_signatures, 201U);

  // Signatures only: hashes cannot tell.
  damaged = PeerFile();
  const std::string record = damaged.substr(offset, length);
  BlockView block = DecodeBody(base::ByteView(record).substr(2)).block;
  const auto signatures = static_cast<std::size_t>(block.metadata[0].data() - record.data());
  damaged[offset + signatures + block.metadata[0].size() - 5] ^= 1;
  on_disk.SetContent(damaged);
  report = VerifyChain(on_disk.disk(), kFolder).value();
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].offset, offset);
  EXPECT_TRUE(report.problems[0].message.starts_with("block 5 is not genuine: ")) << report.problems[0].message;
}

TEST(VerifyChain, AMissingBlockAndAnUnreadableRecord) {
  const auto offset = RecordedChain()["blocks"][5]["peer_file_offset"].get<std::size_t>();
  const auto length = RecordedChain()["blocks"][5]["peer_record_length"].get<std::size_t>();
  StoreOnDisk on_disk;
  on_disk.SetContent(PeerFile().substr(0, offset) + PeerFile().substr(offset + length));
  ChainReport report = VerifyChain(on_disk.disk(), kFolder).value();
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].message, "block 6 where block 5 must follow");

  std::string damaged = PeerFile();
  damaged[offset] = '\x7f';
  on_disk.SetContent(damaged);
  report = VerifyChain(on_disk.disk(), kFolder).value();
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].offset, offset);
  EXPECT_EQ(report.height, 5U);
}

// A node that is writing, or was interrupted, leaves an unfinished record: no damage.
TEST(VerifyChain, AnUnfinishedRecordIsNoProblem) {
  StoreOnDisk on_disk;
  on_disk.SetContent(PeerFile().substr(0, PeerFile().size() - 100));
  const ChainReport report = VerifyChain(on_disk.disk(), kFolder).value();
  EXPECT_EQ(report.problems, std::vector<ChainProblem>{});
  EXPECT_EQ(report.height, 202U);
  EXPECT_EQ(report.incomplete_bytes, RecordedChain()["blocks"][202]["peer_record_length"].get<std::uint64_t>() - 100);
}

}  // namespace
}  // namespace grapevine::ledger
