// Every recorded set of signatures gets Fabric's verdict from every policy (specification 03, section 7.3).
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "msp/fixture_network.h"
#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

using nlohmann::json;

const json& Index() {
  static const json kIndex = testing::ReadFixtureJson("policies/index.json");
  return kIndex;
}

const std::map<std::string, std::vector<SignedData>>& Sets() {
  static const std::map<std::string, std::vector<SignedData>> kSets = [] {
    std::map<std::string, std::vector<SignedData>> sets;
    for (const json& set : Index()["sets"]) {
      std::vector<SignedData>& signatures = sets[set["name"]];
      for (const json& entry : set["signed_data"]) {
        const std::string identity =
            testing::ReadFixture("identities/" + entry["identity"].get<std::string>() + ".bin");
        signatures.push_back({base::Bytes(testing::FromHexText(entry["data"].get<std::string>())),
                              base::Bytes(identity),
                              base::Bytes(testing::FromHexText(entry["signature"].get<std::string>()))});
      }
    }
    return sets;
  }();
  return kSets;
}

std::set<std::string> AcceptedBy(const Policy& policy) {
  std::set<std::string> accepted;
  for (const auto& [name, signatures] : Sets()) {
    if (policy.Evaluate(signatures)) accepted.insert(name);
  }
  return accepted;
}

TEST(PolicyFixtures, ChannelPoliciesAcceptWhatFabricAccepts) {
  ASSERT_EQ(Sets().size(), 50U);
  for (const auto& [config, policies] : Index()["channel_policies_accept"].items()) {
    for (const auto& [path, sets] : policies.items()) {
      SCOPED_TRACE(config + " " + path);
      EXPECT_EQ(AcceptedBy(*FixtureChannelOf(config).policies->Get(path)), sets.get<std::set<std::string>>());
    }
  }
}

TEST(PolicyFixtures, SignaturePoliciesAcceptWhatFabricAccepts) {
  ASSERT_EQ(Index()["signature_policies"].size(), 23U);
  for (const json& entry : Index()["signature_policies"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const std::string envelope = testing::FromHexText(entry["signature_policy_envelope"].get<std::string>());
    const auto policy = MakeSignaturePolicy(envelope, FixtureChannelOf(entry["config"].get<std::string>()).manager);
    ASSERT_TRUE(policy.has_value()) << policy.error().message;
    EXPECT_EQ(AcceptedBy(**policy), entry["accepts"].get<std::set<std::string>>());
  }
}

}  // namespace
}  // namespace grapevine::msp
