// Block verification (specification 03, section 6) on the recorded chain and on vectors of the specification.
#include "msp/block_verifier.h"

#include <gtest/gtest.h>

#include <optional>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "msp/block.h"
#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

using nlohmann::json;
using testing::ReadFixture;
using testing::ReadFixtureJson;

ChannelConfigPtr ConfigOf(const std::string& block) {
  auto config = ChannelConfig::FromBlock(block);
  EXPECT_TRUE(config) << config.error().message;
  return config ? *config : nullptr;
}

TEST(BlockTest, HeaderBytesAndHashesOfTheSpecification) {  // 6.2
  const std::string ones(32, '\x11');
  const std::string twos(32, '\x22');
  const std::string twos_hex = base::ToHex(twos);
  const std::string ones_hex = base::ToHex(ones);
  EXPECT_EQ(base::ToHex(BlockHeader{0, "", twos}.Encode()), "302702010004000420" + twos_hex);
  EXPECT_EQ((BlockHeader{0, "", twos}.Hash().ToHex()),
            "bc6f715bf0b5af641d2359a60c419057757571a331a11111b794455d9dbfa6d3");
  EXPECT_EQ(base::ToHex(BlockHeader{128, ones, twos}.Encode()), "3048020200800420" + ones_hex + "0420" + twos_hex);
  EXPECT_EQ((BlockHeader{128, ones, twos}.Hash().ToHex()),
            "21255970fce2d8bd67c1b022cb7528f12d311fec7fc8ba34f5414d3983808260");
  EXPECT_EQ(base::ToHex(BlockHeader{~0ULL, ones, twos}.Encode()),
            "304f020900ffffffffffffffff0420" + ones_hex + "0420" + twos_hex);
  EXPECT_EQ((BlockHeader{~0ULL, ones, twos}.Hash().ToHex()),
            "6bd48f16ae9e5a452a33346c254ee299c24c94470654a897e60bbd94e2906e25");
}

// Each block is verified under the configuration in force when it was made, block by block, as a node does.
void ExpectFabricsVerdicts(const std::string& block_file, const std::string& hash_key) {
  const json chain = ReadFixtureJson("chain.json");
  const std::vector<std::string> blocks = testing::ReadFixtureBlocks(block_file);
  ASSERT_EQ(blocks.size(), chain.at("blocks").size());
  ChannelConfigPtr config;
  std::uint64_t configurations = 0;
  for (std::size_t number = 0; number < blocks.size(); ++number) {
    SCOPED_TRACE(number);
    const json& expected = chain.at("blocks").at(number);
    EXPECT_EQ(crypto::Sha256(blocks[number]).ToHex(), expected.at(hash_key).get<std::string>());
    const auto block = ParseBlock(blocks[number]);
    ASSERT_TRUE(block);
    EXPECT_EQ(base::ToHex(block->header.Encode()), expected.at("header_der").get<std::string>());
    EXPECT_EQ(block->header.Hash().ToHex(), expected.at("header_hash").get<std::string>());
    EXPECT_EQ(block->DataHash().ToHex(), expected.at("data_hash").get<std::string>());
    EXPECT_EQ(LastConfigIndex(*block).value_or(~0ULL), expected.at("last_config"));
    EXPECT_EQ(IsConfigBlock(*block), expected.at("is_config"));
    ASSERT_EQ(block->transactions.size(), expected.at("tx_count"));
    for (std::size_t i = 0; i < block->transactions.size(); ++i) {
      const json& tx = expected.at("txs").at(i);
      const auto info = InspectTransaction(block->transactions[i]);
      if (!info) continue;  // transactions that do not parse are checked below
      EXPECT_EQ(info->id, tx.at("tx_id").get<std::string>());
      EXPECT_EQ(block->transactions[i].size(), tx.at("size"));
    }
    if (number > 0) {
      const auto verdict = VerifyBlock(*config, number, blocks[number]);
      EXPECT_EQ(verdict.has_value(), expected.at("verify_block") == "") << expected.at("verify_block");
      EXPECT_TRUE(VerifyBlockAttestation(*config, blocks[number]));
    }
    if (IsConfigBlock(*block)) {
      config = ConfigOf(blocks[number]);
      ASSERT_NE(config, nullptr);
      EXPECT_EQ(config->sequence(), configurations);
      ++configurations;
    }
  }
  EXPECT_EQ(configurations, 4U);
}

