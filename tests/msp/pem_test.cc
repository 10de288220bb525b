// PEM and DER as Go's library reads them (specification 03, sections 3.3 and 9).
#include "msp/pem.h"

#include <gtest/gtest.h>

#include <string>

#include "msp/der.h"

namespace grapevine::msp {
namespace {

const std::string kBlock = "-----BEGIN TEST-----\naGVsbG8=\n-----END TEST-----\n";

TEST(Pem, RoundTrip) {
  for (std::size_t size : {0U, 1U, 2U, 3U, 47U, 48U, 49U, 1000U}) {
    std::string content;
    for (std::size_t i = 0; i < size; ++i) content += static_cast<char>(i * 7);
    const std::string pem = EncodePem("TYPE", content);
    const auto block = DecodePem(pem);
    ASSERT_TRUE(block.has_value()) << size;
    EXPECT_EQ(block->type, "TYPE");
    EXPECT_EQ(block->content, content);
    EXPECT_TRUE(block->rest.empty());
  }
  EXPECT_EQ(EncodePem("TEST", "hello"), kBlock);
}

TEST(Pem, AcceptsWhatGoAccepts) {
  for (const std::string& text :
       {"text before\n" + kBlock, std::string("-----BEGIN TEST-----\r\naGVs\r\nbG8=\r\n-----END TEST-----\r\n"),
        std::string("-----BEGIN TEST-----\nName: value\n\naGVsbG8=\n-----END TEST-----"),
        std::string("-----BEGIN TEST----- \t\n aGVs\tbG8= \n-----END TEST----- \n"),
        "-----BEGIN BROKEN-----\n!!!!\n-----END BROKEN-----\n" + kBlock,
        "-----BEGIN OTHER-----\naGVsbG8=\n-----END ANOTHER-----\n" + kBlock}) {
    const auto block = DecodePem(text);
    ASSERT_TRUE(block.has_value()) << text;
    EXPECT_EQ(block->content, "hello") << text;
    EXPECT_EQ(block->type, "TEST") << text;
  }
}

TEST(Pem, RefusesWhatGoRefuses) {
  for (const std::string& text :
       {std::string(), std::string("aGVsbG8="), std::string("x-----BEGIN TEST-----\naGVsbG8=\n-----END TEST-----\n"),
        std::string("-----BEGIN TEST-----\naGVsbG8\n-----END TEST-----\n"),
        std::string("-----BEGIN TEST-----\naGVsbG8=\n"), std::string("-----BEGIN TEST-----\nA: b\n"),
        std::string("-----BEGIN TEST-----\naGVsbG8=\n-----END TEST-----x\n")}) {
    EXPECT_FALSE(DecodePem(text).has_value()) << text;
  }
}

TEST(Pem, TellsWhatFollowsTheBlock) {
  EXPECT_EQ(DecodePem(kBlock + "\n")->rest, "\n");
  EXPECT_EQ(DecodePem(kBlock + kBlock)->rest, kBlock);
}

TEST(Der, OnlyTheOneEncodingIsStrict) {
  using std::string_literals::operator""s;
  EXPECT_TRUE(IsStrictDer("\x30\x03\x02\x01\x05"s));
  EXPECT_FALSE(IsStrictDer("\x30\x03\x02\x01\x05\x00"s)) << "trailing";
  EXPECT_FALSE(IsStrictDer("\x30\x04\x02\x01\x05"s)) << "truncated";
  EXPECT_FALSE(IsStrictDer("\x30\x81\x03\x02\x01\x05"s)) << "long form of a short length";
  EXPECT_FALSE(IsStrictDer("\x30\x80\x02\x01\x05\x00\x00"s)) << "indefinite length";
  EXPECT_FALSE(IsStrictDer("\x30\x04\x02\x02\x00\x05"s)) << "superfluous zero";
  EXPECT_TRUE(IsStrictDer("\x30\x04\x02\x02\x00\x85"s));
  EXPECT_FALSE(IsStrictDer("\x30\x03\x01\x01\x01"s)) << "boolean other than 00 and ff";
  std::string deep;
  for (int i = 0; i < 60; ++i) deep = EncodeDer(kDerSequence, deep);
  EXPECT_FALSE(IsStrictDer(deep));
}

}  // namespace
}  // namespace grapevine::msp
