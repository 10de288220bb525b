// The cache of signature verdicts: bounded, least recently used goes first.
#include "crypto/verification_cache.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace grapevine::crypto {
namespace {

PublicKey NewKey() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  const std::string spki(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return PublicKey::FromSpkiDer(spki).value();
}

TEST(VerificationCacheTest, RemembersBothVerdictsAndCounts) {
  VerificationCache cache(2);
  EXPECT_EQ(cache.Find(Sha256("a")), std::nullopt);
  cache.Store(Sha256("a"), true);
  cache.Store(Sha256("b"), false);
  EXPECT_EQ(cache.Find(Sha256("a")), true);
  EXPECT_EQ(cache.Find(Sha256("b")), false);
  EXPECT_EQ(cache.hits(), 2U);
  EXPECT_EQ(cache.misses(), 1U);
}

TEST(VerificationCacheTest, TheLongestUnusedIsForgottenFirst) {
  VerificationCache cache(2);
  cache.Store(Sha256("a"), true);
  cache.Store(Sha256("b"), true);
  EXPECT_EQ(cache.Find(Sha256("a")), true);
  cache.Store(Sha256("c"), true);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.Find(Sha256("b")), std::nullopt);
  EXPECT_EQ(cache.Find(Sha256("a")), true);
  EXPECT_EQ(cache.Find(Sha256("c")), true);
}

TEST(VerificationCacheTest, StoringAgainReplacesTheVerdictOnly) {
  VerificationCache cache(2);
  cache.Store(Sha256("a"), true);
  cache.Store(Sha256("a"), false);
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.Find(Sha256("a")), false);
}

TEST(VerificationCacheTest, CapacityZeroIsOff) {
  VerificationCache cache(0);
  cache.Store(Sha256("a"), true);
  EXPECT_EQ(cache.Find(Sha256("a")), std::nullopt);
}

TEST(VerificationCacheTest, KeyNamesKeySignatureMessageAndHash) {
  const PublicKey key = NewKey();
  const Digest id = VerificationCache::KeyOf(key, "sig", "message");
  EXPECT_EQ(VerificationCache::KeyOf(key, "sig", "message"), id);
  EXPECT_NE(VerificationCache::KeyOf(NewKey(), "sig", "message"), id);
  EXPECT_NE(VerificationCache::KeyOf(key, "sigm", "essage"), id);
  EXPECT_NE(VerificationCache::KeyOf(key, "sig", "message", HashAlgorithm::kSha3_256), id);
}

}  // namespace
}  // namespace grapevine::crypto
