#include "msp/sanitize.h"

#include "crypto/der.h"
#include "msp/der.h"

namespace grapevine::msp {

base::Result<CertificatePtr> Sanitize(const CertificatePtr& certificate, const Certificate& issuer) {
  const crypto::KeyAlgorithm curve = issuer.public_key().algorithm();
  if (!certificate->signed_with_ecdsa() || !crypto::IsEcdsa(curve)) return certificate;
  auto signature = crypto::ParseEcdsaSignature(certificate->signature(), crypto::TrailingBytes::kRefused);
  if (!signature) return std::unexpected(signature.error());
  if (crypto::IsLowS(signature->s, curve)) return certificate;
  auto low = crypto::LowerS(signature->s, curve);
  if (!low) {
    return base::Fail(base::ErrorCode::kInvalid, "the signature of '{}' is out of range", certificate->subject_text());
  }
  signature->s = std::move(*low);
  return Certificate::FromDer(
      AssembleSigned(certificate->tbs(), certificate->signature_algorithm(), crypto::EncodeEcdsaSignature(*signature)));
}

std::string AssembleSigned(base::ByteView tbs, base::ByteView algorithm, base::ByteView signature) {
  std::string bits(1, '\0');  // no unused bits
  bits.append(signature);
  std::string content(tbs);
  content.append(algorithm).append(EncodeDer(kDerBitString, bits));
  return EncodeDer(kDerSequence, content);
}

}  // namespace grapevine::msp
