// A few of many peers by lot.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/random.h"
#include "gossip/peer_view.h"

namespace grapevine::gossip {

// `count` different ones of `candidates` that `matches` accepts (empty: all), each selection equally likely; all that
// match if there are no more. The pointers are into `candidates`.
std::vector<const Peer*> SelectPeers(base::Random& random, std::size_t count, const std::vector<Peer>& candidates,
                                     const std::function<bool(const Peer&)>& matches = {});

}  // namespace grapevine::gossip
