// Dials simulated orderers (specification 22, section 3).
#pragma once

#include <functional>

#include "delivery/orderer_sources.h"
#include "simulation/host.h"

namespace grapevine::simulation {

// Over the transport of a host. The network verifies no certificates: whom to trust is handed to the observer only.
class OrdererDialer final : public delivery::Dialer {
 public:
  // `host` must outlive it; belongs to the host's process.
  explicit OrdererDialer(Host& host) : host_(host) {}

  base::Handle Dial(const delivery::OrdererAddress& address, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override;
  base::Bytes client_certificate() const override;

  // Called for each dial as it begins.
  void Observe(std::function<void(const delivery::OrdererAddress&)> observer) { observer_ = std::move(observer); }

 private:
  Host& host_;
  std::function<void(const delivery::OrdererAddress&)> observer_;
};

}  // namespace grapevine::simulation
