// The communication behaviour of an unmodified Fabric peer, defects included, so that nodes can be tested against it on
// virtual time (specification 02, sections 3 to 9, as they describe Fabric).
//
// It dials, pings, opens the stream, sends its handshake message at once and keeps at most one connection per PKI-ID by
// Fabric's rules: as initiator it gives way to what is stored, as responder it replaces it, and its clean-up closes
// whatever is stored. It answers each pull hello with a digest of the same nonce, on the same connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/transport.h"
#include "simulation/host.h"
#include "simulation/simulated_crypto.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::simulation {

struct ModelFabricConfig {
  base::Duration dial_timeout = std::chrono::seconds(3);
  base::Duration conn_timeout = std::chrono::seconds(2);
  std::size_t send_buffer = 200;
  // 14.3: the destination lock is released before the new connection is stored, so a second sender that waited for it
  // dials again. False: the second sender comes too late for the race.
  bool second_sender_redials = false;
};

// One per host, on the host's executor; must be destroyed before the host restarts. Calls come from events of the host
// or of the world.
class ModelFabricPeer {
 public:
  ModelFabricPeer(Host& host, const Authority& authority, base::Bytes identity, ModelFabricConfig config = {});
  ~ModelFabricPeer();
  ModelFabricPeer(const ModelFabricPeer&) = delete;
  ModelFabricPeer& operator=(const ModelFabricPeer&) = delete;

  const wire::PkiId& pki_id() const { return pki_id_; }
  const base::Endpoint& endpoint() const { return host_.endpoint(); }

  // Section 6: to the stored connection, or to one made for it.
  void Send(const base::Endpoint& endpoint, const wire::PkiId& pki_id, const wire::Envelope& message);
  // Closes and forgets the connection.
  void CloseConn(const wire::PkiId& pki_id);
  // Section 10.
  void Stop();
  void OnMessage(std::function<void(const wire::PkiId& from, const wire::Message&)> observer) {
    observer_ = std::move(observer);
  }

  enum class Role { kClient, kServer };
  // Which kind of connection is stored for the peer and still carries messages; nothing: none, or a dead one.
  std::optional<Role> LiveConnection(const wire::PkiId& pki_id) const;
  // Raised so far, in order (9.1, 9.2).
  const std::vector<wire::PkiId>& presumed_dead() const { return presumed_dead_; }
  const std::vector<wire::PkiId>& identity_switches() const { return identity_switches_; }
  std::uint64_t messages_received() const { return received_; }
  std::uint64_t handshakes_refused() const { return refused_; }
  std::uint64_t overflows() const { return overflows_; }

 private:
  class Link;
  friend class Link;
  // Senders of one PKI-ID that wait for the destination lock; the first one's connection is being made.
  struct Waiting {
    base::Endpoint endpoint;
    std::deque<wire::Envelope> messages;
  };

  void Accept(std::unique_ptr<base::Stream> stream);
  void Create(const wire::PkiId& expected, const base::Endpoint& endpoint);
  // The end of a creation, with or without success: 5.1, steps 4 to 9.
  void Created(Link& link, const wire::PkiId& expected, bool success);
  bool AcceptsInsteadOf(const wire::PkiId& expected, const Link& link);
  void Deliver(const wire::PkiId& expected, Link* link);
  void Register(Link& link);
  void HandlerReturns(Link& link);
  void WriteFailed(Link& link);
  // What a closed link still does: return from its handler, fail its writer, be forgotten.
  void Closed(Link& link);
  std::optional<Waiting> TakeSecondSender(const wire::PkiId& pki_id);
  void CloseStored(const wire::PkiId& pki_id);
  Link* Stored(const wire::PkiId& pki_id) const;
  Link& NewLink(Role role);
  void Retire(Link& link);
  // As a goroutine of its own would run it: some time later, in any order with what arrives; not if the link is gone.
  void Later(Link& link, void (ModelFabricPeer::*action)(Link&));

  Host& host_;
  SimulatedCrypto crypto_;
  ModelFabricConfig config_;
  wire::PkiId pki_id_;
  bool stopping_ = false;
  std::uint64_t next_link_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::map<wire::PkiId, Link*> store_;
  std::map<wire::PkiId, Waiting> waiting_;
  std::map<wire::PkiId, std::string> organizations_;  // of the identities learned
  std::vector<wire::PkiId> presumed_dead_;
  std::vector<wire::PkiId> identity_switches_;
  std::uint64_t received_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t overflows_ = 0;
  std::function<void(const wire::PkiId&, const wire::Message&)> observer_;
  base::Handle serve_stream_;
  base::Handle serve_ping_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::simulation
