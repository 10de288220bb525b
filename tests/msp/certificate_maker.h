// Makes certificates and revocation lists for the rows of the tables in specification 03 that no recorded file covers.
#pragma once

#include <openssl/evp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "msp/certificate.h"
#include "msp/msp.h"
#include "msp/msp_config.pb.h"

namespace grapevine::msp {

struct CertificateSpec {
  std::string common_name = "leaf";
  std::vector<std::string> organizational_units;
  bool is_ca = false;
  bool with_subject_key_identifier = true;
  bool high_s = false;  // of the issuer's ECDSA signature on it
  const char* digest = "SHA256";
  long serial = 1;
  std::chrono::sys_seconds not_before = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  std::chrono::seconds lifetime = std::chrono::hours(24 * 365);
  // Extension name or OID -> value, in the notation of OpenSSL's configuration files.
  std::vector<std::pair<std::string, std::string>> extensions;
};

// A certificate with its private key.
struct TestIdentity {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> x509;

  std::string pem() const;
  std::string key_pem() const;
  CertificatePtr certificate() const;
};

// `type` is P-256, P-384, ED25519 or RSA.
std::shared_ptr<EVP_PKEY> MakeKey(const std::string& type = "P-256");
TestIdentity MakeRoot(CertificateSpec spec, std::shared_ptr<EVP_PKEY> key = MakeKey());
TestIdentity Issue(const TestIdentity& issuer, CertificateSpec spec, std::shared_ptr<EVP_PKEY> key = MakeKey());
CertificateSpec CaSpec(std::string common_name);

// PEM of a list of `serials` that names `authority`'s key (if it has an identifier and
// `with_authority_key_identifier`), signed by `signer`.
std::string MakeRevocationList(const TestIdentity& authority, const TestIdentity& signer, std::vector<long> serials,
                               bool with_authority_key_identifier = true);

// TestMSP with these authorities, and NodeOUs client, peer, admin and orderer unless `node_ous` is false.
::msp::FabricMSPConfig MakeMspConfig(const std::vector<TestIdentity>& roots,
                                     const std::vector<TestIdentity>& intermediates = {}, bool node_ous = true);

// "" or why the identity is refused, by the chain or by validation.
std::string Refusal(const MspPtr& msp, const TestIdentity& identity);

}  // namespace grapevine::msp