TEST(BlockVerifierTest, OrderersChainGetsFabricsVerdicts) {
  ExpectFabricsVerdicts("blocks/orderer.blockfile_000000", "orderer_sha256");
}

TEST(BlockVerifierTest, PeersChainGetsFabricsVerdicts) {
  ExpectFabricsVerdicts("blocks/peer.blockfile_000000", "sha256");
}

TEST(BlockVerifierTest, SignersAreDeserializedOnce) {
  const auto config = ConfigOf(ReadFixture("mychannel.genesis.block"));
  const base::Bytes identity(ReadFixture("identities/peer0.org1.bin"));
  BlockSigners signers;
  const auto first = signers.Deserialize(config->msp_manager(), identity);
  ASSERT_TRUE(first);
  EXPECT_EQ(signers.Deserialize(config->msp_manager(), identity)->get(), first->get());
  BlockSigners copy = signers;
  EXPECT_EQ(copy.Deserialize(config->msp_manager(), identity)->get(), first->get());
  EXPECT_FALSE(signers.Deserialize(config->msp_manager(), base::Bytes("rubbish")));
}

class OneBlockTest : public ::testing::Test {
 protected:
  OneBlockTest() : config_(ConfigOf(ReadFixture("mychannel.genesis.block"))) {
    block_.ParseFromString(ReadFixture("blocks/12.block"));
  }

  base::Result<void> Verify() const { return VerifyBlock(*config_, 12, block_.SerializeAsString()); }
  std::string Reason() const {
    const auto verdict = Verify();
    return verdict ? "accepted" : verdict.error().message;
  }

  ChannelConfigPtr config_;
  ::common::Block block_;
};

// One altered bit anywhere in what the signature covers makes the block false (acceptance test 5).
TEST_F(OneBlockTest, EveryFlippedBitOfHeaderValueAndSignatureIsFound) {
  ASSERT_TRUE(Verify());
  const ::common::Block good = block_;
  ::common::Metadata metadata;
  ASSERT_TRUE(metadata.ParseFromString(good.metadata().metadata(0)));
  const auto flip = [](std::string bytes, std::size_t position) {
    bytes[position] = static_cast<char>(bytes[position] ^ 1);
    return bytes;
  };
  const auto try_metadata = [&](const ::common::Metadata& changed) {
    block_ = good;
    block_.mutable_metadata()->set_metadata(0, changed.SerializeAsString());
    EXPECT_FALSE(Verify());
  };
  for (std::size_t i = 0; i < good.header().previous_hash().size(); i += 5) {
    block_ = good;
    block_.mutable_header()->set_previous_hash(flip(good.header().previous_hash(), i));
    EXPECT_FALSE(Verify());
    block_ = good;
    block_.mutable_header()->set_data_hash(flip(good.header().data_hash(), i));
    EXPECT_FALSE(Verify());
  }
  for (std::size_t i = 0; i < metadata.value().size(); ++i) {
    ::common::Metadata changed = metadata;
    changed.set_value(flip(metadata.value(), i));
    try_metadata(changed);
  }
  for (std::size_t i = 0; i < metadata.signatures(0).signature().size(); i += 7) {
    ::common::Metadata changed = metadata;
    changed.mutable_signatures(0)->set_signature(flip(metadata.signatures(0).signature(), i));
    try_metadata(changed);
  }
  const std::string& header = metadata.signatures(0).signature_header();
  for (std::size_t i = 0; i < header.size(); i += 97) {
    ::common::Metadata changed = metadata;
    changed.mutable_signatures(0)->set_signature_header(flip(header, i));
    try_metadata(changed);
  }
}

