#include "simulation/simulated_crypto.h"

#include <gtest/gtest.h>

#include <string>

#include "simulation/simulated_block.h"
#include "simulation/world.h"

namespace grapevine::simulation {
namespace {

using base::Bytes;
using base::ErrorCode;
using namespace std::chrono_literals;

struct SimulatedCryptoTest : ::testing::Test {
  World world{1};
  Authority authority{1};
  Bytes alice = authority.Issue("Org1MSP", "alice");
  Bytes bob = authority.Issue("Org2MSP", "bob");
  SimulatedCrypto crypto{world.AddHost("alice").environment(), authority, alice};

  // The outcome of an operation that has not happened before virtual time passes.
  template <typename T>
  base::Result<T> Await(const std::function<base::Handle(msp::Done<T>)>& start) {
    std::optional<base::Result<T>> outcome;
    const base::Handle handle = start([&](base::Result<T> result) { outcome = std::move(result); });
    EXPECT_FALSE(outcome.has_value());
    EXPECT_TRUE(world.scheduler().RunUntilQuiescent(1s));
    return outcome.value_or(base::Fail(ErrorCode::kInternal, "no answer"));
  }
  base::Result<void> Verify(const Bytes& identity, const Bytes& signature, const Bytes& message) {
    return Await<void>([&](auto done) { return crypto.Verify(identity, signature, message, std::move(done)); });
  }
  base::Result<msp::IdentityInfo> Validate(const Bytes& identity) {
    return Await<msp::IdentityInfo>([&](auto done) { return crypto.Validate(identity, std::move(done)); });
  }
};

TEST_F(SimulatedCryptoTest, PkiIdIsTheHashOfMspIdAndIdentityBytes) {
  // 03, 1.2, test vector: mspid Org1MSP, id_bytes abc.
  const std::string serialised(
      "\x0a\x07Org1MSP\x12\x03"
      "abc");
  EXPECT_EQ(crypto.PkiIdOf(serialised)->ToHex(), "1c32c238dd9fc1a16374f5e99f6e5abab990090f0a853ff0835215974c133724");
  EXPECT_FALSE(crypto.PkiIdOf("").has_value());
}

TEST_F(SimulatedCryptoTest, ASignatureIsValidForItsSignerAndMessageOnly) {
  const Bytes message("message");
  const auto signature = Await<Bytes>([&](auto done) { return crypto.Sign(message, std::move(done)); });
  ASSERT_TRUE(signature.has_value());
  EXPECT_TRUE(Verify(alice, *signature, message).has_value());
  EXPECT_FALSE(Verify(bob, *signature, message).has_value());
  EXPECT_FALSE(Verify(alice, *signature, Bytes("massage")).has_value());
  EXPECT_FALSE(Verify(alice, {}, message).has_value());
}

TEST_F(SimulatedCryptoTest, RevokedUnknownAndInventedIdentitiesAreDenied) {
  EXPECT_EQ(Validate(bob)->organization, "Org2MSP");
  authority.Revoke(bob);
  EXPECT_EQ(Validate(bob).error().message, "the identity has been revoked");
  EXPECT_EQ(Validate(authority.IssueByUnknownCa("Org1MSP", "mallory")).error().message,
            "the identity comes from an unknown CA");
  EXPECT_EQ(Validate(Bytes(alice.ToString() + std::string("\x12\x01x"))).error().message,
            "the identity was not issued by any authority");
}

TEST_F(SimulatedCryptoTest, OtherOrganisationsNeedAChannelThatTheyRead) {
  const Bytes message("message");
  const Bytes signature = authority.Sign(bob, message);
  authority.SetReaders("first", {"Org1MSP"});
  EXPECT_EQ(Verify(bob, signature, message).error().code, ErrorCode::kDenied);
  authority.SetReaders("second", {"Org1MSP", "Org2MSP"});
  EXPECT_TRUE(Verify(bob, signature, message).has_value());
  const auto by_channel = [&](const char* channel) {
    return Await<void>(
        [&](auto done) { return crypto.VerifyByChannel(channel, bob, signature, message, std::move(done)); });
  };
  EXPECT_TRUE(by_channel("second").has_value());
  EXPECT_EQ(by_channel("first").error().code, ErrorCode::kDenied);
  EXPECT_EQ(by_channel("third").error().code, ErrorCode::kNotFound);
}

TEST_F(SimulatedCryptoTest, OperationsCostVirtualTime) {
  const base::SteadyTime start = world.scheduler().Now();
  Await<Bytes>([&](auto done) { return crypto.Sign(Bytes("m"), std::move(done)); }).value();
  EXPECT_EQ(world.scheduler().Now() - start, WorkCosts().sign);
}

TEST_F(SimulatedCryptoTest, ABlockIsValidForItsChannelNumberAndDataOnly) {
  const Bytes orderer = authority.Issue("OrdererMSP", "orderer");
  const Bytes block = MakeBlock(authority, orderer, "channel", 7, "previous", {"one", "two"});
  const auto verify = [&](const char* channel, std::uint64_t number, const Bytes& bytes) {
    return Await<void>([&](auto done) { return crypto.VerifyBlock(channel, number, bytes, std::move(done)); })
        .has_value();
  };
  EXPECT_TRUE(verify("channel", 7, block));
  EXPECT_FALSE(verify("other", 7, block));
  EXPECT_FALSE(verify("channel", 8, block));
  std::string changed = block.ToString();
  changed[changed.find("one")] = 'O';
  EXPECT_FALSE(verify("channel", 7, Bytes(changed)));
  EXPECT_FALSE(verify("channel", 7, Bytes("not a block")));
}

}  // namespace
}  // namespace grapevine::simulation
