// Pulls the blocks of one channel from the ordering service (specification 22, sections 3 to 7).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/environment.h"
#include "delivery/config.h"
#include "delivery/orderer_sources.h"
#include "ledger/block_sink.h"
#include "msp/message_crypto.h"

namespace grapevine::delivery {

// Borrowed; must outlive the client.
struct DeliverParts {
  Dialer& dialer;
  msp::MessageCrypto& crypto;  // signs requests; for BFT verifies headers
  ledger::BlockSink& blocks;   // verifies blocks
};

struct DeliverOptions {
  std::string channel;
  base::Bytes identity;  // own serialised identity
  DeliverClientConfig config;
  std::vector<OrdererOverride> overrides;
  // Elected leaders do, after reconnect_total_time_threshold without a block (section 5) and when they cannot sign.
  bool gives_up = false;
  DeliverLimits limits;
};

// Where the delivery stands, for status and tests.
struct DeliverState {
  base::Endpoint endpoint;     // connected to; empty: to nobody
  std::uint64_t failures = 0;  // in a row
  std::string last_failure;    // of the last attempt that failed, with its endpoint
};

// Delivers from its construction to its destruction. Starts with the block that the sink wants, goes on with the one
// after the last that it has taken; a block that is refused, a stream that ends or stalls costs a failure and another
// endpoint; a changed list of endpoints reconnects at once. Crash-fault-tolerant services and, by consensus_type and
// policy, Byzantine ones with the censorship monitor (section 7). Reads a stream only as fast as the sink takes blocks.
// One executor.
class DeliverClient {
 public:
  // `ended`: gave up; the reason. At most once, as an event of its own; nothing
  // happens afterwards. May destroy the client.
  DeliverClient(base::Environment environment, DeliverParts parts, DeliverOptions options, OrdererSources sources,
                std::function<void(base::Error)> ended);
  ~DeliverClient();
  DeliverClient(const DeliverClient&) = delete;
  DeliverClient& operator=(const DeliverClient&) = delete;

  // Of a configuration that is applied now.
  void SetSources(OrdererSources sources);

  DeliverState state() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::delivery
