// How blocks spread among the peers of a channel: what a node asks of dissemination.
#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.h"

namespace grapevine::node {

// Blocks are serialised common.Block. One executor.
class Dissemination {
 public:
  // Takes a block that arrived from a peer, not verified; true if it is wanted (neither known nor too far ahead).
  using BlockSink = std::function<bool(std::uint64_t number, const base::Bytes& block)>;

  virtual ~Dissemination() = default;
  // Spreads a block that this node has verified, once per number.
  virtual void Publish(std::uint64_t number, const base::Bytes& block) = 0;
};

}  // namespace grapevine::node
