#include "node/join_message.h"

#include <fmt/format.h>

namespace grapevine::node {

channel::JoinMessage MakeJoinMessage(const msp::ChannelConfig& config) {
  channel::JoinMessage join;
  join.sequence = config.sequence();
  for (const auto& [msp_id, organization] : config.application_organizations()) {
    join.organizations.push_back(msp_id);
    for (const msp::AnchorPeer& anchor : organization.anchor_peers) {
      const bool is_ipv6 = anchor.host.find(':') != std::string::npos;
      const std::string host = is_ipv6 ? "[" + anchor.host + "]" : anchor.host;
      join.anchor_peers.push_back({.endpoint = fmt::format("{}:{}", host, anchor.port), .organization = msp_id});
    }
  }
  return join;
}

}  // namespace grapevine::node
