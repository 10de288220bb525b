// Crossing dials of our nodes and Fabric peers (specification 02, section 17, test 1).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "interop/fabric_node.h"

namespace grapevine::interop {

struct CrossingResult {
  std::size_t trials = 0;
  std::size_t late = 0;              // no answer within 3 s
  std::size_t unstable = 0;          // answered, but later no more
  std::int64_t own_streams = 0;      // that our nodes opened and committed
  std::int64_t superseded = 0;       // own handshakes, done but not committed, given up for a Fabric peer's stream
  std::int64_t fabric_streams = 0;   // accepted from Fabric peers
  std::int64_t fabric_gave_way = 0;  // Fabric peers' handshakes given up for our stream
  std::int64_t quick_redials = 0;
  std::int64_t presumed_dead = 0;
  std::vector<std::int64_t> milliseconds;  // until messages went both ways, sorted

  std::string Describe() const;
};

// In each round every node is stopped, and started again after at least `down`. `introducer`, whose streams stay,
// relays the alive message of each started node to each Fabric peer, which dials the node to pass it on; within 50 ms
// before or after it the node dials the Fabric peer by itself. Each pair of a node and a Fabric peer is one trial of
// each round.
//
// A Fabric peer dials also while a node is down: for 3 s, and a dial that fails is tried again after about 1 s. A
// `down` of more than 3 s leaves the two dials of the start only.
CrossingResult CrossDials(World& world, FabricNode& introducer, const std::vector<FabricNode*>& nodes,
                          const std::vector<FabricPeer>& peers, std::size_t rounds, base::Duration down);

}  // namespace grapevine::interop
