// Nodes with discovery on virtual time, and strangers: peers that say whatever the test wants.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm_node.h"
#include "gossip/emitter.h"
#include "gossip/envelope_verifier.h"
#include "gossip/intake.h"
#include "membership/discovery.h"
#include "support/scripted_crypto.h"
#include "wire/tag.h"

namespace grapevine::membership {

// Comm, identities and discovery; gossip goes to every member that is believed alive.
struct DiscoveryNode {
  DiscoveryNode(simulation::Host& on, const simulation::Authority& authority, base::Bytes identity,
                MembershipConfig config)
      : host(on),
        simulated(on.environment(), authority, identity),
        crypto(simulated),
        mapper(on.environment(), crypto, identity),
        comm(on.environment(), on.transport(), on.server(), mapper, crypto),
        rounds(on.environment(), [this] { return settles ? discovery.UnchangedSince() : base::SteadyTime::max(); }),
        emitter(on.environment(), {}, [this](const std::vector<gossip::Emission>& batch) { Route(batch); }),
        verifier(on.environment(), mapper, crypto),
        discovery(on.environment(), {comm, rounds, mapper, crypto, emitter, verifier}, std::move(config)),
        intake(on.metrics(),
               comm.Accept("discovery",
                           [](const comm::ReceivedMessage& message) {
                             return wire::IsDiscoveryMessage(message.message()) && wire::HasLegalTag(message.message());
                           }),
               gossip::IntakeConfig{}, [this](const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
                 discovery.Handle(message, ticket);
               }) {
    changes = discovery.OnChange([this] { ++changed; });
  }

  void Route(const std::vector<gossip::Emission>& batch) {
    for (const gossip::Emission& emission : batch) {
      emissions.push_back(emission);
      for (const gossip::Peer& peer : discovery.Alive()) {
        if (peer.pki_id == emission.received_from || peer.pki_id == emission.originator) continue;
        const bool own = peer.organization == discovery.Self().organization;
        comm.Send(own ? emission.envelope : emission.envelope.WithoutSecret(), {peer.remote()});
      }
    }
  }
  const wire::PkiId& pki_id() const { return mapper.own_pki_id(); }
  std::uint64_t Refused(const std::string& type, const std::string& reason) const {
    return Counter("gossip_membership_refused", {{"type", type}, {"reason", reason}});
  }
  std::uint64_t Counter(const std::string& name, const base::Labels& labels = {}) const {
    return host.metrics().CounterValue(name, labels);
  }
  bool IsAlive(const wire::PkiId& id) const {
    const auto member = discovery.Lookup(id);
    return member && member->alive;
  }
  bool IsDead(const wire::PkiId& id) const {
    const auto member = discovery.Lookup(id);
    return member && !member->alive;
  }

  simulation::Host& host;
  simulation::SimulatedCrypto simulated;
  testing::ScriptedCrypto crypto;
  msp::IdentityMapper mapper;
  comm::Comm comm;
  bool settles = false;  // for the rounds
  gossip::Rounds rounds;
  gossip::Emitter emitter;
  gossip::EnvelopeVerifier verifier;
  Discovery discovery;
  gossip::Intake intake;
  base::Handle changes;
  std::size_t changed = 0;
  std::vector<gossip::Emission> emissions;
};

// What an alive message is to say.
struct AliveText {
  wire::PeerTime time{};
  std::string external{};
  std::string internal{};  // empty: no secret part
  bool embed_identity = false;
  std::string metadata{};
};

// A peer without discovery, which keeps what it receives.
struct Stranger {
  Stranger(simulation::Host& on, simulation::Authority& by, const std::string& organization)
      : authority(by), identity(by.Issue(organization, on.name())), node(on, by, organization, identity) {
    messages = node.comm->Accept("stranger", [](const comm::ReceivedMessage&) { return true; });
    messages.ReceiveAll([this](const comm::ReceivedMessagePtr& message) { received.push_back(message); });
  }

