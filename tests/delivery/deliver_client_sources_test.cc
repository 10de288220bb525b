// Whom the client asks, and when (specification 22, sections 5 to 8): the pure parts.
#include <gtest/gtest.h>

#include "delivery/backoff.h"
#include "delivery/orderer_endpoints.h"
#include "msp/channel_config.h"
#include "msp/pem.h"
#include "support/fixtures.h"

namespace grapevine::delivery {
namespace {

using namespace std::chrono_literals;

OrdererSources TwoOrganizations() {
  OrdererSources sources;
  sources.consensus_type = "etcdraft";
  sources.addresses = {"global:1"};
  sources.organizations["A"] = {{"a:1", "a:2"}, {"CA of A"}};
  sources.organizations["B"] = {{"b:1"}, {"root of B", "intermediate of B"}};
  return sources;
}

TEST(OrdererEndpointsTest, OrganisationsAreTrustedWithTheirOwnAddressesOnly) {
  const std::vector<OrdererAddress> expected = {
      {"a:1", {"CA of A"}}, {"a:2", {"CA of A"}}, {"b:1", {"root of B", "intermediate of B"}}};
  EXPECT_EQ(OrdererAddresses(TwoOrganizations(), {}), expected);
}

TEST(OrdererEndpointsTest, OneOrganisationWithAddressesHidesTheChannels) {
  OrdererSources sources = TwoOrganizations();
  sources.organizations["A"].addresses.clear();
  EXPECT_EQ(OrdererAddresses(sources, {}), (std::vector<OrdererAddress>{{"b:1", {"root of B", "intermediate of B"}}}));
  sources.organizations["B"].addresses.clear();
  EXPECT_EQ(OrdererAddresses(sources, {}),
            (std::vector<OrdererAddress>{{"global:1", {"CA of A", "root of B", "intermediate of B"}}}));
  EXPECT_TRUE(OrdererAddresses({}, {}).empty());
}

TEST(OrdererEndpointsTest, OverridesReplaceAddressAndTrust) {
  const std::vector<OrdererOverride> overrides = {{"b:1", {"inside:7050", {"inside CA"}}}, {"c:1", {"unused:1", {}}}};
  const auto addresses = OrdererAddresses(TwoOrganizations(), overrides);
  ASSERT_EQ(addresses.size(), 3U);
  EXPECT_EQ(addresses[2], (OrdererAddress{"inside:7050", {"inside CA"}}));
}

TEST(OrdererEndpointsTest, TheSameAddressWithTheSameTrustIsOne) {
  OrdererSources sources;
  sources.organizations["A"] = {{"a:1", "a:1"}, {"CA"}};
  sources.organizations["B"] = {{"a:1"}, {"CA"}};
  sources.organizations["C"] = {{"a:1"}, {"another CA"}};
  EXPECT_EQ(OrdererAddresses(sources, {}).size(), 2U);
}

TEST(OrdererEndpointsTest, WhatCountsAsAChange) {
  const OrdererSources before = TwoOrganizations();
  EXPECT_FALSE(OrderersDiffer(before, before));
  OrdererSources after = before;
  after.addresses = {"global:2"};
  EXPECT_FALSE(OrderersDiffer(before, after));
  after = before;
  after.organizations["A"].tls_authorities = {"renewed"};
  EXPECT_TRUE(OrderersDiffer(before, after));
  after = before;
  after.organizations.erase("B");
  EXPECT_TRUE(OrderersDiffer(before, after));
  after = before;
  after.consensus_type = "BFT";
  EXPECT_TRUE(OrderersDiffer(before, after));

  OrdererSources global;
  global.addresses = {"global:1"};
  after = global;
  after.addresses.emplace_back("global:2");
  EXPECT_TRUE(OrderersDiffer(global, after));
}

// Sections 7 and 11: the simple policy delivers from a BFT service as from any other.
TEST(OrdererEndpointsTest, BlocksOfByzantineServicesAreNotGossiped) {
  DeliverClientConfig config;
  OrdererSources sources;
  sources.consensus_type = "etcdraft";
  EXPECT_TRUE(PassesBlocksOn(config, sources));
  config.block_gossip_enabled = false;
  EXPECT_FALSE(PassesBlocksOn(config, sources));
  config.block_gossip_enabled = true;
  sources.consensus_type = "BFT";
  EXPECT_TRUE(IsByzantine(config, sources));
  EXPECT_FALSE(PassesBlocksOn(config, sources));
  config.policy = DelivererPolicy::kSimple;
  EXPECT_FALSE(IsByzantine(config, sources));
  EXPECT_TRUE(PassesBlocksOn(config, sources));
}

TEST(OrdererEndpointsTest, TheRecordedConfigurationSaysWhomToAsk) {
  const auto config = msp::ChannelConfig::FromBlock(testing::ReadFixture("mychannel.genesis.block"));
  ASSERT_TRUE(config);
  const OrdererSources sources = MakeOrdererSources(**config);
  EXPECT_EQ(sources.consensus_type, "etcdraft");
  ASSERT_EQ(sources.organizations.size(), 1U);
  const auto& [name, organization] = *sources.organizations.begin();
  EXPECT_EQ(name, "OrdererOrg");
  EXPECT_EQ(organization.addresses, (std::vector<base::Endpoint>{"127.0.0.1:27050"}));
  ASSERT_EQ(organization.tls_authorities.size(), 1U);
  const auto authority = msp::DecodePem(organization.tls_authorities[0]);
  ASSERT_TRUE(authority);
  EXPECT_EQ(authority->type, "CERTIFICATE");
  EXPECT_EQ(authority->content, (*config)->orderer_organizations().at(name).tls_authorities[0]->der());
}

// Section 5: floor(100 x 1.2^(n - 1)) ms.
TEST(BackoffTest, TheSeriesIsExact) {
  const std::int64_t expected[] = {100, 120, 144, 172, 207, 248, 298, 358, 429, 515, 619, 743, 891, 1069, 1283, 1540};
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(GrowingPause(i + 1, 1h), std::chrono::milliseconds(expected[i])) << i;
  }
  EXPECT_EQ(GrowingPause(58, 1h), 3260851ms);
  EXPECT_EQ(GrowingPause(59, 1h), 1h);
  EXPECT_EQ(GrowingPause(1'000'000, 1h), 1h);
  EXPECT_EQ(GrowingPause(~std::uint64_t{0}, base::Duration::max()), std::chrono::days(3));
  EXPECT_EQ(GrowingPause(4, 172ms), 172ms);
  EXPECT_EQ(GrowingPause(5, 172ms), 172ms);
  EXPECT_EQ(GrowingPause(1, 50ms), 50ms);
  EXPECT_EQ(GrowingPause(1, 0ms), 0ms);
}

TEST(BackoffTest, DoublesUpToTheLongest) {
  EXPECT_EQ(DoublingPause(0, 100ms, 1h), 100ms);
  EXPECT_EQ(DoublingPause(1, 100ms, 1h), 200ms);
  EXPECT_EQ(DoublingPause(15, 100ms, 1h), 3276800ms);
  EXPECT_EQ(DoublingPause(16, 100ms, 1h), 1h);
  EXPECT_EQ(DoublingPause(~std::uint64_t{0}, 100ms, 1h), 1h);
  EXPECT_EQ(DoublingPause(3, 2h, 1h), 2h);
}

}  // namespace
}  // namespace grapevine::delivery
