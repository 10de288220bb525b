// One node of the demo with everything that is its own: identity, port, ledger folder, metrics.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/cable.h"
#include "app/demo_table.h"
#include "app/network_folder.h"
#include "base/metrics.h"
#include "base/random.h"
#include "ledger/ledger.h"
#include "msp/channel_config.h"
#include "msp/msp_message_crypto.h"
#include "node/no_orderers.h"
#include "node/node.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/event_loop.h"
#include "runtime/leveldb_index.h"
#include "runtime/posix_files.h"
#include "runtime/worker_pool.h"

namespace grapevine::app {

// What the nodes of the demo share.
struct DemoWorld {
  runtime::EventLoop& loop;
  runtime::WorkerPool& workers;
  runtime::PosixFileSystem& files;
  base::LogSink& log;
  base::Bytes genesis;  // serialised common.Block, the administrator's trust anchor
};

// One executor, the loop's; destroying it stops the node.
class DemoPeer {
 public:
  using OnCommitted = std::function<void(DemoPeer& peer, std::uint64_t number)>;

  // Loads the identity, opens the ledger in `folder` and listens. Errors name the file or key that is wrong.
  static base::Result<std::unique_ptr<DemoPeer>> Create(DemoWorld& world, PeerFiles files, const std::string& folder,
                                                        std::uint64_t seed);
  ~DemoPeer();

  const std::string& name() const { return name_; }
  const std::string& organization() const { return organization_; }
  // Where others dial it; the same port after a restart.
  const base::Endpoint& endpoint() const { return endpoint_; }

  // Takes part from now on, again after Kill: knows `bootstrap` (of its own organisation; empty: it is the first), the
  // channel's configuration, and the anchor peers in it, whose endpoints here are `anchors`.
  base::Result<void> Start(const base::Endpoint& bootstrap, std::vector<membership::AnchorPeer> anchors,
                           OnCommitted committed);
  // Gone without a word; the ledger stays.
  void Kill();
  // Pulls its cable out, or puts it back.
  void SetCut(bool cut);
  bool running() const { return node_ != nullptr; }
  // Running, and the genesis block is stored.
  bool joined() const { return node_ != nullptr && node_->FindChannel(config_->channel_id()) != nullptr; }
  bool cut() const { return cable_ != nullptr && cable_->cut(); }

  // The channel of the running peer.
  node::ChannelPeer& channel() { return *node_->FindChannel(config_->channel_id()); }
  // Running members that it sees alive; of its own organisation in the channel.
  std::size_t alive() const { return node_ == nullptr ? 0 : node_->gossip().Peers().size(); }
  std::size_t channel_members() const;
  // The heights that it sees others advertise in the channel, by PKI-ID.
  std::map<wire::PkiId, std::uint64_t> SeenHeights() const;
  const wire::PkiId& pki_id() const { return pki_id_; }
  const ledger::Ledger& ledger() const { return *ledger_; }

  // How long the block was under way.
  void ObserveLatency(base::Duration latency);
  // Since the last call with `elapsed` before it.
  DemoRow Row(base::Duration elapsed);

 private:
  DemoPeer(DemoWorld& world, PeerFiles files, std::uint64_t seed);
  base::Result<void> Load(const std::string& folder);
  base::Result<void> Listen();
  void JoinChannel();
  base::Result<void> LoadIdentity(const msp::ChannelConfig& genesis);
  base::Result<void> Apply(base::ByteView config_block);
  base::Environment MakeEnvironment();

  DemoWorld& world_;
  std::string name_;
  PeerFiles files_;
  std::string organization_;
  base::Random random_;
  base::Metrics metrics_;
  base::Histogram latency_;
  std::uint64_t last_height_ = 0;
  std::shared_ptr<const rpc::TlsIdentity> tls_identity_;
  std::shared_ptr<const rpc::TlsTrust> tls_trust_;
  msp::ChannelConfigPtr config_;
  base::Bytes identity_;
  std::unique_ptr<msp::MspMessageCrypto> crypto_;
  std::unique_ptr<base::KeyValueIndex> index_;
  std::unique_ptr<ledger::Ledger> ledger_;
  base::Endpoint endpoint_;
  wire::PkiId pki_id_;
  std::vector<membership::AnchorPeer> anchors_;
  OnCommitted committed_;
  std::unique_ptr<rpc::GrpcTransport> transport_;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<Cable> cable_;
  node::NoOrderers orderers_;
  std::unique_ptr<node::Node> node_;
  base::Handle genesis_commit_;
};

}  // namespace grapevine::app
