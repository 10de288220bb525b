// gRPC client: base::Transport over real sockets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/io_loop.h"
#include "base/metrics.h"
#include "base/transport.h"
#include "base/workers.h"
#include "rpc/link.h"
#include "rpc/options.h"
#include "rpc/rpc_metrics.h"
#include "rpc/tls_channel.h"

namespace grapevine::rpc {

// Dials with the certificate and the trust that the configuration gives at that moment. Belongs to `loop`'s executor.
// Destroying it gives up pending dials without a word; connections live on, but must not outlive `loop`.
class GrpcTransport final : public base::Transport {
 public:
  // `loop`, `workers` (for looking up names) and `metrics` (optional) must outlive it and its connections.
  GrpcTransport(base::IoLoop& loop, base::Workers& workers, ClientOptions options, base::Metrics* metrics = nullptr);
  ~GrpcTransport() override;

  // Fails at once, without trying again, when the endpoint is malformed or unknown to the resolver, or when TLS refuses
  // (kInvalid, kNotFound, kDenied); else kTimeout with the last failure.
  base::Handle Dial(base::Endpoint endpoint, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override;

  // What all dials and connections of one transport share.
  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace grapevine::rpc