TEST_F(OneBlockTest, TheReasonNamesWhatIsWrong) {
  EXPECT_EQ(VerifyBlock(*config_, 13, block_.SerializeAsString()).error().message,
            "block claimed to be number 13 is number 12");
  block_.mutable_data()->add_data("x");
  EXPECT_EQ(Reason(), "transaction 1 of the block: it is not a common.Envelope");
  block_.mutable_data()->clear_data();
  EXPECT_EQ(Reason(), "block 12 has no transactions");
  block_.clear_header();
  EXPECT_EQ(Reason(), "block has no header");
  EXPECT_FALSE(VerifyBlock(*config_, 12, "garbage"));
  EXPECT_FALSE(VerifyBlock(*config_, 0, ""));
}

TEST_F(OneBlockTest, AnAttestationNeedsNoData) {  // 6.5
  block_.clear_data();
  EXPECT_TRUE(VerifyBlockAttestation(*config_, block_.SerializeAsString()));
  block_.mutable_header()->set_number(13);
  EXPECT_FALSE(VerifyBlockAttestation(*config_, block_.SerializeAsString()));
  block_.clear_metadata();
  EXPECT_FALSE(VerifyBlockAttestation(*config_, block_.SerializeAsString()));
}

TEST_F(OneBlockTest, LastConfigurationOfOldOrderersIsInSlotOne) {  // 6.4
  ::common::LastConfig last_config;
  last_config.set_index(7);
  ::common::Metadata slot;
  slot.set_value(last_config.SerializeAsString());
  block_.mutable_metadata()->set_metadata(0, "");
  block_.mutable_metadata()->set_metadata(1, slot.SerializeAsString());
  const std::string bytes = block_.SerializeAsString();
  EXPECT_EQ(LastConfigIndex(*ParseBlock(bytes)), 7U);
  block_.mutable_metadata()->set_metadata(1, "\x0f");
  const std::string bad = block_.SerializeAsString();
  EXPECT_FALSE(LastConfigIndex(*ParseBlock(bad)));
}

// A channel with capability V3_0: orderers sign as numbered consenters (6.4). The recorded orderer is number 5.
class ConsenterTest : public OneBlockTest {
 protected:
  ConsenterTest() {
    constexpr char kFolder[] = "crypto/ordererOrganizations/example.com/orderers/orderer.example.com/msp/";
    key_ = crypto::PrivateKey::FromPem(ReadFixture(std::string(kFolder) + "keystore/priv_sk")).value();
    config_ = MakeConfig(true, ReadFixture(std::string(kFolder) + "signcerts/orderer.example.com-cert.pem"));
  }

  static ChannelConfigPtr MakeConfig(bool bft, const std::string& pem) {
    const std::string block = ReadFixture("mychannel.genesis.block");
    const base::ByteView data = *TransactionData(ParseBlock(block)->transactions.front());
    ::common::ConfigEnvelope envelope;
    envelope.ParseFromArray(data.data(), static_cast<int>(data.size()));
    ::common::ConfigGroup& channel = *envelope.mutable_config()->mutable_channel_group();
    ::common::Capabilities capabilities;
    (*capabilities.mutable_capabilities())[bft ? "V3_0" : "V2_0"];
    (*channel.mutable_values())["Capabilities"].set_value(capabilities.SerializeAsString());
    channel.mutable_values()->erase("OrdererAddresses");
    ::common::ConfigGroup& orderer = (*channel.mutable_groups())["Orderer"];
    for (auto& [name, organization] : *orderer.mutable_groups()) {
      ::common::OrdererAddresses addresses;
      addresses.add_addresses("orderer:7050");
      (*organization.mutable_values())["Endpoints"].set_value(addresses.SerializeAsString());
    }
    ::common::Orderers orderers;
    orderers.add_consenter_mapping()->set_id(5);
    orderers.mutable_consenter_mapping(0)->set_msp_id("OrdererMSP");
    orderers.mutable_consenter_mapping(0)->set_identity(pem);
    (*orderer.mutable_values())["Orderers"].set_value(orderers.SerializeAsString());
    auto config = ChannelConfig::FromEnvelope("mychannel", envelope.SerializeAsString());
    EXPECT_TRUE(config) << config.error().message;
    return config.value_or(nullptr);
  }

