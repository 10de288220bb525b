// Anti-entropy over items with ids: hello, digest, request, update (specification 11.11).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/intake.h"
#include "gossip/peer_view.h"
#include "gossip/rounds.h"
#include "wire/message.h"

namespace grapevine::gossip {

struct PullConfig {
  base::Duration pull_interval = std::chrono::seconds(4);  // peer.gossip.pullInterval
  // peer.gossip.pullPeerNum: asked in a round. One, if it is quiet (Rounds) and PullItems::MayLack says no.
  std::size_t peers = 3;
  base::Duration digest_wait = std::chrono::seconds(1);           // peer.gossip.digestWaitTime
  base::Duration request_wait = std::chrono::milliseconds(1500);  // peer.gossip.requestWaitTime
  base::Duration response_wait = std::chrono::seconds(2);         // peer.gossip.responseWaitTime
  // Hellos of one peer that are remembered, each for request_wait, whether its request has come or not: a peer's budget
  // of digests and updates. More are refused (D-4).
  std::size_t max_sessions_per_peer = 8;
  std::size_t max_sessions = 4096;       // of all peers
  std::size_t max_digest_items = 20000;  // ids looked at in one digest or request
};

// The items that an engine exchanges: identities, or a channel's blocks. Called on the executor, within events of the
// engine; must not destroy the engine.
class PullItems {
 public:
  virtual ~PullItems() = default;
  // Initiator: up to `count` of those whom a round may ask, by lot (SelectPeers).
  virtual std::vector<const Peer*> Partners(base::Random& random, std::size_t count) const = 0;
  // Initiator: whether an id that was announced is to be asked for: not held, and past the ingress filter.
  virtual bool Wants(const base::Bytes& id) const = 0;
  // Initiator: items that were asked for have come, not validated. The ticket is the update's.
  virtual void Receive(const comm::ReceivedMessagePtr& update, const std::vector<wire::Envelope>& items,
                       const Ticket& ticket) = 0;
  // Initiator, once a round: whether something says that items were missed; if one has come since the last round,
  // others may have been.
  virtual bool MayLack() = 0;
  // Responder: the ids that `requester` may know of (egress filter).
  virtual std::vector<base::Bytes> Digest(const comm::ConnectionInfo& requester) const = 0;
  // Responder: what it may have of `ids`, as it came.
  virtual std::vector<wire::Envelope> Find(const comm::ConnectionInfo& requester,
                                           const std::vector<base::Bytes>& ids) const = 0;
};

// Sessions are bound to (peer, nonce, phase, deadline) on both sides (D-21): a nonce means nothing on another peer's
// connection, and a digest or update that nobody waits for is counted and dropped. One executor; destroying it ends
// everything.
class PullEngine {
 public:
  // `type` and `channel` (empty for identities) go into the messages; `comm`, `rounds` and `items` are borrowed.
  PullEngine(base::Environment environment, comm::Comm& comm, Rounds& rounds, PullItems& items, wire::PullType type,
             std::string channel, PullConfig config);
  ~PullEngine();
  PullEngine(const PullEngine&) = delete;
  PullEngine& operator=(const PullEngine&) = delete;

  // Takes part in the node's rounds from now on.
  void Start();
  // No more rounds and no answers.
  void Stop();

  // A pull message of this engine's type and channel, whose sender may take part.
  void Handle(const comm::ReceivedMessagePtr& message, const Ticket& ticket);

  // Asks one peer for `ids` at once, without waiting for a digest: hello and request go together. `done` gets true when
  // an update of that session has come, false after `response_wait`. For repair.
  base::Handle Fetch(const comm::RemotePeer& peer, std::vector<base::Bytes> ids,
                     std::move_only_function<void(bool)> done);

  std::size_t sessions() const;  // of both roles, for invariants

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::gossip
