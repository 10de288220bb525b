// Rules of policies that the recorded ones do not show (specification 03, sections 7.2 and 7.3).
#include "msp/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/policies.pb.h"
#include "msp/certificate_maker.h"
#include "msp/fixture_network.h"
#include "msp/msp_principal.pb.h"

namespace grapevine::msp {
namespace {

using ::common::MSPRole;
using ::common::SignaturePolicy;
using ::testing::HasSubstr;

SignaturePolicy SignedBy(int index) {
  SignaturePolicy rule;
  rule.set_signed_by(index);
  return rule;
}

SignaturePolicy OutOf(int n, const std::vector<SignaturePolicy>& rules) {
  SignaturePolicy rule;
  rule.mutable_n_out_of()->set_n(n);
  for (const SignaturePolicy& sub_rule : rules) *rule.mutable_n_out_of()->add_rules() = sub_rule;
  return rule;
}

class PolicyTest : public ::testing::Test {
 protected:
  // Principals by index: 0 member, 1 peer, 2 client.
  PolicyPtr Make(const SignaturePolicy& rule) {
    ::common::SignaturePolicyEnvelope envelope;
    *envelope.mutable_rule() = rule;
    for (const auto type : {MSPRole::MEMBER, MSPRole::PEER, MSPRole::CLIENT}) {
      MSPRole role;
      role.set_msp_identifier("TestMSP");
      role.set_role(type);
      envelope.add_identities()->set_principal(role.SerializeAsString());
    }
    return Value(MakeSignaturePolicy(envelope.SerializeAsString(), manager_));
  }
  IdentityPtr Signer(const std::string& unit) {
    CertificateSpec spec;
    spec.organizational_units = {unit};
    return Value(manager_->Find("TestMSP")->Deserialize(Issue(root_, spec).pem()));
  }
  static bool Accepts(const PolicyPtr& policy, const std::vector<IdentityPtr>& signers) {
    return policy->EvaluateSigners(signers).has_value();
  }

  TestIdentity root_ = MakeRoot(CaSpec("root"));
  MspManagerPtr manager_ = Value(MspManager::Create({Value(Msp::Create(MakeMspConfig({root_}), MspVersion::kV1_4_3))}));
  IdentityPtr peer_ = Signer("peer");
  IdentityPtr client_ = Signer("client");
};

TEST_F(PolicyTest, TakesSignersGreedilyWithoutGoingBack) {
  const PolicyPtr member_and_peer = Make(OutOf(2, {SignedBy(0), SignedBy(1)}));
  EXPECT_TRUE(Accepts(member_and_peer, {client_, peer_}));
  EXPECT_FALSE(Accepts(member_and_peer, {peer_, client_})) << "member takes the peer, nobody is left for peer";
  const PolicyPtr peer_and_member = Make(OutOf(2, {SignedBy(1), SignedBy(0)}));
  EXPECT_TRUE(Accepts(peer_and_member, {peer_, client_}));
}

TEST_F(PolicyTest, FailedSubRuleLeavesNoUses) {
  // The inner rule takes the peer, fails for want of a client, and gives it back.
  const PolicyPtr policy = Make(OutOf(1, {OutOf(2, {SignedBy(1), SignedBy(2)}), SignedBy(1)}));
  EXPECT_TRUE(Accepts(policy, {peer_}));
}

TEST_F(PolicyTest, SucceededSubRuleKeepsItsUsesAndAllSubRulesAreEvaluated) {
  // Both inner rules want a peer; the first keeps it even though one of two would be enough.
  const PolicyPtr policy = Make(OutOf(2, {OutOf(1, {SignedBy(1), SignedBy(2)}), SignedBy(2)}));
  EXPECT_FALSE(Accepts(policy, {peer_, client_})) << "no early end: the first rule takes the client too";
  EXPECT_TRUE(Accepts(policy, {peer_, client_, Signer("client")}));
}

TEST_F(PolicyTest, MalformedSignaturePoliciesAreRefused) {
  const auto error = [&](const ::common::SignaturePolicyEnvelope& envelope) {
    const auto policy = MakeSignaturePolicy(envelope.SerializeAsString(), manager_);
    return policy ? "" : policy.error().message;
  };
  ::common::SignaturePolicyEnvelope envelope;
  EXPECT_THAT(error(envelope), HasSubstr("a rule is missing"));
  *envelope.mutable_rule() = OutOf(1, {SignedBy(0)});
  EXPECT_THAT(error(envelope), HasSubstr("signed_by 0: expected an index below 0"));
  envelope.add_identities();
  EXPECT_EQ(error(envelope), "");
  envelope.set_version(1);
  EXPECT_THAT(error(envelope), HasSubstr("version 1; expected 0"));
}

TEST_F(PolicyTest, ImplicitThresholds) {
  const PolicyPtr yes = Make(OutOf(0, {}));
  const PolicyPtr no = MakeRejectingPolicy("/none");
  struct Case {
    int satisfied, count;
    bool any, all, majority;
  };
  for (const Case& it : {Case{0, 0, true, true, true}, Case{0, 1, false, false, false}, Case{1, 1, true, true, true},
                         Case{1, 2, true, false, false}, Case{2, 2, true, true, true}, Case{1, 3, true, false, false},
                         Case{2, 3, true, false, true}, Case{3, 3, true, true, true}}) {
    SCOPED_TRACE(fmt::format("{} of {}", it.satisfied, it.count));
    std::vector<PolicyPtr> sub_policies(static_cast<std::size_t>(it.satisfied), yes);
    sub_policies.resize(static_cast<std::size_t>(it.count), no);
    const auto accepts = [&](ImplicitMetaRule rule) {
      return MakeImplicitMetaPolicy(rule, sub_policies, manager_)->Evaluate({}).has_value();
    };
    EXPECT_EQ(accepts(ImplicitMetaRule::kAny), it.any);
    EXPECT_EQ(accepts(ImplicitMetaRule::kAll), it.all);
    EXPECT_EQ(accepts(ImplicitMetaRule::kMajority), it.majority);
  }
}

TEST_F(PolicyTest, TreeRefusesPoliciesItCannotEvaluateAndRejectsUnknownPaths) {
  PolicyGroup channel;
  const auto error = [&] {
    const auto tree = PolicyTree::Create(channel, manager_);
    return tree ? "" : tree.error().message;
  };
  channel.groups["Application"].policies["Readers"] = {::common::Policy::MSP, ""};
  EXPECT_THAT(error(), HasSubstr("policy /Channel/Application/Readers: type 2"));
  channel.groups["Application"].policies["Readers"] = {0, ""};
  EXPECT_THAT(error(), HasSubstr("type 0"));
  ::common::ImplicitMetaPolicy all;
  all.set_sub_policy("Readers");
  all.set_rule(::common::ImplicitMetaPolicy::ALL);
  channel.groups["Application"].policies["Readers"] = {::common::Policy::IMPLICIT_META, all.SerializeAsString()};
  const auto tree = Value(PolicyTree::Create(channel, manager_));
  EXPECT_TRUE(tree->Get("/Channel/Application/Readers")->Evaluate({}).has_value()) << "no child groups";
  const auto unknown = tree->Get("/Channel/Application/Writers")->Evaluate({});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, HasSubstr("/Channel/Application/Writers"));

  channel.groups["Application"].groups["Org"];  // lacks Readers: counted, and rejects
  EXPECT_FALSE(
      Value(PolicyTree::Create(channel, manager_))->Get("/Channel/Application/Readers")->Evaluate({}).has_value());
}

}  // namespace
}  // namespace grapevine::msp
