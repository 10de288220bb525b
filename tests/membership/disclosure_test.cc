// Who may learn of whom: every combination of organisations and external endpoints (specification 10.9).
#include "membership/disclosure.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace grapevine::membership {
namespace {

constexpr char kOwn[] = "Org1MSP";

gossip::Peer PeerOf(const std::string& organization, bool external) {
  return {.pki_id = {},
          .endpoint = "inside:7051",
          .external_endpoint = external ? "outside:7051" : "",
          .organization = organization};
}

using Rule = std::tuple<std::string, std::string, bool, bool>;  // remote, origin, and who has an external endpoint

class DisclosureTest : public ::testing::TestWithParam<Rule> {};

// The rule in the words of the note in 10.9: the origin's organisation is the remote's or the own one; and then it is
// the remote's, or both have external endpoints.
TEST_P(DisclosureTest, FollowsTheTable) {
  const auto& [remote_organization, origin_organization, remote_external, origin_external] = GetParam();
  Disclosure expected = Disclosure::kNothing;
  const bool both_known = !remote_organization.empty() && !origin_organization.empty();
  const bool concerned = origin_organization == remote_organization || origin_organization == kOwn;
  const bool visible = origin_organization == remote_organization || (remote_external && origin_external);
  if (both_known && concerned && visible) {
    expected = remote_organization == kOwn ? Disclosure::kEverything : Disclosure::kWithoutSecret;
  }
  EXPECT_EQ(Disclose(kOwn, PeerOf(origin_organization, origin_external), PeerOf(remote_organization, remote_external)),
            expected);
}

INSTANTIATE_TEST_SUITE_P(AllCases, DisclosureTest,
                         ::testing::Combine(::testing::Values("", "Org1MSP", "Org2MSP", "Org3MSP"),
                                            ::testing::Values("", "Org1MSP", "Org2MSP", "Org3MSP"), ::testing::Bool(),
                                            ::testing::Bool()));

// The rows of the table, each once in plain words.
TEST(DisclosureRows, Table) {
  const auto own = PeerOf("Org1MSP", true);
  const auto hidden = PeerOf("Org1MSP", false);
  const auto other = PeerOf("Org2MSP", true);
  const auto third = PeerOf("Org3MSP", true);
  const auto unknown = PeerOf("", true);
  EXPECT_EQ(Disclose(kOwn, own, unknown), Disclosure::kNothing);  // D-17
  EXPECT_EQ(Disclose(kOwn, unknown, own), Disclosure::kNothing);
  EXPECT_EQ(Disclose(kOwn, hidden, own), Disclosure::kEverything);
  EXPECT_EQ(Disclose(kOwn, other, own), Disclosure::kNothing);
  EXPECT_EQ(Disclose(kOwn, other, other), Disclosure::kWithoutSecret);
  EXPECT_EQ(Disclose(kOwn, own, other), Disclosure::kWithoutSecret);
  EXPECT_EQ(Disclose(kOwn, hidden, other), Disclosure::kNothing);
  EXPECT_EQ(Disclose(kOwn, own, PeerOf("Org2MSP", false)), Disclosure::kNothing);
  EXPECT_EQ(Disclose(kOwn, third, other), Disclosure::kNothing);
}

// A node that does not know its own organisation yet shows nothing.
TEST(DisclosureRows, UnknownOwnOrganisation) {
  EXPECT_EQ(Disclose("", PeerOf("", true), PeerOf("", true)), Disclosure::kNothing);
  EXPECT_EQ(Disclose("", PeerOf("Org2MSP", true), PeerOf("Org2MSP", true)), Disclosure::kNothing);
}

}  // namespace
}  // namespace grapevine::membership
