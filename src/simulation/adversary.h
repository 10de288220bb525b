// A hostile member of the simulated world: it has an identity and follows no rule of gossip.
//
//   Adversary mallory(network.world(), network.authority(), "mallory", network.authority().Issue("Org2MSP",
//   "mallory")); mallory.Send(network.peer(0), mallory.Signed(wire::NewMessage(...))); network.RunFor(1s);
//   mallory.host().StopReading();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comm/comm.h"
#include "simulation/gossip_peer.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"

namespace grapevine::simulation {

// What was received, for replay and for looking what leaks.
struct Overheard {
  wire::PkiId from;
  wire::Envelope envelope;
};

// Only its connections are honest, because nobody else would talk to it: a real comm::Comm, with queues that hold a
// flood. Calls come from outside of events or from events of the world. Must be destroyed before the world.
class Adversary {
 public:
  // `identity` was issued by `authority`; that of an organisation which nobody knows is refused by the handshake.
  Adversary(World& world, const Authority& authority, const std::string& name, base::Bytes identity);
  ~Adversary();
  Adversary(const Adversary&) = delete;
  Adversary& operator=(const Adversary&) = delete;

  Host& host() { return host_; }
  const base::Bytes& identity() const { return identity_; }
  const wire::PkiId& pki_id() const { return pki_id_; }

  void Send(GossipPeer& to, const wire::Envelope& message);
  void Send(GossipPeer& to, const wire::Message& message) { Send(to, wire::UnsignedEnvelope(message)); }
  // Signed with the own key, whatever the message claims.
  wire::Envelope Signed(const wire::Message& message) const;
  // An alive message of its own, at most as true as its arguments.
  wire::AliveMessage Alive(std::uint64_t incarnation, std::uint64_t sequence) const;
  // The own state info for `channel`.
  wire::StateInfo StateInfo(const std::string& channel, std::uint64_t incarnation, std::uint64_t sequence,
                            std::uint64_t height) const;

  // Everything received so far.
  const std::vector<Overheard>& overheard() const { return overheard_; }
  void Forget() { overheard_.clear(); }

  // The process is killed; nothing of it can be used any more except overheard().
  void Disappear();

 private:
  const Authority& authority_;
  Host& host_;
  base::Bytes identity_;
  wire::PkiId pki_id_;
  std::vector<Overheard> overheard_;
  std::unique_ptr<SimulatedCrypto> crypto_;
  std::unique_ptr<msp::IdentityMapper> mapper_;
  std::unique_ptr<comm::Comm> comm_;
  comm::AcceptedMessages messages_;
};

}  // namespace grapevine::simulation
