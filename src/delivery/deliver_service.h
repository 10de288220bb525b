// The ordering service's Deliver method over any chain: for demos, tests and replays (specification 22, sections 3, 4,
// 9 and 10).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/environment.h"
#include "base/transport.h"

namespace grapevine::delivery {

// A chain that is served; it may grow. One executor, the service's.
class BlockChain {
 public:
  virtual ~BlockChain() = default;
  // Blocks that may be delivered: 0 to height() - 1.
  virtual std::uint64_t height() const = 0;
  // A serialised common.Block below the height.
  virtual base::Handle Read(std::uint64_t number, std::move_only_function<void(base::Result<base::Bytes>)> done) = 0;
  // Runs after each growth, as an event of its own, until the handle is destroyed.
  virtual base::Handle OnGrowth(std::function<void()> grown) = 0;
  // Whether whoever signed may read (/Channel/Readers in the orderer), and until when: the expiry of the identity.
  // kDenied if not.
  virtual base::Handle CheckAccess(base::Bytes identity, base::Bytes signature, base::Bytes message,
                                   std::move_only_function<void(base::Result<base::WallTime>)> done) = 0;
  // Of the configuration that CheckAccess judges by. When it has changed, readers are judged again.
  virtual std::uint64_t config_sequence() const = 0;
};

struct DeliverServiceConfig {
  base::Duration time_window = std::chrono::minutes(15);  // of a request's timestamp around now
  bool mutual_tls = true;                                 // the request's tls_cert_hash must be the client's
  std::size_t max_streams = 2500;                         // more are ended with gRPC's RESOURCE_EXHAUSTED
  std::size_t max_request_bytes = 1UL << 20;
  // Queued on one stream: a reader that is behind costs no more memory. One block is always sent, whatever its size.
  std::size_t max_unsent = 8;
  std::size_t max_unsent_bytes = 16UL << 20;
  // For a client to take what ends its stream; then it is cut off.
  base::Duration finish_timeout = std::chrono::seconds(30);
};

// Serves /orderer.AtomicBroadcast/Deliver from construction to destruction: seek semantics, access, one SUCCESS after
// the stop block, several requests on one stream, one after the other. Refused requests end with the protocol's status,
// which ends the stream, and are counted: gossip_delivery_refused{type="seek",reason=...}. One executor.
class DeliverService {
 public:
  // `server` is borrowed and must outlive it.
  DeliverService(const base::Environment& environment, base::Server& server, DeliverServiceConfig config = {});
  ~DeliverService();
  DeliverService(const DeliverService&) = delete;
  DeliverService& operator=(const DeliverService&) = delete;

  // From now on; `chain` is borrowed and must outlive the service. An unknown channel is NOT_FOUND.
  void AddChannel(std::string channel, BlockChain& chain);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::delivery
