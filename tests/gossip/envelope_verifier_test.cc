// Signatures of envelopes, once for equal ones: specification 10.5 V rule 3, 14.6.3, D-6.
#include "gossip/envelope_verifier.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "station.h"

namespace grapevine::gossip {
namespace {

class EnvelopeVerifierTest : public ::testing::Test {
 protected:
  EnvelopeVerifierTest() {
    authority_.SetReaders(kChannel, {kOrg1});
    Learn(alice_);
    Learn(bob_);
  }
  void Learn(const base::Bytes& identity) {
    const auto put = node_.mapper.Put(IdOf(identity), identity, [](const auto& entry) { EXPECT_TRUE(entry); });
    world_->scheduler().RunFor(1s);
  }
  static wire::PkiId IdOf(const base::Bytes& identity) { return *simulation::Authority::PkiIdOf(identity); }
  wire::Envelope Signed(const base::Bytes& by, const std::string& payload) const {
    return wire::Envelope::Make(payload, authority_.Sign(by, payload));
  }
  wire::Envelope WithSecret(const base::Bytes& secret_signer) const {
    const base::Bytes secret = base::Bytes::Copy("secret");
    return wire::Envelope::Make("alive", authority_.Sign(alice_, "alive"),
                                wire::SecretEnvelope{secret, authority_.Sign(secret_signer, secret)});
  }
  EnvelopeVerifier::Done Store(std::optional<base::Result<void>>& verdict) {
    return [&verdict](const base::Result<void>& result) {
      EXPECT_FALSE(verdict.has_value()) << "called twice";
      verdict = result;
    };
  }
  // The verdict: nothing if the signatures are right, else the error code.
  std::optional<base::ErrorCode> Verify(const base::Bytes& signer, const wire::Envelope& envelope,
                                        const wire::Envelope* verified = nullptr) {
    std::optional<base::Result<void>> verdict;
    verifier_->Verify(IdOf(signer), envelope, Store(verdict), verified);
    return Await(verdict);
  }
  std::optional<base::ErrorCode> VerifyByChannel(const base::Bytes& signer, const wire::Envelope& envelope) {
    std::optional<base::Result<void>> verdict;
    verifier_->VerifyByChannel(kChannel, 1, IdOf(signer), envelope, Store(verdict));
    return Await(verdict);
  }
  std::optional<base::ErrorCode> Await(std::optional<base::Result<void>>& verdict) {
    EXPECT_FALSE(verdict.has_value()) << "called within Verify";
    world_->scheduler().RunFor(1s);
    EXPECT_TRUE(verdict.has_value());
    EXPECT_EQ(verifier_->under_way(), 0u);
    if (!verdict.has_value() || verdict->has_value()) return std::nullopt;
    return verdict->error().code;
  }
  std::uint64_t joined() const { return node_.host.metrics().CounterValue("gossip_verifications_joined"); }
  std::uint64_t work() const { return node_.host.workers().submitted(); }

