// To whom a node pushes a message (a block, an alive message, a state info): its own affair, so a strategy
// (docs/push-study.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "gossip/peer_view.h"

namespace grapevine::gossip {

enum class PushKind { kRing, kRandom };

// Peers to choose from, in order of PKI-ID, without the node itself. What strategies look at lies side by side:
// choosing among many reads little memory. Borrows the peers.
class Candidates {
 public:
  void Add(const Peer& peer) {
    peers_.push_back(&peer);
    words_.push_back(WordOf(peer.pki_id));
  }
  void Clear() {
    peers_.clear();
    words_.clear();
  }
  std::size_t size() const { return peers_.size(); }
  const Peer& operator[](std::size_t index) const { return *peers_[index]; }
  const std::vector<const Peer*>& peers() const { return peers_; }
  // WordOf of each.
  const std::vector<std::uint64_t>& words() const { return words_; }

  // PKI-IDs are digests: any part of one is as good as the whole. The same on every machine.
  static std::uint64_t WordOf(const wire::PkiId& pki_id);

 private:
  std::vector<const Peer*> peers_;
  std::vector<std::uint64_t> words_;
};

// Remembers nothing from call to call; one executor.
class PushStrategy {
 public:
  virtual ~PushStrategy() = default;
  // Indexes into `candidates`, each at most once, never `received_from`.
  // `key` decides the roles, the same for all nodes: a block's header hash, a period of alive messages, the signature
  // of others. `received_from`: nothing if the message enters here.
  virtual std::vector<std::size_t> Targets(const wire::PkiId& self, const Candidates& candidates, base::ByteView key,
                                           const std::optional<wire::PkiId>& received_from) = 0;
};

// Fabric's: `fan_out` (peer.gossip.propagatePeerNum) at random, sender removed afterwards (11.6 step 1).
std::unique_ptr<PushStrategy> MakeRandomPush(std::size_t fan_out, base::Random& random);

struct RingConfig {
  std::uint64_t arity = 3;  // children of an inner node on average; > 1
  std::size_t entries = 3;  // > 0; nodes at the top of each tree that a message is handed to where it enters
  std::size_t trees = 2;    // 1 or 2
};
// Structured: broadcast trees over points of a hash ring, about one send per tree, node and message; see
// push_strategy.cc.
// All nodes of a network should have the same configuration.
std::unique_ptr<PushStrategy> MakeRingPush(RingConfig config = {});

}  // namespace grapevine::gossip
