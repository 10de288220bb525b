// Nodes with a communication layer, and peers that a test plays by hand, in one simulated world.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/transport.h"
#include "comm/comm.h"
#include "crypto/hash.h"
#include "msp/identity_mapper.h"
#include "simulation/authority.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"
#include "wire/message.h"

namespace grapevine::comm {

using namespace std::chrono_literals;  // NOLINT

inline constexpr char kOrg1[] = "Org1MSP";
inline constexpr char kOrg2[] = "Org2MSP";

// A bulk message that carries `text`.
wire::Envelope Text(const std::string& text);
// A liveness message; `sequence` tells several apart.
wire::Envelope Alive(std::uint64_t sequence);
// "text", "alive 7", or the name of the type.
std::string Describe(const wire::Message& message);

// One node: host, identity, crypto, mapper and Comm. Collects what it receives and hears.
struct Node {
  Node(simulation::Host& on, simulation::Authority& authority, const std::string& organization, CommConfig config);
  ~Node();

  wire::PkiId pki_id() const { return crypto->own_pki_id(); }
  RemotePeer remote() const { return {host.endpoint(), pki_id()}; }
  // Begins to collect into `received` all that matches no earlier Accept of the test.
  void ReceiveAll();
  std::uint64_t Count(const std::string& metric, const base::Labels& labels = {}) const;
  std::uint64_t Dropped(const std::string& direction, const std::string& reason) const;
  std::uint64_t Handshakes(const std::string& role, const std::string& result) const;
  std::uint64_t StreamEnds(const std::string& direction, const std::string& reason) const;
  // The record of `peer`; all zero if there is none.
  PeerState StateOf(const wire::PkiId& peer) const;

  simulation::Host& host;
  std::unique_ptr<simulation::SimulatedCrypto> crypto;
  std::unique_ptr<msp::IdentityMapper> mapper;
  std::unique_ptr<Comm> comm;
  AcceptedMessages messages;
  std::vector<ReceivedMessagePtr> arrivals;
  std::vector<std::string> received;  // described
  std::vector<wire::PkiId> presumed_dead;
  std::vector<wire::PkiId> switched;
  std::vector<base::Handle> handles;
};

// A stream played by the test: remembers events, reads without bound unless told otherwise.
struct PlayedStream final : base::StreamHandler {
  explicit PlayedStream(std::unique_ptr<base::Stream> with, std::size_t credit = 1'000'000);
  void OnMessage(base::Bytes message) override { messages.push_back(std::move(message)); }
  void OnSent(std::size_t) override {}
  void OnHalfClose() override { half_closed = true; }
  void OnEnd(const base::Status& status) override { ended = status; }
  // Of the messages after the handshake message.
  std::vector<std::string> Texts() const;

  std::vector<base::Bytes> messages;
  bool half_closed = false;
  std::optional<base::Status> ended;
  std::unique_ptr<base::Stream> stream;
};

// How a handshake message is made; the defaults are right.
struct ConnOptions {
  bool probe = false;
  std::optional<base::Bytes> identity = {};       // claimed
  std::optional<wire::PkiId> pki_id = {};         // claimed
  std::optional<std::string> tls_cert_hash = {};  // claimed
  std::optional<base::Bytes> signature = {};
  std::optional<wire::SecretEnvelope> secret = {};
};

// A peer without Comm: the test says what it sends.
struct PlayedPeer {
  PlayedPeer(simulation::World& in, simulation::Host& on, simulation::Authority& by, const std::string& organization);

  wire::PkiId pki_id() const { return *simulation::Authority::PkiIdOf(identity); }
  RemotePeer remote() const { return {host.endpoint(), pki_id()}; }
  base::Bytes Conn(const base::Stream& stream, const ConnOptions& options = {}) const;
  // Accepts streams into `accepted`; answers Ping. With `answer` each gets an honest handshake message at once.
  void Serve(bool answer, std::size_t credit = 1'000'000);
  // Dials `target` and opens a GossipStream. With `authenticate` also sends an honest handshake message and runs the
  // world until the other's has come.
  std::unique_ptr<PlayedStream> Open(const simulation::Host& target, bool authenticate = true,
                                     std::size_t credit = 1'000'000);

  simulation::World& world;
  simulation::Host& host;
  simulation::Authority& authority;
  base::Bytes identity;
  std::vector<std::unique_ptr<base::Connection>> connections;
  std::vector<std::unique_ptr<PlayedStream>> accepted;
  std::vector<base::Handle> services;
};

class CommTest : public ::testing::Test {
 protected:
  Node& AddNode(const std::string& name, const std::string& organization = kOrg1, CommConfig config = {});
  Node& AddNode(simulation::Host& host, const std::string& organization = kOrg1, CommConfig config = {});
  // Two nodes, the first with the smaller PKI-ID.
  std::pair<Node*, Node*> AddOrderedPair(CommConfig config = {});
  PlayedPeer& AddPlayed(const std::string& name, const std::string& organization = kOrg1,
                        simulation::HostOptions options = {});
  // A played peer whose PKI-ID is smaller, or greater, than the node's.
  PlayedPeer& AddPlayedOrdered(const Node& node, bool smaller);
  bool RunUntil(const std::function<bool()>& reached, base::Duration limit = 10s) {
    return world.scheduler().RunUntil(reached, limit);
  }
  void RunFor(base::Duration duration) { world.scheduler().RunFor(duration); }

  simulation::World world{1};
  simulation::Authority authority{1};
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::unique_ptr<PlayedPeer>> played;
};

}  // namespace grapevine::comm
