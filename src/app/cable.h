// A peer's connection to the network, which the demo can pull out.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/executor.h"
#include "base/transport.h"
#include "delivery/orderer_sources.h"

namespace grapevine::app {

// In front of a peer's transport, server and dialer of orderers. While cut, nothing new gets through in either
// direction. Streams to orderers break when it is cut; whoever cuts closes the connections to peers. One executor; what
// is behind it is borrowed, and must outlive it.
class Cable final : public base::Transport, public base::Server, public delivery::Dialer {
 public:
  Cable(base::Executor& executor, base::Transport& transport, base::Server& server, delivery::Dialer& orderers)
      : executor_(executor), transport_(transport), server_(server), orderers_(orderers) {}

  // Not within a call of the peer.
  void SetCut(bool cut);
  bool cut() const { return cut_; }

  base::Handle Dial(base::Endpoint endpoint, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override;
  base::Handle Dial(const delivery::OrdererAddress& address, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override;
  base::Bytes client_certificate() const override { return orderers_.client_certificate(); }

  base::Handle ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler) override;
  base::Handle ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler) override;
  const base::Endpoint& address() const override { return server_.address(); }

 private:
  class OrdererConnection;
  class OrdererStream;

  base::Executor& executor_;
  base::Transport& transport_;
  base::Server& server_;
  delivery::Dialer& orderers_;
  bool cut_ = false;
  std::set<OrdererStream*> streams_;  // order is of no importance: they are independent
};

}  // namespace grapevine::app
