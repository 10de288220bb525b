// X.509 certificates and revocation lists of test networks, in the form that Fabric's cryptogen gives them.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "testnet/ec_key.h"

namespace grapevine::testnet {

// Subject or issuer; empty parts are left out. Country, state and locality are cryptogen's.
struct DistinguishedName {
  std::string organization;
  std::string unit;
  std::string common_name;
};

enum class CertificateKind {
  kAuthority,  // CA
  kIdentity,   // signs; OU tells the role (03, 4.5)
  kTls,        // server and client authentication
};

struct CertificateRequest {
  CertificateKind kind = CertificateKind::kIdentity;
  DistinguishedName subject;
  std::string serial;  // big-endian
  base::WallTime not_before{};
  base::WallTime not_after{};
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // of 4 or 16 bytes each
};

struct Issuer {
  DistinguishedName name;
  EcKey key;
};

// PEM block CERTIFICATE. For a self-signed one `issuer` is the subject itself.
std::string IssueCertificate(const CertificateRequest& request, const EcKey& subject_key, const Issuer& issuer);

// PEM block X509 CRL: the certificates with these serial numbers are revoked.
std::string IssueRevocationList(const Issuer& issuer, const std::vector<std::string>& serials, base::WallTime time);

}  // namespace grapevine::testnet
