#include "crypto/keys.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "crypto/der.h"
#include "crypto/openssl_error.h"

namespace grapevine::crypto {

namespace {

using base::ErrorCode;
using base::Fail;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using EvpKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using EvpContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using MdContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using X509Pubkey = std::unique_ptr<X509_PUBKEY, Deleter<X509_PUBKEY_free>>;

const unsigned char* Data(base::ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

KeyAlgorithm AlgorithmOf(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return KeyAlgorithm::kEd25519;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return KeyAlgorithm::kOther;
  std::array<char, 64> group{};
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) {
    TakeOpenSslError();
    return KeyAlgorithm::kOther;
  }
  switch (OBJ_sn2nid(group.data())) {
    case NID_secp224r1:
      return KeyAlgorithm::kEcdsaP224;
    case NID_X9_62_prime256v1:
      return KeyAlgorithm::kEcdsaP256;
    case NID_secp384r1:
      return KeyAlgorithm::kEcdsaP384;
    case NID_secp521r1:
      return KeyAlgorithm::kEcdsaP521;
    default:
      return KeyAlgorithm::kOther;
  }
}

std::string ToSpkiDer(const X509_PUBKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(key, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

const char* ToString(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEcdsaP224:
      return "ECDSA P-224";
    case KeyAlgorithm::kEcdsaP256:
      return "ECDSA P-256";
    case KeyAlgorithm::kEcdsaP384:
      return "ECDSA P-384";
    case KeyAlgorithm::kEcdsaP521:
      return "ECDSA P-521";
    case KeyAlgorithm::kEd25519:
      return "Ed25519";
    case KeyAlgorithm::kOther:
      break;
  }
  return "unsupported key";
}

struct PublicKey::Data {
  EvpKey key;
  KeyAlgorithm algorithm = KeyAlgorithm::kOther;
  std::string spki_der;
  Digest spki_digest;
  Digest ski;
  EvpContext verifying;  // what a verification begins with; ECDSA only
};

struct PrivateKey::Data {
  EvpKey key;
};

base::Result<PublicKey> PublicKey::FromParsed(X509_PUBKEY* parsed) {
  auto data = std::make_shared<Data>();
  data->key.reset(X509_PUBKEY_get(parsed));
  if (data->key == nullptr) return Fail(ErrorCode::kInvalid, "public key cannot be decoded: {}", TakeOpenSslError());
  data->algorithm = AlgorithmOf(data->key.get());
  data->spki_der = ToSpkiDer(parsed);
  data->spki_digest = Sha256(data->spki_der);
  const unsigned char* point = nullptr;
  int point_size = 0;
  if (data->spki_der.empty() || X509_PUBKEY_get0_param(nullptr, &point, &point_size, nullptr, parsed) != 1) {
    return Fail(ErrorCode::kInvalid, "public key cannot be encoded: {}", TakeOpenSslError());
  }
  const base::ByteView point_bytes(reinterpret_cast<const char*>(point), static_cast<std::size_t>(point_size));
  if (IsEcdsa(data->algorithm)) {
    int explicit_parameters = 0;
    EVP_PKEY_get_int_param(data->key.get(), OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters);
    if (explicit_parameters != 0) return Fail(ErrorCode::kInvalid, "EC public key does not name its curve");
    // Go's X.509 library reads uncompressed points only.
    if (point_bytes.empty() || point_bytes[0] != 0x04) return Fail(ErrorCode::kInvalid, "EC point is not uncompressed");
    data->verifying.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, data->key.get(), nullptr));
    if (data->verifying == nullptr || EVP_PKEY_verify_init(data->verifying.get()) != 1) {
      return Fail(ErrorCode::kInvalid, "public key cannot verify signatures: {}", TakeOpenSslError());
    }
  }
  if (data->algorithm != KeyAlgorithm::kOther) data->ski = Sha256(point_bytes);
  return PublicKey(std::move(data));
}

base::Result<PublicKey> PublicKey::FromSpkiDer(base::ByteView der) {
  const unsigned char* next = crypto::Data(der);
  const X509Pubkey parsed(d2i_X509_PUBKEY(nullptr, &next, static_cast<long>(der.size())));
  if (parsed == nullptr || next != crypto::Data(der) + der.size()) {
    return Fail(ErrorCode::kInvalid, "not the DER of a public key: {}", TakeOpenSslError());
  }
  return FromParsed(parsed.get());
}

base::Result<PublicKey> PublicKey::FromX509(const X509* certificate) {
  return FromParsed(X509_get_X509_PUBKEY(certificate));
}

KeyAlgorithm PublicKey::algorithm() const { return data_->algorithm; }
const std::string& PublicKey::spki_der() const { return data_->spki_der; }
const Digest& PublicKey::spki_digest() const { return data_->spki_digest; }
const Digest& PublicKey::ski() const { return data_->ski; }

base::Result<void> PublicKey::Verify(base::ByteView signature, base::ByteView message, HashAlgorithm hash,
                                     TrailingBytes trailing) const {
  bool valid = false;
  if (IsEcdsa(algorithm())) {
    auto parsed = ParseEcdsaSignature(signature, trailing);
    if (!parsed) return std::unexpected(parsed.error());
    if (!IsLowS(parsed->s, algorithm())) {
      return Fail(ErrorCode::kInvalid, "ECDSA signature: s is above half the order of the curve");
    }
    const std::string canonical = EncodeEcdsaSignature(*parsed);
    const Digest digest = Hash(hash, {message});
    const EvpContext context(EVP_PKEY_CTX_dup(data_->verifying.get()));
    valid = context != nullptr && EVP_PKEY_verify(context.get(), crypto::Data(canonical), canonical.size(),
                                                  crypto::Data(digest.view()), Digest::kSize) == 1;
  } else if (algorithm() == KeyAlgorithm::kEd25519) {
    const MdContext context(EVP_MD_CTX_new());
    valid = context != nullptr &&
            EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, data_->key.get()) == 1 &&
            EVP_DigestVerify(context.get(), crypto::Data(signature), signature.size(), crypto::Data(message),
                             message.size()) == 1;
  } else {
    return Fail(ErrorCode::kInvalid, "this kind of key cannot verify signatures: only ECDSA and Ed25519 can");
  }
  if (valid) return {};
  TakeOpenSslError();
  return Fail(ErrorCode::kInvalid, "signature does not match");
}

