// The message crypto service: recorded verdicts of Fabric peers of both organisations, caching and cancelling
// (specification 03, section 3).
#include <gtest/gtest.h>

#include <string>

#include "common/common.pb.h"
#include "crypto/keys.h"
#include "msp/fixture_network.h"
#include "msp/identity_mapper.h"
#include "msp/msp_message_crypto.h"
#include "msp/virtual_node.h"
#include "support/fixtures.h"
#include "testnet/block_maker.h"

namespace grapevine::msp {
namespace {

using base::Bytes;
using nlohmann::json;

struct TestPeer {
  TestPeer(const std::string& organization, const std::string& msp_id, const std::string& config)
      : node(FixtureTime()), crypto(node.environment(), LoadFixturePeer(organization, msp_id)) {
    if (!config.empty()) crypto.SetChannel("mychannel", FixtureChannelOf(config).config);
  }

  base::Result<IdentityInfo> Validate(const Bytes& identity) {
    return node.Await<IdentityInfo>([&](auto done) { return crypto.Validate(identity, done); });
  }
  base::Result<void> Verify(const Bytes& identity, const Bytes& signature, const Bytes& message) {
    return node.Await<void>([&](auto done) { return crypto.Verify(identity, signature, message, done); });
  }
  base::Result<void> VerifyByChannel(const Bytes& identity, const Bytes& signature, const Bytes& message) {
    return node.Await<void>(
        [&](auto done) { return crypto.VerifyByChannel("mychannel", identity, signature, message, done); });
  }

