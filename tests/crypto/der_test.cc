// ECDSA signatures in DER and block header integers (specification 03, sections 5 and 6.2).
#include "crypto/der.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

namespace grapevine::crypto {
namespace {

std::string Hex(const char* hex) { return base::FromHex(hex).value(); }

TEST(DerTest, ReadsTheTwoIntegersWithoutSignBytes) {
  const auto parsed = ParseEcdsaSignature(Hex("300702020080020101"), TrailingBytes::kRefused);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(base::ToHex(parsed->r), "80");
  EXPECT_EQ(base::ToHex(parsed->s), "01");
  EXPECT_EQ(base::ToHex(EncodeEcdsaSignature(*parsed)), "300702020080020101");
}

TEST(DerTest, TrailingBytesAreRefusedOrIgnoredAsAsked) {
  for (const char* hex : {"30060201010201010000", "300802010102010105ff"}) {
    EXPECT_FALSE(ParseEcdsaSignature(Hex(hex), TrailingBytes::kRefused)) << hex;
    const auto tolerated = ParseEcdsaSignature(Hex(hex), TrailingBytes::kTolerated);
    ASSERT_TRUE(tolerated) << hex;
    EXPECT_EQ(base::ToHex(EncodeEcdsaSignature(*tolerated)), "3006020101020101");
  }
}

struct BadSignature {
  const char* hex;
  const char* reason;
};

TEST(DerTest, RefusesWhatIsNotMinimalPositiveDer) {
  const BadSignature cases[] = {
      {"", "not the DER of an ECDSA signature"},
      {"30", "not the DER of an ECDSA signature"},
      {"3106020101020101", "not the DER of an ECDSA signature"},
      {"3006030101020101", "not the DER of an ECDSA signature"},
      {"30070201010201", "ECDSA signature: truncated"},
      {"3003020101", "not the DER of an ECDSA signature"},
      {"3006020100020101", "ECDSA signature: r is zero"},
      {"3006020101020100", "ECDSA signature: s is zero"},
      {"3006020180020101", "ECDSA signature: r is negative"},
      {"30060201010201ff", "ECDSA signature: s is negative"},
      {"300702020001020101", "ECDSA signature: r is not minimally encoded"},
      {"30050200020101", "ECDSA signature: r has no bytes"},
      {"308106020101020101", "ECDSA signature: length not minimal"},
      {"3080020101020101", "ECDSA signature: bad length of an element"},
      {"30850000000006020101020101", "ECDSA signature: bad length of an element"},
      {"3084ffffffff020101020101", "ECDSA signature: truncated"},
  };
  for (const BadSignature& bad : cases) {
    const auto parsed = ParseEcdsaSignature(Hex(bad.hex), TrailingBytes::kTolerated);
    ASSERT_FALSE(parsed) << bad.hex;
    EXPECT_EQ(parsed.error().message, bad.reason) << bad.hex;
  }
}

TEST(DerTest, HalfOrderIsTheHighestLowS) {
  const std::string half = Hex("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8");
  std::string above = half;
  above.back() = static_cast<char>(0xa9);
  EXPECT_TRUE(IsLowS(half, KeyAlgorithm::kEcdsaP256));
  EXPECT_FALSE(IsLowS(above, KeyAlgorithm::kEcdsaP256));
  EXPECT_EQ(LowerS(above, KeyAlgorithm::kEcdsaP256), half);
  const std::string half_384 =
      Hex("7fffffffffffffffffffffffffffffffffffffffffffffffe3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9");
  std::string above_384 = half_384;
  above_384.back() = static_cast<char>(0xba);
  EXPECT_TRUE(IsLowS(half_384, KeyAlgorithm::kEcdsaP384));
  EXPECT_FALSE(IsLowS(above_384, KeyAlgorithm::kEcdsaP384));
}

TEST(DerTest, OrdersAreThoseOfTheCurves) {
  const std::pair<int, KeyAlgorithm> curves[] = {{NID_secp224r1, KeyAlgorithm::kEcdsaP224},
                                                 {NID_X9_62_prime256v1, KeyAlgorithm::kEcdsaP256},
                                                 {NID_secp384r1, KeyAlgorithm::kEcdsaP384},
                                                 {NID_secp521r1, KeyAlgorithm::kEcdsaP521}};
  for (const auto& [nid, algorithm] : curves) {
    EC_GROUP* group = EC_GROUP_new_by_curve_name(nid);
    const BIGNUM* order = EC_GROUP_get0_order(group);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(order)), '\0');
    BN_bn2bin(order, reinterpret_cast<unsigned char*>(bytes.data()));
    EC_GROUP_free(group);
    EXPECT_EQ(LowerS(bytes, algorithm), std::nullopt) << ToString(algorithm);
    std::string below = bytes;  // orders are odd
    below.back() = static_cast<char>(below.back() - 1);
    EXPECT_EQ(LowerS(below, algorithm), std::string(1, '\x01')) << ToString(algorithm);
  }
}

TEST(DerTest, IntegersAreNonNegativeAndMinimal) {
  EXPECT_EQ(base::ToHex(DerInteger(std::uint64_t{0})), "020100");
  EXPECT_EQ(base::ToHex(DerInteger(std::uint64_t{127})), "02017f");
  EXPECT_EQ(base::ToHex(DerInteger(std::uint64_t{128})), "02020080");
  EXPECT_EQ(base::ToHex(DerInteger(~std::uint64_t{0})), "020900ffffffffffffffff");
}

TEST(DerTest, LongContentHasLongLengths) {
  EXPECT_EQ(base::ToHex(DerOctetString(std::string(127, 'a')).substr(0, 2)), "047f");
  EXPECT_EQ(base::ToHex(DerOctetString(std::string(128, 'a')).substr(0, 3)), "048180");
  EXPECT_EQ(base::ToHex(DerSequence(std::string(256, 'a')).substr(0, 4)), "30820100");
}

}  // namespace
}  // namespace grapevine::crypto