  std::unique_ptr<simulation::World> world_ = MakeWorld(3);
  simulation::Authority authority_{3};
  Station node_{world_->AddHost("node"), authority_, kOrg1};
  base::Bytes alice_ = authority_.Issue(kOrg1, "alice");
  base::Bytes bob_ = authority_.Issue(kOrg2, "bob");
  std::unique_ptr<EnvelopeVerifier> verifier_ =
      std::make_unique<EnvelopeVerifier>(node_.host.environment(), node_.mapper, node_.crypto);
};

TEST_F(EnvelopeVerifierTest, ASignatureIsCheckedUnderTheSignersIdentity) {
  EXPECT_EQ(Verify(alice_, Signed(alice_, "text")), std::nullopt);
  EXPECT_EQ(Verify(alice_, Signed(bob_, "text")), base::ErrorCode::kDenied);
  EXPECT_EQ(Verify(alice_, wire::Envelope::Make("text", authority_.Sign(alice_, "other"))), base::ErrorCode::kDenied);
  EXPECT_EQ(Verify(alice_, wire::Envelope::Make("text")), base::ErrorCode::kInvalid);
  EXPECT_EQ(Verify(authority_.Issue(kOrg1, "stranger"), Signed(alice_, "text")), base::ErrorCode::kNotFound);
}

TEST_F(EnvelopeVerifierTest, TheChannelsReadersDecideForAChannel) {
  EXPECT_EQ(VerifyByChannel(alice_, Signed(alice_, "text")), std::nullopt);
  EXPECT_EQ(VerifyByChannel(alice_, Signed(bob_, "text")), base::ErrorCode::kDenied);
  EXPECT_EQ(VerifyByChannel(bob_, Signed(bob_, "text")), base::ErrorCode::kDenied);
  EXPECT_EQ(VerifyByChannel(alice_, wire::Envelope::Make("text")), base::ErrorCode::kInvalid);
  EXPECT_EQ(VerifyByChannel(authority_.Issue(kOrg1, "stranger"), Signed(alice_, "text")), base::ErrorCode::kNotFound);
}

TEST_F(EnvelopeVerifierTest, ASecretPartNeedsASignatureOfTheSameSigner) {
  EXPECT_EQ(Verify(alice_, WithSecret(alice_)), std::nullopt);
  EXPECT_EQ(Verify(alice_, WithSecret(bob_)), base::ErrorCode::kDenied);
  EXPECT_EQ(Verify(alice_, WithSecret(bob_).WithoutSecret()), std::nullopt);
  const base::Bytes text = base::Bytes::Copy("text");
  for (const wire::SecretEnvelope& part : {wire::SecretEnvelope{{}, text}, wire::SecretEnvelope{text, {}}}) {
    const auto made = wire::Envelope::Make("alive", authority_.Sign(alice_, "alive"), part);
    const auto received = wire::Envelope::Decode(made.encoded());
    ASSERT_TRUE(received.has_value());
    ASSERT_TRUE(received->secret().has_value());
    EXPECT_EQ(Verify(alice_, *received), base::ErrorCode::kInvalid);
  }
}

// A peer signs its secret part once and sends it with every message.
TEST_F(EnvelopeVerifierTest, ASecretPartThatIsKnownIsNotVerifiedAgain) {
  const wire::Envelope known = WithSecret(alice_);
  const wire::Envelope without = known.WithoutSecret();
  const auto submitted = [&](const wire::Envelope& envelope, const wire::Envelope* verified,
                             std::optional<base::ErrorCode> verdict) {
    const std::uint64_t before = work();
    EXPECT_EQ(Verify(alice_, envelope, verified), verdict);
    return work() - before;
  };
  EXPECT_EQ(submitted(WithSecret(alice_), nullptr, std::nullopt), 2u);
  EXPECT_EQ(submitted(WithSecret(alice_), &without, std::nullopt), 2u);
  EXPECT_EQ(submitted(WithSecret(alice_), &known, std::nullopt), 1u);
  EXPECT_EQ(submitted(WithSecret(bob_), &known, base::ErrorCode::kDenied), 2u) << "another signature";
  EXPECT_EQ(submitted(without, &known, std::nullopt), 1u);
}

TEST_F(EnvelopeVerifierTest, ASecretPartIsNotLookedAtWhenTheEnvelopeIsForged) {
  const std::uint64_t before = work();
  EXPECT_EQ(Verify(bob_, WithSecret(alice_)), base::ErrorCode::kDenied);
  EXPECT_EQ(work() - before, 1u);
}

TEST_F(EnvelopeVerifierTest, D6_EqualOnesUnderWayAreVerifiedOnce) {
  const wire::Envelope envelope = Signed(alice_, "text");
  const std::uint64_t before = work();
  std::vector<std::optional<base::Result<void>>> verdicts(4);
  verifier_->Verify(IdOf(alice_), envelope, Store(verdicts[0]));
  verifier_->Verify(IdOf(alice_), envelope, Store(verdicts[1]));
  verifier_->Verify(IdOf(alice_), envelope.Detached(), Store(verdicts[2]));
  EXPECT_EQ(verifier_->under_way(), 1u);
  // Equal bytes under another signer or for a channel are something else.
  verifier_->Verify(IdOf(bob_), envelope, Store(verdicts[3]));
  std::optional<base::Result<void>> by_channel;
  verifier_->VerifyByChannel(kChannel, 1, IdOf(alice_), envelope, Store(by_channel));
  EXPECT_EQ(verifier_->under_way(), 3u);
  world_->scheduler().RunFor(1s);
  EXPECT_EQ(work() - before, 3u);
  EXPECT_EQ(joined(), 2u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(verdicts[i].has_value() && verdicts[i]->has_value());
  EXPECT_TRUE(verdicts[3].has_value() && !verdicts[3]->has_value());
  EXPECT_TRUE(by_channel.has_value() && by_channel->has_value());
}

TEST_F(EnvelopeVerifierTest, D26_OneUnderAnEarlierConfigurationIsNotJoined) {
  const wire::Envelope envelope = Signed(alice_, "text");
  const std::uint64_t before = work();
  std::vector<std::optional<base::Result<void>>> verdicts(2);
  verifier_->VerifyByChannel(kChannel, 1, IdOf(alice_), envelope, Store(verdicts[0]));
  verifier_->VerifyByChannel(kChannel, 2, IdOf(alice_), envelope, Store(verdicts[1]));
  world_->scheduler().RunFor(1s);
  EXPECT_EQ(work() - before, 2u);
  EXPECT_EQ(joined(), 0u);
  for (const auto& verdict : verdicts) EXPECT_TRUE(verdict.has_value() && verdict->has_value());
}

TEST_F(EnvelopeVerifierTest, OneThatIsOverIsNotJoined) {
  const wire::Envelope envelope = Signed(alice_, "text");
  EXPECT_EQ(Verify(alice_, envelope), std::nullopt);
  EXPECT_EQ(Verify(alice_, envelope), std::nullopt);
  EXPECT_EQ(joined(), 0u);
}

TEST_F(EnvelopeVerifierTest, ACallerMayDestroyItAndNobodyIsCalledAfterwards) {
  int calls = 0;
  const wire::Envelope envelope = Signed(alice_, "text");
  verifier_->Verify(IdOf(alice_), envelope, [&](const auto&) {
    ++calls;
    verifier_.reset();
  });
  verifier_->Verify(IdOf(alice_), envelope, [&](const auto&) { ++calls; });
  verifier_->Verify(IdOf(alice_), Signed(alice_, "other"), [&](const auto&) { ++calls; });
  world_->scheduler().RunFor(1s);
  EXPECT_EQ(calls, 1);
}

TEST_F(EnvelopeVerifierTest, ADestroyedOneCallsNobody) {
  const auto never = [](const base::Result<void>&) { FAIL(); };
  verifier_->Verify(IdOf(alice_), Signed(alice_, "text"), never);
  verifier_->Verify(IdOf(alice_), wire::Envelope::Make("unsigned"), never);
  verifier_.reset();
  world_->scheduler().RunFor(1s);
}

}  // namespace
}  // namespace grapevine::gossip