  VirtualNode node;
  MspMessageCrypto crypto;
};

Bytes IdentityOf(const std::string& name) { return Bytes(testing::ReadFixture("identities/" + name + ".bin")); }

// Signature of `name` over Message().
Bytes SignatureOf(const std::string& name) {
  for (const json& entry : IdentityIndex()["identities"]) {
    if (entry["name"] == name) return Bytes(testing::FromHexText(entry["signature_of_message"].get<std::string>()));
  }
  throw std::runtime_error("no signature of " + name);
}
Bytes Message() { return Bytes(IdentityIndex()["message"].get<std::string>()); }

class ObservingPeer : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(ObservingPeer, GivesFabricsVerdictOnEveryRecordedIdentity) {
  const auto& [organization, config] = GetParam();
  TestPeer peer(organization, organization == "org1" ? "Org1MSP" : "Org2MSP", config);
  IdentityMapper mapper(peer.node.environment(), peer.crypto, peer.crypto.own_identity());
  for (const json& entry : IdentityIndex()["identities"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const json& expected = entry[config]["at_" + organization + "_peer"];
    const Bytes identity = IdentityOf(entry["name"]);

    const auto known =
        peer.node.Await<std::string>([&](auto done) { return peer.crypto.OrganizationOf(identity, done); });
    EXPECT_EQ(known.value(), expected["organization"].get<std::string>());
    EXPECT_EQ(peer.Validate(identity).has_value(), expected["validate_identity"] == "ok");

    const auto pki_id = peer.crypto.PkiIdOf(identity);
    ASSERT_EQ(pki_id.has_value(), expected["identity_mapper"] != "(no PKI-ID)");
    if (pki_id) {
      const auto put =
          peer.node.Await<IdentityMapper::Entry>([&](auto done) { return mapper.Put(*pki_id, identity, done); });
      EXPECT_EQ(put.has_value(), expected["identity_mapper"] == "ok");
      EXPECT_EQ(mapper.OrganizationOf(*pki_id), put ? expected["organization"].get<std::string>() : "");
    }
    if (expected.contains("verify_signature")) {
      const Bytes signature(testing::FromHexText(entry["signature_of_message"].get<std::string>()));
      for (int i = 0; i < 2; ++i) {  // first computed, then remembered
        EXPECT_EQ(peer.Verify(identity, signature, Message()).has_value(), expected["verify_signature"] == "ok");
      }
      EXPECT_FALSE(peer.Verify(identity, signature, Bytes("another message")).has_value());
    }
  }
}

std::string PeerAndConfig(const ::testing::TestParamInfo<ObservingPeer::ParamType>& info) {
  return std::get<0>(info.param) + "_" + std::get<1>(info.param);
}

INSTANTIATE_TEST_SUITE_P(Fabric255, ObservingPeer,
                         ::testing::Combine(::testing::Values("org1", "org2"), ::testing::Values("genesis", "latest")),
                         PeerAndConfig);

TEST(MspMessageCrypto, ExpiryIsNotPartOfValidationButIsReported) {
  TestPeer peer("org1", "Org1MSP", "");
  const auto info = peer.Validate(IdentityOf("x-expired"));
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(info->organization, "Org1MSP");
  using namespace std::chrono;
  EXPECT_EQ(info->not_after, sys_days(2026y / 11 / 22) + 14h + 14min + 30s);
}

TEST(MspMessageCrypto, ForeignOrganisationIsKnownThroughItsChannelOnly) {
  TestPeer peer("org2", "Org2MSP", "");
  EXPECT_FALSE(peer.Validate(IdentityOf("peer7.org1")).has_value());
  peer.crypto.SetChannel("mychannel", FixtureChannelOf("genesis").config);
  EXPECT_TRUE(peer.Validate(IdentityOf("peer7.org1")).has_value());
  peer.crypto.SetChannel("mychannel", FixtureChannelOf("latest").config);
  EXPECT_FALSE(peer.Validate(IdentityOf("peer7.org1")).has_value()) << "revoked, and no verdict is remembered";
  EXPECT_TRUE(peer.Validate(IdentityOf("peer0.org1")).has_value());
  peer.crypto.RemoveChannel("mychannel");
  EXPECT_FALSE(peer.Validate(IdentityOf("peer0.org1")).has_value());
}

TEST(MspMessageCrypto, ReadersDecideAboutTheOwnOrganisationTooIfAskedByChannel) {
  TestPeer peer("org1", "Org1MSP", "latest");
  const Bytes revoked = IdentityOf("peer7.org1");
  EXPECT_TRUE(peer.Verify(revoked, SignatureOf("peer7.org1"), Message()).has_value())
      << "the local MSP's word is final";
  EXPECT_FALSE(peer.VerifyByChannel(revoked, SignatureOf("peer7.org1"), Message()).has_value());
  const Bytes good = IdentityOf("peer0.org1");
  EXPECT_TRUE(peer.VerifyByChannel(good, SignatureOf("peer0.org1"), Message()).has_value());
  EXPECT_FALSE(peer.VerifyByChannel(good, SignatureOf("peer0.org1"), Bytes("another")).has_value());
  EXPECT_FALSE(peer.VerifyByChannel(Bytes(), SignatureOf("peer0.org1"), Message()).has_value());
  peer.crypto.RemoveChannel("mychannel");
  const auto unknown = peer.VerifyByChannel(good, SignatureOf("peer0.org1"), Message());
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, base::ErrorCode::kNotFound);
}

TEST(MspMessageCrypto, SignsWithTheKeyOfTheOwnIdentity) {
  TestPeer peer("org1", "Org1MSP", "");
  EXPECT_EQ(peer.crypto.own_identity(), IdentityOf("peer0.org1"));
  const auto signature = peer.node.Await<Bytes>([&](auto done) { return peer.crypto.Sign(Message(), done); });
  ASSERT_TRUE(signature.has_value()) << signature.error().message;
  EXPECT_TRUE(peer.Verify(peer.crypto.own_identity(), *signature, Message()).has_value());
}

TEST(MspMessageCrypto, VerifiesBlocksOfJoinedChannels) {
  TestPeer peer("org1", "Org1MSP", "latest");
  const Bytes block(testing::ReadFixture("blocks/5.block"));
  const auto verify = [&](const std::string& channel, std::uint64_t number) {
    return peer.node.Await<void>([&](auto done) { return peer.crypto.VerifyBlock(channel, number, block, done); });
  };
  EXPECT_TRUE(verify("mychannel", 5).has_value());
  EXPECT_FALSE(verify("mychannel", 6).has_value());
  EXPECT_EQ(verify("other", 5).error().code, base::ErrorCode::kNotFound);
}

TEST(MspMessageCrypto, NewConfigurationJudgesSignersOfBlocksAnew) {
  testnet::BlockMaker maker(testnet::Network({.seed = 1}), {});
  const testnet::BlockMaker others(testnet::Network({.seed = 2}), {});
  const auto config = ChannelConfig::FromBlock(maker.genesis()).value();
  const auto changed = ChannelConfig::FromBlock(others.genesis()).value();
  TestPeer peer("org1", "Org1MSP", "");
  const auto verify = [&](std::uint64_t number) {
    const Bytes block(maker.Next());
    return peer.node.Await<void>(
        [&](auto done) { return peer.crypto.VerifyBlock(config->channel_id(), number, block, done); });
  };
  peer.crypto.SetChannel(config->channel_id(), config);
  EXPECT_TRUE(verify(1).has_value());
  EXPECT_TRUE(verify(2).has_value()) << "the signer is remembered";
  peer.crypto.SetChannel(config->channel_id(), changed);
  EXPECT_EQ(verify(3).error().code, base::ErrorCode::kDenied) << "another authority stands for OrdererMSP now";
  peer.crypto.SetChannel(config->channel_id(), config);
  EXPECT_TRUE(verify(4).has_value());
}

// 6.5: what a deliver client sees of a block whose data it has not asked for.
TEST(MspMessageCrypto, VerifiesHeadersWithoutData) {
  TestPeer peer("org1", "Org1MSP", "latest");
  ::common::Block header;
  ASSERT_TRUE(header.ParseFromString(testing::ReadFixture("blocks/5.block")));
  header.clear_data();
  const auto verify = [&](const std::string& channel) {
    const Bytes block(header.SerializeAsString());
    return peer.node.Await<void>([&](auto done) { return peer.crypto.VerifyBlockAttestation(channel, block, done); });
  };
  EXPECT_TRUE(verify("mychannel").has_value());
  EXPECT_EQ(verify("other").error().code, base::ErrorCode::kNotFound);
  header.mutable_header()->set_number(6);
  EXPECT_EQ(verify("mychannel").error().code, base::ErrorCode::kDenied);
  header.clear_metadata();
  EXPECT_EQ(verify("mychannel").error().code, base::ErrorCode::kInvalid);
}

TEST(MspMessageCrypto, EqualWorkIsDoneOnceAndRemembered) {
  TestPeer peer("org1", "Org1MSP", "latest");
  int answers = 0;
  std::vector<base::Handle> handles;
  const auto verify_ten_times = [&] {
    for (int i = 0; i < 10; ++i) {
      handles.push_back(peer.crypto.Verify(IdentityOf("peer0.org2"), SignatureOf("peer0.org2"), Message(),
                                           [&](base::Result<void> result) { answers += result ? 1 : 0; }));
    }
    EXPECT_TRUE(peer.node.scheduler.RunUntilQuiescent(std::chrono::minutes(1)));
  };
  verify_ten_times();
  EXPECT_EQ(answers, 10);
  EXPECT_EQ(peer.node.workers.submitted(), 2U) << "one identity, one signature";
  verify_ten_times();
  EXPECT_EQ(answers, 20);
  EXPECT_EQ(peer.node.workers.submitted(), 2U);
  peer.crypto.SetChannel("mychannel", FixtureChannelOf("genesis").config);
  verify_ten_times();
  EXPECT_EQ(peer.node.workers.submitted(), 3U) << "a new configuration judges identities anew, signatures not";
}

TEST(MspMessageCrypto, DestroyedHandleSuppressesTheAnswer) {
  TestPeer peer("org1", "Org1MSP", "");
  int answers = 0;
  const auto count = [&](base::Result<IdentityInfo>) { ++answers; };
  base::Handle cancelled = peer.crypto.Validate(IdentityOf("peer1.org1"), count);
  const base::Handle kept = peer.crypto.Validate(IdentityOf("peer1.org1"), count);
  cancelled.Reset();
  EXPECT_TRUE(peer.node.scheduler.RunUntilQuiescent(std::chrono::minutes(1)));
  EXPECT_EQ(answers, 1);
}

TEST(MspMessageCrypto, RefusesBeyondItsBoundOfPendingJobs) {
  VirtualNode node(FixtureTime());
  MspMessageCrypto crypto(node.environment(), LoadFixturePeer("org1", "Org1MSP"), {.max_pending_jobs = 1});
  std::vector<base::ErrorCode> errors;
  const auto collect = [&](base::Result<IdentityInfo> info) {
    if (!info) errors.push_back(info.error().code);
  };
  const base::Handle first = crypto.Validate(IdentityOf("peer1.org1"), collect);
  const base::Handle second = crypto.Validate(IdentityOf("peer2.org1"), collect);
  EXPECT_TRUE(node.scheduler.RunUntilQuiescent(std::chrono::minutes(1)));
  EXPECT_EQ(errors, std::vector{base::ErrorCode::kExhausted});
}

}  // namespace
}  // namespace grapevine::msp
