// Validation of identities and set-up of MSPs, one accepted and one refused case per row (specification 03, sections
// 4.3, 4.5 and 4.6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msp/certificate_maker.h"
#include "msp/fixture_network.h"
#include "msp/msp.h"
#include "msp/msp_principal.pb.h"
#include "msp/serialized_identity.h"

namespace grapevine::msp {
namespace {

using ::testing::HasSubstr;

CertificateSpec LeafSpec(std::vector<std::string> units, long serial = 1) {
  CertificateSpec spec;
  spec.common_name = "member";
  spec.organizational_units = std::move(units);
  spec.serial = serial;
  return spec;
}

MspPtr MakeMsp(const ::msp::FabricMSPConfig& config, MspVersion version = MspVersion::kV1_4_3) {
  return Value(Msp::Create(config, version));
}

std::string SetupError(const ::msp::FabricMSPConfig& config, MspVersion version = MspVersion::kV1_4_3) {
  const auto msp = Msp::Create(config, version);
  return msp ? "" : msp.error().message;
}

::common::MSPPrincipal Principal(::common::MSPPrincipal::Classification classification, const std::string& bytes) {
  ::common::MSPPrincipal principal;
  principal.set_principal_classification(classification);
  principal.set_principal(bytes);
  return principal;
}

::common::MSPPrincipal Role(::common::MSPRole::MSPRoleType type, const std::string& msp_id = "TestMSP") {
  ::common::MSPRole role;
  role.set_msp_identifier(msp_id);
  role.set_role(type);
  return Principal(::common::MSPPrincipal::ROLE, role.SerializeAsString());
}

class ValidationRule : public ::testing::Test {
 protected:
  bool Satisfies(const MspPtr& msp, const TestIdentity& identity, const ::common::MSPPrincipal& principal) {
    return msp->CheckPrincipal(*Value(msp->Deserialize(identity.pem())), principal).has_value();
  }

