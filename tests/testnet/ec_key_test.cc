#include "testnet/ec_key.h"

#include <gtest/gtest.h>

#include "crypto/der.h"
#include "crypto/keys.h"
#include "testnet/der.h"

namespace grapevine::testnet {
namespace {

std::string Hex(std::string_view hex) { return base::FromHex(hex).value(); }

EcKey Rfc6979Key() {
  return EcKey::FromScalar(Hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"));
}

// RFC 6979, A.2.5.
TEST(EcKey, HasThePointOfItsScalar) {
  EXPECT_EQ(base::ToHex(Rfc6979Key().point()),
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
}

TEST(EcKey, SignsWithTheNonceOfRfc6979) {
  const auto signature = crypto::ParseEcdsaSignature(Rfc6979Key().Sign("test"), crypto::TrailingBytes::kRefused);
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_EQ(base::ToHex(signature->r), "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367");
  // The leading byte 01 of the RFC's s is kept: it is not zero.
  EXPECT_EQ(base::ToHex(signature->s), "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
}

// The RFC's s for "sample" is f7cb...cda8, above half the order: Fabric wants n - s (03, 5).
TEST(EcKey, SignsWithTheLowerS) {
  const auto signature = crypto::ParseEcdsaSignature(Rfc6979Key().Sign("sample"), crypto::TrailingBytes::kRefused);
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_EQ(base::ToHex(signature->r), "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
  EXPECT_EQ(base::ToHex(signature->s), "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9");
}

TEST(EcKey, FollowsFromSeedAndLabel) {
  EXPECT_EQ(EcKey::Derive(1, "a").point(), EcKey::Derive(1, "a").point());
  EXPECT_NE(EcKey::Derive(1, "a").point(), EcKey::Derive(2, "a").point());
  EXPECT_NE(EcKey::Derive(1, "a").point(), EcKey::Derive(1, "b").point());
}

TEST(EcKey, IsReadByTheCryptoRoom) {
  const EcKey key = EcKey::Derive(1, "a");
  const auto public_key = crypto::PublicKey::FromSpkiDer(key.SpkiDer());
  const auto private_key = crypto::PrivateKey::FromPem(key.PrivatePem());
  ASSERT_TRUE(public_key) << public_key.error().message;
  ASSERT_TRUE(private_key) << private_key.error().message;
  EXPECT_EQ(private_key->public_key(), *public_key);
  EXPECT_EQ(public_key->ski().view(), key.Ski());
  EXPECT_TRUE(public_key->Verify(key.Sign("message"), "message"));
  EXPECT_FALSE(public_key->Verify(key.Sign("message"), "another"));
}

TEST(Der, LengthsAreMinimal) {
  EXPECT_EQ(base::ToHex(Der(0x04, "")), "0400");
  EXPECT_EQ(base::ToHex(Der(0x04, std::string(127, '\0'))).substr(0, 6), "047f00");
  EXPECT_EQ(base::ToHex(Der(0x04, std::string(128, '\0'))).substr(0, 8), "04818000");
  EXPECT_EQ(base::ToHex(Der(0x04, std::string(256, '\0'))).substr(0, 10), "0482010000");
}

// 03, 1.1: lines of 64, LF, final LF; the PKI-ID is a hash over this text.
TEST(Der, PemHasLinesOf64) {
  EXPECT_EQ(Pem("X", "a"), "-----BEGIN X-----\nYQ==\n-----END X-----\n");
  EXPECT_EQ(Pem("X", std::string(48, '\0')), "-----BEGIN X-----\n" + std::string(64, 'A') + "\n-----END X-----\n");
  EXPECT_EQ(Pem("X", std::string(51, '\0')),
            "-----BEGIN X-----\n" + std::string(64, 'A') + "\nAAAA\n-----END X-----\n");
}

}  // namespace
}  // namespace grapevine::testnet
