// What TLS needs from outside: own certificate and key, trusted roots, and whether clients must show a certificate
// (02, 2.1; 15 #11: both roles take their certificate from one place at each handshake).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace grapevine::rpc {

// An own certificate, its chain and its private key. Immutable; share it between roles and connections.
class TlsIdentity {
 public:
  // PEM texts. Error (kInvalid): not PEM, no certificate, an unreadable key, or a key that does not match.
  static base::Result<std::shared_ptr<const TlsIdentity>> FromPem(base::ByteView certificate_chain,
                                                                  base::ByteView private_key);
  ~TlsIdentity();

  const base::Bytes& certificate() const { return certificate_; }  // DER of the leaf
  // Again as texts, for another TLS library.
  std::string ChainPem() const;
  std::string KeyPem() const;

  struct Native;  // tls_native.h
  const Native& native() const { return *native_; }

 private:
  TlsIdentity(base::Bytes certificate, std::unique_ptr<const Native> native);

  base::Bytes certificate_;
  std::unique_ptr<const Native> native_;
};

// Certificates that are trusted as they stand, roots and intermediates alike. Immutable.
class TlsTrust {
 public:
  // Each text holds one or more PEM certificates; the same certificate may come twice. An empty list trusts nobody.
  // Error (kInvalid): not PEM or no certificate in a text.
  static base::Result<std::shared_ptr<const TlsTrust>> FromPem(const std::vector<std::string>& certificates);
  ~TlsTrust();

  struct Native;
  const Native& native() const { return *native_; }

 private:
  explicit TlsTrust(std::unique_ptr<const Native> native);

  std::unique_ptr<const Native> native_;
};

// Asked at each handshake, so that what they return may be replaced at run time.
using TlsIdentitySource = std::function<std::shared_ptr<const TlsIdentity>()>;
using TlsTrustSource = std::function<std::shared_ptr<const TlsTrust>()>;

struct TlsClientConfig {
  TlsIdentitySource identity;  // may return null: no certificate is shown
  TlsTrustSource trust;
};

struct TlsServerConfig {
  TlsIdentitySource identity;
  // Used when client certificates are required: then they are verified, and the names of these certificates are sent.
  // Otherwise a certificate is asked for with an empty list of names and is not verified; who it names is the business
  // of the layer above.
  TlsTrustSource client_trust;
  bool require_client_certificate = false;
};

}  // namespace grapevine::rpc
