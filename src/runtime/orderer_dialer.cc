#include "runtime/orderer_dialer.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace grapevine::runtime {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

// Sets of authorities that are remembered: those of the channels' configurations in force, and a few earlier ones.
constexpr std::size_t kMaxTransports = 64;

// Where operating systems keep the roots that they trust; Go looks at the same places.
constexpr std::array kSystemRoots = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                     "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

Result<std::string> ReadSystemRoots() {
  std::vector<std::string> paths(kSystemRoots.begin(), kSystemRoots.end());
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr) paths = {named};
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!content.empty()) return content;
  }
  return Fail(ErrorCode::kNotFound,
              "the channel's configuration names no TLS CA of its orderers, and this system has none either: '{}' "
              "cannot be read",
              paths.front());
}

}  // namespace

OrdererDialer::OrdererDialer(base::IoLoop& loop, base::Workers& workers, OrdererDialerOptions options,
                             base::Metrics* metrics)
    : loop_(loop), workers_(workers), options_(std::move(options)), metrics_(metrics) {}

OrdererDialer::~OrdererDialer() = default;

base::Bytes OrdererDialer::client_certificate() const {
  if (!options_.tls || !options_.identity) return {};
  const auto identity = options_.identity();
  return identity ? identity->certificate() : base::Bytes();
}

Result<std::shared_ptr<rpc::GrpcTransport>> OrdererDialer::TransportFor(const Authorities& authorities) {
  const auto known = transports_.find(authorities);
  if (known != transports_.end()) return known->second;
  rpc::ClientOptions client;
  client.limits = options_.limits;
  client.keepalive = options_.keepalive;
  if (options_.tls) {
    Authorities trusted = authorities;
    if (trusted.empty()) {
      auto roots = ReadSystemRoots();
      if (!roots) return std::unexpected(roots.error());
      trusted.push_back(std::move(*roots));
    }
    auto trust = rpc::TlsTrust::FromPem(trusted);
    if (!trust) return base::Wrap(trust.error(), "the TLS CAs of the ordering service");
    client.tls = {.identity = options_.identity ? options_.identity : [] { return nullptr; },
                  .trust = [trust = std::move(*trust)] { return trust; }};
  }
  if (transports_.size() >= kMaxTransports) transports_.clear();
  auto transport = std::make_shared<rpc::GrpcTransport>(loop_, workers_, std::move(client), metrics_);
  transports_.emplace(authorities, transport);
  return transport;
}

base::Handle OrdererDialer::Dial(const delivery::OrdererAddress& address, base::Duration timeout,
                                 std::move_only_function<void(Result<std::unique_ptr<base::Connection>>)> done) {
  auto transport = TransportFor(options_.tls ? address.tls_authorities : Authorities());
  if (!transport) {
    return loop_.After(base::Duration::zero(), [error = transport.error(), done = std::move(done)]() mutable {
      done(std::unexpected(std::move(error)));
    });
  }
  auto dial = (*transport)->Dial(address.endpoint, timeout, std::move(done));
  // The transport may be forgotten meanwhile, the dial goes on.
  return base::Handle([dial = std::move(dial), transport = std::move(*transport)]() mutable { dial.Reset(); });
}

}  // namespace grapevine::runtime
