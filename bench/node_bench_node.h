// One complete node of the benchmark: everything is its own except the loop, the workers and the bytes it is made from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/random.h"
#include "ledger/ledger.h"
#include "msp/channel_config.h"
#include "msp/msp_message_crypto.h"
#include "node/no_orderers.h"
#include "node/node.h"
#include "node_bench_meter.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/event_loop.h"
#include "runtime/leveldb_index.h"
#include "runtime/posix_files.h"
#include "testnet/network.h"

namespace grapevine::bench {

// What the nodes share.
struct BenchWorld {
  runtime::EventLoop& loop;
  base::Workers& workers;
  runtime::PosixFileSystem& files;
  const testnet::Network& network;
  base::Bytes genesis;  // serialised common.Block
  std::string ledgers;  // folder
};

// One executor, the loop's. Throws std::runtime_error if it cannot be made: then there is nothing to measure.
class BenchNode {
 public:
  using OnCommitted = std::function<void(std::size_t node, std::uint64_t number)>;

  // The peer of that index of the first organisation; listens, and begins to store the genesis block.
  BenchNode(BenchWorld& world, std::size_t index);
  BenchNode(const BenchNode&) = delete;
  BenchNode& operator=(const BenchNode&) = delete;

  // The genesis block is stored.
  bool ready() const { return ledger_->height() > 0; }
  const base::Endpoint& endpoint() const { return server_->address(); }

  // Gossips with default timers, in the channel, from now on. An empty bootstrap: it is the first.
  void Start(const base::Endpoint& bootstrap, OnCommitted committed);
  bool Offer(std::uint64_t number, base::Bytes block);

  // Others that it sees alive, and those it sees in the channel.
  std::size_t alive() const { return node_->gossip().Peers().size(); }
  std::size_t in_channel() const { return node_->gossip().PeersOfChannel(config_->channel_id()).size(); }
  // Authenticated open streams: its own ends.
  std::size_t streams() const;
  const Census& received() const { return received_; }
  const base::Metrics& metrics() const { return metrics_; }

 private:
  base::Environment MakeEnvironment();
  void LoadIdentity(const testnet::Organization& organization, const testnet::Member& member);
  void OpenLedger();
  void Listen();

  BenchWorld& world_;
  std::size_t index_;
  base::Random random_;
  base::Metrics metrics_;
  Census received_;
  std::string organization_;
  base::Bytes identity_;
  std::shared_ptr<const rpc::TlsIdentity> tls_identity_;
  std::shared_ptr<const rpc::TlsTrust> tls_trust_;
  msp::ChannelConfigPtr config_;
  std::unique_ptr<msp::MspMessageCrypto> crypto_;
  std::unique_ptr<base::KeyValueIndex> ledger_index_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<rpc::GrpcTransport> transport_;
  node::NoOrderers orderers_;
  std::unique_ptr<node::Node> node_;
  comm::AcceptedMessages census_;
  base::Handle genesis_commit_;
};

// Counters and gauges of all nodes, added up by name.
std::map<std::string, std::int64_t> SumMetrics(const std::vector<std::unique_ptr<BenchNode>>& nodes);

}  // namespace grapevine::bench
