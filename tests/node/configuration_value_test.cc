// Durations, integers, booleans, lists and endpoints as Go, viper and operators write them.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "node/config_value.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;

TEST(ConfigValueTest, ReadsDurationsInGoSyntax) {
  const std::vector<std::pair<std::string, base::Duration>> cases = {
      {"0", 0ns},
      {"0s", 0ns},
      {"10ms", 10ms},
      {"1500us", 1500us},
      {"1500\u00b5s", 1500us},  // micro sign
      {"1500\u03bcs", 1500us},  // Greek mu
      {"7ns", 7ns},
      {"4s", 4s},
      {"+4s", 4s},
      {"1m", 1min},
      {"3600s", 1h},
      {"1h2m3.5s", 1h + 2min + 3500ms},
      {".5s", 500ms},
      {"1.s", 1s},
      {"0.25h", 15min},
      {"1.0000000019s", 1s + 1ns},  // less than a nanosecond is cut off
      {"-2s", -2s},
      {"2562047h47m16.854775807s", base::Duration::max()},
      // As viper: nanoseconds.
      {"42", 42ns},
      {"-42", -42ns},
      {"1.5", 1ns},
  };
  for (const auto& [text, expected] : cases) {
    const auto value = ParseDuration(text);
    ASSERT_TRUE(value) << text << ": " << value.error().message;
    EXPECT_EQ(*value, expected) << text;
  }
}

TEST(ConfigValueTest, RefusesWhatIsNoDuration) {
  for (const std::string text : {"",
                                 " 4s",
                                 "4s ",
                                 "4 s",
                                 "s",
                                 ".s",
                                 "-",
                                 "+",
                                 "--4s",
                                 "4S",
                                 "4sec",
                                 "4s5",
                                 "1h2x",
                                 "four",
                                 "1,5s",
                                 "1..5s",
                                 "1.2.3s",
                                 "2562047h47m16.854775808s",
                                 "9999999h",
                                 "0x10s",
                                 "99999999999999999999ns",
                                 "2000000h2000000h"}) {
    const auto value = ParseDuration(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error(), (base::Error{base::ErrorCode::kInvalid, "is not a duration such as 10ms, 4s or 1h30m"}));
  }
}

TEST(ConfigValueTest, NoticesMissingUnits) {
  EXPECT_TRUE(LacksUnit("4"));
  EXPECT_TRUE(LacksUnit("-4.5"));
  EXPECT_FALSE(LacksUnit("4s"));
  EXPECT_FALSE(LacksUnit(""));
  EXPECT_FALSE(LacksUnit("four"));
}

TEST(ConfigValueTest, FormatsTheShortestTextThatReadsAsTheSame) {
  const std::vector<std::pair<base::Duration, std::string>> cases = {
      {0ns, "0s"},
      {1ns, "1ns"},
      {1500ns, "1.5us"},
      {10ms, "10ms"},
      {1500ms, "1.5s"},
      {3100ms, "3.1s"},
      {25s, "25s"},
      {60s, "1m"},
      {90s, "1m30s"},
      {500s, "8m20s"},
      {3600s, "1h"},
      {7200s, "2h"},
      {1h + 1ms, "1h1ms"},
      {-1500ms, "-1.5s"},
      {1s + 1ns, "1.000000001s"},
      {base::Duration::max(), "2562047h47m16.854775807s"},
  };
  for (const auto& [duration, text] : cases) {
    EXPECT_EQ(FormatDuration(duration), text);
    EXPECT_EQ(ParseDuration(text), base::Result<base::Duration>(duration)) << text;
  }
  EXPECT_EQ(FormatDuration(base::Duration::min()), "-2562047h47m16.854775808s");
}

