#include "testnet/block_maker.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "msp/certificate.h"
#include "msp/identities.pb.h"
#include "orderer/configuration.pb.h"
#include "peer/transaction.pb.h"

namespace grapevine::testnet {
namespace {

template <typename Message>
Message Parse(const std::string& bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

common::Block ParseBlock(const std::string& bytes) { return Parse<common::Block>(bytes); }

std::string HeaderBytes(const common::BlockHeader& header) {
  return crypto::DerSequence(crypto::DerInteger(header.number()) + crypto::DerOctetString(header.previous_hash()) +
                             crypto::DerOctetString(header.data_hash()));
}

std::string DataHash(const common::Block& block) {
  std::string all;
  for (const std::string& envelope : block.data().data()) all += envelope;
  return crypto::Sha256(all).ToString();
}

// Whether `signature` over `message` is one of the serialised identity, whose MSP id is `msp_id`.
bool IsSignedBy(const std::string& serialized, const std::string& msp_id, const std::string& message,
                const std::string& signature) {
  const auto identity = Parse<::msp::SerializedIdentity>(serialized);
  const auto certificate = msp::Certificate::FromPem(identity.id_bytes());
  return identity.mspid() == msp_id && certificate && (*certificate)->public_key().Verify(signature, message);
}

struct ParsedTransaction {
  common::Envelope envelope;
  common::Payload payload;
  common::ChannelHeader channel;
  common::SignatureHeader creator;
};

ParsedTransaction ParseTransaction(const std::string& bytes) {
  ParsedTransaction parsed;
  parsed.envelope = Parse<common::Envelope>(bytes);
  parsed.payload = Parse<common::Payload>(parsed.envelope.payload());
  parsed.channel = Parse<common::ChannelHeader>(parsed.payload.header().channel_header());
  parsed.creator = Parse<common::SignatureHeader>(parsed.payload.header().signature_header());
  return parsed;
}

class BlockMakerTest : public ::testing::Test {
 protected:
  Network network_{{.orderers = 3}};
  ChannelOptions options_ = LoopbackChannel(network_, 7000);
  BlockMaker maker_{network_, options_};
};

// 03, 6.2 and 6.3: number, chain of hashes, data hash.
TEST_F(BlockMakerTest, BlocksFormAChain) {
  std::string previous = maker_.genesis();
  for (std::uint64_t number = 1; number <= 4; ++number) {
    EXPECT_EQ(maker_.height(), number);
    const std::string next =
        number == 3 ? maker_.NextConfig({{{"Orderer"}, "BatchSize", BatchSizeValue(11)}}) : maker_.Next();
    const common::Block block = ParseBlock(next);
    EXPECT_EQ(block.header().number(), number);
    EXPECT_EQ(block.header().previous_hash(), crypto::Sha256(HeaderBytes(ParseBlock(previous).header())).ToString());
    EXPECT_EQ(block.header().data_hash(), DataHash(block));
    EXPECT_EQ(block.metadata().metadata_size(), 5);
    previous = next;
  }
}

// 03, 6.4: value, signature header, header; one orderer after the other; the last configuration is named.
TEST_F(BlockMakerTest, BlocksAreSignedByAnOrderer) {
  std::set<std::string> signers;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    const common::Block block =
        ParseBlock(number == 3 ? maker_.NextConfig({{{"Orderer"}, "BatchSize", BatchSizeValue(11)}}) : maker_.Next());
    const auto metadata = Parse<common::Metadata>(block.metadata().metadata(0));
    const auto value = Parse<common::OrdererBlockMetadata>(metadata.value());
    EXPECT_EQ(value.last_config().index(), number < 3 ? 0U : 3U);
    ASSERT_EQ(metadata.signatures_size(), 1);
    const std::string& header = metadata.signatures(0).signature_header();
    const std::string creator = Parse<common::SignatureHeader>(header).creator();
    signers.insert(creator);
    EXPECT_TRUE(IsSignedBy(creator, "OrdererMSP", metadata.value() + header + HeaderBytes(block.header()),
                           metadata.signatures(0).signature()));
  }
  EXPECT_EQ(signers.size(), 3U);
}

TEST_F(BlockMakerTest, TransactionsAreSignedAndWellFormed) {
  const common::Block block = ParseBlock(maker_.Next({.transactions = 4, .value_bytes = 5000, .endorsements = 2}));
  ASSERT_EQ(block.data().data_size(), 4);
  std::set<std::string> ids;
  for (const std::string& bytes : block.data().data()) {
    const ParsedTransaction transaction = ParseTransaction(bytes);
    EXPECT_EQ(transaction.envelope.SerializeAsString(), bytes);
    EXPECT_EQ(transaction.channel.type(), common::ENDORSER_TRANSACTION);
    EXPECT_EQ(transaction.channel.channel_id(), "mychannel");
    EXPECT_EQ(transaction.channel.tx_id(),
              crypto::Sha256({transaction.creator.nonce(), transaction.creator.creator()}).ToHex());
    const std::string msp_id = Parse<::msp::SerializedIdentity>(transaction.creator.creator()).mspid();
    EXPECT_TRUE(msp_id == "Org1MSP" || msp_id == "Org2MSP") << msp_id;
    EXPECT_TRUE(IsSignedBy(transaction.creator.creator(), msp_id, transaction.envelope.payload(),
                           transaction.envelope.signature()));
    ids.insert(transaction.channel.tx_id());
  }
  EXPECT_EQ(ids.size(), 4U);
}

TEST_F(BlockMakerTest, EndorsementsAreOfDifferentOrganisations) {
  const common::Block block = ParseBlock(maker_.Next({.transactions = 1, .value_bytes = 10, .endorsements = 2}));
  const ParsedTransaction parsed = ParseTransaction(block.data().data(0));
  const auto transaction = Parse<protos::Transaction>(parsed.payload.data());
  ASSERT_EQ(transaction.actions_size(), 1);
  const auto action = Parse<protos::ChaincodeActionPayload>(transaction.actions(0).payload()).action();
  ASSERT_EQ(action.endorsements_size(), 2);
  std::set<std::string> organizations;
  for (const protos::Endorsement& endorsement : action.endorsements()) {
    const std::string msp_id = Parse<::msp::SerializedIdentity>(endorsement.endorser()).mspid();
    EXPECT_TRUE(IsSignedBy(endorsement.endorser(), msp_id, action.proposal_response_payload() + endorsement.endorser(),
                           endorsement.signature()));
    organizations.insert(msp_id);
  }
  EXPECT_EQ(organizations, (std::set<std::string>{"Org1MSP", "Org2MSP"}));
}

TEST_F(BlockMakerTest, ValuesHaveTheirSize) {
  const auto size = [](std::size_t value_bytes) {
    const Network network({});
    BlockMaker maker(network, LoopbackChannel(network, 7000));
    const ParsedTransaction parsed = ParseTransaction(
        ParseBlock(maker.Next({.transactions = 1, .value_bytes = value_bytes, .endorsements = 0})).data().data(0));
    return parsed.payload.data().size();
  };
  // Between the two no length changes its number of digits.
  EXPECT_EQ(size(90000) - size(80000), 10000U);
}

// 03, 8.3: the update names exactly what it changes; the new configuration has it, with the next sequence.
TEST_F(BlockMakerTest, ConfigurationsChangeWhatTheirUpdateNames) {
  maker_.NextConfig({{{"Orderer"}, "BatchSize", BatchSizeValue(11)}});
  const common::Block block = ParseBlock(maker_.NextConfig({{{"Orderer"}, "BatchSize", BatchSizeValue(12)}}));
  ASSERT_EQ(block.data().data_size(), 1);
  const ParsedTransaction transaction = ParseTransaction(block.data().data(0));
  EXPECT_EQ(transaction.channel.type(), common::CONFIG);
  const auto envelope = Parse<common::ConfigEnvelope>(transaction.payload.data());
  EXPECT_EQ(envelope.config().sequence(), 2U);
  const auto& value = envelope.config().channel_group().groups().at("Orderer").values().at("BatchSize");
  EXPECT_EQ(value.version(), 2U);
  EXPECT_EQ(Parse<orderer::BatchSize>(value.value()).max_message_count(), 12U);

  const auto update_payload = Parse<common::Payload>(envelope.last_update().payload());
  const auto signed_update = Parse<common::ConfigUpdateEnvelope>(update_payload.data());
  const auto update = Parse<common::ConfigUpdate>(signed_update.config_update());
  EXPECT_TRUE(update.read_set().groups().at("Orderer").values().empty());
  EXPECT_EQ(update.write_set().groups().at("Orderer").values().at("BatchSize").version(), 2U);
  EXPECT_EQ(signed_update.signatures_size(), 3);  // admins of the orderers and both organisations
  for (const common::ConfigSignature& signature : signed_update.signatures()) {
    const auto creator = Parse<common::SignatureHeader>(signature.signature_header()).creator();
    EXPECT_TRUE(IsSignedBy(creator, Parse<::msp::SerializedIdentity>(creator).mspid(),
                           signature.signature_header() + signed_update.config_update(), signature.signature()));
  }
}

TEST_F(BlockMakerTest, EqualCallsGiveEqualBytes) {
  BlockMaker again(Network({.orderers = 3}), options_);
  EXPECT_EQ(maker_.genesis(), again.genesis());
  EXPECT_EQ(maker_.Next(), again.Next());
  const std::vector<ConfigChange> change = {{{"Application", "Org1MSP"}, "AnchorPeers", AnchorPeersValue({{}})}};
  EXPECT_EQ(maker_.NextConfig(change), again.NextConfig(change));
  EXPECT_NE(maker_.Next({.transactions = 2}), again.Next({.transactions = 3}));
}

}  // namespace
}  // namespace grapevine::testnet
