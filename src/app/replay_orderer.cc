#include "app/replay_orderer.h"

#include <optional>
#include <utility>

#include "rpc/tls.h"

namespace grapevine::app {

namespace {

// Nothing: plaintext.
base::Result<std::optional<rpc::TlsServerConfig>> MakeTls(const ReplayOrdererOptions& options) {
  if (options.tls_certificate.empty() && options.tls_key.empty()) return std::nullopt;
  auto identity = rpc::TlsIdentity::FromPem(options.tls_certificate, options.tls_key);
  if (!identity) return base::Wrap(identity.error(), "the TLS certificate and key");
  auto trust = rpc::TlsTrust::FromPem(options.tls_client_authorities);
  if (!trust) return base::Wrap(trust.error(), "the TLS client CAs");
  return rpc::TlsServerConfig{.identity = [identity = std::move(*identity)] { return identity; },
                              .client_trust = [trust = std::move(*trust)] { return trust; },
                              .require_client_certificate = !options.tls_client_authorities.empty()};
}

}  // namespace

base::Result<std::unique_ptr<ReplayOrderer>> ReplayOrderer::Start(base::Environment environment, base::IoLoop& loop,
                                                                  base::FileSystem& files,
                                                                  const ReplayOrdererOptions& options) {
  auto tls = MakeTls(options);
  if (!tls) return std::unexpected(tls.error());
  auto recorded = RecordedChain::Open(files, options.chain);
  if (!recorded) return std::unexpected(recorded.error());
  auto chain = ReplayChain::Create(environment, std::move(*recorded), options.start_height);
  if (!chain) return std::unexpected(chain.error());

  const bool mutual_tls = tls->has_value() && (*tls)->require_client_certificate;
  rpc::ServerOptions server_options;
  server_options.listen_address = options.listen;
  server_options.tls = std::move(*tls);
  auto server = rpc::GrpcServer::Listen(loop, std::move(server_options), &environment.metrics);
  if (!server) return std::unexpected(server.error());

  std::unique_ptr<ReplayOrderer> orderer(new ReplayOrderer);
  orderer->chain_ = std::move(*chain);
  orderer->server_ = std::move(*server);
  delivery::DeliverServiceConfig config;
  config.mutual_tls = mutual_tls;
  orderer->service_ = std::make_unique<delivery::DeliverService>(environment, *orderer->server_, config);
  orderer->service_->AddChannel(orderer->chain_->recorded().channel(), *orderer->chain_);
  return orderer;
}

}  // namespace grapevine::app