  TestIdentity root_ = MakeRoot(CaSpec("root"));
  TestIdentity peer_ = Issue(root_, LeafSpec({"peer"}));
};

TEST_F(ValidationRule, RevokedSerialsOfTheDirectIssuerAreRefused) {
  const TestIdentity other = Issue(root_, LeafSpec({"peer"}, 2));
  auto config = MakeMspConfig({root_});
  config.add_revocation_list(MakeRevocationList(root_, root_, {2, 77}));
  const MspPtr msp = MakeMsp(config);
  EXPECT_EQ(Refusal(msp, peer_), "");
  EXPECT_THAT(Refusal(msp, other), HasSubstr("has been revoked"));
}

TEST_F(ValidationRule, RevocationListOfAnotherAuthorityOrWithABadSignatureIsIgnored) {
  const TestIdentity other_root = MakeRoot(CaSpec("other root"));
  auto config = MakeMspConfig({root_, other_root});
  config.add_revocation_list(MakeRevocationList(other_root, other_root, {1}));
  config.add_revocation_list(MakeRevocationList(root_, other_root, {1}));
  EXPECT_EQ(Refusal(MakeMsp(config), peer_), "");
}

TEST_F(ValidationRule, RevocationListWithoutAuthorityKeyIdentifierFailsEverything) {
  auto config = MakeMspConfig({root_});
  config.add_revocation_list(MakeRevocationList(root_, root_, {99}, false));
  EXPECT_THAT(Refusal(MakeMsp(config), peer_), HasSubstr("without Authority Key Identifier"));
}

TEST_F(ValidationRule, RevokedIntermediateFailsTheSetUp) {
  CertificateSpec spec = CaSpec("intermediate");
  spec.serial = 5;
  auto config = MakeMspConfig({root_}, {Issue(root_, spec)});
  EXPECT_EQ(SetupError(config), "");
  config.add_revocation_list(MakeRevocationList(root_, root_, {5}));
  EXPECT_THAT(SetupError(config), HasSubstr("intermediate_certs: '/CN=intermediate' has been revoked"));
}

TEST_F(ValidationRule, OrganizationalUnitMustBeListedWithItsIssuer) {
  const TestIdentity other_root = MakeRoot(CaSpec("other root"));
  auto config = MakeMspConfig({root_, other_root}, {}, false);
  config.add_admins(Issue(root_, LeafSpec({"sales"})).pem());
  auto& unit = *config.add_organizational_unit_identifiers();
  unit.set_organizational_unit_identifier("sales");
  unit.set_certificate(root_.pem());
  const MspPtr msp = MakeMsp(config);
  EXPECT_EQ(Refusal(msp, Issue(root_, LeafSpec({"else", "sales"}))), "");
  EXPECT_THAT(Refusal(msp, Issue(root_, LeafSpec({"Sales"}))), HasSubstr("organizational_unit_identifiers"));
  EXPECT_THAT(Refusal(msp, Issue(other_root, LeafSpec({"sales"}))), HasSubstr("organizational_unit_identifiers"));
}

TEST_F(ValidationRule, OrganizationalUnitCertificateMustBeAConfiguredAuthority) {
  auto config = MakeMspConfig({root_});
  auto& unit = *config.add_organizational_unit_identifiers();
  unit.set_organizational_unit_identifier("sales");
  unit.set_certificate(MakeRoot(CaSpec("stranger")).pem());
  EXPECT_THAT(SetupError(config),
              HasSubstr("organizational_unit_identifiers[0].certificate: '/CN=stranger' is neither"));
}

TEST_F(ValidationRule, ExactlyOneNodeOu) {
  const MspPtr msp = MakeMsp(MakeMspConfig({root_}));
  for (const char* unit : {"client", "peer", "admin", "orderer"}) {
    EXPECT_EQ(Refusal(msp, Issue(root_, LeafSpec({"other", unit}))), "") << unit;
  }
  EXPECT_THAT(Refusal(msp, Issue(root_, LeafSpec({"other"}))), HasSubstr("0 of its OUs"));
  EXPECT_THAT(Refusal(msp, Issue(root_, LeafSpec({"peer", "client"}))), HasSubstr("2 of its OUs"));
  EXPECT_THAT(Refusal(msp, Issue(root_, LeafSpec({"peer", "peer"}))), HasSubstr("2 of its OUs"));
}

TEST_F(ValidationRule, NodeOuCertificateMustHaveIssuedTheIdentity) {
  const TestIdentity other_root = MakeRoot(CaSpec("other root"));
  auto config = MakeMspConfig({root_, other_root});
  config.mutable_fabric_node_ous()->mutable_peer_ou_identifier()->set_certificate(root_.pem());
  const MspPtr msp = MakeMsp(config);
  EXPECT_EQ(Refusal(msp, peer_), "");
  EXPECT_THAT(Refusal(msp, Issue(other_root, LeafSpec({"peer"}))), HasSubstr("was not issued by"));
  EXPECT_EQ(Refusal(msp, Issue(other_root, LeafSpec({"client"}))), "") << "no certificate configured for clients";
}

TEST_F(ValidationRule, VersionsSwitchNodeOus) {
  auto config = MakeMspConfig({root_});
  const TestIdentity no_ou = Issue(root_, LeafSpec({}));
  const TestIdentity orderer = Issue(root_, LeafSpec({"orderer"}));
  EXPECT_EQ(Refusal(MakeMsp(config, MspVersion::kV1_0), no_ou), "");
  EXPECT_THAT(Refusal(MakeMsp(config, MspVersion::kV1_1), no_ou), HasSubstr("0 of its OUs"));
  EXPECT_THAT(Refusal(MakeMsp(config, MspVersion::kV1_3), orderer), HasSubstr("0 of its OUs"));
  EXPECT_EQ(Refusal(MakeMsp(config, MspVersion::kV1_4_3), orderer), "");
}

TEST_F(ValidationRule, AuthoritiesNeedTheCaFlagAndAKeyIdentifier) {
  CertificateSpec without_flag = CaSpec("no flag");
  without_flag.is_ca = false;
  CertificateSpec without_identifier = CaSpec("no identifier");
  without_identifier.with_subject_key_identifier = false;
  EXPECT_NE(SetupError(MakeMspConfig({MakeRoot(without_flag)})), "");
  EXPECT_THAT(SetupError(MakeMspConfig({MakeRoot(without_identifier)})),
              HasSubstr("root_certs: '/CN=no identifier' has no Subject Key Identifier"));
  EXPECT_THAT(SetupError(MakeMspConfig({})), HasSubstr("root_certs is empty"));
  auto tls = MakeMspConfig({root_});
  tls.add_tls_root_certs(MakeRoot(without_flag).pem());
  EXPECT_THAT(SetupError(tls), HasSubstr("tls_root_certs: '/CN=no flag' is not a certificate authority"));
  auto broken = MakeMspConfig({root_});
  broken.add_root_certs("no PEM");
  EXPECT_THAT(SetupError(broken), HasSubstr("root_certs[1]: it has no PEM block"));
}

TEST_F(ValidationRule, HashSettingsMustBeKnown) {
  auto config = MakeMspConfig({root_});
  config.mutable_crypto_config()->set_identity_identifier_hash_function("SHA3_384");
  config.mutable_crypto_config()->set_signature_hash_family("SHA3");
  EXPECT_EQ(Value(MakeMsp(config)->Deserialize(peer_.pem()))->identifier().size(), 96U);
  EXPECT_EQ(Value(MakeMsp(config)->Deserialize(peer_.pem()))->hash(), crypto::HashAlgorithm::kSha3_256);
  config.mutable_crypto_config()->set_signature_hash_family("MD5");
  EXPECT_THAT(SetupError(config), HasSubstr("signature_hash_family 'MD5': expected SHA2 or SHA3"));
}

TEST_F(ValidationRule, AdministratorsAreListedOrHaveTheAdminOu) {
  const TestIdentity client = Issue(root_, LeafSpec({"client"}));
  const TestIdentity admin = Issue(root_, LeafSpec({"admin"}));
  auto config = MakeMspConfig({root_});
  config.add_admins(client.pem());
  const MspPtr msp = MakeMsp(config);
  EXPECT_TRUE(Satisfies(msp, client, Role(::common::MSPRole::ADMIN)));
  EXPECT_TRUE(Satisfies(msp, admin, Role(::common::MSPRole::ADMIN)));
  EXPECT_FALSE(Satisfies(msp, Issue(root_, LeafSpec({"client"})), Role(::common::MSPRole::ADMIN)));
  EXPECT_FALSE(Satisfies(msp, admin, Role(::common::MSPRole::ADMIN, "OtherMSP")));
  config.add_admins(peer_.pem());
  EXPECT_THAT(SetupError(config), HasSubstr("admins[1]"));
  EXPECT_THAT(SetupError(MakeMspConfig({root_}, {}, false)), HasSubstr("admins is empty"));
}

TEST_F(ValidationRule, RolesNeedNodeOus) {
  auto config = MakeMspConfig({root_}, {}, false);
  config.add_admins(Issue(root_, LeafSpec({})).pem());
  const MspPtr without = MakeMsp(config);
  EXPECT_TRUE(Satisfies(without, peer_, Role(::common::MSPRole::MEMBER)));
  EXPECT_FALSE(Satisfies(without, peer_, Role(::common::MSPRole::PEER)));
  const MspPtr with = MakeMsp(MakeMspConfig({root_}));
  EXPECT_TRUE(Satisfies(with, peer_, Role(::common::MSPRole::PEER)));
  EXPECT_FALSE(Satisfies(with, peer_, Role(::common::MSPRole::CLIENT)));
  EXPECT_TRUE(Satisfies(with, Issue(root_, LeafSpec({"orderer"})), Role(::common::MSPRole::ORDERER)));
}

TEST_F(ValidationRule, OtherPrincipals) {
  const MspPtr msp = MakeMsp(MakeMspConfig({root_}));
  const auto identity = Value(msp->Deserialize(peer_.pem()));
  ::common::OrganizationUnit unit;
  unit.set_msp_identifier("TestMSP");
  unit.set_organizational_unit_identifier("peer");
  unit.set_certifiers_identifier(identity->organizational_units().at(0).certifiers_identifier);
  EXPECT_TRUE(Satisfies(msp, peer_, Principal(::common::MSPPrincipal::ORGANIZATION_UNIT, unit.SerializeAsString())));
  unit.set_certifiers_identifier("other");
  EXPECT_FALSE(Satisfies(msp, peer_, Principal(::common::MSPPrincipal::ORGANIZATION_UNIT, unit.SerializeAsString())));

  const auto is = [&](const TestIdentity& wanted) {
    return Principal(::common::MSPPrincipal::IDENTITY, SerializeIdentity("TestMSP", wanted.pem()));
  };
  EXPECT_TRUE(Satisfies(msp, peer_, is(peer_)));
  EXPECT_FALSE(Satisfies(msp, peer_, is(Issue(root_, LeafSpec({"peer"}, 2)))));

  ::common::CombinedPrincipal combined;
  EXPECT_FALSE(Satisfies(msp, peer_, Principal(::common::MSPPrincipal::COMBINED, "")));
  *combined.add_principals() = Role(::common::MSPRole::MEMBER);
  *combined.add_principals() = Principal(::common::MSPPrincipal::ANONYMITY, "");
  const auto both = Principal(::common::MSPPrincipal::COMBINED, combined.SerializeAsString());
  EXPECT_TRUE(Satisfies(msp, peer_, both));
  EXPECT_FALSE(Satisfies(MakeMsp(MakeMspConfig({root_}), MspVersion::kV1_1), peer_, both));
  *combined.add_principals() = Role(::common::MSPRole::ADMIN);
  EXPECT_FALSE(Satisfies(msp, peer_, Principal(::common::MSPPrincipal::COMBINED, combined.SerializeAsString())));
  EXPECT_FALSE(Satisfies(msp, peer_, Principal(static_cast<::common::MSPPrincipal::Classification>(9), "")));
}

}  // namespace
}  // namespace grapevine::msp
