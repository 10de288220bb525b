// Public and private keys, parsed once and shared (specification 03, section 5).
//
// Keys are immutable values: copying one shares the parsed key; any thread may use it, several at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"

// OpenSSL's types, so that X.509 code can hand its parsed objects over without an encoding in between.
typedef struct evp_pkey_st EVP_PKEY;
typedef struct x509_st X509;

namespace grapevine::crypto {

// kOther parses (an RSA certificate is a certificate) but neither signs nor verifies.
enum class KeyAlgorithm { kEcdsaP224, kEcdsaP256, kEcdsaP384, kEcdsaP521, kEd25519, kOther };

const char* ToString(KeyAlgorithm algorithm);
inline bool IsEcdsa(KeyAlgorithm algorithm) { return algorithm <= KeyAlgorithm::kEcdsaP521; }

// What follows the two integers of an ECDSA signature: Fabric ignores it, so block signatures must be kTolerated, or
// peers would disagree about a block; messages are kRefused.
enum class TrailingBytes { kRefused, kTolerated };

class PublicKey {
 public:
  // DER of a SubjectPublicKeyInfo, complete.
  static base::Result<PublicKey> FromSpkiDer(base::ByteView der);
  // PEM block PUBLIC KEY.
  static base::Result<PublicKey> FromPem(base::ByteView pem);
  // Takes a reference of its own.
  static base::Result<PublicKey> FromX509(X509* certificate);
  static base::Result<PublicKey> FromEvp(EVP_PKEY* key);

  KeyAlgorithm algorithm() const;
  // DER of the SubjectPublicKeyInfo.
  const std::string& spki_der() const;
  // SHA-256 of the uncompressed EC point or of the 32 bytes of an Ed25519 key (03, 4.1); identifies the key in caches
  // and key stores. All zero for kOther.
  const Digest& ski() const;

  // The signature over `message`: ECDSA over its digest (`hash`, never by curve size), low S; Ed25519 over the bytes
  // themselves. kInvalid with the reason if not.
  base::Result<void> Verify(base::ByteView signature, base::ByteView message,
                            HashAlgorithm hash = HashAlgorithm::kSha256,
                            TrailingBytes trailing = TrailingBytes::kRefused) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.spki_der() == b.spki_der(); }

 private:
  friend class PrivateKey;
  struct Data;
  explicit PublicKey(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

class PrivateKey {
 public:
  // PEM block PRIVATE KEY (PKCS#8), EC PRIVATE KEY (SEC1) or RSA PRIVATE KEY (PKCS#1), unencrypted. Text around the
  // block is ignored.
  static base::Result<PrivateKey> FromPem(base::ByteView pem);

  const PublicKey& public_key() const { return public_key_; }

  // ECDSA: canonical DER with low S over the digest of `message`; Ed25519: 64 bytes over the message.
  base::Result<std::string> Sign(base::ByteView message, HashAlgorithm hash = HashAlgorithm::kSha256) const;

 private:
  explicit PrivateKey(PublicKey public_key) : public_key_(std::move(public_key)) {}

  PublicKey public_key_;  // its EVP_PKEY has the private part too
};

}  // namespace grapevine::crypto
