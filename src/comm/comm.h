// The communication layer: authenticated, acknowledged and bounded exchange of gossip messages between peers
// (specification 02).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/transport.h"
#include "comm/config.h"
#include "comm/demultiplexer.h"
#include "comm/received_message.h"
#include "msp/identity_mapper.h"
#include "msp/message_crypto.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include "wire/pki_id.h"

namespace grapevine::comm {

// Where to send: the endpoint to dial if no stream is open, and who is expected there. Without PKI-ID whoever answers
// is accepted, for bootstrap and anchor peers. An empty endpoint cannot be dialled: only open streams are used.
struct RemotePeer {
  base::Endpoint endpoint;
  std::optional<wire::PkiId> pki_id;
};

// What became of one peer of an acknowledged send. Errors: kDenied with the text of a negative acknowledgement,
// kTimeout, kUnavailable at once when no connection could be had, kExhausted when its queue stayed full.
struct AckResult {
  RemotePeer peer;
  base::Result<void> outcome;
};

// State of one peer's connection record, for tables and invariants.
struct PeerState {
  wire::PkiId pki_id;
  base::Endpoint endpoint;  // last one asked for; empty if it was only ever met on incoming streams
  bool dialling = false;
  bool outgoing = false;
  std::size_t incoming = 0;
  std::size_t queued = 0;
};

using AcceptedMessages = Subscription<ReceivedMessagePtr>;

// One per node; one executor, that of `environment`. No method blocks; every callback is an event of its own.
// References are borrowed and must outlive it. Destroying it stops it (14.1): streams are closed, dials and
// verifications are cancelled, subscriptions reach their end, no callback runs afterwards.
class Comm {
 public:
  // Serves GossipStream and Ping on `server` from now on.
  Comm(base::Environment environment, base::Transport& transport, base::Server& server, msp::IdentityMapper& mapper,
       msp::MessageCrypto& crypto, CommConfig config = {});
  ~Comm();
  Comm(const Comm&) = delete;
  Comm& operator=(const Comm&) = delete;

  // Queues the message for each peer; dials where no stream is open (section 6, 14.3). A full queue drops it
  // (gossip_comm_overflow_count); a peer that cannot be reached is presumed dead.
  void Send(const wire::Envelope& message, const std::vector<RemotePeer>& peers);
  void Send(const wire::Envelope& message, const wire::PkiId& pki_id, const base::Endpoint& endpoint);  // to one

  // Sends an unsigned copy of `message` with a random nonce of its own and reports what the peers answered (section 7,
  // 15 #8). `done` runs once, when `min_ack` peers have acknowledged or when all have an outcome, after `timeout` at
  // the latest; peers that have none by then are not in the list. `min_ack` 0 waits for all (D-23). Peers need a
  // PKI-ID. Destroying the handle forgets the answers; what was queued is sent nevertheless.
  base::Handle SendWithAck(const wire::Message& message, base::Duration timeout, std::size_t min_ack,
                           const std::vector<RemotePeer>& peers,
                           std::move_only_function<void(std::vector<AckResult>)> done);

  // Dial and Ping; no identity is exchanged.
  base::Handle Probe(const base::Endpoint& endpoint, std::move_only_function<void(base::Result<void>)> done);

  // Authenticates and closes again, leaving each side with the other's identity (3.3); `done` gets the remote's. If a
  // PKI-ID is expected any other is an error.
  base::Handle Handshake(const RemotePeer& peer, std::move_only_function<void(base::Result<ConnectionInfo>)> done);

  // Received messages that match, from now on. Acknowledgements are not among them. `name` is for logs. After Stop: at
  // its end.
  AcceptedMessages Accept(std::string name, std::function<bool(const ReceivedMessage&)> predicate,
                          std::size_t capacity = 20);

  // Called once per PKI-ID and event, however often it happened meanwhile (15 #6, #7); any number of observers.
  // Presumed dead: no connection could be had (9.1).
  base::Handle OnPresumedDead(std::function<void(const wire::PkiId&)> observer);
  // The peer goes by another PKI-ID now, or its identity was purged (9.2).
  base::Handle OnIdentitySwitch(std::function<void(const wire::PkiId&)> observer);

  // Closes every stream of the peer and gives up the dial in progress; what is queued is dropped.
  void CloseConn(const wire::PkiId& pki_id);

  // Refuses new streams and sends, closes the streams, closes subscriptions; idempotent and allowed in every callback.
  // What is left to do is to destroy it.
  void Stop();

  // In order of PKI-ID.
  std::vector<PeerState> Peers() const;
  // Of one peer; empty if it has no connection record.
  std::optional<PeerState> Peer(const wire::PkiId& pki_id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::comm
