#include "runtime/operations_peer.h"

#include <utility>

namespace grapevine::runtime {

std::vector<FailedCheck> CheckHealth(Peer& peer) {
  if (!peer.running()) return {{.component = "gossip", .reason = "the peer is not running"}};
  std::vector<FailedCheck> failed;
  for (const auto& name : peer.Channels()) {
    const node::ChannelPeer* channel = peer.node()->FindChannel(name);
    if (channel == nullptr) continue;
    if (const auto trouble = channel->status().trouble) {
      failed.push_back({.component = "ledger", .reason = "channel " + name + ": " + trouble->message});
    }
  }
  return failed;
}

base::Result<std::unique_ptr<OperationsServer>> ListenForOperations(base::IoLoop& loop, Peer& peer, LogOutput& log,
                                                                    const TlsMaterial& tls, ProgramVersion program) {
  const node::OperationsConfig& config = peer.configuration().operations;
  if (config.listen_address.empty()) return nullptr;
  OperationsOptions options{.listen_address = config.listen_address, .tls = {}, .limits = {}};
  if (config.tls.enabled) {
    options.tls = OperationsTls{.identity = tls.server,
                                .client_cas = tls.client_authorities,
                                .require_client_certificate = config.tls.client_auth_required};
  }
  return OperationsServer::Listen(loop, std::move(options),
                                  {.metrics = peer.metrics(),
                                   .show_metrics = config.metrics_provider == "prometheus",
                                   .log = log,
                                   .check_health = [&peer] { return CheckHealth(peer); },
                                   .version = std::move(program.version),
                                   .commit = std::move(program.commit)});
}

}  // namespace grapevine::runtime
