// gRPC server: base::Server over real sockets.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/io_loop.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/transport.h"
#include "rpc/options.h"

namespace grapevine::rpc {

// Belongs to `loop`'s executor. Destroying it closes every connection at once; streams that were handed out hear
// nothing of it and may be destroyed later.
class GrpcServer final : public base::Server {
 public:
  // Listens from now on; connections are served as soon as the loop runs. `loop` and `metrics` (optional) must outlive
  // it. Errors: kInvalid (endpoint), kUnavailable (address in use), kIo.
  static base::Result<std::unique_ptr<GrpcServer>> Listen(base::IoLoop& loop, ServerOptions options,
                                                          base::Metrics* metrics = nullptr);
  ~GrpcServer() override;

  base::Handle ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler) override;
  base::Handle ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler) override;
  const base::Endpoint& address() const override;

  // Accepts nobody any more, tells every client to go elsewhere (GOAWAY), and calls `done` when the last stream has
  // ended and the clients have closed (they get a second for that) or, after closing what is left, when `drain` has
  // passed. Call it once.
  void Shutdown(base::Duration drain, base::Task done);
  // Connections that are established, and those whose handshake is not over.
  std::size_t connections() const;
  std::size_t unauthenticated() const;

 private:
  class Impl;
  explicit GrpcServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace grapevine::rpc
