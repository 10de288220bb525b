#include "app/testnet_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/commands.h"
#include "ledger/block.h"
#include "testnet/block_maker.h"
#include "testnet/channel_config.h"
#include "testnet/network.h"

namespace grapevine::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TestnetCommandTest : public ::testing::Test {
 protected:
  TestnetCommandTest() {
    std::string name = (fs::temp_directory_path() / "testnet-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    options_.folder = (folder_ / "net").string();
  }
  ~TestnetCommandTest() override { fs::remove_all(folder_); }

  int Run() { return RunTestnet(options_, out_, err_); }
  fs::path Net() const { return options_.folder; }

  fs::path folder_;
  TestnetOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(TestnetCommandTest, WritesTheNetwork) {
  ASSERT_EQ(Run(), 0) << err_.str();
  const testnet::Network network({});
  for (const auto& [path, content] : testnet::CryptoTree(network)) {
    EXPECT_EQ(ContentOf(Net() / "crypto" / path), content) << path;
  }
  EXPECT_EQ(ContentOf(Net() / "mychannel.block"),
            testnet::BlockMaker(network, testnet::LoopbackChannel(network, 17050)).genesis());
  EXPECT_EQ(ContentOf(Net() / "endpoints.txt"),
            "orderer.example.com OrdererMSP 127.0.0.1:17050\n"
            "peer0.org1.example.com Org1MSP 127.0.0.1:17060\n"
            "peer1.org1.example.com Org1MSP 127.0.0.1:17070\n"
            "peer0.org2.example.com Org2MSP 127.0.0.1:17080\n"
            "peer1.org2.example.com Org2MSP 127.0.0.1:17090\n");
}

TEST_F(TestnetCommandTest, KeepsPrivateKeysPrivate) {
  ASSERT_EQ(Run(), 0) << err_.str();
  const fs::path org1 = Net() / "crypto/peerOrganizations/org1.example.com";
  const auto owner_only = fs::perms::owner_read | fs::perms::owner_write;
  EXPECT_EQ(fs::status(org1 / "ca/priv_sk").permissions(), owner_only);
  EXPECT_EQ(fs::status(org1 / "peers/peer0.org1.example.com/tls/server.key").permissions(), owner_only);
}

// 23, 2: records of the block file, in order; here genesis, two blocks, a configuration, two blocks, a configuration.
TEST_F(TestnetCommandTest, WritesTheChainAsABlockFile) {
  options_.blocks = 4;
  options_.config_every = 2;
  ASSERT_EQ(Run(), 0) << err_.str();

  const testnet::Network network({});
  testnet::BlockMaker maker(network, testnet::LoopbackChannel(network, 17050));
  std::string expected;
  const auto append = [&](const std::string& block) {
    auto view = ledger::ParseBlock(block).value();
    std::string filter;
    ledger::FillTransactionsFilter(view, filter);
    ledger::AppendRecord(expected, view);
  };
  append(maker.genesis());
  for (std::uint32_t i = 1; i <= 2; ++i) {
    append(maker.Next());
    append(maker.Next());
    append(maker.NextConfig({{{"Orderer"}, "BatchSize", testnet::BatchSizeValue(10 + i)}}));
  }
  EXPECT_EQ(ContentOf(Net() / "chain/blockfile_000000"), expected);
  EXPECT_FALSE(fs::exists(Net() / "chain/blockfile_000001"));
}

// A record is never split, and one that is larger than a file has a file of its own.
TEST_F(TestnetCommandTest, StartsAnotherFileWhereOneIsFull) {
  options_.blocks = 3;
  options_.value_bytes = 30000;
  options_.block_file_bytes = 80000;
  ASSERT_EQ(Run(), 0) << err_.str();
  const auto size = [&](int file) { return fs::file_size(Net() / ("chain/blockfile_00000" + std::to_string(file))); };
  EXPECT_LE(size(0), 80000U);
  EXPECT_LE(size(1), 80000U);
  EXPECT_GT(size(0) + size(1), 3 * 30000U);
  EXPECT_FALSE(fs::exists(Net() / "chain/blockfile_000002"));

  options_.folder = (folder_ / "small").string();
  options_.block_file_bytes = 1;
  ASSERT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "small" / "chain"), fs::directory_iterator()), 4);
}

TEST_F(TestnetCommandTest, DoesNotOverwriteANetwork) {
  ASSERT_EQ(Run(), 0) << err_.str();
  options_.seed = 2;
  const std::string genesis = ContentOf(Net() / "mychannel.block");
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(err_.str(), HasSubstr("holds a network already"));
  EXPECT_EQ(ContentOf(Net() / "mychannel.block"), genesis);
}

TEST_F(TestnetCommandTest, RefusesMoreNodesThanPorts) {
  options_.peers = 3000;
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(err_.str(), HasSubstr("6001 nodes with ten ports each from 17050 on"));
  EXPECT_FALSE(fs::exists(Net()));
}

TEST_F(TestnetCommandTest, SaysWhatItCannotWrite) {
  std::ofstream(folder_ / "file") << "not a folder";
  options_.folder = (folder_ / "file" / "net").string();
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(err_.str(), HasSubstr(options_.folder));
}

}  // namespace
}  // namespace grapevine::app
