// The certificate chain rule, one accepted and one refused certificate per row (specification 03, section 4.4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msp/certificate_maker.h"
#include "msp/fixture_network.h"
#include "msp/msp.h"
#include "msp/pem.h"

namespace grapevine::msp {
namespace {

using ::testing::HasSubstr;

CertificateSpec PeerSpec() {
  CertificateSpec spec;
  spec.common_name = "peer 0";  // no host name
  spec.organizational_units = {"peer"};
  return spec;
}

CertificateSpec PeerSpecWith(const std::string& extension, const std::string& value) {
  CertificateSpec spec = PeerSpec();
  spec.extensions.emplace_back(extension, value);
  return spec;
}

CertificateSpec CaSpecWith(const std::string& name, const std::string& extension, const std::string& value) {
  CertificateSpec spec = CaSpec(name);
  spec.extensions.emplace_back(extension, value);
  return spec;
}

MspPtr MakeMsp(const std::vector<TestIdentity>& roots, const std::vector<TestIdentity>& intermediates = {},
               MspVersion version = MspVersion::kV1_4_3) {
  return Value(Msp::Create(MakeMspConfig(roots, intermediates), version));
}

class ChainRule : public ::testing::Test {
 protected:
  TestIdentity root_ = MakeRoot(CaSpec("root"));
};

TEST_F(ChainRule, LeafMustNotBeAnAuthority) {
  const MspPtr msp = MakeMsp({root_});
  CertificateSpec ca = PeerSpec();
  ca.is_ca = true;
  EXPECT_EQ(Refusal(msp, Issue(root_, PeerSpec())), "");
  EXPECT_THAT(Refusal(msp, Issue(root_, ca)), HasSubstr("is a certificate authority"));
}

TEST_F(ChainRule, LeafKeyIsEcdsaOrFromVersion3Ed25519) {
  const MspPtr old_msp = MakeMsp({root_}, {}, MspVersion::kV1_4_3);
  const MspPtr new_msp = MakeMsp({root_}, {}, MspVersion::kV3_0);
  for (const char* curve : {"P-224", "P-256", "P-384", "P-521"}) {
    EXPECT_EQ(Refusal(new_msp, Issue(root_, PeerSpec(), MakeKey(curve))), "") << curve;
  }
  const TestIdentity ed25519 = Issue(root_, PeerSpec(), MakeKey("ED25519"));
  EXPECT_EQ(Refusal(new_msp, ed25519), "");
  EXPECT_THAT(Refusal(old_msp, ed25519), HasSubstr("needs capability V3_0"));
  const TestIdentity rsa = Issue(root_, PeerSpec(), MakeKey("RSA"));
  EXPECT_EQ(Refusal(old_msp, rsa), "");
  EXPECT_THAT(Refusal(new_msp, rsa), HasSubstr("neither an ECDSA nor an Ed25519 key"));
}

TEST_F(ChainRule, ChainMustExist) {
  const TestIdentity stranger = MakeRoot(CaSpec("stranger"));
  const TestIdentity impostor = MakeRoot(CaSpec("root"));
  const MspPtr msp = MakeMsp({root_});
  EXPECT_THAT(Refusal(msp, Issue(stranger, PeerSpec())), HasSubstr("its issuer is not among"));
  EXPECT_THAT(Refusal(msp, Issue(impostor, PeerSpec())), HasSubstr("is not by the key of"));
}

TEST_F(ChainRule, ChainMustBeTheOnlyOne) {
  const TestIdentity renewed = MakeRoot(CaSpecWith("root", "keyUsage", "keyCertSign"), root_.key);
  const TestIdentity leaf = Issue(root_, PeerSpec());
  EXPECT_EQ(Refusal(MakeMsp({root_}), leaf), "");
  EXPECT_EQ(Refusal(MakeMsp({renewed}), leaf), "");
  EXPECT_EQ(Refusal(MakeMsp({root_, root_}), leaf), "") << "the same certificate twice is one";
  EXPECT_THAT(Refusal(MakeMsp({root_, renewed}), leaf), HasSubstr("2 chains"));
}

TEST_F(ChainRule, ConfiguredIntermediateIsNoAnchor) {
  const TestIdentity foreign_root = MakeRoot(CaSpec("foreign root"));
  const TestIdentity foreign = Issue(foreign_root, CaSpec("foreign intermediate"));
  const auto msp = Msp::Create(MakeMspConfig({root_}, {foreign}), MspVersion::kV1_4_3);
  ASSERT_FALSE(msp.has_value());
  EXPECT_THAT(msp.error().message, HasSubstr("intermediate_certs"));
  EXPECT_THAT(msp.error().message, HasSubstr("its issuer is not among"));
}

TEST_F(ChainRule, RootThatIssuedAnIntermediateIssuesNoIdentities) {
  const TestIdentity intermediate = Issue(root_, CaSpec("intermediate"));
  const MspPtr msp = MakeMsp({root_}, {intermediate});
  EXPECT_EQ(Refusal(msp, Issue(intermediate, PeerSpec())), "");
  EXPECT_THAT(Refusal(msp, Issue(root_, PeerSpec())), HasSubstr("may not issue identities"));
}

TEST_F(ChainRule, TimeIsTheLeafsBeginning) {
  const MspPtr msp = MakeMsp({root_});
  CertificateSpec expired = PeerSpec();
  expired.lifetime = std::chrono::seconds(1);
  CertificateSpec too_short = PeerSpec();
  too_short.lifetime = std::chrono::seconds(0);
  CertificateSpec before_root = PeerSpec();
  before_root.not_before = CaSpec("root").not_before - std::chrono::seconds(2);
  CertificateSpec after_root = PeerSpec();
  after_root.not_before = CaSpec("root").not_before + CaSpec("root").lifetime;
  EXPECT_EQ(Refusal(msp, Issue(root_, expired)), "");
  EXPECT_THAT(Refusal(msp, Issue(root_, too_short)), HasSubstr("had expired"));
  EXPECT_THAT(Refusal(msp, Issue(root_, before_root)), HasSubstr("was not yet valid"));
  EXPECT_THAT(Refusal(msp, Issue(root_, after_root)), HasSubstr("had expired"));
}

TEST_F(ChainRule, LegacyHostNameUnderNameConstraintsIsRefused) {
  const TestIdentity constrained = MakeRoot(CaSpecWith("root", "nameConstraints", "permitted;DNS:example.com"));
  const MspPtr msp = MakeMsp({constrained});
  CertificateSpec host = PeerSpec();
  host.common_name = "peer0.example.com";
  EXPECT_THAT(Refusal(msp, Issue(constrained, host)), HasSubstr("host name as common name"));
  EXPECT_EQ(Refusal(MakeMsp({root_}), Issue(root_, host)), "");
  EXPECT_EQ(Refusal(msp, Issue(constrained, PeerSpec())), "") << "'peer 0' is no host name";
  host.extensions.emplace_back("subjectAltName", "DNS:peer0.example.com");
  EXPECT_EQ(Refusal(msp, Issue(constrained, host)), "");
}

TEST_F(ChainRule, NameConstraintsHold) {
  const TestIdentity constrained = MakeRoot(
      CaSpecWith("root", "nameConstraints",
                 "critical,permitted;DNS:example.com,permitted;IP:10.0.0.0/255.0.0.0,excluded;DNS:bad.example.com,"
                 "permitted;email:example.com,permitted;URI:.example.com"));
  const MspPtr msp = MakeMsp({constrained});
  const auto refusal = [&](const std::string& name) {
    return Refusal(msp, Issue(constrained, PeerSpecWith("subjectAltName", name)));
  };
  EXPECT_EQ(refusal("DNS:PEER0.example.com"), "");
  EXPECT_THAT(refusal("DNS:notexample.com"), HasSubstr("not permitted"));
  EXPECT_THAT(refusal("DNS:a.bad.example.com"), HasSubstr("excluded"));
  EXPECT_EQ(refusal("IP:10.1.2.3"), "");
  EXPECT_THAT(refusal("IP:11.1.2.3"), HasSubstr("not permitted"));
  EXPECT_EQ(refusal("email:admin@example.com"), "");
  EXPECT_THAT(refusal("email:admin@example.org"), HasSubstr("not permitted"));
  EXPECT_EQ(refusal("URI:https://peer0.example.com:7051/x"), "");
  EXPECT_THAT(refusal("URI:https://example.com/x"), HasSubstr("not permitted"));
  EXPECT_THAT(refusal("URI:https://10.1.2.3/x"), HasSubstr("no host name"));
}

TEST_F(ChainRule, ExtendedKeyUsageIsServerAuthenticationOnEveryCertificate) {
  const MspPtr msp = MakeMsp({root_});
  EXPECT_EQ(Refusal(msp, Issue(root_, PeerSpecWith("extendedKeyUsage", "serverAuth,clientAuth"))), "");
  EXPECT_EQ(Refusal(msp, Issue(root_, PeerSpecWith("extendedKeyUsage", "anyExtendedKeyUsage"))), "");
  EXPECT_THAT(Refusal(msp, Issue(root_, PeerSpecWith("extendedKeyUsage", "clientAuth"))),
              HasSubstr("neither serverAuth"));
  const auto limited = MakeRoot(CaSpecWith("limited", "extendedKeyUsage", "clientAuth"));
  const auto refused = Msp::Create(MakeMspConfig({limited}), MspVersion::kV1_4_3);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("neither serverAuth"));
}

TEST_F(ChainRule, WeakSignaturesAreRefused) {
  const MspPtr msp = MakeMsp({root_});
  CertificateSpec spec = PeerSpec();
  for (const char* digest : {"SHA256", "SHA384", "SHA512"}) {
    spec.digest = digest;
    EXPECT_EQ(Refusal(msp, Issue(root_, spec)), "") << digest;
  }
  spec.digest = "SHA1";
  EXPECT_THAT(Refusal(msp, Issue(root_, spec)), HasSubstr("is signed with SHA1"));
  const TestIdentity rsa_root = MakeRoot(CaSpec("rsa root"), MakeKey("RSA"));
  spec.digest = "MD5";
  EXPECT_THAT(Refusal(MakeMsp({rsa_root}), Issue(rsa_root, spec)), HasSubstr("is signed with MD5"));
}

TEST_F(ChainRule, IssuerMustBeAllowedToSignCertificates) {
  const TestIdentity signer = MakeRoot(CaSpecWith("signer", "keyUsage", "keyCertSign,cRLSign"));
  const TestIdentity other = MakeRoot(CaSpecWith("other", "keyUsage", "cRLSign"));
  EXPECT_EQ(Refusal(MakeMsp({signer}), Issue(signer, PeerSpec())), "");
  EXPECT_THAT(Refusal(MakeMsp({other}), Issue(other, PeerSpec())), HasSubstr("may not sign certificates"));
}

TEST_F(ChainRule, PathLengthLimitsIntermediates) {
  const auto chain_below = [](const TestIdentity& root) {
    const TestIdentity intermediate = Issue(root, CaSpec("intermediate"));
    return Msp::Create(MakeMspConfig({root}, {intermediate, Issue(intermediate, CaSpec("second"))}),
                       MspVersion::kV1_4_3);
  };
  EXPECT_TRUE(chain_below(MakeRoot(CaSpecWith("root", "basicConstraints", "critical,CA:TRUE,pathlen:1"))).has_value());
  const auto refused = chain_below(MakeRoot(CaSpecWith("root", "basicConstraints", "critical,CA:TRUE,pathlen:0")));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("allows 0 intermediate"));
}

