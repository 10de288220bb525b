// A node's communication layer with an identity and a port of a network on which Fabric's own peers run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/random.h"
#include "comm/comm.h"
#include "msp/channel_config.h"
#include "msp/identity_mapper.h"
#include "msp/msp_folder.h"
#include "msp/msp_message_crypto.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/event_loop.h"
#include "runtime/log_output.h"
#include "runtime/worker_pool.h"

namespace grapevine::interop {

// Where the members of the network are, and what all of our nodes share. `folder` is what `grapevine testnet` made.
// Input that is missing or wrong ends the program: there is nothing to test then.
struct World {
  World(std::string folder, base::LogLevel level);

  std::string folder;
  runtime::EventLoop loop;
  runtime::WorkerPool workers{loop, 2};
  runtime::LogOutput log;
  msp::ChannelConfigPtr channel;
  std::shared_ptr<const rpc::TlsTrust> trust;
  std::map<std::string, base::Endpoint> endpoints;  // "peer0.org1" -> host:port
};

// The identity of a member with its private key, from the folder `network`.
msp::LocalMsp LoadIdentity(const World& world, const std::string& network, const std::string& name);

// A Fabric peer as others know it.
struct FabricPeer {
  FabricPeer(const World& world, const std::string& name);

  std::string name;  // "peer0.org1"
  std::string organization;
  comm::RemotePeer remote;  // with the PKI-ID that we compute from its certificate
};

// Which endpoint an alive message tells: the internal one is in the signed secret part.
enum class Tell { kInternal, kExternal, kBoth };

class FabricNode {
 public:
  // Decorates the transport of each Start, to misbehave.
  using Decorate = std::function<std::unique_ptr<base::Transport>(base::Transport&)>;

  // `identities` is the folder of the network whose identity of that name is used; TLS is always the world's.
  FabricNode(World& world, const std::string& name, const std::string& identities, Decorate decorate = {});
  FabricNode(World& world, const std::string& name) : FabricNode(world, name, world.folder) {}

  // Serves on the member's port. Starts with empty hands: no streams, no memory of who is presumed dead.
  void Start();
  // As a crash: streams and port are closed.
  void Stop();

  comm::Comm& comm() { return *comm_; }
  wire::PkiId pki_id() const { return mapper_.own_pki_id(); }

  // Newer than every one before it.
  wire::Envelope Alive(Tell tell);
  // Alive message for `peer`: with the secret part only within the organisation.
  wire::Envelope AliveFor(const FabricPeer& peer);
  // Sends a membership request, which a Fabric peer answers on whatever stream it prefers; returns its nonce.
  std::uint64_t Ask(const FabricPeer& peer);
  bool Answered(std::uint64_t nonce) const { return answered_.contains(nonce); }
  // When; of an answered one.
  base::SteadyTime AnsweredAt(std::uint64_t nonce) const { return answered_.at(nonce); }

  // By type, since Start.
  const std::map<std::string, std::size_t>& received(const FabricPeer& peer) { return received_[*peer.remote.pki_id]; }
  comm::PeerState StateOf(const FabricPeer& peer) const;
  // How often peers were presumed dead, since construction.
  std::int64_t presumed_dead() const { return presumed_dead_; }
  // Sum of the values of a counter whose labels contain `labels`, since construction.
  std::int64_t Count(std::string_view counter, std::string_view labels = {}) const;

 private:
  base::Environment environment();

  World& world_;
  const std::string name_;
  const msp::LocalMsp local_;
  Decorate decorate_;
  base::Random random_;
  base::Metrics metrics_;
  msp::MspMessageCrypto crypto_;
  msp::IdentityMapper mapper_;
  std::shared_ptr<const rpc::TlsIdentity> tls_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t nonce_ = 1000;                          // Fabric's own requests have nonce 0
  std::map<std::uint64_t, base::SteadyTime> answered_;  // nonces
  std::map<wire::PkiId, std::map<std::string, std::size_t>> received_;
  std::int64_t presumed_dead_ = 0;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<base::Transport> transport_;
  std::unique_ptr<base::Transport> decorated_;
  std::unique_ptr<comm::Comm> comm_;
  comm::AcceptedMessages messages_;
  base::Handle dead_;
};

}  // namespace grapevine::interop
