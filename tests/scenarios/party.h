// One side of a two-peer scenario: a node under test or the model of a Fabric peer, behind one face.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "comm/comm.h"
#include "msp/identity_mapper.h"
#include "simulation/authority.h"
#include "simulation/model_fabric_peer.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"

namespace grapevine::scenarios {

// Streams that a side holds open to the other and could send on.
struct OpenStreams {
  std::size_t outgoing = 0;  // opened by this side
  std::size_t incoming = 0;
};

class Party {
 public:
  virtual ~Party() = default;
  virtual simulation::Host& host() = 0;
  virtual const wire::PkiId& pki_id() const = 0;
  virtual void Send(Party& to, const wire::Envelope& message) = 0;
  // A Party answers each hello with a digest of the same nonce.
  void SendHello(Party& to, std::uint64_t nonce) {
    wire::PullHello hello;
    hello.nonce = nonce;
    Send(to, wire::UnsignedEnvelope(wire::NewMessage(hello)));
  }
  // Nobody answers a digest.
  void SendDigest(Party& to, std::uint64_t nonce) {
    wire::PullDigest digest;
    digest.nonce = nonce;
    Send(to, wire::UnsignedEnvelope(wire::NewMessage(digest)));
  }
  virtual OpenStreams Streams(const Party& to) const = 0;
  virtual std::size_t presumed_dead() const = 0;

  const std::set<std::uint64_t>& hellos() const { return hellos_; }
  const std::set<std::uint64_t>& digests() const { return digests_; }

 protected:
  void Received(const wire::Message& message) {
    if (const auto* hello = message.As<wire::PullHello>()) hellos_.insert(hello->nonce);
    if (const auto* digest = message.As<wire::PullDigest>()) digests_.insert(digest->nonce);
  }

 private:
  std::set<std::uint64_t> hellos_;
  std::set<std::uint64_t> digests_;
};

class FabricParty final : public Party {
 public:
  FabricParty(simulation::Host& host, simulation::Authority& authority, const std::string& organization,
              simulation::ModelFabricConfig config = {})
      : host_(host), peer_(host, authority, authority.Issue(organization, host.name()), config) {
    peer_.OnMessage([this](const wire::PkiId&, const wire::Message& message) { Received(message); });
  }

  simulation::Host& host() override { return host_; }
  const wire::PkiId& pki_id() const override { return peer_.pki_id(); }
  void Send(Party& to, const wire::Envelope& message) override {
    peer_.Send(to.host().endpoint(), to.pki_id(), message);
  }
  OpenStreams Streams(const Party& to) const override {
    using Role = simulation::ModelFabricPeer::Role;
    const auto role = peer_.LiveConnection(to.pki_id());
    return {role == Role::kClient ? 1U : 0U, role == Role::kServer ? 1U : 0U};
  }
  std::size_t presumed_dead() const override { return peer_.presumed_dead().size(); }
  simulation::ModelFabricPeer& peer() { return peer_; }

 private:
  simulation::Host& host_;
  simulation::ModelFabricPeer peer_;
};

// The communication layer of a node, as gossip will use it.
class NodeParty final : public Party {
 public:
  NodeParty(simulation::Host& host, simulation::Authority& authority, const std::string& organization)
      : NodeParty(host, authority, authority.Issue(organization, host.name())) {}
  NodeParty(simulation::Host& host, const simulation::Authority& authority, base::Bytes identity)
      : host_(host),
        crypto_(host.environment(), authority, identity),
        mapper_(host.environment(), crypto_, identity),
        comm_(std::make_unique<comm::Comm>(host.environment(), host.transport(), host.server(), mapper_, crypto_)) {
    presumed_dead_handle_ = comm_->OnPresumedDead([this](const wire::PkiId& id) { presumed_dead_.push_back(id); });
    switch_handle_ = comm_->OnIdentitySwitch([this](const wire::PkiId& id) { switches_.insert(id); });
    messages_ = comm_->Accept("test", [](const comm::ReceivedMessage&) { return true; });
    messages_.ReceiveAll([this](const comm::ReceivedMessagePtr& received) { Answer(*received); });
  }

  simulation::Host& host() override { return host_; }
  const wire::PkiId& pki_id() const override { return mapper_.own_pki_id(); }
  void Send(Party& to, const wire::Envelope& message) override {
    comm_->Send(message, {{to.host().endpoint(), to.pki_id()}});
  }
  OpenStreams Streams(const Party& to) const override {
    for (const comm::PeerState& peer : comm_->Peers()) {
      if (peer.pki_id == to.pki_id()) return {peer.outgoing ? 1U : 0U, peer.incoming};
    }
    return {};
  }
  std::size_t presumed_dead() const override { return presumed_dead_.size(); }
  const std::set<wire::PkiId>& switches() const { return switches_; }
  comm::Comm& comm() { return *comm_; }
  msp::IdentityMapper& mapper() { return mapper_; }

 private:
  void Answer(const comm::ReceivedMessage& received) {
    Received(received.message());
    const auto* hello = received.message().As<wire::PullHello>();
    if (hello == nullptr) return;
    wire::PullDigest digest;
    digest.nonce = hello->nonce;
    received.Respond(wire::UnsignedEnvelope(wire::NewMessage(digest)));
  }

  simulation::Host& host_;
  simulation::SimulatedCrypto crypto_;
  msp::IdentityMapper mapper_;
  std::unique_ptr<comm::Comm> comm_;
  std::vector<wire::PkiId> presumed_dead_;
  std::set<wire::PkiId> switches_;
  comm::AcceptedMessages messages_;
  base::Handle presumed_dead_handle_;
  base::Handle switch_handle_;
};

enum class PartyKind { kFabric, kNode };

inline std::unique_ptr<Party> MakeParty(PartyKind kind, simulation::Host& host, simulation::Authority& authority,
                                        const std::string& organization = "Org1MSP") {
  if (kind == PartyKind::kFabric) return std::make_unique<FabricParty>(host, authority, organization);
  return std::make_unique<NodeParty>(host, authority, organization);
}

}  // namespace grapevine::scenarios