TEST_F(ChainRule, UnknownCriticalExtensionIsRefused) {
  const MspPtr msp = MakeMsp({root_});
  EXPECT_EQ(Refusal(msp, Issue(root_, PeerSpecWith("1.2.3.4", "ASN1:NULL"))), "");
  EXPECT_THAT(Refusal(msp, Issue(root_, PeerSpecWith("1.2.3.4", "critical,ASN1:NULL"))),
              HasSubstr("unknown critical extension 1.2.3.4"));
}

TEST_F(ChainRule, CertificatesAreSanitised) {
  CertificateSpec high = CaSpec("root");
  high.high_s = true;
  const TestIdentity root = MakeRoot(high);
  CertificateSpec spec = PeerSpec();
  spec.high_s = true;
  const TestIdentity peer = Issue(root, spec);
  const auto identity = Value(MakeMsp({root})->Deserialize(peer.pem()));
  EXPECT_TRUE(identity->validation().has_value());
  EXPECT_NE(identity->certificate()->der(), peer.certificate()->der());
  EXPECT_EQ(identity->certificate()->tbs(), peer.certificate()->tbs());
  // The sanitised form is a fixed point: the same identity by another serialisation.
  const auto again = Value(MakeMsp({root})->Deserialize(EncodePem("CERTIFICATE", identity->certificate()->der())));
  EXPECT_EQ(again->identifier(), identity->identifier());
  EXPECT_EQ(again->certificate()->der(), identity->certificate()->der());
}

TEST_F(ChainRule, CertifiersIdentifierCoversTheChainAboveTheLeaf) {
  const TestIdentity intermediate = Issue(root_, CaSpec("intermediate"));
  const MspPtr msp = MakeMsp({root_}, {intermediate});
  const auto identity = Value(msp->Deserialize(Issue(intermediate, PeerSpec()).pem()));
  ASSERT_EQ(identity->organizational_units().size(), 1U);
  const std::string expected =
      crypto::Sha256({intermediate.certificate()->der(), root_.certificate()->der()}).ToString();
  EXPECT_EQ(identity->organizational_units()[0].certifiers_identifier, expected);
}

}  // namespace
}  // namespace grapevine::msp
