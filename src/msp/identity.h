// A member of an MSP as its certificate describes it: parsed and judged once, immutable, shared (specification 03,
// sections 4.4 and 4.5).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"
#include "crypto/hash.h"
#include "msp/certificate.h"

namespace grapevine::msp {

// An OU of the certificate's subject, with the chain that vouches for it.
struct OrganizationalUnit {
  std::string name;
  std::string certifiers_identifier;  // raw hash bytes

  friend bool operator==(const OrganizationalUnit&, const OrganizationalUnit&) = default;
};

// Made by Msp::Deserialize only. Safe to use from any thread.
class Identity {
 public:
  Identity(std::string msp_id, CertificatePtr certificate, std::string identifier,
           std::vector<OrganizationalUnit> organizational_units, crypto::HashAlgorithm hash,
           base::Result<void> validation)
      : msp_id_(std::move(msp_id)),
        certificate_(std::move(certificate)),
        identifier_(std::move(identifier)),
        organizational_units_(std::move(organizational_units)),
        hash_(hash),
        validation_(std::move(validation)) {}

  const std::string& msp_id() const { return msp_id_; }
  // Sanitised (4.4): what is compared with administrators and identity principals.
  const CertificatePtr& certificate() const { return certificate_; }
  // Lower-case hexadecimal; equal for all serialisations of one certificate. De-duplicates signers (7.3).
  const std::string& identifier() const { return identifier_; }
  // Empty if the chain is not one that may vouch for an identity.
  const std::vector<OrganizationalUnit>& organizational_units() const { return organizational_units_; }
  // Of signed messages (section 5).
  crypto::HashAlgorithm hash() const { return hash_; }
  // The verdict of 4.5. Deserialising does not require it.
  const base::Result<void>& validation() const { return validation_; }
  base::WallTime not_after() const { return certificate_->not_after(); }

  // Section 5. kInvalid with the reason; also for a key that cannot sign in Fabric (RSA). What stands behind r and s is
  // ignored, as it must be for blocks, so that one signature has one verdict wherever it is used.
  base::Result<void> Verify(base::ByteView message, base::ByteView signature) const;

 private:
  std::string msp_id_;
  CertificatePtr certificate_;
  std::string identifier_;
  std::vector<OrganizationalUnit> organizational_units_;
  crypto::HashAlgorithm hash_;
  base::Result<void> validation_;
};

using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace grapevine::msp
