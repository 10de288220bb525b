// What a peer's TLS shows and whom it trusts (specification 02, 2.1), replaceable while connections come and go.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "rpc/tls.h"

namespace grapevine::runtime {

// Of the configuration: own certificates, and authorities besides those of the channels.
struct TlsMaterial {
  std::shared_ptr<const rpc::TlsIdentity> server;
  std::shared_ptr<const rpc::TlsIdentity> client;
  std::vector<std::string> authorities;         // PEM, peer.tls.rootcert.file
  std::vector<std::string> client_authorities;  // PEM, peer.tls.clientRootCAs.files
};

// One executor. What it hands out asks it at each handshake: it must outlive the transports and servers that use it.
class PeerTls {
 public:
  // Of now on. On an error (kInvalid) everything stays as it was.
  base::Result<void> SetMaterial(TlsMaterial material);
  // PEM of the TLS authorities of a channel's application organisations; empty: the channel was left. On an error
  // everything stays as it was.
  base::Result<void> SetChannel(const std::string& channel, std::vector<std::string> authorities);

  rpc::TlsServerConfig ForServer(bool require_client_certificate) const;
  rpc::TlsClientConfig ForClient() const;
  rpc::TlsIdentitySource client_identity() const;

 private:
  using ChannelAuthorities = std::map<std::string, std::vector<std::string>>;

  base::Result<void> Replace(TlsMaterial material, ChannelAuthorities channels);

  TlsMaterial material_;
  ChannelAuthorities channels_;
  std::shared_ptr<const rpc::TlsTrust> trust_;         // as client
  std::shared_ptr<const rpc::TlsTrust> client_trust_;  // as server
};

}  // namespace grapevine::runtime
