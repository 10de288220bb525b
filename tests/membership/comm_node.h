// A node with a communication layer and nothing above it: what the parts of membership are built on in tests.
#pragma once

#include <memory>
#include <string>

#include "comm/comm.h"
#include "gossip/rounds.h"
#include "msp/identity_mapper.h"
#include "simulation/authority.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"
#include "support/given_peers.h"

namespace grapevine::membership {

inline constexpr char kOrg1[] = "Org1MSP";
inline constexpr char kOrg2[] = "Org2MSP";
inline constexpr char kOrg3[] = "Org3MSP";

struct CommNode {
  CommNode(simulation::Host& on, simulation::Authority& authority, const std::string& msp_id)
      : CommNode(on, authority, msp_id, authority.Issue(msp_id, on.name())) {}
  CommNode(simulation::Host& on, const simulation::Authority& authority, std::string msp_id, base::Bytes identity)
      : host(on),
        organization(std::move(msp_id)),
        crypto(on.environment(), authority, identity),
        mapper(on.environment(), crypto, identity),
        comm(std::make_unique<comm::Comm>(on.environment(), on.transport(), on.server(), mapper, crypto,
                                          comm::CommConfig{.max_concurrent_dials = 64})),
        rounds(on.environment(), testing::AViewInMotion()) {}

  const wire::PkiId& pki_id() const { return mapper.own_pki_id(); }
  std::uint64_t Counter(const std::string& name, const base::Labels& labels) const {
    return host.metrics().CounterValue(name, labels);
  }

  simulation::Host& host;
  std::string organization;
  simulation::SimulatedCrypto crypto;
  msp::IdentityMapper mapper;
  std::unique_ptr<comm::Comm> comm;
  gossip::Rounds rounds;
};

}  // namespace grapevine::membership
