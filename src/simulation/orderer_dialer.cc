#include "simulation/orderer_dialer.h"

#include <utility>

namespace grapevine::simulation {

base::Handle OrdererDialer::Dial(const delivery::OrdererAddress& address, base::Duration timeout,
                                 std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) {
  if (observer_) observer_(address);
  return host_.transport().Dial(address.endpoint, timeout, std::move(done));
}

base::Bytes OrdererDialer::client_certificate() const {
  const HostTls& tls = host_.options().tls;
  if (!tls.enabled || !tls.presents_client_certificate) return {};
  return base::Bytes(tls.client_certificate.empty() ? "client certificate of " + host_.name() : tls.client_certificate);
}

}  // namespace grapevine::simulation
