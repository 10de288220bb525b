// A host with identity and communication layer in a simulated world; the test decides what it does with messages.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm/comm.h"
#include "gossip/peer_view.h"
#include "msp/identity_mapper.h"
#include "simulation/authority.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"
#include "wire/message.h"

namespace grapevine::gossip {

using namespace std::chrono_literals;  // NOLINT

inline constexpr char kOrg1[] = "Org1MSP";
inline constexpr char kOrg2[] = "Org2MSP";
inline constexpr char kChannel[] = "mychannel";
// Of every link: a message on an open stream arrives exactly this later.
inline constexpr base::Duration kLatency = 1ms;

inline std::unique_ptr<simulation::World> MakeWorld(std::uint64_t seed) {
  auto world = std::make_unique<simulation::World>(seed);
  simulation::LinkModel link;
  link.latency_min = kLatency;
  link.latency_max = kLatency;
  world->network().SetDefaultLink(link);
  return world;
}

struct Arrival {
  base::SteadyTime time;
  comm::ReceivedMessagePtr received;
  const wire::Message& message() const { return received->message(); }
};

struct Station {
  Station(simulation::Host& on, simulation::Authority& authority, const std::string& of, comm::CommConfig config = {})
      : host(on),
        organization(of),
        crypto(on.environment(), authority, authority.Issue(of, on.name())),
        mapper(on.environment(), crypto, crypto.own_identity()),
        comm(on.environment(), on.transport(), on.server(), mapper, crypto, config) {}

  // Collects everything that comes into `arrivals`.
  void Collect() {
    messages = comm.Accept("test", [](const comm::ReceivedMessage&) { return true; });
    messages.ReceiveAll([this](const comm::ReceivedMessagePtr& received) {
      arrivals.push_back({host.environment().executor.Now(), received});
    });
  }
  void Send(const Station& to, wire::Content content, const std::string& channel = {}) {
    comm.Send(wire::UnsignedEnvelope(wire::NewMessage(std::move(content), channel)), {to.remote()});
  }
  // The arrivals that are a T.
  template <typename T>
  std::vector<Arrival> Got() const {
    std::vector<Arrival> got;
    for (const Arrival& arrival : arrivals) {
      if (arrival.message().As<T>() != nullptr) got.push_back(arrival);
    }
    return got;
  }

  wire::PkiId pki_id() const { return crypto.own_pki_id(); }
  comm::RemotePeer remote() const { return {host.endpoint(), pki_id()}; }
  Peer AsPeer() const {
    return {.pki_id = pki_id(),
            .endpoint = host.endpoint(),
            .external_endpoint = external_endpoint,
            .organization = organization};
  }
  std::uint64_t Refused(const std::string& type, const std::string& reason,
                        const std::string& counter = "gossip_pull_refused") const {
    return host.metrics().CounterValue(counter, {{"type", type}, {"reason", reason}});
  }

  simulation::Host& host;
  std::string organization;
  std::string external_endpoint;
  simulation::SimulatedCrypto crypto;
  msp::IdentityMapper mapper;
  comm::Comm comm;
  comm::AcceptedMessages messages;
  std::vector<Arrival> arrivals;
};

}  // namespace grapevine::gossip
