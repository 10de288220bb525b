// Channel configurations (specification 03, section 8): the recorded ones, and every rule that makes one invalid.
#include "msp/channel_config.h"

#include <gtest/gtest.h>

#include <functional>

#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "msp/block.h"
#include "msp/fixture_network.h"
#include "msp/msp_config.pb.h"
#include "peer/configuration.pb.h"
#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

using ::common::ConfigGroup;
using testing::ReadFixture;

TEST(ChannelConfigTest, RecordedConfigurationsAreRead) {
  const ChannelConfigPtr genesis = Value(ChannelConfig::FromBlock(ReadFixture("mychannel.genesis.block")));
  EXPECT_EQ(genesis->channel_id(), "mychannel");
  EXPECT_FALSE(genesis->has_bft_rules());
  EXPECT_EQ(genesis->channel_capabilities(), std::set<std::string>{"V2_0"});
  EXPECT_EQ(genesis->application_capabilities(), std::set<std::string>{"V2_0"});
  EXPECT_EQ(genesis->consensus_type(), "etcdraft");
  ASSERT_EQ(genesis->application_organizations().size(), 2U);
  EXPECT_EQ(genesis->application_organizations().at("Org1MSP").anchor_peers,
            (std::vector<AnchorPeer>{{"127.0.0.1", 27051}}));
  EXPECT_EQ(genesis->application_organizations().at("Org2MSP").anchor_peers,
            (std::vector<AnchorPeer>{{"127.0.0.1", 28051}}));
  EXPECT_EQ(genesis->application_tls_authorities().size(), 2U);
  ASSERT_EQ(genesis->orderer_organizations().size(), 1U);
  const OrdererOrganization& orderers = genesis->orderer_organizations().begin()->second;
  EXPECT_EQ(orderers.msp_id, "OrdererMSP");
  EXPECT_EQ(orderers.addresses, (std::vector<std::string>{"127.0.0.1:27050"}));
  EXPECT_EQ(orderers.tls_authorities.size(), 1U);
  EXPECT_EQ(genesis->msp_manager().msps().size(), 3U);
  EXPECT_EQ(genesis->FindConsenter(1), nullptr);

  const ChannelConfigPtr latest = Value(ChannelConfig::FromBlock(ReadFixture("mychannel.latest-config.block")));
  EXPECT_EQ(latest->sequence(), genesis->sequence() + 3);
  EXPECT_EQ(latest->application_organizations().at("Org1MSP").anchor_peers.size(), 2U);
}

TEST(ChannelConfigTest, OnlyAConfigurationBlockHasOne) {
  EXPECT_FALSE(ChannelConfig::FromBlock(ReadFixture("blocks/12.block")));
  EXPECT_FALSE(ChannelConfig::FromBlock("garbage"));
  EXPECT_FALSE(ChannelConfig::FromBlock(""));
  EXPECT_FALSE(ChannelConfig::FromEnvelope("c", "garbage"));
  EXPECT_FALSE(ChannelConfig::FromEnvelope("c", ""));
}

// Alters the recorded configuration and reads it again.
class AlteredConfigTest : public ::testing::Test {
 protected:
  AlteredConfigTest() {
    const std::string block = ReadFixture("mychannel.genesis.block");
    const base::ByteView data = *TransactionData(ParseBlock(block)->transactions.front());
    envelope_.ParseFromArray(data.data(), static_cast<int>(data.size()));
  }

  base::Result<ChannelConfigPtr> Read() const {
    return ChannelConfig::FromEnvelope("mychannel", envelope_.SerializeAsString());
  }
  // What is wrong, without the prefix that names the channel.
  std::string Reason() const {
    const auto config = Read();
    if (config) return "accepted";
    const std::string prefix = "configuration of channel 'mychannel': ";
    EXPECT_TRUE(config.error().message.starts_with(prefix));
    return config.error().message.substr(prefix.size());
  }

