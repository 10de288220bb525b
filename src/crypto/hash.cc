#include "crypto/hash.h"

#include <openssl/evp.h>

#include <new>

namespace grapevine::crypto {

struct Hasher::Context {
  explicit Context(HashAlgorithm hash_algorithm)
      : algorithm(hash_algorithm == HashAlgorithm::kSha256 ? EVP_sha256() : EVP_sha3_256()), state(EVP_MD_CTX_new()) {
    if (state == nullptr) throw std::bad_alloc();
    EVP_DigestInit_ex(state, algorithm, nullptr);
  }
  ~Context() { EVP_MD_CTX_free(state); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const EVP_MD* algorithm;
  EVP_MD_CTX* state;
};

Hasher::Hasher(HashAlgorithm algorithm) : context_(std::make_unique<Context>(algorithm)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(base::ByteView content) { EVP_DigestUpdate(context_->state, content.data(), content.size()); }

Digest Hasher::Finish() {
  Digest digest;
  EVP_DigestFinal_ex(context_->state, digest.data(), nullptr);
  EVP_DigestInit_ex(context_->state, context_->algorithm, nullptr);
  return digest;
}

Digest Hash(HashAlgorithm algorithm, std::initializer_list<base::ByteView> parts) {
  Hasher hasher(algorithm);
  for (const base::ByteView part : parts) hasher.Update(part);
  return hasher.Finish();
}

}  // namespace grapevine::crypto