base::Result<PrivateKey> PrivateKey::FromPem(base::ByteView pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // A password callback that has none: an encrypted key must not make OpenSSL ask on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  auto data = std::make_shared<Data>();
  data->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (data->key == nullptr) return Fail(ErrorCode::kInvalid, "not a PEM private key: {}", TakeOpenSslError());
  X509_PUBKEY* encoded = nullptr;
  X509_PUBKEY_set(&encoded, data->key.get());
  const X509Pubkey owner(encoded);
  if (owner == nullptr) return Fail(ErrorCode::kInvalid, "private key has no public part: {}", TakeOpenSslError());
  // The public half is decoded anew, so that whoever verifies does not hold the secret.
  auto public_key = PublicKey::FromSpkiDer(ToSpkiDer(owner.get()));
  if (!public_key) return std::unexpected(public_key.error());
  return PrivateKey(std::move(data), std::move(*public_key));
}

base::Result<std::string> PrivateKey::Sign(base::ByteView message, HashAlgorithm hash) const {
  const KeyAlgorithm algorithm = public_key_.algorithm();
  std::array<unsigned char, 160> buffer{};  // a P-521 signature has at most 139 bytes
  std::size_t size = buffer.size();
  bool signed_ok = false;
  if (IsEcdsa(algorithm)) {
    const Digest digest = Hash(hash, {message});
    const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, data_->key.get(), nullptr));
    signed_ok = context != nullptr && EVP_PKEY_sign_init(context.get()) == 1 &&
                EVP_PKEY_sign(context.get(), buffer.data(), &size, crypto::Data(digest.view()), Digest::kSize) == 1;
  } else if (algorithm == KeyAlgorithm::kEd25519) {
    const MdContext context(EVP_MD_CTX_new());
    signed_ok = context != nullptr &&
                EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, data_->key.get()) == 1 &&
                EVP_DigestSign(context.get(), buffer.data(), &size, crypto::Data(message), message.size()) == 1;
  } else {
    return Fail(ErrorCode::kInvalid, "this kind of key cannot sign: only ECDSA and Ed25519 can");
  }
  if (!signed_ok) return Fail(ErrorCode::kInternal, "signing failed: {}", TakeOpenSslError());
  std::string signature(reinterpret_cast<const char*>(buffer.data()), size);
  if (!IsEcdsa(algorithm)) return signature;
  auto parsed = ParseEcdsaSignature(signature, TrailingBytes::kRefused);
  if (!parsed) return std::unexpected(parsed.error());
  auto low = LowerS(parsed->s, algorithm);
  if (!low) return Fail(ErrorCode::kInternal, "signing gave an s outside of the curve's order");
  parsed->s = std::move(*low);
  return EncodeEcdsaSignature(*parsed);
}

}  // namespace grapevine::crypto
