// A client's established connection.
#pragma once

#include <memory>

#include "base/transport.h"
#include "rpc/http_connection.h"

namespace grapevine::rpc {

class ClientConnection final : public base::Connection {
 public:
  ClientConnection(base::IoLoop& loop, std::shared_ptr<HttpConnection> connection);
  ~ClientConnection() override;

  const base::PeerInfo& peer() const override;
  std::unique_ptr<base::Stream> Open(std::string_view method, base::CallOptions options) override;
  base::Handle Unary(std::string_view method, base::Bytes request, base::CallOptions options,
                     std::move_only_function<void(base::UnaryResult)> done) override;
  void OnClosed(std::move_only_function<void(const base::Status&)> closed) override;

 private:
  class UnaryOperation;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::rpc
