// Fabric's log specification syntax.
#include "runtime/log_spec.h"

#include <gtest/gtest.h>

namespace grapevine::runtime {
namespace {

using base::LogLevel;

LogSpec Spec(std::string_view text) {
  const auto spec = ParseLogSpec(text);
  EXPECT_TRUE(spec.has_value()) << spec.error().message;
  return spec.value_or(LogSpec());
}

TEST(LogSpecTest, DefaultLevelIsForEveryLogger) {
  EXPECT_EQ(Spec("").LevelOf("gossip.comm"), LogLevel::kInfo);
  EXPECT_EQ(Spec("warn").LevelOf("gossip.comm"), LogLevel::kWarn);
  EXPECT_EQ(Spec("error:debug").LevelOf("gossip"), LogLevel::kDebug) << "the last one counts";
}

TEST(LogSpecTest, IsMadeOfALevel) {
  EXPECT_EQ(LogSpec(LogLevel::kDebug).LevelOf("gossip"), LogLevel::kDebug);
  EXPECT_EQ(LogSpec(LogLevel::kWarn).ToString(), "warn");
  EXPECT_EQ(LogSpec(LogLevel::kOff).ToString(), "fatal");
}

TEST(LogSpecTest, LoggersAreHierarchicalByPeriods) {
  const LogSpec spec = Spec("gossip=debug:gossip.comm=error:warn");
  EXPECT_EQ(spec.LevelOf("gossip"), LogLevel::kDebug);
  EXPECT_EQ(spec.LevelOf("gossip.channel"), LogLevel::kDebug);
  EXPECT_EQ(spec.LevelOf("gossip.comm"), LogLevel::kError);
  EXPECT_EQ(spec.LevelOf("gossip.comm.dialer"), LogLevel::kError);
  EXPECT_EQ(spec.LevelOf("gossiping"), LogLevel::kWarn);
  EXPECT_EQ(spec.LevelOf(""), LogLevel::kWarn);
  EXPECT_EQ(spec.lowest(), LogLevel::kDebug);
}

TEST(LogSpecTest, SeveralLoggersShareALevel) {
  const LogSpec spec = Spec("a.b=debug:c,d=error:info");
  EXPECT_EQ(spec.LevelOf("a.b"), LogLevel::kDebug);
  EXPECT_EQ(spec.LevelOf("a"), LogLevel::kInfo);
  EXPECT_EQ(spec.LevelOf("c.x"), LogLevel::kError);
  EXPECT_EQ(spec.LevelOf("d"), LogLevel::kError);
}

TEST(LogSpecTest, PeriodAtTheEndExcludesChildren) {
  const LogSpec spec = Spec("gossip.=debug:info");
  EXPECT_EQ(spec.LevelOf("gossip"), LogLevel::kDebug);
  EXPECT_EQ(spec.LevelOf("gossip.comm"), LogLevel::kInfo);
}

TEST(LogSpecTest, LevelsInAnyCaseAndBothSpellings) {
  EXPECT_EQ(Spec("DEBUG").LevelOf("x"), LogLevel::kDebug);
  EXPECT_EQ(Spec("Warning").LevelOf("x"), LogLevel::kWarn);
  EXPECT_EQ(Spec("PANIC").LevelOf("x"), LogLevel::kOff);
  EXPECT_EQ(Spec("fatal").LevelOf("x"), LogLevel::kOff);
}

TEST(LogSpecTest, ShowsItselfSorted) {
  EXPECT_EQ(Spec("").ToString(), "info");
  EXPECT_EQ(Spec("z=ERROR:b,a.b=Warning:fatal").ToString(), "a.b=warn:b=warn:z=error:fatal");
  EXPECT_EQ(Spec(Spec("gossip.=debug:warn").ToString()).ToString(), "gossip.=debug:warn");
}

TEST(LogSpecTest, SaysWhatIsWrong) {
  for (const auto* text : {"loud", "gossip=loud", "=debug", "gossip=debug=info", "a,,b=debug", "a..b=debug",
                           "a b=debug", "info:", ":", "gossip=", ".=info"}) {
    EXPECT_FALSE(ParseLogSpec(text).has_value()) << text;
  }
  const auto spec = ParseLogSpec("info:gossip=loud");
  ASSERT_FALSE(spec.has_value());
  EXPECT_EQ(spec.error().code, base::ErrorCode::kInvalid);
  EXPECT_EQ(
      spec.error().message,
      "invalid logging specification 'info:gossip=loud': bad segment 'gossip=loud': 'loud' is not a level (debug, "
      "info, warn, error, panic, fatal)");
}

}  // namespace
}  // namespace grapevine::runtime