  wire::Envelope Alive(const AliveText& text) const { return AliveOf(identity, text); }
  wire::Envelope AliveOf(const base::Bytes& signer, const AliveText& text) const {
    wire::AliveMessage alive;
    alive.membership = {text.external, base::Bytes(text.metadata), *simulation::Authority::PkiIdOf(signer)};
    alive.timestamp = text.time;
    if (text.embed_identity) alive.identity = signer;
    return Signed(signer, wire::NewMessage(alive), text.internal);
  }
  wire::Envelope Signed(const base::Bytes& signer, const wire::Message& message, const std::string& internal) const {
    const base::Bytes payload = wire::EncodeMessage(message);
    std::optional<wire::SecretEnvelope> secret;
    if (!internal.empty()) {
      const base::Bytes hidden = wire::EncodeSecret(internal);
      secret = wire::SecretEnvelope{hidden, authority.Sign(signer, hidden)};
    }
    return wire::Envelope::Make(payload, authority.Sign(signer, payload), secret);
  }
  static wire::Envelope Request(const wire::Envelope& self, std::uint64_t nonce = 0) {
    return wire::UnsignedEnvelope(wire::NewMessage(wire::MembershipRequest{self}, {}, nonce));
  }
  static wire::Envelope Response(std::vector<wire::Envelope> alive, std::vector<wire::Envelope> dead = {},
                                 std::uint64_t nonce = 0) {
    return wire::UnsignedEnvelope(
        wire::NewMessage(wire::MembershipResponse{std::move(alive), std::move(dead)}, {}, nonce));
  }
  void Send(const DiscoveryNode& to, const wire::Envelope& message) {
    node.comm->Send(message, {{to.host.endpoint(), to.pki_id()}});
  }
  template <typename T>
  std::vector<comm::ReceivedMessagePtr> Received() const {
    std::vector<comm::ReceivedMessagePtr> matching;
    for (const auto& message : received) {
      if (message->message().As<T>() != nullptr) matching.push_back(message);
    }
    return matching;
  }
  const wire::PkiId& pki_id() const { return node.pki_id(); }

  simulation::Authority& authority;
  base::Bytes identity;
  CommNode node;
  comm::AcceptedMessages messages;
  std::vector<comm::ReceivedMessagePtr> received;
};

class DiscoveryFixture : public ::testing::Test {
 protected:
  // Shows the endpoint name:7051 to its own organisation, and `external` to others.
  DiscoveryNode& AddNode(const std::string& name, const std::string& organization = kOrg1,
                         MembershipConfig config = {}) {
    return MakeNode(world_.AddHost(name), authority_.Issue(organization, name), std::move(config));
  }
  DiscoveryNode& MakeNode(simulation::Host& host, const base::Bytes& identity, MembershipConfig config = {}) {
    if (config.endpoint.empty()) config.endpoint = host.endpoint();
    nodes_.push_back(std::make_unique<DiscoveryNode>(host, authority_, identity, std::move(config)));
    nodes_.back()->discovery.Start();
    return *nodes_.back();
  }
  Stranger& AddStranger(const std::string& name, const std::string& organization = kOrg1) {
    strangers_.push_back(std::make_unique<Stranger>(world_.AddHost(name), authority_, organization));
    return *strangers_.back();
  }
  // The process dies; its objects go.
  void Kill(DiscoveryNode& node, simulation::CrashKind kind = simulation::CrashKind::kMachine) {
    simulation::Host& host = node.host;
    host.Crash(kind);
    std::erase_if(nodes_, [&](const auto& owned) { return owned.get() == &node; });
  }

  void Run(base::Duration duration) { world_.scheduler().RunFor(duration); }
  bool RunUntil(const std::function<bool()>& reached, base::Duration limit) {
    return world_.scheduler().RunUntil(reached, limit);
  }
  base::SteadyTime Now() { return world_.scheduler().Now(); }
  // The incarnation of a peer that started `age` ago.
  static std::uint64_t StartedAgo(const DiscoveryNode& node, base::Duration age) {
    return static_cast<std::uint64_t>((node.host.executor().WallNow() - age).time_since_epoch().count());
  }
  // The stranger becomes a member of the node by an alive message of its own.
  void Introduce(Stranger& stranger, DiscoveryNode& node, AliveText text = {}) {
    if (text.time.incarnation == 0) text.time = {StartedAgo(node, std::chrono::seconds(0)), 1};
    if (text.internal.empty()) text.internal = stranger.node.host.endpoint();
    stranger.Send(node, stranger.Alive(text));
    Run(std::chrono::milliseconds(100));
    ASSERT_TRUE(node.IsAlive(stranger.pki_id()));
  }

  simulation::World world_{1};
  simulation::Authority authority_{1};
  std::vector<std::unique_ptr<DiscoveryNode>> nodes_;
  std::vector<std::unique_ptr<Stranger>> strangers_;
};

}  // namespace grapevine::membership
