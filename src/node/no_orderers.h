// For a node that never pulls blocks from an ordering service.
#pragma once

#include <memory>
#include <utility>

#include "base/executor.h"
#include "delivery/orderer_sources.h"

namespace grapevine::node {

// Every dial fails at once.
class NoOrderers final : public delivery::Dialer {
 public:
  explicit NoOrderers(base::Executor& executor) : executor_(executor) {}

  base::Handle Dial(const delivery::OrdererAddress& address, base::Duration,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override {
    return executor_.After(base::Duration::zero(), [endpoint = address.endpoint, done = std::move(done)]() mutable {
      done(base::Fail(base::ErrorCode::kUnavailable, "this node dials no orderer, '{}' neither", endpoint));
    });
  }
  base::Bytes client_certificate() const override { return {}; }

 private:
  base::Executor& executor_;
};

}  // namespace grapevine::node
