// The DER that signatures and block headers need (specification 03, sections 5 and 6.2). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace grapevine::crypto {

// A signature's two integers, big-endian, positive, without leading zero bytes.
struct EcdsaSignature {
  std::string r;
  std::string s;

  friend bool operator==(const EcdsaSignature&, const EcdsaSignature&) = default;
};

// SEQUENCE{INTEGER r, INTEGER s}, lengths and integers minimal, r and s > 0. `trailing` says what becomes of bytes
// behind the sequence or behind s inside it.
base::Result<EcdsaSignature> ParseEcdsaSignature(base::ByteView der, TrailingBytes trailing);
// The canonical form: what ParseEcdsaSignature reads without trailing bytes.
std::string EncodeEcdsaSignature(const EcdsaSignature& signature);

// The lower of s and n - s, n being the order of the curve. Nothing if s is not below n. Precondition:
// IsEcdsa(algorithm).
std::optional<std::string> LowerS(const std::string& s, KeyAlgorithm algorithm);
// Whether s <= n / 2. Precondition: IsEcdsa(algorithm).
bool IsLowS(const std::string& s, KeyAlgorithm algorithm);

std::string DerInteger(std::uint64_t value);
// Non-negative, from big-endian bytes, however many leading zero bytes they have.
std::string DerInteger(base::ByteView big_endian);
std::string DerOctetString(base::ByteView content);
std::string DerSequence(base::ByteView content);

}  // namespace grapevine::crypto