  ConfigGroup& Channel() { return *envelope_.mutable_config()->mutable_channel_group(); }
  ConfigGroup& Group(const std::string& name) { return (*Channel().mutable_groups())[name]; }
  ConfigGroup& Organization(const std::string& group, const std::string& name) {
    return (*Group(group).mutable_groups())[name];
  }
  template <typename T>
  static void Set(ConfigGroup& group, const std::string& key, const T& value) {
    (*group.mutable_values())[key].set_value(value.SerializeAsString());
  }
  void SetCapability(ConfigGroup& group, const std::string& name) {
    ::common::Capabilities capabilities;
    (*capabilities.mutable_capabilities())[name];
    Set(group, "Capabilities", capabilities);
  }
  std::string FirstOf(const std::string& group) { return Group(group).groups().begin()->first; }

  ::common::ConfigEnvelope envelope_;
};

TEST_F(AlteredConfigTest, UnalteredItIsAccepted) { EXPECT_EQ(Reason(), "accepted"); }

TEST_F(AlteredConfigTest, UnknownGroup) {
  Group("Other");
  EXPECT_EQ(Reason(), "/Channel: unknown group 'Other'");
}

TEST_F(AlteredConfigTest, UnknownValue) {
  (*Organization("Application", "Org1MSP").mutable_values())["Extra"];
  EXPECT_EQ(Reason(), "/Channel/Application/Org1MSP: unknown value 'Extra'");
}

TEST_F(AlteredConfigTest, UndecodableValue) {
  (*Group("Orderer").mutable_values())["BatchSize"].set_value("\x0f");
  EXPECT_EQ(Reason(), "/Channel/Orderer: value 'BatchSize' does not decode");
}

TEST_F(AlteredConfigTest, GroupUnderAnOrganization) {
  (*Organization("Application", "Org1MSP").mutable_groups())["sub"];
  EXPECT_EQ(Reason(), "/Channel/Application/Org1MSP: an organisation cannot have groups");
}

TEST_F(AlteredConfigTest, HashingAlgorithm) {
  ::common::HashingAlgorithm algorithm;
  algorithm.set_name("MD5");
  Set(Channel(), "HashingAlgorithm", algorithm);
  EXPECT_EQ(Reason(), "/Channel: hashing algorithm 'MD5'; expected SHA256 or SHA3_256");
  algorithm.set_name("SHA3_256");
  Set(Channel(), "HashingAlgorithm", algorithm);
  EXPECT_EQ(Reason(), "accepted");
}

TEST_F(AlteredConfigTest, BlockDataHashingStructure) {
  ::common::BlockDataHashingStructure structure;
  structure.set_width(10);
  Set(Channel(), "BlockDataHashingStructure", structure);
  EXPECT_EQ(Reason(), "/Channel: block data hashing width 10; expected 2^32 - 1");
}

TEST_F(AlteredConfigTest, UnknownCapability) {
  SetCapability(Group("Application"), "V9_9");
  EXPECT_EQ(Reason(), "/Channel/Application: capability 'V9_9' is not known here");
  SetCapability(Group("Application"), "V2_5");
  EXPECT_EQ(Reason(), "accepted");
  SetCapability(Channel(), "V4_0");
  EXPECT_EQ(Reason(), "/Channel: capability 'V4_0' is not known here");
}

TEST_F(AlteredConfigTest, OneMspIdHasOneDefinition) {
  const ConfigGroup org1 = Organization("Application", "Org1MSP");
  (*Group("Application").mutable_groups())["Twin"] = org1;
  EXPECT_EQ(Reason(), "accepted");
  EXPECT_EQ(Value(Read())->application_organizations().size(), 2U) << "gossip knows organisations by MSP id";
  ::msp::MSPConfig config;
  config.ParseFromString(org1.values().at("MSP").value());
  ::msp::FabricMSPConfig fabric;
  fabric.ParseFromString(config.config());
  fabric.clear_tls_root_certs();
  config.set_config(fabric.SerializeAsString());
  Set(Organization("Application", "Twin"), "MSP", config);
  EXPECT_EQ(Reason(), "/Channel/Application/Org1MSP and /Channel/Application/Twin define MSP 'Org1MSP' differently");
}