TEST(ConfigValueTest, ReadsIntegersAsGo) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"0", 0},
      {"20", 20},
      {"+20", 20},
      {"-1", -1},
      {"0x14", 20},
      {"0X14", 20},
      {"024", 20},
      {"0o24", 20},
      {"0b10100", 20},
      {"1_000", 1000},
      {"0x_14", 20},
      {"0_24", 20},
      {"9223372036854775807", 9223372036854775807},
  };
  for (const auto& [text, expected] : cases) {
    const auto value = ParseInteger(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(*value, expected) << text;
  }
  for (const std::string text : {"", "-", "twenty", "20.0", "1e3", " 20", "20 ", "08", "0x", "0xg", "0b2", "_1", "1_",
                                 "1__0", "9223372036854775808", "99999999999999999999", "+-1"}) {
    const auto value = ParseInteger(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().message, "is not an integer such as 20");
  }
}

TEST(ConfigValueTest, ReadsBooleansAsGo) {
  for (const char* text : {"1", "t", "T", "true", "True", "TRUE"})
    EXPECT_EQ(ParseBoolean(text), base::Result<bool>(true));
  for (const char* text : {"0", "f", "F", "false", "False", "FALSE"}) {
    EXPECT_EQ(ParseBoolean(text), base::Result<bool>(false));
  }
  // YAML 1.1 would have some of these, other versions not.
  for (const char* text : {"", "yes", "no", "on", "off", "tRUE", "2"}) EXPECT_FALSE(ParseBoolean(text)) << text;
}

TEST(ConfigValueTest, SplitsListsAtCommasAndSpace) {
  using List = std::vector<std::string>;
  EXPECT_EQ(SplitList(""), List());
  EXPECT_EQ(SplitList(" , "), List());
  EXPECT_EQ(SplitList("a:1"), List({"a:1"}));
  EXPECT_EQ(SplitList("a:1 b:2"), List({"a:1", "b:2"}));
  EXPECT_EQ(SplitList(R"(a\ b,c\,d,e\\f)"), List({"a b", "c,d", R"(e\f)"}));
  EXPECT_EQ(SplitList(" a:1,b:2,\n c:3 ,"), List({"a:1", "b:2", "c:3"}));
}

TEST(ConfigValueTest, AcceptsEndpointsThatCanBeDialled) {
  for (const char* endpoint :
       {"peer0.org1.example.com:7051", "localhost:1", "10.0.0.1:65535", "[::1]:7051", "[fe80::1%eth0]:7051",
        "[::ffff:10.0.0.1]:7051", "host_with-signs.:7051", "0.0.0.0:7051"}) {
    EXPECT_TRUE(CheckEndpoint(endpoint)) << endpoint;
  }
}

TEST(ConfigValueTest, RefusesEndpointsWithTheReason) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "has no port; it must be host:port"},
      {"peer0", "has no port; it must be host:port"},
      {"peer0:", "has no valid port; it must be 1 to 65535"},
      {"peer0:0", "has no valid port; it must be 1 to 65535"},
      {"peer0:65536", "has no valid port; it must be 1 to 65535"},
      {"peer0:-1", "has no valid port; it must be 1 to 65535"},
      {"peer0:70x", "has no valid port; it must be 1 to 65535"},
      {"peer0: 7051", "has no valid port; it must be 1 to 65535"},
      {"peer0:99999999999999999999", "has no valid port; it must be 1 to 65535"},
      {":7051", "has no valid host; it must be host:port"},
      {"peer 0:7051", "has no valid host; it must be host:port"},
      {"peer..0:7051", "has no valid host; it must be host:port"},
      {".peer0:7051", "has no valid host; it must be host:port"},
      {"peer/0:7051", "has no valid host; it must be host:port"},
      {"[1234]:7051", "has no valid host; it must be host:port"},
      {"::1:7051", "has several colons; an IPv6 address must be in brackets, as [::1]:7051"},
      {"grpcs://peer0:7051", "has several colons; an IPv6 address must be in brackets, as [::1]:7051"},
      {"[::x]:7051", "has several colons; an IPv6 address must be in brackets, as [::1]:7051"},
  };
  for (const auto& [endpoint, reason] : cases) {
    const auto checked = CheckEndpoint(endpoint);
    ASSERT_FALSE(checked) << endpoint;
    EXPECT_EQ(checked.error().message, reason) << endpoint;
  }
}

}  // namespace
}  // namespace grapevine::node
