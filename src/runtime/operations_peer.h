// The operations endpoint of a peer, as its configuration wants it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/io_loop.h"
#include "base/result.h"
#include "runtime/log_output.h"
#include "runtime/operations_server.h"
#include "runtime/peer.h"

namespace grapevine::runtime {

// What is wrong with the peer now: it does not run, or the ledger of a channel takes no blocks.
std::vector<FailedCheck> CheckHealth(Peer& peer);

struct ProgramVersion {
  std::string version;
  std::string commit;
};

// Null if operations.listenAddress is empty. `tls` is PeerFiles::operations_tls; for renewed certificates destroy the
// server and listen again. Loop, peer and log must outlive it. Errors as OperationsServer::Listen.
base::Result<std::unique_ptr<OperationsServer>> ListenForOperations(base::IoLoop& loop, Peer& peer, LogOutput& log,
                                                                    const TlsMaterial& tls, ProgramVersion program);

}  // namespace grapevine::runtime
