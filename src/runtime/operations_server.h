// The operations endpoint: HTTP/1.1 over libmicrohttpd, without threads, on the event loop (Fabric's "operations
// service"; specification 13.4 for the metrics).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io_loop.h"
#include "base/result.h"
#include "base/transport.h"
#include "rpc/tls.h"
#include "runtime/operations_handler.h"

namespace grapevine::runtime {

using namespace std::chrono_literals;  // NOLINT

// operations.tls.*. With TLS, /metrics and /logspec are for clients with a certificate of `client_cas`
// only; with `require_client_certificate` nobody else passes the handshake.
struct OperationsTls {
  std::shared_ptr<const rpc::TlsIdentity> identity;
  std::vector<std::string> client_cas;  // PEM
  bool require_client_certificate = false;
};

struct OperationsLimits {
  unsigned max_connections = 64;              // further ones wait until one has gone
  base::Duration connection_time = 10s;       // from its acceptance to its end; each carries one request
  std::size_t max_body_bytes = 4096;          // of a request
  std::size_t connection_bytes = 32UL << 10;  // memory for one request's head, and for sending
};

struct OperationsOptions {
  base::Endpoint listen_address = "127.0.0.1:9443";  // port 0: any
  std::optional<OperationsTls> tls;                  // none: plaintext
  OperationsLimits limits;
};

// Belongs to `loop`'s executor. Nothing that a client sends or leaves out delays other events of the loop by more than
// one TLS handshake step or one answer. Destroying it closes everything at once.
class OperationsServer {
 public:
  // Listens from now on. `loop` and what `sources` refers to must outlive it. Errors: kInvalid (endpoint, certificate,
  // key, CAs), kUnavailable (address in use), kIo.
  static base::Result<std::unique_ptr<OperationsServer>> Listen(base::IoLoop& loop, OperationsOptions options,
                                                                OperationsSources sources);
  ~OperationsServer();

  // host:port with the real port.
  const base::Endpoint& address() const;
  std::size_t connections() const;

 private:
  class Impl;
  explicit OperationsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::runtime
