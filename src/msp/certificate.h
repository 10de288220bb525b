// An X.509 certificate with the fields that the rules of MSPs look at (specification 03, sections 4.4 and 9).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"
#include "crypto/keys.h"

struct asn1_string_st;  // NOLINT: OpenSSL's name

namespace grapevine::msp {

class Certificate;
using CertificatePtr = std::shared_ptr<const Certificate>;

// Immutable, safe to use from any thread. Parsed strictly: distinguished encoding, nothing behind the certificate.
class Certificate {
 public:
  static base::Result<CertificatePtr> FromDer(base::ByteView der);
  // The first PEM block, whatever its type and whatever follows it.
  static base::Result<CertificatePtr> FromPem(base::ByteView pem);

  const std::string& der() const { return der_; }
  // The parts of the outer SEQUENCE, inside der(): to be signed, signature algorithm, value of the signature.
  base::ByteView tbs() const { return tbs_; }
  base::ByteView signature_algorithm() const { return signature_algorithm_; }
  base::ByteView signature() const { return signature_; }

  // DER of the names; equality of bytes is equality of names, as in Go.
  const std::string& subject() const { return subject_; }
  const std::string& issuer() const { return issuer_; }
  // For messages.
  const std::string& subject_text() const { return subject_text_; }
  const std::string& common_name() const { return common_name_; }
  // All values, in any RDN, in order.
  const std::vector<std::string>& organizational_units() const { return organizational_units_; }
  // As IntegerText gives it.
  const std::string& serial() const { return serial_; }

  base::WallTime not_before() const { return not_before_; }
  base::WallTime not_after() const { return not_after_; }

  bool is_ca() const { return is_ca_; }
  // Intermediate CAs allowed below this CA.
  std::optional<std::int64_t> path_length() const { return path_length_; }
  // keyCertSign, or no key usage extension at all.
  bool may_sign_certificates() const { return may_sign_certificates_; }
  // serverAuth or any, or no extended key usage extension at all.
  bool allows_server_authentication() const { return allows_server_authentication_; }
  // The first critical extension that the rules do not cover, dotted; empty if none.
  const std::string& unhandled_critical_extension() const { return unhandled_critical_extension_; }
  bool has_subject_alternative_name() const { return has_subject_alternative_name_; }
  bool has_name_constraints() const { return has_name_constraints_; }
  const std::optional<std::string>& subject_key_identifier() const { return subject_key_identifier_; }

  const crypto::PublicKey& public_key() const { return public_key_; }
  bool has_rsa_key() const { return has_rsa_key_; }
  bool signed_with_ecdsa() const { return signed_with_ecdsa_; }

  // Signature by the key of `issuer`, with an algorithm other than MD5 and SHA-1.
  base::Result<void> CheckSignatureFrom(const Certificate& issuer) const;

  // OpenSSL's form, for the other files of this room; they only read it.
  X509* x509() const { return x509_.get(); }

 private:
  explicit Certificate(crypto::PublicKey public_key) : public_key_(std::move(public_key)) {}
  base::Result<void> ReadFields();
  void ReadConstraints();

  std::string der_;
  base::ByteView tbs_, signature_algorithm_, signature_;
  std::shared_ptr<X509> x509_;
  std::string subject_, issuer_, subject_text_, common_name_, serial_;
  std::vector<std::string> organizational_units_;
  base::WallTime not_before_{}, not_after_{};
  bool is_ca_ = false;
  std::optional<std::int64_t> path_length_;
  bool may_sign_certificates_ = true;
  bool allows_server_authentication_ = true;
  std::string unhandled_critical_extension_;
  bool has_subject_alternative_name_ = false;
  bool has_name_constraints_ = false;
  std::optional<std::string> subject_key_identifier_;
  crypto::PublicKey public_key_;
  bool has_rsa_key_ = false;
  bool signed_with_ecdsa_ = false;
};

// Upper-case hexadecimal without leading zeros, '-' in front of a negative number.
std::string IntegerText(const asn1_string_st* integer);

}  // namespace grapevine::msp
