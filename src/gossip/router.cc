#include "gossip/router.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "gossip/select_peers.h"

namespace grapevine::gossip {
namespace {

// As wire::TypeName has it.
const char* TypeName(EmissionKind kind) {
  switch (kind) {
    case EmissionKind::kBlock:
      return "data_msg";
    case EmissionKind::kLeadership:
      return "leadership_msg";
    case EmissionKind::kStateInfo:
      return "state_info";
    case EmissionKind::kAlive:
      return "alive_msg";
  }
  return "";
}

}  // namespace

Router::Router(base::Environment environment, comm::Comm& comm, const PeerView& peers, const ChannelDirectory& channels,
               RouterConfig config)
    : environment_(std::move(environment)),
      comm_(comm),
      peers_(peers),
      channels_(channels),
      config_(config),
      push_(config.push == PushKind::kRing ? MakeRingPush() : MakeRandomPush(config.fan_out, environment_.random)),
      settled_alive_push_(MakeRingPush({.trees = 1})) {
  for (const EmissionKind kind :
       {EmissionKind::kBlock, EmissionKind::kLeadership, EmissionKind::kStateInfo, EmissionKind::kAlive}) {
    pushes_.at(static_cast<std::size_t>(kind)) = &environment_.metrics.GetCounter(
        "gossip_pushes", "Messages pushed, one for each peer", {{"type", TypeName(kind)}});
  }
}

void Router::Route(const std::vector<Emission>& batch) {
  std::map<std::string, Candidates> members;  // by channel, found once per batch
  const auto members_of = [&](const std::string& channel) -> const Candidates& {
    const auto [found, is_new] = members.try_emplace(channel);
    if (is_new) found->second = BlockPeers(channel);
    return found->second;
  };
  for (const Emission& emission : batch) {
    switch (emission.kind) {
      case EmissionKind::kBlock:
        RouteBlock(emission, members_of(emission.channel));
        break;
      case EmissionKind::kLeadership:
        RouteLeadership(emission, members_of(emission.channel));
        break;
      case EmissionKind::kStateInfo:
        RouteStateInfo(emission);
        break;
      case EmissionKind::kAlive:
        RouteAlive(emission);
        break;
    }
  }
}

const Router::Division& Router::View() {
  if (view_version_ == peers_.Version()) return view_;
  view_version_ = peers_.Version();
  view_.own.Clear();
  view_.visible.Clear();
  view_.has_others = false;
  for (const Peer& peer : peers_.Alive()) {
    if (peer.organization != peers_.Self().organization) {
      view_.has_others = true;
      continue;
    }
    view_.own.Add(peer);
    if (peer.has_external_endpoint()) view_.visible.Add(peer);
  }
  return view_;
}

Candidates Router::BlockPeers(const std::string& channel) {
  Candidates members;
  const std::string& own = peers_.Self().organization;
  if (own.empty() || !channels_.IsJoined(channel) || !channels_.IsOrgInChannel(channel, own)) return members;
  for (const Peer* peer : View().own.peers()) {
    if (channels_.IsEligible(channel, peer->pki_id)) members.Add(*peer);
  }
  return members;
}

void Router::RouteBlock(const Emission& block, const Candidates& members) {
  if (!channels_.IsJoined(block.channel)) return Drop(EmissionKind::kBlock, "channel_not_joined");
  std::vector<const Peer*> targets;
  for (const std::size_t index : push_->Targets(peers_.Self().pki_id, members, block.key, block.received_from)) {
    targets.push_back(&members[index]);
  }
  Push(EmissionKind::kBlock, block.envelope, targets);
}

void Router::RouteLeadership(const Emission& leadership, const Candidates& members) {
  if (!channels_.IsJoined(leadership.channel)) return Drop(EmissionKind::kLeadership, "channel_not_joined");
  Push(EmissionKind::kLeadership, leadership.envelope, members.peers());
}

void Router::RouteStateInfo(const Emission& state_info) {
  const std::string& own = peers_.Self().organization;
  const Peer* origin = FindWithSelf(state_info.originator);
  // The table's step 3: a peer without external endpoint must stay unknown to other organisations.
  const bool whole_channel = !state_info.channel.empty() && channels_.IsJoined(state_info.channel) &&
                             origin != nullptr && origin->has_external_endpoint();
  const bool is_own = origin == nullptr || origin->organization == own;
  const bool own_may = !whole_channel || channels_.IsOrgInChannel(state_info.channel, own);  // asked once, not per peer
  const Candidates nobody;
  const auto chosen = Choose(state_info, is_own, own_may ? View().own : nobody, [&](const Peer& peer) {
    if (peer.organization == own) return own_may;
    return whole_channel && channels_.IsOrgInChannel(state_info.channel, peer.organization);
  });
  Push(EmissionKind::kStateInfo, state_info.envelope, chosen);
}

void Router::RouteAlive(const Emission& alive) {
  const std::string& own = peers_.Self().organization;
  const Peer* origin = FindWithSelf(alive.originator);
  if (origin == nullptr || origin->organization.empty()) return Drop(EmissionKind::kAlive, "unknown_organization");
  const bool is_own = origin->organization == own;
  if (is_own && !origin->has_external_endpoint()) {
    const auto chosen = Choose(alive, is_own, View().own, [&](const Peer& peer) { return peer.organization == own; });
    return Push(EmissionKind::kAlive, alive.envelope, chosen);
  }
  // The ring is of those who get it; by lot, like the table, nobody is chosen instead of a hidden peer.
  const auto chosen = Choose(alive, is_own, is_own ? View().own : View().visible, [&](const Peer& peer) {
    return is_own || peer.organization == own || peer.organization == origin->organization;
  });
  std::vector<const Peer*> inside;   // the own organisation: with the secret part
  std::vector<const Peer*> outside;  // others: without
  for (const Peer* peer : chosen) {
    if (!is_own && !peer->has_external_endpoint()) continue;
    (peer->organization == own ? inside : outside).push_back(peer);
  }
  Push(EmissionKind::kAlive, alive.envelope, inside);
  if (!outside.empty()) Push(EmissionKind::kAlive, alive.envelope.WithoutSecret(), outside);
}

const Peer* Router::FindWithSelf(const wire::PkiId& pki_id) const {
  return peers_.Self().pki_id == pki_id ? &peers_.Self() : peers_.Find(pki_id);
}

std::vector<const Peer*> Router::Choose(const Emission& emission, bool is_own, const Candidates& own,
                                        const std::function<bool(const Peer&)>& matches) {
  if (config_.push == PushKind::kRandom) return Select(emission, config_.fan_out, matches);
  const std::string& organization = peers_.Self().organization;
  // What comes from another organisation enters this one here.
  const Peer* sender = emission.received_from ? FindWithSelf(*emission.received_from) : nullptr;
  const bool enters = sender == nullptr || sender->organization != organization;
  const bool settled = emission.kind == EmissionKind::kAlive && config_.share_trees &&
                       HasSettled(peers_.UnchangedSince(), environment_.executor.Now());
  base::Bytes key = settled ? emission.key : base::Bytes();
  if (key.empty()) key = emission.envelope.signature();
  if (key.empty()) key = emission.envelope.payload();
  const std::optional<wire::PkiId> from = enters ? std::nullopt : emission.received_from;
  std::vector<const Peer*> chosen;
  const auto choose = [&](const std::vector<std::size_t>& targets) {
    for (const std::size_t index : targets) {
      const wire::PkiId& target = own[index].pki_id;
      if (target != emission.originator && target != from) chosen.push_back(&own[index]);
    }
  };
  if (settled) {
    choose(SettledTargets(key, own, enters));
  } else {
    choose(push_->Targets(peers_.Self().pki_id, own, key, from));
  }
  if (!is_own || !View().has_others) return chosen;
  const bool originates = emission.originator == peers_.Self().pki_id;
  const auto abroad = Select(emission, originates ? config_.fan_out : 1,
                             [&](const Peer& peer) { return peer.organization != organization && matches(peer); });
  chosen.insert(chosen.end(), abroad.begin(), abroad.end());
  return chosen;
}

const std::vector<std::size_t>& Router::SettledTargets(base::ByteView key, const Candidates& own, bool enters) {
  Targets& last = settled_targets_;
  if (last.key != key || last.view_version != *view_version_ || last.own != &own || last.enters != enters) {
    const wire::PkiId& self = peers_.Self().pki_id;
    // From itself, which is no candidate: nobody is left out.
    last = {.key = std::string(key),
            .view_version = *view_version_,
            .own = &own,
            .enters = enters,
            .indexes = settled_alive_push_->Targets(self, own, key, enters ? std::nullopt : std::optional(self))};
  }
  return last.indexes;
}

std::vector<const Peer*> Router::Select(const Emission& emission, std::size_t count,
                                        const std::function<bool(const Peer&)>& matches) const {
  return SelectPeers(environment_.random, count, peers_.Alive(), [&](const Peer& peer) {
    // Unknown organisations get nothing (D-17); the sender is left out before the choice, so that it costs no copy.
    return !peer.organization.empty() && emission.received_from != peer.pki_id && matches(peer);
  });
}

void Router::Push(EmissionKind kind, const wire::Envelope& envelope, const std::vector<const Peer*>& targets) {
  pushes_[static_cast<std::size_t>(kind)]->Add(targets.size());
  for (const Peer* peer : targets) comm_.Send(envelope, peer->pki_id, peer->endpoint);
}

void Router::Drop(EmissionKind kind, const char* reason) {
  environment_.metrics
      .GetCounter("gossip_push_refused", "Messages that were not pushed to anybody",
                  {{"type", TypeName(kind)}, {"reason", reason}})
      .Add();
}

}  // namespace grapevine::gossip
