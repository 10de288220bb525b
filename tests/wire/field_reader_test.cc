// The reading of single fields: short byte strings take a short way, which must accept what the long one does.
#include "wire/field_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace grapevine::wire {
namespace {

// A byte string field with tag and length in so many bytes each: minimal, or padded as Go's library accepts it.
std::string Encoded(unsigned number, const std::string& content, bool padded) {
  const auto varint = [&](std::size_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
    if (padded) {
      bytes.back() = static_cast<char>(bytes.back() | 0x80);
      bytes += '\0';
    }
    return bytes;
  };
  return varint(number << 3 | 2) + varint(content.size()) + content;
}

TEST(FieldReaderTest, ShortAndLongWayAgree) {
  for (const unsigned number : {1U, 2U, 15U, 16U, 2047U}) {
    for (const std::size_t size : {0U, 1U, 127U, 128U, 300U}) {
      const std::string content(size, 'c');
      for (const bool padded : {false, true}) {
        SCOPED_TRACE(::testing::Message() << "field " << number << ", " << size << " bytes, padded " << padded);
        const std::string input = Encoded(number, content, padded);
        FieldReader reader(input);
        ASSERT_TRUE(reader.Next());
        EXPECT_TRUE(reader.field().IsBytes(number));
        EXPECT_EQ(reader.field().bytes, content);
        EXPECT_EQ(reader.field().raw, input);
        EXPECT_EQ(reader.field().integer, 0U);
        EXPECT_EQ(reader.field().tag_size, (number < 16 ? 1U : 2U) + (padded ? 1U : 0U));
        EXPECT_FALSE(reader.Next());
        EXPECT_FALSE(reader.malformed());
        for (std::size_t kept = 1; kept < input.size(); ++kept) {
          FieldReader truncated(base::ByteView(input).substr(0, kept));
          EXPECT_FALSE(truncated.Next());
          EXPECT_TRUE(truncated.malformed());
        }
      }
    }
  }
}

TEST(FieldReaderTest, FieldNumberZeroIsMalformed) {
  for (const std::string& input : {std::string("\x02\x00", 2), std::string("\x02\x01x", 3)}) {
    FieldReader reader(input);
    EXPECT_FALSE(reader.Next());
    EXPECT_TRUE(reader.malformed());
  }
}

}  // namespace
}  // namespace grapevine::wire
