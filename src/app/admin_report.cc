#include "app/admin_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "rpc/headers.h"

namespace grapevine::app {

using nlohmann::json;

namespace {

std::string FormatTime(base::WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::time_point_cast<std::chrono::seconds>(time));
}

std::string HexOrEmpty(const wire::PkiId& id) { return id == wire::PkiId() ? std::string() : id.ToHex(); }

json DescribeDelivery(const delivery::DeliverState& state) {
  return {{"endpoint", state.endpoint}, {"failures", state.failures}, {"lastFailure", state.last_failure}};
}

// What members say of themselves in the channels that the peer shares with them.
struct Shared {
  std::string channel;
  std::uint64_t height = 0;
  bool leader = false;
};
using SharedChannels = std::map<wire::PkiId, std::vector<Shared>>;

SharedChannels FindShared(runtime::Peer& peer) {
  SharedChannels shared;
  for (const std::string& name : peer.Channels()) {
    node::ChannelPeer* channel = peer.node()->FindChannel(name);
    if (channel == nullptr) continue;
    const auto status = channel->status();
    shared[peer.pki_id()].push_back({name, status.height, status.leader});
    for (const auto& member : peer.node()->gossip().PeersOfChannel(name)) {
      shared[member.peer.pki_id].push_back(
          {name, member.properties.ledger_height, member.peer.pki_id == status.leader_pki_id});
    }
  }
  return shared;
}

json DescribeMember(const membership::Member& member, const SharedChannels& shared) {
  json channels = json::array();
  if (const auto found = shared.find(member.peer.pki_id); found != shared.end()) {
    for (const Shared& entry : found->second) {
      channels.push_back({{"channel", entry.channel}, {"height", entry.height}, {"leader", entry.leader}});
    }
  }
  return {{"pkiId", member.peer.pki_id.ToHex()},
          {"mspId", member.peer.organization},
          {"endpoint", member.peer.endpoint},
          {"externalEndpoint", member.peer.external_endpoint},
          {"alive", member.alive},
          {"self", false},
          {"channels", std::move(channels)}};
}

}  // namespace

std::string Base64(base::ByteView bytes) {
  std::string text = rpc::EncodeBase64(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

base::Error NotInChannel(const runtime::Peer& peer, const std::string& channel) {
  const auto channels = peer.Channels();
  return {base::ErrorCode::kNotFound,
          channel.empty() ? "name a channel"
          : channels.empty()
              ? fmt::format("the node is not in channel '{}', nor in any other", channel)
              : fmt::format("the node is not in channel '{}'; it is in {}", channel, fmt::join(channels, ", "))};
}

json DescribeChannel(runtime::Peer& peer, const std::string& name) {
  const ledger::Ledger& ledger = *peer.FindLedger(name);
  json info = {{"channel", name},
               {"height", ledger.height()},
               {"firstBlock", ledger.first_block()},
               {"currentBlockHash", Base64(ledger.current_hash())}};
  if (const auto config = peer.FindConfig(name)) info["configSequence"] = config->sequence();
  node::ChannelPeer* channel = peer.node() != nullptr ? peer.node()->FindChannel(name) : nullptr;
  if (channel == nullptr) return info;
  const auto status = channel->status();
  info["leader"] = status.leader;
  info["leaderPkiId"] = HexOrEmpty(status.leader_pki_id);
  if (status.deliver) info["delivery"] = DescribeDelivery(*status.deliver);
  info["stateTransfer"] = {{"active", status.state_transfer.active},
                           {"target", status.state_transfer.target},
                           {"requests", status.state_transfer.requests}};
  if (status.trouble) info["trouble"] = status.trouble->message;
  return info;
}

json DescribePeer(runtime::Peer& peer) {
  const auto& configuration = peer.configuration();
  json status = {{"id", configuration.id},
                 {"mspId", configuration.organization},
                 {"pkiId", peer.pki_id().ToHex()},
                 {"endpoint", peer.endpoint()},
                 {"externalEndpoint", peer.external_endpoint()},
                 {"tls", configuration.tls.enabled},
                 {"certificateExpires", FormatTime(peer.identity().identity->not_after())},
                 {"dataFolder", configuration.data_folder}};
  if (peer.node() != nullptr) {
    const auto sizes = peer.node()->gossip().membership().sizes();
    status["alive"] = sizes.alive;
    status["dead"] = sizes.dead;
  }
  status["channels"] = json::array();
  for (const std::string& name : peer.Channels()) status["channels"].push_back(DescribeChannel(peer, name));
  return status;
}

json DescribePeers(runtime::Peer& peer, const std::string& channel) {
  json peers = json::array();
  if (peer.node() != nullptr) {
    const SharedChannels shared = FindShared(peer);
    auto& membership = peer.node()->gossip().membership();
    const auto add = [&](const membership::Member& member, bool is_self) {
      json entry = DescribeMember(member, shared);
      entry["self"] = is_self;
      const bool is_wanted = channel.empty() || std::ranges::any_of(entry["channels"], [&](const json& one) {
                               return one["channel"] == channel;
                             });
      if (is_wanted) peers.push_back(std::move(entry));
    };
    membership::Member self = peer.node()->gossip().SelfMembershipInfo();
    self.alive = true;
    add(self, true);
    for (const auto& member : membership.Members()) add(member, false);
    for (const auto& member : membership.DeadMembers()) add(member, false);
  }
  return {{"peers", std::move(peers)}};
}

}  // namespace grapevine::app
