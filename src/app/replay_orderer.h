// An ordering service for demos and tests: serves a recorded chain by the real Deliver service (specification 22,
// sections 3, 4 and 10).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/recorded_chain.h"
#include "app/replay_orderer_chain.h"
#include "base/environment.h"
#include "base/files.h"
#include "base/io_loop.h"
#include "delivery/deliver_service.h"
#include "rpc/server.h"

namespace grapevine::app {

struct ReplayOrdererOptions {
  RecordedChainFiles chain;
  std::uint64_t start_height = 1;  // blocks that are there at once
  base::Endpoint listen = "127.0.0.1:7050";
  // PEM. Both empty: plaintext.
  std::string tls_certificate;
  std::string tls_key;
  // PEM. Any: mutual TLS, clients must show a certificate that one of these authorities has issued.
  std::vector<std::string> tls_client_authorities;
};

// Listens from Start to destruction. One executor, the loop's.
class ReplayOrderer {
 public:
  // Reads the whole chain once: blocks on the disk, call it at start. `environment` is the loop's; all are borrowed and
  // must outlive it. Errors name the file, key or address that is wrong.
  static base::Result<std::unique_ptr<ReplayOrderer>> Start(base::Environment environment, base::IoLoop& loop,
                                                            base::FileSystem& files,
                                                            const ReplayOrdererOptions& options);
  ReplayOrderer(const ReplayOrderer&) = delete;
  ReplayOrderer& operator=(const ReplayOrderer&) = delete;

  // Where it can be dialled.
  const base::Endpoint& address() const { return server_->address(); }
  // The chain as it stands, which Grow lets go on.
  ReplayChain& chain() { return *chain_; }
  const ReplayChain& chain() const { return *chain_; }

 private:
  ReplayOrderer() = default;

  std::unique_ptr<ReplayChain> chain_;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<delivery::DeliverService> service_;
};

}  // namespace grapevine::app
