// Our own verification accepts what testnet makes, across configuration blocks, and refuses it once altered.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "msp/block_verifier.h"
#include "msp/channel_config.h"
#include "testnet/block_maker.h"
#include "testnet/network.h"

namespace grapevine::testnet {
namespace {

msp::ChannelConfigPtr ConfigOf(const std::string& block) {
  const auto config = msp::ChannelConfig::FromBlock(block);
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(nullptr);
}

TEST(VerifiedBlocks, GenesisHoldsTheChannelConfiguration) {
  const Network network({.organizations = 3, .orderers = 2});
  const auto config = ConfigOf(BlockMaker(network, LoopbackChannel(network, 7000)).genesis());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->channel_id(), "mychannel");
  EXPECT_EQ(config->sequence(), 0U);
  EXPECT_EQ(config->consensus_type(), "etcdraft");
  EXPECT_EQ(config->channel_capabilities(), (std::set<std::string>{"V2_0"}));
  EXPECT_EQ(config->application_tls_authorities().size(), 3U);
  ASSERT_EQ(config->orderer_organizations().size(), 1U);
  EXPECT_EQ(config->orderer_organizations().begin()->second.addresses,
            (std::vector<std::string>{"127.0.0.1:7000", "127.0.0.1:7010"}));
  ASSERT_EQ(config->application_organizations().size(), 3U);
  // Orderers have the ports 7000 and 7010, peers of Org1 7020 and 7030.
  EXPECT_EQ(config->application_organizations().at("Org2MSP").anchor_peers,
            (std::vector<msp::AnchorPeer>{{"127.0.0.1", 7040}}));
}

TEST(VerifiedBlocks, BlocksVerifyAcrossConfigurations) {
  const Network network({});
  BlockMaker maker(network, LoopbackChannel(network, 7000));
  auto config = ConfigOf(maker.genesis());
  for (std::uint64_t number = 1; number <= 6; ++number) {
    const bool changes = number % 3 == 0;
    const std::string block =
        changes ? maker.NextConfig({{{"Orderer"}, "BatchSize", BatchSizeValue(20)}}) : maker.Next({.transactions = 3});
    const auto verdict = msp::VerifyBlock(*config, number, block);
    EXPECT_TRUE(verdict) << number << ": " << verdict.error().message;
    EXPECT_FALSE(msp::VerifyBlock(*config, number + 1, block));
    if (changes) config = ConfigOf(block);
  }
  EXPECT_EQ(config->sequence(), 2U);
}

TEST(VerifiedBlocks, BlocksOfAnotherNetworkAreRefused) {
  const Network network({.seed = 1});
  const Network other({.seed = 2});
  const auto config = ConfigOf(BlockMaker(network, LoopbackChannel(network, 7000)).genesis());
  BlockMaker maker(other, LoopbackChannel(other, 7000));
  EXPECT_FALSE(msp::VerifyBlock(*config, 1, maker.Next()));
}

TEST(VerifiedBlocks, AlteredBlocksAreRefused) {
  const Network network({});
  BlockMaker maker(network, LoopbackChannel(network, 7000));
  const auto config = ConfigOf(maker.genesis());
  const std::string block = maker.Next({.transactions = 1, .value_bytes = 200});
  ASSERT_TRUE(msp::VerifyBlock(*config, 1, block));
  for (std::size_t at = 50; at < block.size() / 2; at += 97) {  // within the transaction
    std::string altered = block;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(msp::VerifyBlock(*config, 1, altered)) << "byte " << at;
  }
}

TEST(VerifiedBlocks, AConfigurationRevokes) {
  const Network network({});
  const Organization& org1 = network.organizations()[0];
  BlockMaker maker(network, LoopbackChannel(network, 7000));
  const auto revocation =
      IssueRevocationList(org1.ca.issuer, {org1.nodes[1].serial}, network.config().not_before + std::chrono::hours(1));
  const auto config = ConfigOf(maker.NextConfig({{{"Application", "Org1MSP"}, "MSP", MspValue(org1, {revocation})}}));
  ASSERT_TRUE(config);
  const auto validation = [&](const Member& member) {
    return config->msp_manager().Deserialize(member.SerializedIdentity()).value()->validation();
  };
  EXPECT_TRUE(validation(org1.nodes[0]));
  EXPECT_FALSE(validation(org1.nodes[1]));
}

TEST(VerifiedBlocks, AConfigurationMovesAnchorPeers) {
  const Network network({});
  BlockMaker maker(network, LoopbackChannel(network, 7000));
  const auto config = ConfigOf(
      maker.NextConfig({{{"Application", "Org2MSP"}, "AnchorPeers", AnchorPeersValue({{"peer.example.com", 99}})}}));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->application_organizations().at("Org2MSP").anchor_peers,
            (std::vector<msp::AnchorPeer>{{"peer.example.com", 99}}));
}

}  // namespace
}  // namespace grapevine::testnet
