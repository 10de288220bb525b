#include "gossip/select_peers.h"

#include <algorithm>

namespace grapevine::gossip {

std::vector<const Peer*> SelectPeers(base::Random& random, std::size_t count, const std::vector<Peer>& candidates,
                                     const std::function<bool(const Peer&)>& matches) {
  const auto accepted = [&](const Peer& peer) { return !matches || matches(peer); };
  std::vector<const Peer*> chosen;
  // Drawing by lot finds a few among many without looking at all. When it fails too often everything drawn is
  // forgotten, so that each selection is equally likely.
  if (count < candidates.size() / 4) {
    for (std::size_t draws = 4 * count + 8; draws > 0 && chosen.size() < count; --draws) {
      const Peer& peer = candidates[random.Below(candidates.size())];
      if (std::ranges::find(chosen, &peer) == chosen.end() && accepted(peer)) chosen.push_back(&peer);
    }
    if (chosen.size() == count) return chosen;
    chosen.clear();
  }
  std::size_t seen = 0;
  for (const Peer& peer : candidates) {
    if (!accepted(peer)) continue;
    ++seen;
    if (chosen.size() < count) {
      chosen.push_back(&peer);
    } else if (const std::uint64_t place = random.Below(seen); place < count) {
      chosen[place] = &peer;
    }
  }
  return chosen;
}

}  // namespace grapevine::gossip
