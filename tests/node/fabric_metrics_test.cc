// The metrics of a peer in a channel under the names that dashboards made for Fabric look for (13.4).
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "node/given_channel.h"
#include "simulation/authority.h"
#include "simulation/node_peer.h"
#include "simulation/simulated_block.h"
#include "simulation/world.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;

constexpr char kOrg1[] = "Org1MSP";

template <typename Families>
void AddNames(const Families& families, const base::Labels& labels, std::set<std::string>& names) {
  for (const auto& [name, family] : families) {
    if (family.members.contains(labels)) names.insert(name);
  }
}

TEST(FabricMetricsTest, ChannelHasAllOfThem) {
  simulation::World world(1);
  simulation::Authority authority(1);
  authority.SetReaders(kChannel, {kOrg1});
  simulation::NodePeer peer(world, authority, {.name = "peer0", .organization = kOrg1});
  ASSERT_TRUE(peer.Start());
  const auto genesis = simulation::MakeBlock(authority, authority.Issue("OrdererMSP", "orderer"), kChannel, 0, "",
                                             {simulation::ConfigTransaction(kChannel, "genesis")});
  ASSERT_TRUE(peer.Join(
      {.name = kChannel,
       .genesis = genesis,
       .configuration = {.join = {.sequence = 0, .organizations = {kOrg1}, .anchor_peers = {}}, .orderers = {}}}));
  ASSERT_TRUE(world.scheduler().RunUntil([&] { return peer.Find(kChannel) != nullptr; }, 10s));

  const base::Metrics& metrics = peer.host().metrics();
  const base::Labels channel = {{"channel", kChannel}};
  std::set<std::string> counters;
  AddNames(metrics.counters(), {}, counters);
  for (const char* name : {"messages_sent", "messages_received", "overflow_count"}) {
    EXPECT_TRUE(counters.contains(std::string("gossip_comm_") + name)) << name;
  }
  std::set<std::string> gauges;
  AddNames(metrics.gauges(), channel, gauges);
  for (const char* name : {"gossip_membership_total_peers_known", "gossip_state_height", "gossip_payload_buffer_size",
                           "gossip_leader_election_leader"}) {
    EXPECT_TRUE(gauges.contains(name)) << name;
  }
  std::set<std::string> histograms;
  AddNames(metrics.histograms(), channel, histograms);
  histograms.erase("gossip_channel_dissemination_duration");
  EXPECT_EQ(histograms,
            (std::set<std::string>{"gossip_privdata_commit_block_duration", "gossip_privdata_fetch_duration",
                                   "gossip_privdata_list_missing_duration", "gossip_privdata_pull_duration",
                                   "gossip_privdata_purge_duration", "gossip_privdata_reconciliation_duration",
                                   "gossip_privdata_retrieve_duration", "gossip_privdata_send_duration",
                                   "gossip_privdata_validation_duration", "gossip_state_commit_duration"}));
  for (const auto& [name, family] : metrics.histograms()) {
    EXPECT_EQ(family.members.at(channel)->per_unit(), 1'000'000'000U) << name << " is shown in seconds";
  }
}

}  // namespace
}  // namespace grapevine::node
