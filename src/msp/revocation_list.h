// A certificate revocation list, as far as validation looks at it (specification 03, section 4.5 row 2).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "msp/certificate.h"

struct X509_crl_st;

namespace grapevine::msp {

// Immutable, safe to use from any thread. Its validity times and the dates of revocation do not matter.
class RevocationList {
 public:
  // PEM or DER.
  static base::Result<RevocationList> Parse(base::ByteView bytes);

  // Empty if the extension has no key identifier, nothing if there is no such extension.
  const std::optional<std::string>& authority_key_identifier() const { return authority_key_identifier_; }
  // `serial` as Certificate::serial() gives it.
  bool Lists(const std::string& serial) const { return serials_.contains(serial); }
  base::Result<void> CheckSignatureFrom(const Certificate& issuer) const;

 private:
  std::shared_ptr<X509_crl_st> crl_;
  std::optional<std::string> authority_key_identifier_;
  std::set<std::string> serials_;
};

}  // namespace grapevine::msp
