// One complete node of the catch-up benchmark, in a process of its own: loop, workers, TLS, identity, ledger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

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
#include "testnet/network.h"

namespace grapevine::bench {

// A ledger in a folder of its own.
class BenchLedger {
 public:
  // Stores `genesis`. Throws std::runtime_error if it cannot be made: then there is nothing to measure.
  BenchLedger(runtime::EventLoop& loop, const base::Environment& environment, const std::string& folder,
              const base::Bytes& genesis, const std::string& channel);

  ledger::Ledger& ledger() { return *ledger_; }

 private:
  runtime::PosixFileSystem files_;
  std::unique_ptr<base::KeyValueIndex> index_;
  std::unique_ptr<ledger::Ledger> ledger_;
};

class CatchupNode {
 public:
  // The peer of that index of the first organisation, with two worker threads; listens. Throws as above.
  CatchupNode(const testnet::Network& network, std::size_t index, const base::Bytes& genesis,
              const std::string& folder);
  ~CatchupNode();
  CatchupNode(const CatchupNode&) = delete;
  CatchupNode& operator=(const CatchupNode&) = delete;

  // Appends the blocks to the ledger; before Start.
  void Store(const std::vector<base::Bytes>& blocks);
  // Gossips with default timers, in the channel, from now on; an empty bootstrap: it is the first.
  void Start(const base::Endpoint& bootstrap);

  runtime::EventLoop& loop() { return loop_; }
  base::Environment environment();
  ledger::Ledger& ledger() { return ledger_->ledger(); }
  msp::MessageCrypto& crypto() { return *crypto_; }
  channel::GossipService& gossip() { return node_->gossip(); }
  const base::Endpoint& endpoint() const { return server_->address(); }
  const std::string& channel() const { return config_->channel_id(); }
  std::uint64_t Count(const std::string& metric) const {
    return metrics_.CounterValue(metric, {{"channel", channel()}});
  }

 private:
  void LoadIdentity(const testnet::Organization& organization, const testnet::Member& member,
                    const base::Bytes& genesis);
  void Listen();

  runtime::EventLoop loop_;
  base::Random random_;
  base::Metrics metrics_;
  std::unique_ptr<runtime::WorkerPool> workers_;
  std::string organization_;
  base::Bytes identity_;
  std::shared_ptr<const rpc::TlsIdentity> tls_identity_;
  std::shared_ptr<const rpc::TlsTrust> tls_trust_;
  msp::ChannelConfigPtr config_;
  std::unique_ptr<msp::MspMessageCrypto> crypto_;
  std::unique_ptr<BenchLedger> ledger_;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<rpc::GrpcTransport> transport_;
  node::NoOrderers orderers_{loop_};
  std::unique_ptr<node::Node> node_;
};

}  // namespace grapevine::bench
