// Hashes, signing and verification (specification 03, sections 1.2 and 5).
#include "crypto/keys.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/der.h"
#include "crypto/hash.h"

namespace grapevine::crypto {
namespace {

std::string ToPem(EVP_PKEY* key, bool sec1) {
  BIO* bio = BIO_new(BIO_s_mem());
  if (sec1) {
    PEM_write_bio_PrivateKey_traditional(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return pem;
}

PrivateKey NewEcdsaKey(const char* curve, bool sec1 = false) {
  return PrivateKey::FromPem(ToPem(EVP_EC_gen(curve), sec1)).value();
}
PrivateKey NewEd25519Key() {
  return PrivateKey::FromPem(ToPem(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), false)).value();
}

std::string WithHighS(const std::string& signature) {
  // n - s, through the order minus one: LowerS(n - 1 - (s - 1)) is not public, so take the known order.
  auto parsed = ParseEcdsaSignature(signature, TrailingBytes::kRefused).value();
  std::string order = base::FromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  std::string s(order.size() - parsed.s.size(), '\0');
  s += parsed.s;
  int borrow = 0;
  for (std::size_t i = order.size(); i-- > 0;) {
    int digit = static_cast<unsigned char>(order[i]) - static_cast<unsigned char>(s[i]) - borrow;
    borrow = digit < 0 ? 1 : 0;
    order[i] = static_cast<char>(digit + (borrow != 0 ? 256 : 0));
  }
  parsed.s = order;
  return EncodeEcdsaSignature(parsed);
}

TEST(HashTest, KnownDigests) {
  EXPECT_EQ(Sha256("abc").ToHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha3_256("abc").ToHex(), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
  EXPECT_EQ(Sha256({"a", "", "bc"}), Sha256("abc"));
}

TEST(HashTest, PkiIdVector) {  // 03, 1.2
  EXPECT_EQ(Sha256({"Org1MSP", "abc"}).ToHex(), "1c32c238dd9fc1a16374f5e99f6e5abab990090f0a853ff0835215974c133724");
}

TEST(HashTest, HasherTakesPiecesAndStartsAnewAfterFinish) {
  Hasher hasher;
  hasher.Update("a");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), Sha256("abc"));
  EXPECT_EQ(hasher.Finish(), Sha256(""));
}

TEST(KeysTest, SignsWithEveryCurveLowSAndCanonical) {
  const std::pair<const char*, KeyAlgorithm> curves[] = {{"P-224", KeyAlgorithm::kEcdsaP224},
                                                         {"P-256", KeyAlgorithm::kEcdsaP256},
                                                         {"P-384", KeyAlgorithm::kEcdsaP384},
                                                         {"P-521", KeyAlgorithm::kEcdsaP521}};
  for (const auto& [curve, algorithm] : curves) {
    const PrivateKey key = NewEcdsaKey(curve);
    ASSERT_EQ(key.public_key().algorithm(), algorithm);
    for (int i = 0; i < 8; ++i) {
      const std::string message = "message " + std::to_string(i);
      const auto signature = key.Sign(message);
      ASSERT_TRUE(signature) << curve;
      const auto parsed = ParseEcdsaSignature(*signature, TrailingBytes::kRefused);
      ASSERT_TRUE(parsed) << curve;
      EXPECT_TRUE(IsLowS(parsed->s, algorithm)) << curve;
      EXPECT_TRUE(key.public_key().Verify(*signature, message)) << curve;
      EXPECT_FALSE(key.public_key().Verify(*signature, message + "!")) << curve;
    }
  }
}

TEST(KeysTest, HashFamilyIsPartOfTheSignature) {
  const PrivateKey key = NewEcdsaKey("P-256");
  const std::string signature = key.Sign("m", HashAlgorithm::kSha3_256).value();
  EXPECT_TRUE(key.public_key().Verify(signature, "m", HashAlgorithm::kSha3_256));
  EXPECT_FALSE(key.public_key().Verify(signature, "m", HashAlgorithm::kSha256));
}

TEST(KeysTest, HighSIsInvalid) {
  const PrivateKey key = NewEcdsaKey("P-256");
  const auto verdict = key.public_key().Verify(WithHighS(key.Sign("m").value()), "m");
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().message, "ECDSA signature: s is above half the order of the curve");
}

TEST(KeysTest, TrailingByteIsAcceptedUnlessRefused) {
  const PrivateKey key = NewEcdsaKey("P-256");
  const std::string signature = key.Sign("m").value() + std::string(1, '\0');
  EXPECT_TRUE(key.public_key().Verify(signature, "m"));
  EXPECT_FALSE(key.public_key().Verify(signature, "m", HashAlgorithm::kSha256, TrailingBytes::kRefused));
}

TEST(KeysTest, Ed25519SignsTheMessageItself) {
  const PrivateKey key = NewEd25519Key();
  const std::string signature = key.Sign("m").value();
  EXPECT_EQ(signature.size(), 64U);
  EXPECT_TRUE(key.public_key().Verify(signature, "m"));
  EXPECT_FALSE(key.public_key().Verify(signature, "n"));
  EXPECT_FALSE(key.public_key().Verify(signature.substr(1), "m"));
  EXPECT_FALSE(key.public_key().Verify(signature + "x", "m"));
}

TEST(KeysTest, RsaParsesButNeitherSignsNorVerifies) {
  const auto key = PrivateKey::FromPem(ToPem(EVP_RSA_gen(1024), true));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_key().algorithm(), KeyAlgorithm::kOther);
  EXPECT_FALSE(key->Sign("m"));
  EXPECT_FALSE(key->public_key().Verify("s", "m"));
}

TEST(KeysTest, Sec1AndPkcs8GiveTheSameKindOfKey) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  EVP_PKEY_up_ref(key);
  const auto pkcs8 = PrivateKey::FromPem(ToPem(key, false));
  const auto sec1 = PrivateKey::FromPem("some text\n" + ToPem(key, true));
  ASSERT_TRUE(pkcs8);
  ASSERT_TRUE(sec1);
  EXPECT_EQ(pkcs8->public_key(), sec1->public_key());
}

TEST(KeysTest, SpkiRoundTripAndSki) {
  const PublicKey key = NewEcdsaKey("P-256").public_key();
  const auto again = PublicKey::FromSpkiDer(key.spki_der());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, key);
  // The uncompressed point is the last 65 bytes of the SubjectPublicKeyInfo.
  EXPECT_EQ(key.ski(), Sha256(base::ByteView(key.spki_der()).substr(key.spki_der().size() - 65)));
  EXPECT_FALSE(PublicKey::FromSpkiDer(key.spki_der() + "x"));
  EXPECT_FALSE(PublicKey::FromSpkiDer(key.spki_der().substr(1)));
  EXPECT_FALSE(PublicKey::FromSpkiDer(""));
}

TEST(KeysTest, FailuresLeaveNoErrorInOpenSslsQueue) {
  const PrivateKey key = NewEcdsaKey("P-256");
  const std::string other = NewEcdsaKey("P-256").Sign("m").value();
  EXPECT_FALSE(key.public_key().Verify(other, "m"));
  EXPECT_FALSE(PublicKey::FromSpkiDer("garbage"));
  EXPECT_FALSE(PrivateKey::FromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

}  // namespace
}  // namespace grapevine::crypto
