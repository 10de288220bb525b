// Dials the ordering service (specification 22, section 3): each endpoint with the authorities of its organisation.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/io_loop.h"
#include "base/metrics.h"
#include "base/workers.h"
#include "delivery/orderer_sources.h"
#include "rpc/client.h"
#include "rpc/options.h"

namespace grapevine::runtime {

struct OrdererDialerOptions {
  bool tls = true;  // peer.tls.enabled
  // The client certificate that orderers are shown; none, or null from it: none is shown.
  rpc::TlsIdentitySource identity;
  rpc::SessionLimits limits;
  rpc::Keepalive keepalive{.interval = std::chrono::seconds(60), .timeout = std::chrono::seconds(20)};
};

// One executor, the loop's. Destroying it gives up pending dials without a word; connections live on.
class OrdererDialer final : public delivery::Dialer {
 public:
  // `loop`, `workers` and `metrics` (optional) must outlive it and its connections.
  OrdererDialer(base::IoLoop& loop, base::Workers& workers, OrdererDialerOptions options,
                base::Metrics* metrics = nullptr);
  ~OrdererDialer() override;

  // Besides the errors of rpc::GrpcTransport::Dial: kInvalid for authorities that are no certificates.
  base::Handle Dial(const delivery::OrdererAddress& address, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override;
  base::Bytes client_certificate() const override;

 private:
  using Authorities = std::vector<std::string>;

  base::Result<std::shared_ptr<rpc::GrpcTransport>> TransportFor(const Authorities& authorities);

  base::IoLoop& loop_;
  base::Workers& workers_;
  OrdererDialerOptions options_;
  base::Metrics* metrics_;
  std::map<Authorities, std::shared_ptr<rpc::GrpcTransport>> transports_;
};

}  // namespace grapevine::runtime
