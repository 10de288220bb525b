// Each key of gossip reaches the room that it configures; what has no key keeps the room's default.
#include <gtest/gtest.h>

#include <vector>

#include "channel/gossip_service.h"
#include "node/config_check.h"
#include "node/config_gossip.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;

TEST(ConfigGossipTest, EveryKeyReachesItsRoom) {
  Configuration configuration;
  configuration.gossip = {.bootstrap = {"b:1", "c:1"},
                          .endpoint = "d:1",
                          .external_endpoint = "e:1",
                          .dial_timeout = 1s,
                          .conn_timeout = 2s,
                          .receive_buffer_messages = 3,
                          .send_buffer_messages = 4,
                          .publish_cert_period = 5s,
                          .propagate_iterations = 6,
                          .propagate_peers = 7,
                          .max_burst_messages = 8,
                          .max_burst_latency = 9s,
                          .max_blocks_stored = 10,
                          .pull_interval = 11s,
                          .pull_peers = 12,
                          .digest_wait = 13s,
                          .request_wait = 14s,
                          .response_wait = 15s,
                          .publish_state_info_interval = 16s,
                          .request_state_info_interval = 17s,
                          .membership_tracker_interval = 18s,
                          .alive_interval = 19s,
                          .alive_expiration = 20s,
                          .reconnect_interval = 21s,
                          .expiration_factor = 22};
  configuration.election.leader_alive_threshold = 23s;
  const channel::GossipConfig config = ToGossipConfig(configuration);

  EXPECT_EQ(config.comm.dial_timeout, 1s);
  EXPECT_EQ(config.comm.conn_timeout, 2s);
  EXPECT_EQ(config.comm.receive_buffer, 3u);
  EXPECT_EQ(config.comm.send_buffer, 4u);
  EXPECT_EQ(config.comm.alive_expiration_timeout, 20s);

  EXPECT_EQ(config.membership.endpoint, "d:1");
  EXPECT_EQ(config.membership.external_endpoint, "e:1");
  EXPECT_EQ(config.membership.bootstrap, (std::vector<base::Endpoint>{"b:1", "c:1"}));
  EXPECT_EQ(config.membership.publish_cert_period, 5s);
  EXPECT_EQ(config.membership.sync_interval, 11s);
  EXPECT_EQ(config.membership.sync_peers, 12u);
  EXPECT_EQ(config.membership.alive_interval, 19s);
  EXPECT_EQ(config.membership.alive_expiration, 20s);
  EXPECT_EQ(config.membership.reconnect_interval, 21s);
  EXPECT_EQ(config.membership.expiration_factor, 22u);

  EXPECT_EQ(config.emitter.propagate_iterations, 6u);
  EXPECT_EQ(config.emitter.max_burst_size, 8u);
  EXPECT_EQ(config.emitter.max_burst_latency, 9s);
  EXPECT_EQ(config.router.fan_out, 7u);

  for (const gossip::PullConfig& pull : {config.identity_exchange.pull, config.channel.pull}) {
    EXPECT_EQ(pull.pull_interval, 11s);
    EXPECT_EQ(pull.peers, 12u);
    EXPECT_EQ(pull.digest_wait, 13s);
    EXPECT_EQ(pull.request_wait, 14s);
    EXPECT_EQ(pull.response_wait, 15s);
  }
  EXPECT_EQ(config.channel.block_window, 10u);
  EXPECT_EQ(config.channel.state_info_peers, 12u);
  EXPECT_EQ(config.channel.publish_state_info_interval, 16s);
  EXPECT_EQ(config.channel.request_state_info_interval, 17s);
  EXPECT_EQ(config.channel.tracker_interval, 18s);
  EXPECT_EQ(config.channel.leader_alive_threshold, 23s);
}

// The rooms' own defaults are Fabric's too, but for the send buffer, where they have the sample file's 200 (D-25).
TEST(ConfigGossipTest, DefaultsOfTheRoomsAreThoseOfTheKeys) {
  const channel::GossipConfig config = ToGossipConfig(Configuration{});
  const channel::GossipConfig rooms;
  EXPECT_EQ(config.comm.dial_timeout, rooms.comm.dial_timeout);
  EXPECT_EQ(config.comm.conn_timeout, rooms.comm.conn_timeout);
  EXPECT_EQ(config.comm.receive_buffer, rooms.comm.receive_buffer);
  EXPECT_EQ(config.comm.send_buffer, 20u);
  EXPECT_EQ(rooms.comm.send_buffer, 200u);
  EXPECT_EQ(config.comm.alive_expiration_timeout, rooms.comm.alive_expiration_timeout);
  EXPECT_EQ(config.comm.max_peers, rooms.comm.max_peers);
  EXPECT_EQ(config.membership.publish_cert_period, rooms.membership.publish_cert_period);
  EXPECT_EQ(config.membership.sync_interval, rooms.membership.sync_interval);
  EXPECT_EQ(config.membership.sync_peers, rooms.membership.sync_peers);
  EXPECT_EQ(config.membership.alive_interval, rooms.membership.alive_interval);
  EXPECT_EQ(config.membership.alive_expiration, rooms.membership.alive_expiration);
  EXPECT_EQ(config.membership.reconnect_interval, rooms.membership.reconnect_interval);
  EXPECT_EQ(config.membership.expiration_factor, rooms.membership.expiration_factor);
  EXPECT_EQ(config.emitter.propagate_iterations, rooms.emitter.propagate_iterations);
  EXPECT_EQ(config.emitter.max_burst_size, rooms.emitter.max_burst_size);
  EXPECT_EQ(config.emitter.max_burst_latency, rooms.emitter.max_burst_latency);
  EXPECT_EQ(config.router.fan_out, rooms.router.fan_out);
  EXPECT_EQ(config.router.push, rooms.router.push);
  EXPECT_EQ(config.channel.pull.pull_interval, rooms.channel.pull.pull_interval);
  EXPECT_EQ(config.channel.pull.peers, rooms.channel.pull.peers);
  EXPECT_EQ(config.channel.pull.digest_wait, rooms.channel.pull.digest_wait);
  EXPECT_EQ(config.channel.pull.request_wait, rooms.channel.pull.request_wait);
  EXPECT_EQ(config.channel.pull.response_wait, rooms.channel.pull.response_wait);
  EXPECT_EQ(config.channel.block_window, rooms.channel.block_window);
  EXPECT_EQ(config.channel.state_info_peers, rooms.channel.state_info_peers);
  EXPECT_EQ(config.channel.publish_state_info_interval, rooms.channel.publish_state_info_interval);
  EXPECT_EQ(config.channel.request_state_info_interval, rooms.channel.request_state_info_interval);
  EXPECT_EQ(config.channel.tracker_interval, rooms.channel.tracker_interval);
  EXPECT_EQ(config.channel.leader_alive_threshold, rooms.channel.leader_alive_threshold);
}

// What a file cannot say, code can: a node without push.
TEST(ConfigGossipTest, ZeroIterationsSwitchPushOff) {
  Configuration configuration;
  configuration.gossip.endpoint = "peer0:7051";
  configuration.gossip.propagate_iterations = 0;
  EXPECT_FALSE(HasError(Check(configuration)));
  EXPECT_EQ(ToGossipConfig(configuration).emitter.propagate_iterations, 0u);
}

}  // namespace
}  // namespace grapevine::node
