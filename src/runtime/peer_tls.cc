#include "runtime/peer_tls.h"

#include <utility>

namespace grapevine::runtime {

using base::Result;

Result<void> PeerTls::SetMaterial(TlsMaterial material) { return Replace(std::move(material), channels_); }

Result<void> PeerTls::SetChannel(const std::string& channel, std::vector<std::string> authorities) {
  ChannelAuthorities channels = channels_;
  if (authorities.empty()) {
    channels.erase(channel);
  } else {
    channels[channel] = std::move(authorities);
  }
  return Replace(material_, std::move(channels));
}

Result<void> PeerTls::Replace(TlsMaterial material, ChannelAuthorities channels) {
  std::vector<std::string> authorities = material.authorities;
  for (const auto& [channel, pem] : channels) authorities.insert(authorities.end(), pem.begin(), pem.end());
  auto trust = rpc::TlsTrust::FromPem(authorities);
  if (!trust) return std::unexpected(trust.error());
  authorities.insert(authorities.end(), material.client_authorities.begin(), material.client_authorities.end());
  auto client_trust = rpc::TlsTrust::FromPem(authorities);
  if (!client_trust) return std::unexpected(client_trust.error());
  material_ = std::move(material);
  channels_ = std::move(channels);
  trust_ = std::move(*trust);
  client_trust_ = std::move(*client_trust);
  return {};
}

rpc::TlsServerConfig PeerTls::ForServer(bool require_client_certificate) const {
  return {.identity = [this] { return material_.server; },
          .client_trust = [this] { return client_trust_; },
          .require_client_certificate = require_client_certificate};
}

rpc::TlsClientConfig PeerTls::ForClient() const {
  return {.identity = client_identity(), .trust = [this] { return trust_; }};
}

rpc::TlsIdentitySource PeerTls::client_identity() const {
  return [this] { return material_.client; };
}

}  // namespace grapevine::runtime
