#include "msp/revocation_list.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <utility>

#include "crypto/der.h"
#include "msp/der.h"
#include "msp/pem.h"
#include "msp/sanitize.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

std::shared_ptr<X509_CRL> Decode(base::ByteView der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* end = begin;
  std::shared_ptr<X509_CRL> crl(d2i_X509_CRL(nullptr, &end, static_cast<long>(der.size())), &X509_CRL_free);
  return end == begin + der.size() ? crl : nullptr;
}

// The list with the canonical form of its ECDSA signature: Go's library is less strict about it than OpenSSL.
std::string Canonical(base::ByteView der) {
  base::ByteView rest = der;
  const auto outer = TakeDer(rest);
  if (!outer) return std::string(der);
  base::ByteView parts = outer->content;
  const auto tbs = TakeDer(parts);
  const auto algorithm = TakeDer(parts);
  const auto bits = TakeDer(parts);
  if (!tbs || !algorithm || !bits || bits->content.empty()) return std::string(der);
  const auto signature = crypto::ParseEcdsaSignature(bits->content.substr(1), crypto::TrailingBytes::kTolerated);
  if (!signature) return std::string(der);
  return AssembleSigned(tbs->whole, algorithm->whole, crypto::EncodeEcdsaSignature(*signature));
}

bool IsSignedWithEcdsa(const X509_CRL* crl) {
  int key = NID_undef;
  OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), nullptr, &key);
  return key == NID_X9_62_id_ecPublicKey;
}

std::optional<std::string> AuthorityKeyIdentifier(const X509_CRL* crl) {
  const std::unique_ptr<AUTHORITY_KEYID, decltype(&AUTHORITY_KEYID_free)> extension(
      static_cast<AUTHORITY_KEYID*>(X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, nullptr, nullptr)),
      &AUTHORITY_KEYID_free);
  if (extension == nullptr) return std::nullopt;
  if (extension->keyid == nullptr) return std::string();
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(extension->keyid)),
                     static_cast<std::size_t>(ASN1_STRING_length(extension->keyid)));
}

}  // namespace

Result<RevocationList> RevocationList::Parse(base::ByteView bytes) {
  const auto block = DecodePem(bytes);
  std::string der = block ? block->content : std::string(bytes);
  RevocationList list;
  list.crl_ = Decode(der);
  if (list.crl_ != nullptr && IsSignedWithEcdsa(list.crl_.get())) list.crl_ = Decode(Canonical(der));
  if (list.crl_ == nullptr) {
    return Fail(ErrorCode::kInvalid, "it is not a certificate revocation list; expected PEM -----BEGIN X509 CRL-----");
  }
  list.authority_key_identifier_ = AuthorityKeyIdentifier(list.crl_.get());
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list.crl_.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    list.serials_.insert(IntegerText(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
  }
  return list;
}

Result<void> RevocationList::CheckSignatureFrom(const Certificate& issuer) const {
  int digest = NID_undef;
  OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl_.get()), &digest, nullptr);
  if (digest == NID_md5 || X509_CRL_verify(crl_.get(), X509_get0_pubkey(issuer.x509())) != 1) {
    return Fail(ErrorCode::kInvalid, "the revocation list is not signed by the key of '{}'", issuer.subject_text());
  }
  return {};
}

}  // namespace grapevine::msp
