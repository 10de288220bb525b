// From a batch of emissions to sends (specification 11.6).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/emitter.h"
#include "gossip/peer_view.h"
#include "gossip/push_strategy.h"

namespace grapevine::gossip {

// What routing must know of the channels of this node.
class ChannelDirectory {
 public:
  virtual ~ChannelDirectory() = default;
  virtual bool IsJoined(const std::string& channel) const = 0;
  virtual bool IsOrgInChannel(const std::string& channel, const std::string& organization) const = 0;
  // A state info of the peer is cached and it has not left (11.10; D-19).
  virtual bool IsEligible(const std::string& channel, const wire::PkiId& pki_id) const = 0;
};

struct RouterConfig {
  std::size_t fan_out = 3;  // peer.gossip.propagatePeerNum
  // kRandom: the table of 11.6 as it stands. kRing: within the own organisation every message takes the trees of its
  // ring, which miss nobody and cost less: blocks and state infos both, alive messages one, because the sync asks three
  // others every 4 s once a message is overdue; both while the view is in motion. The one tree belongs to the key
  // of the emission, a period of time: so a node hears all alive messages of a period from one other, several at once,
  // and each period from another one (anybody can compute from which). To other organisations the originator of a
  // message sends `fan_out` copies and each member of its organisation that passes it on one, so that each organisation
  // has several entries.
  PushKind push = PushKind::kRing;
  // Views that differ break trees: alive messages take both until the view has settled (gossip/peer_view.h), and always
  // where nothing completes a single tree (channel::GossipService sees to it).
  bool share_trees = true;
};

// One executor. Nothing goes to peers of unknown organisation (D-17), and secret parts stay in the own one.
class Router {
 public:
  Router(base::Environment environment, comm::Comm& comm, const PeerView& peers, const ChannelDirectory& channels,
         RouterConfig config);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  void Route(const std::vector<Emission>& batch);

 private:
  // The view, divided as routing wants it.
  struct Division {
    Candidates own;      // the own organisation
    Candidates visible;  // those of it with an external endpoint
    bool has_others = false;
  };

  const Division& View();
  // Eligible peers of the own organisation.
  Candidates BlockPeers(const std::string& channel);
  void RouteBlock(const Emission& block, const Candidates& members);
  void RouteLeadership(const Emission& leadership, const Candidates& members);
  void RouteStateInfo(const Emission& state_info);
  void RouteAlive(const Emission& alive);
  // `count` peers for one emission, not the one that it came from.
  std::vector<const Peer*> Select(const Emission& emission, std::size_t count,
                                  const std::function<bool(const Peer&)>& matches) const;
  // Whom a message about a member goes to: `own` are those of the own organisation who may have it, `matches` says it
  // of everybody.
  std::vector<const Peer*> Choose(const Emission& emission, bool is_own, const Candidates& own,
                                  const std::function<bool(const Peer&)>& matches);
  // Indexes into `own`: whom a message of this key goes to once the view has settled, whoever sent it.
  const std::vector<std::size_t>& SettledTargets(base::ByteView key, const Candidates& own, bool enters);
  const Peer* FindWithSelf(const wire::PkiId& pki_id) const;
  void Push(EmissionKind kind, const wire::Envelope& envelope, const std::vector<const Peer*>& targets);
  void Drop(EmissionKind kind, const char* reason);

  base::Environment environment_;
  comm::Comm& comm_;
  const PeerView& peers_;
  const ChannelDirectory& channels_;
  RouterConfig config_;
  std::unique_ptr<PushStrategy> push_;
  std::unique_ptr<PushStrategy> settled_alive_push_;
  // What SettledTargets has computed last, for members of the own organisation: all those of a period.
  struct Targets {
    std::string key;
    std::uint64_t view_version = 0;
    const Candidates* own = nullptr;
    bool enters = false;
    std::vector<std::size_t> indexes;
  };
  Targets settled_targets_;
  Division view_;
  std::optional<std::uint64_t> view_version_;
  std::array<base::Counter*, 4> pushes_{};  // by EmissionKind
};

}  // namespace grapevine::gossip
