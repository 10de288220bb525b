// One side of a two-peer scenario: a node under test or the model of a Fabric peer, behind one face.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/authority.h"
#include "simulation/model_fabric_peer.h"
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
  // Sends a pull hello with this nonce; a Party answers each hello with a digest of the same nonce.
  virtual void SendHello(Party& to, std::uint64_t nonce) = 0;
  virtual OpenStreams Streams(const Party& to) const = 0;
  virtual std::size_t presumed_dead() const = 0;

  const std::set<std::uint64_t>& hellos() const { return hellos_; }
  const std::set<std::uint64_t>& digests() const { return digests_; }

 protected:
  void Received(const wire::Message& message) {
    if (const auto* hello = message.As<wire::PullHello>()) hellos_.insert(hello->nonce);
    if (const auto* digest = message.As<wire::PullDigest>()) digests_.insert(digest->nonce);
  }
  static wire::Envelope Hello(std::uint64_t nonce) {
    wire::PullHello hello;
    hello.nonce = nonce;
    return wire::UnsignedEnvelope(wire::NewMessage(hello));
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
  void SendHello(Party& to, std::uint64_t nonce) override {
    peer_.Send(to.host().endpoint(), to.pki_id(), Hello(nonce));
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

}  // namespace grapevine::scenarios
