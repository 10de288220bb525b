#include "crypto/hash.h"

#include <openssl/evp.h>

#include <new>
#include <utility>

namespace grapevine::crypto {

namespace {

// Looked up once: OpenSSL's own look-up, at every start of a digest, costs more than hashing a short message.
const EVP_MD* Algorithm(HashAlgorithm algorithm) {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const kSha3_256 = EVP_MD_fetch(nullptr, "SHA3-256", nullptr);
  return algorithm == HashAlgorithm::kSha256 ? kSha256 : kSha3_256;
}

}  // namespace

struct Hasher::Context {
  explicit Context(HashAlgorithm hash_algorithm) : algorithm(Algorithm(hash_algorithm)), state(EVP_MD_CTX_new()) {
    if (state == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_MD_CTX_free(state); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void Begin() {
    if (!std::exchange(begun, true)) EVP_DigestInit_ex(state, algorithm, nullptr);
  }

  const EVP_MD* algorithm;
  EVP_MD_CTX* state;
  bool begun = false;
};

Hasher::Hasher(HashAlgorithm algorithm) : context_(std::make_unique<Context>(algorithm)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(base::ByteView content) {
  context_->Begin();
  EVP_DigestUpdate(context_->state, content.data(), content.size());
}

Digest Hasher::Finish() {
  context_->Begin();
  Digest digest;
  EVP_DigestFinal_ex(context_->state, digest.data(), nullptr);
  context_->begun = false;
  return digest;
}

Digest Hash(HashAlgorithm algorithm, std::initializer_list<base::ByteView> parts) {
  Hasher hasher(algorithm);
  for (const base::ByteView part : parts) hasher.Update(part);
  return hasher.Finish();
}

}  // namespace grapevine::crypto
