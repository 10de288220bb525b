#include "msp/certificate.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "msp/der.h"
#include "msp/name_constraints.h"
#include "msp/pem.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::uint32_t kAbsent = UINT32_MAX;  // OpenSSL's answer if an extension is not there

std::string EncodeName(const X509_NAME* name) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &bytes, &size) != 1) return {};
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<std::string> NameValues(const X509_NAME* name, int nid) {
  std::vector<std::string> values;
  for (int i = X509_NAME_get_index_by_NID(name, nid, -1); i >= 0; i = X509_NAME_get_index_by_NID(name, nid, i)) {
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    if (size < 0) continue;
    values.emplace_back(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
  }
  return values;
}

std::string NameText(const X509_NAME* name) {
  std::array<char, 256> text{};
  X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
  return text.data();
}

std::string Dotted(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return text.data();
}

// Dates that nanoseconds since 1970 cannot hold ("9999-12-31", no well-defined expiry) become the nearest that they
// can.
Result<base::WallTime> Time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Fail(ErrorCode::kInvalid, "its validity has a malformed time");
  using std::chrono::seconds;
  const std::chrono::sys_days day = std::chrono::year(parts.tm_year + 1900) / (parts.tm_mon + 1) / parts.tm_mday;
  const auto time_point =
      std::chrono::sys_seconds(day) + seconds(parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec);
  constexpr auto kLast = std::chrono::floor<seconds>(base::WallTime::max()) - seconds(1);
  constexpr auto kFirst = std::chrono::ceil<seconds>(base::WallTime::min());
  return base::WallTime(std::clamp(time_point, kFirst, kLast));
}

// Extensions that the chain rule covers; certificates with any other critical one are refused (4.4).
bool IsHandled(X509* x509, int nid) {
  switch (nid) {
    case NID_key_usage:
    case NID_basic_constraints:
    case NID_ext_key_usage:
    case NID_subject_key_identifier:
    case NID_authority_key_identifier:
    case NID_crl_distribution_points:
    case NID_certificate_policies:
    case NID_info_access:
      return true;
    case NID_subject_alt_name:
      return HasCheckableNames(x509);
    case NID_name_constraints:
      return HasOnlyCheckableConstraints(x509);
    default:
      return false;
  }
}

Result<std::string> FindUnhandledCriticalExtension(X509* x509) {
  std::set<std::string> seen;
  std::string unhandled;
  for (int i = 0; i < X509_get_ext_count(x509); ++i) {
    X509_EXTENSION* extension = X509_get_ext(x509, i);
    const ASN1_OBJECT* object = X509_EXTENSION_get_object(extension);
    const std::string name = Dotted(object);
    if (!seen.insert(name).second) return Fail(ErrorCode::kInvalid, "it has extension {} twice", name);
    if (unhandled.empty() && X509_EXTENSION_get_critical(extension) != 0 && !IsHandled(x509, OBJ_obj2nid(object))) {
      unhandled = name;
    }
  }
  return unhandled;
}

const X509_ALGOR* SignatureAlgorithmOf(const X509* x509) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, x509);
  return algorithm;
}

}  // namespace

std::string IntegerText(const ASN1_INTEGER* integer) {
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(ASN1_INTEGER_to_BN(integer, nullptr), &BN_free);
  if (number == nullptr) return {};
  char* text = BN_bn2hex(number.get());
  std::string hex = text;
  OPENSSL_free(text);
  return hex;
}

Result<CertificatePtr> Certificate::FromPem(base::ByteView pem) {
  const auto block = DecodePem(pem);
  if (!block) return Fail(ErrorCode::kInvalid, "it has no PEM block; expected -----BEGIN CERTIFICATE-----");
  return FromDer(block->content);
}

Result<CertificatePtr> Certificate::FromDer(base::ByteView der) {
  const auto malformed = [](const char* what) {
    return Fail(ErrorCode::kInvalid, "it is not an X.509 certificate: {}", what);
  };
  if (!IsStrictDer(der)) return malformed("not one element of distinguished encoding");
  std::string owned(der);
  const auto* begin = reinterpret_cast<const unsigned char*>(owned.data());
  const unsigned char* end = begin;
  const std::shared_ptr<X509> x509(d2i_X509(nullptr, &end, static_cast<long>(owned.size())), &X509_free);
  if (x509 == nullptr || end != begin + owned.size()) return malformed("its fields cannot be decoded");
  if (X509_get_version(x509.get()) > X509_VERSION_3) return malformed("version above 3");
  if (X509_ALGOR_cmp(X509_get0_tbs_sigalg(x509.get()), SignatureAlgorithmOf(x509.get())) != 0) {
    return malformed("inner and outer signature algorithm differ");
  }
  if ((X509_get_extension_flags(x509.get()) & EXFLAG_INVALID) != 0) return malformed("an extension is malformed");
  auto key = crypto::PublicKey::FromX509(x509.get());
  if (!key) return malformed(key.error().message.c_str());

  std::shared_ptr<Certificate> certificate(new Certificate(std::move(*key)));
  certificate->der_ = std::move(owned);
  certificate->x509_ = x509;
  if (auto read = certificate->ReadFields(); !read) return std::unexpected(read.error());
  return certificate;
}

