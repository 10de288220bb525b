// A view of other peers that a test makes by hand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "gossip/peer_view.h"

namespace grapevine::testing {

struct GivenPeers final : gossip::PeerView {
  const std::vector<gossip::Peer>& Alive() const override { return alive; }
  std::uint64_t Version() const override { return ++version; }  // tests change the list as they like
  base::SteadyTime UnchangedSince() const override { return unchanged_since; }
  const gossip::Peer* Find(const wire::PkiId& pki_id) const override {
    for (const auto* list : {&alive, &dead}) {
      for (const gossip::Peer& peer : *list) {
        if (peer.pki_id == pki_id) return &peer;
      }
    }
    return nullptr;
  }
  const gossip::Peer& Self() const override { return self; }
  void Add(const gossip::Peer& peer) {
    alive.insert(std::ranges::lower_bound(alive, peer.pki_id, {}, &gossip::Peer::pki_id), peer);
  }
  void Forget(const wire::PkiId& pki_id) {
    std::erase_if(alive, [&](const gossip::Peer& peer) { return peer.pki_id == pki_id; });
    std::erase_if(dead, [&](const gossip::Peer& peer) { return peer.pki_id == pki_id; });
  }

  std::vector<gossip::Peer> alive;
  std::vector<gossip::Peer> dead;
  gossip::Peer self;
  base::SteadyTime unchanged_since = base::SteadyTime::max();  // in motion for ever
  mutable std::uint64_t version = 0;
};

// For gossip::Rounds: each has its own moments.
inline std::function<base::SteadyTime()> AViewInMotion() {
  return [] { return base::SteadyTime::max(); };
}

}  // namespace grapevine::testing
