// Public and private keys, parsed once and shared (specification 03, section 5).
//
// Keys are immutable values: copying one shares the parsed key; any thread may use it, several at once.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"

// OpenSSL's types, so that X.509 code can hand its parsed certificate over.
typedef struct x509_st X509;
typedef struct X509_pubkey_st X509_PUBKEY;

namespace grapevine::crypto {

// kOther parses (an RSA certificate is a certificate) but neither signs nor verifies.
enum class KeyAlgorithm { kEcdsaP224, kEcdsaP256, kEcdsaP384, kEcdsaP521, kEd25519, kOther };

const char* ToString(KeyAlgorithm algorithm);
inline bool IsEcdsa(KeyAlgorithm algorithm) { return algorithm <= KeyAlgorithm::kEcdsaP521; }

// Bytes behind the two integers of an ECDSA signature. Fabric ignores them, so whoever refuses them disagrees with
// Fabric about a message and, worse, about a block.
enum class TrailingBytes { kTolerated, kRefused };

class PublicKey {
 public:
  // DER of a SubjectPublicKeyInfo, nothing behind it.
  static base::Result<PublicKey> FromSpkiDer(base::ByteView der);
  static base::Result<PublicKey> FromX509(const X509* certificate);

  KeyAlgorithm algorithm() const;
  // DER of the SubjectPublicKeyInfo; equal keys have equal DER.
  const std::string& spki_der() const;
  const Digest& spki_digest() const;  // SHA-256 of it
  // SHA-256 of the uncompressed EC point or of the 32 bytes of an Ed25519 key: the name of the key in Fabric's key
  // stores (03, 4.1). All zero for kOther.
  const Digest& ski() const;

  // Whether `signature` is this key's over `message`: ECDSA over the digest of the message by `hash` (never chosen by
  // curve size) with low S; Ed25519 over the message itself. kInvalid with the reason if it is not.
  base::Result<void> Verify(base::ByteView signature, base::ByteView message,
                            HashAlgorithm hash = HashAlgorithm::kSha256,
                            TrailingBytes trailing = TrailingBytes::kTolerated) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.spki_der() == b.spki_der(); }

 private:
  friend class PrivateKey;
  struct Data;
  explicit PublicKey(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  static base::Result<PublicKey> FromParsed(X509_PUBKEY* parsed);

  std::shared_ptr<const Data> data_;
};

class PrivateKey {
 public:
  // PEM block PRIVATE KEY (PKCS#8), EC PRIVATE KEY (SEC1) or RSA PRIVATE KEY (PKCS#1), unencrypted. Text around the
  // block is ignored.
  static base::Result<PrivateKey> FromPem(base::ByteView pem);

  const PublicKey& public_key() const { return public_key_; }

  // ECDSA: canonical DER with low S over the digest of `message`; Ed25519: 64 bytes over the message itself.
  base::Result<std::string> Sign(base::ByteView message, HashAlgorithm hash = HashAlgorithm::kSha256) const;

 private:
  struct Data;
  PrivateKey(std::shared_ptr<const Data> data, PublicKey public_key)
      : data_(std::move(data)), public_key_(std::move(public_key)) {}

  std::shared_ptr<const Data> data_;
  PublicKey public_key_;
};

}  // namespace grapevine::crypto
