// Taking msp.SerializedIdentity apart (specification 03, 1.1 and 1.2), as Go's protobuf library does.
#include "msp/serialized_identity.h"

#include <gtest/gtest.h>

#include <string>

#include "crypto/hash.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;

std::string Field(char tag, const std::string& content) {
  return std::string{tag, static_cast<char>(content.size())} + content;
}
std::string MspId(const std::string& text) { return Field('\x0a', text); }
std::string IdBytes(const std::string& bytes) { return Field('\x12', bytes); }

TEST(SerializedIdentityTest, TakesWhatSerializeIdentityMakes) {
  const std::string serialized = SerializeIdentity("Org1MSP", "pem");
  EXPECT_EQ(serialized, MspId("Org1MSP") + IdBytes("pem"));
  const auto identity = ParseSerializedIdentity(serialized);
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->msp_id, "Org1MSP");
  EXPECT_EQ(identity->id_bytes, "pem");
}

TEST(SerializedIdentityTest, LastOfRepeatedFieldsCountsAndUnknownOnesAreSkipped) {
  const std::string unknown = Field('\x1a', "field 3") + std::string("\x08\x01", 2);  // and mspid as a varint
  const auto identity =
      ParseSerializedIdentity(IdBytes("old") + unknown + MspId("OldMSP") + MspId("Org1MSP") + IdBytes("new"));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->msp_id, "Org1MSP");
  EXPECT_EQ(identity->id_bytes, "new");
}

TEST(SerializedIdentityTest, AbsentFieldsAreEmpty) {
  const auto identity = ParseSerializedIdentity(MspId("Org1MSP"));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->id_bytes, "");
}

TEST(SerializedIdentityTest, RefusesWhatIsMalformedEmptyOrTooLarge) {
  const std::string whole = MspId("Org1MSP") + IdBytes("pem");
  for (const std::string& bad : {std::string(), whole.substr(0, whole.size() - 1), whole + "\x0a",
                                 std::string("\xff\xff\xff"), whole + std::string(kMaxIdentitySize, 'x')}) {
    const auto identity = ParseSerializedIdentity(bad);
    ASSERT_FALSE(identity.has_value()) << bad.size();
    EXPECT_EQ(identity.error().code, ErrorCode::kInvalid);
  }
}

// Anybody can send such an identity: it must not fill the log of whoever runs the node.
TEST(SerializedIdentityTest, RefusesAnMspIdThatIsNotUtf8Quietly) {
  for (const char* text : {"Org\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "cut \xe2\x82"}) {
    ::testing::internal::CaptureStderr();
    const auto identity = ParseSerializedIdentity(MspId(text) + IdBytes("pem"));
    const auto pki_id = ComputePkiId(MspId(text) + IdBytes("pem"));
    const auto overwritten = ParseSerializedIdentity(MspId(text) + MspId("Org1MSP"));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    ASSERT_FALSE(identity.has_value());
    EXPECT_EQ(identity.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(identity.error().message, "the identity's MSP id is not UTF-8");
    EXPECT_FALSE(pki_id.has_value());
    EXPECT_FALSE(overwritten.has_value());
  }
}

TEST(SerializedIdentityTest, IdBytesNeedNotBeText) {
  const std::string bytes("\xff\x00\xfe", 3);
  const auto identity = ParseSerializedIdentity(MspId("\xc3\x96rg") + IdBytes(bytes));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->msp_id, "\xc3\x96rg");
  EXPECT_EQ(identity->id_bytes, bytes);
  EXPECT_EQ(ComputePkiId(MspId("\xc3\x96rg") + IdBytes(bytes))->view(), crypto::Sha256({"\xc3\x96rg", bytes}).view());
}

}  // namespace
}  // namespace grapevine::msp
