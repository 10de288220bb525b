#include "node/config_gossip.h"

#include "channel/gossip_service.h"

namespace grapevine::node {
namespace {

gossip::PullConfig ToPullConfig(const GossipKeys& keys) {
  gossip::PullConfig pull;
  pull.pull_interval = keys.pull_interval;
  pull.peers = keys.pull_peers;
  pull.digest_wait = keys.digest_wait;
  pull.request_wait = keys.request_wait;
  pull.response_wait = keys.response_wait;
  return pull;
}

void FillComm(const GossipKeys& keys, comm::CommConfig& comm) {
  comm.dial_timeout = keys.dial_timeout;
  comm.conn_timeout = keys.conn_timeout;
  comm.receive_buffer = keys.receive_buffer_messages;
  comm.send_buffer = keys.send_buffer_messages;
  comm.alive_expiration_timeout = keys.alive_expiration;
}

void FillMembership(const GossipKeys& keys, membership::MembershipConfig& membership) {
  membership.endpoint = keys.endpoint;
  membership.external_endpoint = keys.external_endpoint;
  membership.bootstrap = keys.bootstrap;
  membership.alive_interval = keys.alive_interval;
  membership.alive_expiration = keys.alive_expiration;
  membership.reconnect_interval = keys.reconnect_interval;
  membership.expiration_factor = static_cast<std::uint32_t>(keys.expiration_factor);
  membership.publish_cert_period = keys.publish_cert_period;
  membership.sync_interval = keys.pull_interval;
  membership.sync_peers = keys.pull_peers;
}

}  // namespace

channel::GossipConfig ToGossipConfig(const Configuration& configuration) {
  const GossipKeys& keys = configuration.gossip;
  channel::GossipConfig config;
  FillComm(keys, config.comm);
  FillMembership(keys, config.membership);
  config.emitter.propagate_iterations = keys.propagate_iterations;
  config.emitter.max_burst_size = keys.max_burst_messages;
  config.emitter.max_burst_latency = keys.max_burst_latency;
  config.router.fan_out = keys.propagate_peers;
  config.identity_exchange.pull = ToPullConfig(keys);
  config.channel.pull = ToPullConfig(keys);
  config.channel.publish_state_info_interval = keys.publish_state_info_interval;
  config.channel.request_state_info_interval = keys.request_state_info_interval;
  config.channel.state_info_peers = keys.pull_peers;
  config.channel.tracker_interval = keys.membership_tracker_interval;
  config.channel.block_window = keys.max_blocks_stored;
  config.channel.leader_alive_threshold = configuration.election.leader_alive_threshold;
  return config;
}

}  // namespace grapevine::node