  // Replaces the block's signatures by one of consenter `id`.
  void SignAs(std::uint32_t id) {
    ::common::IdentifierHeader header;
    header.set_identifier(id);
    header.set_nonce("nonce");
    ::common::Metadata metadata;
    metadata.ParseFromString(block_.metadata().metadata(0));
    metadata.clear_signatures();
    ::common::MetadataSignature& signature = *metadata.add_signatures();
    signature.set_identifier_header(header.SerializeAsString());
    const std::string header_bytes =
        BlockHeader{block_.header().number(), block_.header().previous_hash(), block_.header().data_hash()}.Encode();
    signature.set_signature(key_->Sign(metadata.value() + signature.identifier_header() + header_bytes).value());
    block_.mutable_metadata()->set_metadata(0, metadata.SerializeAsString());
  }

  std::optional<crypto::PrivateKey> key_;
};

TEST_F(ConsenterTest, TheOldFormStillCounts) { EXPECT_EQ(Reason(), "accepted"); }

TEST_F(ConsenterTest, AConsentersSignatureCounts) {
  SignAs(5);
  EXPECT_EQ(Reason(), "accepted");
  block_.mutable_header()->set_previous_hash("other");
  EXPECT_NE(Reason(), "accepted");
}

TEST_F(ConsenterTest, AnUnknownConsenterIsSkipped) {
  SignAs(6);
  EXPECT_FALSE(Verify());
}

TEST_F(ConsenterTest, WithoutTheCapabilityNumbersMeanNothing) {
  SignAs(5);
  config_ = MakeConfig(false, config_->FindConsenter(5)->identity_pem);
  EXPECT_FALSE(Verify());
}

TEST_F(ConsenterTest, AnUndecodableIdentifierHeaderRefusesTheBlock) {
  SignAs(5);
  ::common::Metadata metadata;
  metadata.ParseFromString(block_.metadata().metadata(0));
  metadata.add_signatures()->set_identifier_header("\x0f");
  block_.mutable_metadata()->set_metadata(0, metadata.SerializeAsString());
  EXPECT_EQ(Reason(), "block 12: it has a malformed identifier header");
}

std::string Hex(const char* hex) { return testing::FromHexText(hex); }

// CVE-2023-46132: one transaction, one encoding.
TEST(WellFormedTest, OnlyTheCanonicalEncodingIsAccepted) {
  EXPECT_TRUE(CheckTransactionIsWellFormed(Hex("0a0170120173")));
  EXPECT_TRUE(CheckTransactionIsWellFormed(Hex("0a01701201731801"))) << "unknown field behind";
  EXPECT_TRUE(CheckTransactionIsWellFormed(Hex("0a017012017318818000")))
      << "value of an unknown field is kept as it is";
  EXPECT_TRUE(CheckTransactionIsWellFormed(Hex("0a01701201730805"))) << "payload as an integer is an unknown field";
  EXPECT_TRUE(CheckTransactionIsWellFormed(Hex("0a01701201731b1c"))) << "unknown group behind";
}

struct Malformed {
  const char* hex;
  const char* reason;
};

TEST(WellFormedTest, EverythingElseIsRefused) {
  const Malformed cases[] = {
      {"", "it has no payload"},
      {"0a0170", "it has no signature"},
      {"120173", "it has no payload"},
      {"0a00120173", "it has no payload"},
      {"0a01701200", "it has no signature"},
      {"1201730a0170", "it is not encoded canonically"},
      {"18010a0170120173", "it is not encoded canonically"},
      {"0a01701801120173", "it is not encoded canonically"},
      {"0a01700a0170120173", "it is not encoded canonically"},
      {"0a0170120173120173", "it is not encoded canonically"},
      {"0a810070120173", "it is not encoded canonically"},
      {"8a000170120173", "it is not encoded canonically"},
      {"0a0170120173988000"
       "01",
       "it is not encoded canonically"},
      {"0a017012017318", "it is not a common.Envelope"},
      {"0a0270", "it is not a common.Envelope"},
  };
  for (const Malformed& malformed : cases) {
    const auto verdict = CheckTransactionIsWellFormed(Hex(malformed.hex));
    ASSERT_FALSE(verdict) << malformed.hex;
    EXPECT_EQ(verdict.error().message, malformed.reason) << malformed.hex;
  }
}

}  // namespace
}  // namespace grapevine::msp