Result<void> Certificate::ReadFields() {
  base::ByteView outer = der_;
  base::ByteView parts = TakeDer(outer)->content;
  const auto tbs = TakeDer(parts);
  const auto algorithm = TakeDer(parts);
  const auto signature = TakeDer(parts);
  if (!tbs || !algorithm || !signature || signature->content.empty() || signature->content[0] != '\0') {
    return Fail(ErrorCode::kInvalid, "it is not an X.509 certificate: not three parts with a signature of whole bytes");
  }
  tbs_ = tbs->whole;
  signature_algorithm_ = algorithm->whole;
  signature_ = signature->content.substr(1);

  X509* x509 = x509_.get();
  const X509_NAME* subject = X509_get_subject_name(x509);
  subject_ = EncodeName(subject);
  issuer_ = EncodeName(X509_get_issuer_name(x509));
  subject_text_ = NameText(subject);
  organizational_units_ = NameValues(subject, NID_organizationalUnitName);
  const auto common_names = NameValues(subject, NID_commonName);
  if (!common_names.empty()) common_name_ = common_names.back();
  serial_ = IntegerText(X509_get0_serialNumber(x509));
  auto not_before = Time(X509_get0_notBefore(x509));
  auto not_after = Time(X509_get0_notAfter(x509));
  if (!not_before) return std::unexpected(not_before.error());
  if (!not_after) return std::unexpected(not_after.error());
  not_before_ = *not_before;
  not_after_ = *not_after;

  auto unhandled = FindUnhandledCriticalExtension(x509);
  if (!unhandled) return std::unexpected(unhandled.error());
  unhandled_critical_extension_ = std::move(*unhandled);
  ReadConstraints();
  return {};
}

void Certificate::ReadConstraints() {
  X509* x509 = x509_.get();
  is_ca_ = (X509_get_extension_flags(x509) & EXFLAG_BCONS) != 0 && (X509_get_extension_flags(x509) & EXFLAG_CA) != 0;
  if (const long length = X509_get_pathlen(x509); is_ca_ && length >= 0) path_length_ = length;
  const std::uint32_t usage = X509_get_key_usage(x509);
  may_sign_certificates_ = usage == kAbsent || usage == 0 || (usage & KU_KEY_CERT_SIGN) != 0;
  const std::uint32_t extended = X509_get_extended_key_usage(x509);
  allows_server_authentication_ = extended == kAbsent || (extended & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
  has_subject_alternative_name_ = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1) >= 0;
  has_name_constraints_ = X509_get_ext_by_NID(x509, NID_name_constraints, -1) >= 0;
  if (const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(x509); id != nullptr) {
    subject_key_identifier_.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(id)),
                                    static_cast<std::size_t>(ASN1_STRING_length(id)));
  }
  const int algorithm = X509_get_signature_nid(x509);
  signed_with_ecdsa_ = algorithm == NID_ecdsa_with_SHA1 || algorithm == NID_ecdsa_with_SHA256 ||
                       algorithm == NID_ecdsa_with_SHA384 || algorithm == NID_ecdsa_with_SHA512;
  has_rsa_key_ = EVP_PKEY_get_base_id(X509_get0_pubkey(x509)) == EVP_PKEY_RSA;
}

Result<void> Certificate::CheckSignatureFrom(const Certificate& issuer) const {
  int digest = NID_undef;
  int key = NID_undef;
  if (X509_get_signature_info(x509_.get(), &digest, &key, nullptr, nullptr) != 1) {
    return Fail(ErrorCode::kInvalid, "'{}' is signed with an unknown algorithm", subject_text_);
  }
  const bool strong = key == NID_ED25519 || digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
  if (!strong) {
    return Fail(ErrorCode::kInvalid, "'{}' is signed with {}; expected SHA-256, SHA-384, SHA-512 or Ed25519",
                subject_text_, OBJ_nid2sn(digest));
  }
  if (X509_verify(x509_.get(), X509_get0_pubkey(issuer.x509_.get())) != 1) {
    return Fail(ErrorCode::kInvalid, "the signature on '{}' is not by the key of '{}'", subject_text_,
                issuer.subject_text_);
  }
  return {};
}

}  // namespace grapevine::msp