TEST_F(AlteredConfigTest, OrganizationWithoutMsp) {
  Organization("Application", "Org1MSP").mutable_values()->erase("MSP");
  EXPECT_EQ(Reason(), "/Channel/Application/Org1MSP: its MSP has no name");
}

TEST_F(AlteredConfigTest, PolicyWithoutTypeOrBody) {
  (*Group("Application").mutable_policies())["Readers"].mutable_policy()->set_type(2);
  EXPECT_FALSE(Read());
  (*Group("Application").mutable_policies())["Readers"].clear_policy();
  EXPECT_FALSE(Read());
}

TEST_F(AlteredConfigTest, AnchorsWithoutHostOrPortAreSkipped) {
  ::protos::AnchorPeers anchors;
  anchors.add_anchor_peers()->set_host("no port");
  anchors.add_anchor_peers()->set_port(7051);
  anchors.add_anchor_peers()->set_host("peer");
  anchors.mutable_anchor_peers(2)->set_port(7051);
  Set(Organization("Application", "Org1MSP"), "AnchorPeers", anchors);
  EXPECT_EQ(Value(Read())->application_organizations().at("Org1MSP").anchor_peers,
            (std::vector<AnchorPeer>{{"peer", 7051}}));
}

// 8.4: addresses of the channel and of organisations; where each is allowed.
TEST_F(AlteredConfigTest, OrdererAddresses) {
  ::common::OrdererAddresses global;
  global.add_addresses("global:1");
  ::common::OrdererAddresses own;
  own.add_addresses("own:1");
  own.add_addresses("own:2");
  const std::string organization = FirstOf("Orderer");
  ConfigGroup& orderer = Organization("Orderer", organization);
  const std::string path = "/Channel/Orderer/" + organization;

  orderer.mutable_values()->erase("Endpoints");
  Set(Channel(), "OrdererAddresses", global);
  EXPECT_EQ(Value(Read())->orderer_addresses(), (std::vector<std::string>{"global:1"}));
  EXPECT_TRUE(Value(Read())->orderer_organizations().at(organization).addresses.empty());
  EXPECT_EQ(Value(Read())->orderer_organizations().at(organization).tls_authorities.size(), 1U);

  Set(orderer, "Endpoints", own);
  EXPECT_EQ(Value(Read())->orderer_organizations().at(organization).addresses,
            (std::vector<std::string>{"own:1", "own:2"}));

  SetCapability(Channel(), "V1_3");
  EXPECT_EQ(Reason(), path + ": value 'Endpoints' needs channel capability V1_4_2 or later");

  SetCapability(Channel(), "V3_0");
  EXPECT_EQ(Reason(), "/Channel: with capability V3_0 'OrdererAddresses' must be empty");
  Channel().mutable_values()->erase("OrdererAddresses");
  EXPECT_EQ(Reason(), "accepted");
  EXPECT_TRUE(Value(Read())->has_bft_rules());
  orderer.mutable_values()->erase("Endpoints");
  EXPECT_EQ(Reason(), path + ": with capability V3_0 it must have 'Endpoints'");
}

TEST_F(AlteredConfigTest, Consenters) {
  ::common::Orderers orderers;
  ::common::Consenter* consenter = orderers.add_consenter_mapping();
  consenter->set_id(3);
  consenter->set_msp_id("OrdererMSP");
  consenter->set_identity("pem");
  Set(Group("Orderer"), "Orderers", orderers);
  const ChannelConfigPtr config = Value(Read());
  ASSERT_NE(config->FindConsenter(3), nullptr);
  EXPECT_EQ(config->FindConsenter(3)->msp_id, "OrdererMSP");
  EXPECT_EQ(config->FindConsenter(3)->identity_pem, "pem");
  EXPECT_EQ(config->FindConsenter(4), nullptr);
}

}  // namespace
}  // namespace grapevine::msp
