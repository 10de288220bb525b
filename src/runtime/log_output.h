// Where a node's log lines go: one structured line for each event, with time, level, logger and text.
//
//   2026-11-22T23:40:09.123Z INFO  [gossip.comm] connected to peer0.org1.example.com:7051
//   {"level":"info","ts":1795390809.123,"name":"gossip.comm","msg":"connected to peer0.org1.example.com:7051"}
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/executor.h"
#include "base/log.h"
#include "base/result.h"
#include "runtime/log_spec.h"

namespace grapevine::runtime {

using namespace std::chrono_literals;  // NOLINT

enum class LogFormat { kConsole, kJson };
// FABRIC_LOGGING_FORMAT: "json"; empty or one of Fabric's patterns ("%{...}"), whose content is not looked at, is
// kConsole. Error kInvalid.
base::Result<LogFormat> ParseLogFormat(std::string_view text);

// An attack must not fill the disk: of one cause (logger and format string) only so many lines in a period are written;
// the others are counted, and the count is written when the period is over.
struct LogLimits {
  std::uint32_t lines_per_cause = 100;
  std::uint32_t debug_lines_per_cause = 10000;  // whoever switches debugging on wants to see much
  base::Duration period = 10s;
  std::size_t max_causes = 4096;  // remembered in a period; further ones share one bound
};

struct LogOptions {
  LogSpec spec{};
  LogFormat format = LogFormat::kConsole;
  LogLimits limits{};
  // For tests; empty: standard error, the system's clock.
  std::function<void(std::string_view line)> write{};  // with the line feed
  std::function<base::WallTime()> now{};
};

// Shared by all loggers, executors and threads of the process; must outlive them. Never throws; a line that cannot be
// written is lost. Control characters of texts, which may come from remote peers, are escaped: one event, one line.
class LogOutput final : public base::LogSink {
 public:
  explicit LogOutput(LogOptions options = {});
  ~LogOutput() override;

  bool Enabled(base::LogLevel level, std::string_view logger) const override;
  bool Admit(base::LogLevel level, std::string_view logger, std::string_view format) override;
  void Write(base::LogLevel level, std::string_view logger, std::string_view line) override;

  // From now on, for all threads.
  void SetSpec(LogSpec spec);
  LogSpec spec() const;
  // Writes how many lines were held back in periods that are over. Every line does that too; call it about once in a
  // period for the time after the last line.
  void WriteSummaries();

 private:
  using CauseKey = std::pair<std::string, std::string>;  // logger, format
  struct Cause {
    base::LogLevel level = base::LogLevel::kInfo;
    std::uint32_t written = 0;
    std::uint64_t held_back = 0;
  };

  void EndPeriodIfOver(base::WallTime now);
  void EndPeriod(base::WallTime now);
  void WriteAt(base::WallTime now, base::LogLevel level, std::string_view logger, std::string_view line);

  const LogFormat format_;
  const LogLimits limits_;
  const std::function<void(std::string_view)> write_;
  const std::function<base::WallTime()> now_;
  std::atomic<base::LogLevel> lowest_;  // below it nothing is enabled, without a lock

  mutable std::mutex mutex_;  // guards what follows
  LogSpec spec_;
  base::WallTime period_start_;
  std::map<CauseKey, Cause> causes_;  // of this period
};

}  // namespace grapevine::runtime
