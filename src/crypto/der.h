// Canonical DER of ECDSA signatures, as Fabric wants them (specification 03, section 5). Pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace grapevine::crypto {

// A signature's two integers, big-endian and without leading zero bytes.
struct EcdsaSignature {
  std::string r;
  std::string s;
};

// SEQUENCE{INTEGER r, INTEGER s} with minimal lengths and integers, r and s > 0. What stands behind the sequence or
// behind s inside it is refused or ignored as `trailing` says.
base::Result<EcdsaSignature> ParseEcdsaSignature(base::ByteView der, TrailingBytes trailing);
std::string EncodeEcdsaSignature(const EcdsaSignature& signature);

// Whether s <= floor(n / 2) for the order n of the curve. Precondition: IsEcdsa(algorithm).
bool HasLowS(const EcdsaSignature& signature, KeyAlgorithm algorithm);
// The same signature with the lower of s and n - s. Nothing if s is not below n. Precondition: IsEcdsa(algorithm).
std::optional<EcdsaSignature> WithLowS(const EcdsaSignature& signature, KeyAlgorithm algorithm);

// Writes DER; the few forms that blocks and signatures need.
std::string DerInteger(base::ByteView big_endian);  // non-negative; leading zero bytes are dropped, one added if needed
std::string DerInteger(std::uint64_t value);
std::string DerOctetString(base::ByteView content);
std::string DerSequence(base::ByteView content);

}  // namespace grapevine::crypto
