// Structured lines, levels that change at run time, and the bound on lines of one cause.
#include "runtime/log_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace grapevine::runtime {
namespace {

using base::Logger;
using base::LogLevel;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class LogOutputTest : public ::testing::Test {
 protected:
  LogOptions Options(std::string_view spec = "info") {
    LogOptions options;
    options.spec = ParseLogSpec(spec).value();
    options.limits = {.lines_per_cause = 3, .debug_lines_per_cause = 5, .period = 10s, .max_causes = 10};
    options.write = [this](std::string_view line) { lines_.emplace_back(line); };
    options.now = [this] { return now_; };
    return options;
  }

  // 2026-11-22T23:40:09.123Z
  base::WallTime now_{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 23h + 40min + 9s + 123ms};
  std::vector<std::string> lines_;
};

TEST_F(LogOutputTest, LineHasTimeLevelLoggerAndText) {
  LogOutput output(Options());
  Logger(&output, "gossip.comm").Info("connected to {}", "peer0:7051");
  Logger(&output, "msp").Error("no");
  EXPECT_THAT(lines_, ElementsAre("2026-11-22T23:40:09.123Z INFO  [gossip.comm] connected to peer0:7051\n",
                                  "2026-11-22T23:40:09.123Z ERROR [msp] no\n"));
}

TEST_F(LogOutputTest, JsonHasFabricsKeys) {
  LogOptions options = Options();
  options.format = LogFormat::kJson;
  LogOutput output(std::move(options));
  Logger(&output, "gossip.comm").Warn("said \"{}\"", "a\\b\n\x1b[2J");
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_TRUE(lines_[0].starts_with(R"({"level":"warn","ts":1795390809.123,"name":"gossip.comm","msg":)")) << lines_[0];
  EXPECT_EQ(lines_[0].find('\n'), lines_[0].size() - 1);
  EXPECT_EQ(nlohmann::json::parse(lines_[0])["msg"], "said \"a\\b\n\x1b[2J\"");
}

TEST_F(LogOutputTest, TextOfARemotePeerCannotForgeALine) {
  LogOutput output(Options());
  Logger(&output, "x").Info("from {}", "peer\n2026-11-22T23:40:09.123Z ERROR [msp] forged\x1b[2J");
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0],
            "2026-11-22T23:40:09.123Z INFO  [x] from peer\\n2026-11-22T23:40:09.123Z ERROR [msp] forged\\u001b[2J\n");
}

TEST_F(LogOutputTest, LevelsChangeAtRunTime) {
  LogOutput output(Options("info"));
  const Logger log(&output, "gossip.comm");
  log.Debug("one");
  output.SetSpec(ParseLogSpec("gossip=debug:error").value());
  log.Debug("two");
  Logger(&output, "msp").Warn("three");
  output.SetSpec(ParseLogSpec("fatal").value());
  log.Error("four");
  EXPECT_THAT(lines_, ElementsAre("2026-11-22T23:40:09.123Z DEBUG [gossip.comm] two\n"));
  EXPECT_EQ(output.spec().ToString(), "fatal");
}

TEST_F(LogOutputTest, LinesOfOneCauseAreHeldBackAndSummarised) {
  LogOutput output(Options());
  const Logger log(&output, "gossip.comm");
  // Given an attack that causes one line again and again, and one other event.
  for (int i = 0; i < 126; ++i) log.Warn("refused {}", i);
  log.Warn("certificate expires in {} days", 3);
  EXPECT_THAT(lines_, ElementsAre("2026-11-22T23:40:09.123Z WARN  [gossip.comm] refused 0\n",
                                  "2026-11-22T23:40:09.123Z WARN  [gossip.comm] refused 1\n",
                                  "2026-11-22T23:40:09.123Z WARN  [gossip.comm] refused 2\n",
                                  "2026-11-22T23:40:09.123Z WARN  [gossip.comm] certificate expires in 3 days\n"));
  // When the period is over, then one line tells how many there were, and lines are written again.
  lines_.clear();
  now_ += 10s;
  log.Warn("refused {}", "again");
  EXPECT_THAT(lines_,
              ElementsAre("2026-11-22T23:40:19.123Z WARN  [gossip.comm] ... 123 more like this in 10 s: refused {}\n",
                          "2026-11-22T23:40:19.123Z WARN  [gossip.comm] refused again\n"));
}

TEST_F(LogOutputTest, CausesAreToldApartByLogger) {
  LogOutput output(Options());
  for (int i = 0; i < 4; ++i) Logger(&output, "a").Info("same");
  Logger(&output, "b").Info("same");
  EXPECT_EQ(lines_.back(), "2026-11-22T23:40:09.123Z INFO  [b] same\n");
  EXPECT_THAT(lines_, SizeIs(4));
}

TEST_F(LogOutputTest, SummaryIsWrittenWithoutAFurtherLineAndAtTheEnd) {
  {
    LogOutput output(Options());
    const Logger log(&output, "a");
    for (int i = 0; i < 4; ++i) log.Info("same");
    output.WriteSummaries();
    EXPECT_THAT(lines_, SizeIs(3)) << "the period is not over";
    now_ += 10s;
    output.WriteSummaries();
    EXPECT_EQ(lines_.back(), "2026-11-22T23:40:19.123Z INFO  [a] ... 1 more like this in 10 s: same\n");
    for (int i = 0; i < 5; ++i) log.Info("same");
  }
  EXPECT_EQ(lines_.back(), "2026-11-22T23:40:19.123Z INFO  [a] ... 2 more like this in 10 s: same\n");
}

TEST_F(LogOutputTest, DebugLinesHaveABoundOfTheirOwn) {
  LogOutput output(Options("debug"));
  for (int i = 0; i < 9; ++i) Logger(&output, "a").Debug("same");
  EXPECT_THAT(lines_, SizeIs(5));
}

TEST_F(LogOutputTest, CausesBeyondTheBoundShareOne) {
  LogOutput output(Options());
  for (int i = 0; i < 30; ++i) Logger(&output, fmt::format("logger{}", i)).Info("same");
  EXPECT_THAT(lines_, SizeIs(10 + 3));
}

TEST_F(LogOutputTest, ClockPutBackDoesNotSilence) {
  LogOutput output(Options());
  const Logger log(&output, "a");
  for (int i = 0; i < 4; ++i) log.Info("same");
  now_ -= 1h;
  log.Info("same");
  EXPECT_EQ(lines_.back(), "2026-11-22T22:40:09.123Z INFO  [a] same\n");
}

TEST_F(LogOutputTest, ThreadsMayLogWhileLevelsChange) {
  std::atomic<int> written = 0;
  LogOptions options;
  options.limits.lines_per_cause = 1'000'000;
  options.write = [&](std::string_view) { ++written; };
  LogOutput output(std::move(options));
  constexpr int kLines = 2000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&output] {
      const Logger log(&output, "a.b");
      for (int line = 0; line < kLines; ++line) log.Error("line {}", line);
    });
  }
  for (int i = 0; i < 100; ++i) output.SetSpec(ParseLogSpec(i % 2 == 0 ? "a=error:info" : "warn").value());
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(written, 3 * kLines);
}

TEST(LogFormatTest, IsFabrics) {
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat(""), LogFormat::kConsole);
  EXPECT_EQ(ParseLogFormat("%{color}%{time} %{message}"), LogFormat::kConsole);
  EXPECT_FALSE(ParseLogFormat("xml").has_value());
}

}  // namespace
}  // namespace grapevine::runtime
