// Every recorded identity gets Fabric's verdict (specification 03, sections 3.3, 4.4 to 4.6).
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>

#include "base/bytes.h"
#include "msp/fixture_network.h"
#include "msp/msp_principal.pb.h"
#include "msp/serialized_identity.h"
#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

using nlohmann::json;

::common::MSPPrincipal RolePrincipal(const std::string& msp_id, ::common::MSPRole::MSPRoleType type) {
  ::common::MSPRole role;
  role.set_msp_identifier(msp_id);
  role.set_role(type);
  ::common::MSPPrincipal principal;
  principal.set_principal_classification(::common::MSPPrincipal::ROLE);
  principal.set_principal(role.SerializeAsString());
  return principal;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const json& entry : IdentityIndex()["identities"]) names.push_back(entry["name"]);
  return names;
}

class RecordedIdentity : public ::testing::TestWithParam<std::string> {
 protected:
  const json& Entry() const {
    return *std::ranges::find_if(IdentityIndex()["identities"],
                                 [](const json& entry) { return entry["name"] == GetParam(); });
  }
  std::string Bytes() const { return testing::ReadFixture("identities/" + GetParam() + ".bin"); }
};

// Which of our messages stands for Fabric's.
std::string ExpectedReason(const std::string& fabric) {
  static const std::map<std::string, std::string> kReasons = {
      {"is before", "was not yet valid"},
      {"signed by unknown authority (possibly", "is not by the key of"},
      {"signed by unknown authority", "its issuer is not among the configured"},
      {"incompatible key usage", "neither serverAuth nor any"},
      {"unhandled critical extension", "unknown critical extension"},
      {"public key type not recognized", "has an Ed25519 key"},
      {"cannot parse invalid wire-format data", "is not a msp.SerializedIdentity"},
      {"could not decode the PEM structure", "it has no PEM block"},
      {"trailing data", "not one element of distinguished encoding"},
      {"is not defined on channel", "is not defined on the channel"},
      {"does not have an OU that resolves", "0 of its OUs mean"},
      {"not a combination of them", "2 of its OUs mean"},
      {"Certificate Authority equals true", "is a certificate authority"},
      {"has been revoked", "has been revoked"},
  };
  std::string best;
  std::size_t length = 0;
  for (const auto& [theirs, ours] : kReasons) {
    if (fabric.find(theirs) != std::string::npos && theirs.size() > length) {
      best = ours;
      length = theirs.size();
    }
  }
  if (best.empty()) throw std::runtime_error("no counterpart for: " + fabric);
  return best;
}

template <typename T>
void ExpectVerdict(const base::Result<T>& result, const std::string& fabric) {
  if (fabric == "ok") {
    EXPECT_TRUE(result.has_value()) << result.error().message;
  } else {
    ASSERT_FALSE(result.has_value()) << "Fabric says: " << fabric;
    EXPECT_NE(result.error().message.find(ExpectedReason(fabric)), std::string::npos)
        << result.error().message << "\nFabric says: " << fabric;
  }
}

std::set<std::string> OusOf(const json& expected) {
  std::set<std::string> ous;
  const json list = expected.value("ous", json::array());
  for (const json& ou : list) ous.insert(ou.get<std::string>());
  return ous;
}

TEST_P(RecordedIdentity, PkiIdIsHashOfDecodedFields) {
  const auto pki_id = ComputePkiId(Bytes());
  if (Entry()["pki_id"] == "") {
    EXPECT_FALSE(pki_id.has_value());
  } else {
    ASSERT_TRUE(pki_id.has_value()) << pki_id.error().message;
    EXPECT_EQ(pki_id->ToHex(), Entry()["pki_id"].get<std::string>());
  }
}

TEST_P(RecordedIdentity, IsWellFormedAsInFabric) {
  const auto identity = ParseSerializedIdentity(Bytes());
  const std::string expected = Entry()["latest"]["msp_manager"]["well_formed"];
  if (!identity) {
    EXPECT_EQ(expected, "");
    return;
  }
  EXPECT_EQ(CheckWellFormed(identity->id_bytes).has_value(), expected == "ok") << expected;
}

TEST_P(RecordedIdentity, IsJudgedByTheChannelAsInFabric) {
  for (const std::string config : {"genesis", "latest"}) {
    SCOPED_TRACE(config);
    const json& expected = Entry()[config]["msp_manager"];
    const MspManager& manager = *FixtureChannelOf(config).manager;
    const auto identity = manager.Deserialize(Bytes());
    ExpectVerdict(identity, expected["deserialize"]);
    if (!identity) continue;
    ExpectVerdict((*identity)->validation(), expected["validate"]);
    EXPECT_EQ((*identity)->identifier(), expected["identifier"].get<std::string>());

    std::set<std::string> ous;
    for (const OrganizationalUnit& unit : (*identity)->organizational_units()) {
      ous.insert(unit.name + "@" + base::ToHex(unit.certifiers_identifier));
    }
    EXPECT_EQ(ous, OusOf(expected));

    const json roles = expected.value("roles", json::object());
    for (const auto& [role, satisfied] : roles.items()) {
      ::common::MSPRole::MSPRoleType type{};
      ASSERT_TRUE(::common::MSPRole::MSPRoleType_Parse(role, &type));
      EXPECT_EQ(manager.CheckPrincipal(**identity, RolePrincipal((*identity)->msp_id(), type)).has_value(),
                satisfied.get<bool>())
          << role;
    }
  }
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Fabric255, RecordedIdentity, ::testing::ValuesIn(Names()), TestName);

}  // namespace
}  // namespace grapevine::msp
