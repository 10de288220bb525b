// A peer of the real world: sockets, TLS, X.509 identities and ledgers on disk around a node::Node.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/files.h"
#include "base/io_loop.h"
#include "ledger/ledger.h"
#include "msp/channel_config.h"
#include "msp/msp_message_crypto.h"
#include "node/configuration.h"
#include "node/node.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/data_folder.h"
#include "runtime/orderer_dialer.h"
#include "runtime/peer_files.h"
#include "runtime/peer_tls.h"
#include "runtime/tracked_workers.h"

namespace grapevine::runtime {

// What the peers of a process share; borrowed, and must outlive them.
struct PeerHost {
  base::IoLoop& loop;
  base::Workers& workers;
  base::FileSystem& files;
  base::LogSink& log;
};

// For demos and tests. All optional; called on the executor.
struct PeerHooks {
  // Puts something between the node and the network. What is returned must live until the peer is stopped.
  std::function<node::NodeParts(node::NodeParts)> network;
  // Changes what a channel's configuration says: a recorded network runs at other addresses than it names.
  std::function<void(const std::string& channel, node::AppliedConfiguration&)> configuration;
  // The block is durable. May leave channels, but not stop or destroy the peer.
  std::function<void(const std::string& channel, std::uint64_t number)> committed;
};

struct PeerOptions {
  // Has passed node::Check. Port 0 in listen_address: any; port 0 in the gossip endpoints: the one listened on.
  node::Configuration configuration;
  PeerFiles files;
  PeerHooks hooks;
  std::string log_name = "gossip";
  std::optional<std::uint64_t> seed;  // of its randomness; nothing: the operating system's
};

// One executor, the loop's. Several peers of a process share a loop and workers; each has its own data folder, port,
// metrics and randomness. Destroying it is a crash of the peer: nothing is said to anybody, and the ledgers are intact.
class Peer {
 public:
  using Joined = std::move_only_function<void(base::Result<std::string> channel)>;

  // Opens the data folder with the ledgers of all channels joined earlier, and the port; blocks on the disk. Errors
  // name the key, file or folder, and what would be right.
  static base::Result<std::unique_ptr<Peer>> Open(PeerHost host, PeerOptions options);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Takes part in gossip and in every channel; again after Stop or Kill, at the same address.
  base::Result<void> Start();
  // Ends streams and connections in good order, then calls `done`; the ledgers stay open.
  void Stop(base::Task done);
  // As if the process had died.
  void Kill();

  // Takes part in the channel that begins with `block`: a serialised configuration block with this peer's organisation
  // in it, given by an administrator and trusted. The genesis block, or a later one, before which the ledger is empty
  // (23, section 4). A channel that was left goes on with its ledger. `done` runs once, as an event of its own,
  // with the channel's name; kInvalid if the block is none of these or if the peer is in the channel already.
  void JoinChannel(base::Bytes block, Joined done);
  // Tells the others; the ledger stays on the disk, and a restart does not join again. kNotFound if not joined.
  base::Result<void> LeaveChannel(const std::string& channel);
  // Joined, in order of name.
  std::vector<std::string> Channels() const;
  // Null unless joined. Valid until the channel is left.
  ledger::Ledger* FindLedger(const std::string& channel);
  msp::ChannelConfigPtr FindConfig(const std::string& channel) const;

  // Renewed certificates and keys. A TLS certificate serves the connections made from now on. A new enrolment
  // certificate, or another change in the MSP folder, is another identity: the node within is built anew, as by a
  // restart of the peer that takes no time. On an error everything stays as it was.
  base::Result<void> Reload(PeerFiles files);

  bool running() const { return node_ != nullptr; }
  // Null unless running; another one after Reload.
  node::Node* node() { return node_.get(); }
  // Where peers of the own organisation reach it, with the real port.
  const base::Endpoint& endpoint() const { return endpoint_; }
  // Of peers of other organisations; empty: hidden from them.
  const base::Endpoint& external_endpoint() const { return external_endpoint_; }
  const node::Configuration& configuration() const { return configuration_; }
  const msp::LocalMsp& identity() const { return *local_; }
  const wire::PkiId& pki_id() const { return pki_id_; }
  base::Metrics& metrics() { return metrics_; }

 private:
  struct Channel {
    std::unique_ptr<ledger::Ledger> ledger;
    msp::ChannelConfigPtr config;
    bool joined = false;  // else its first block is being committed or compared
    base::Handle pending;
  };

  Peer(PeerHost host, PeerOptions options);
  base::Environment MakeEnvironment();
  base::Result<void> Open();
  base::Result<void> TakeFiles(PeerFiles files);
  base::Result<void> OpenChannels();
  base::Result<void> Listen();
  base::Result<void> StartNode();
  void StopNode();
  void PersistIncarnation();

  node::NodeConfig MakeNodeConfig(std::uint64_t last_incarnation) const;
  void BeginJoin(base::Bytes block, Joined done);
  base::Result<std::string> PrepareJoin(const base::Bytes& block);
  void FinishJoin(const std::string& name, base::Result<void> stored, Joined done);
  void Forget(const std::string& name);
  void JoinNode(const std::string& name, Channel& channel);
  base::Result<void> UseConfig(const std::string& name, Channel& channel, msp::ChannelConfigPtr config);
  void CheckOwnIdentity(const std::string& name, const msp::ChannelConfig& config) const;
  node::AppliedConfiguration Describe(const std::string& name, const Channel& channel) const;

  PeerHost host_;
  node::Configuration configuration_;
  PeerFiles files_;
  PeerHooks hooks_;
  base::Metrics metrics_;
  base::Random random_;
  base::Logger log_;
  PeerTls tls_;
  std::optional<msp::LocalMsp> local_;
  wire::PkiId pki_id_;
  base::Endpoint listening_;  // with the real port; the same after a restart
  base::Endpoint endpoint_;
  base::Endpoint external_endpoint_;
  std::unique_ptr<DataFolder> data_;
  TrackedWorkers workers_;  // its jobs use the data folder
  std::map<std::string, Channel> channels_;
  std::vector<std::unique_ptr<ledger::Ledger>> closing_;  // left in this event: one of them may be what is calling

  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<rpc::GrpcTransport> transport_;
  std::unique_ptr<OrdererDialer> orderers_;
  std::unique_ptr<msp::MspMessageCrypto> crypto_;
  std::unique_ptr<node::Node> node_;
  base::Handle membership_changes_;
  std::uint64_t durable_incarnation_ = 0;
  base::Handle incarnation_write_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::runtime
