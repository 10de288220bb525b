#include "runtime/log_output.h"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <utility>

namespace grapevine::runtime {

using base::LogLevel;
using base::WallTime;

namespace {

void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const auto written = write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

WallTime SystemNow() { return std::chrono::system_clock::now(); }

const char* LowerName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
    case LogLevel::kOff:
      break;
  }
  return "error";
}

// Neither line feeds nor terminal sequences of a text reach the reader of the log. JSON's escapes, for both formats.
void AppendEscaped(std::string& output, std::string_view text, bool json) {
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n') {
      output += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      output += fmt::format("\\u{:04x}", code);
    } else {
      if (json && (c == '"' || c == '\\')) output += '\\';
      output += c;
    }
  }
}

std::string ConsoleLine(WallTime now, LogLevel level, std::string_view logger, std::string_view text) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  std::string name = LowerName(level);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<5} [{}] ", fmt::gmtime(seconds.count()),
                                 (milliseconds - seconds).count(), name, logger);
  AppendEscaped(line, text, false);
  return line + "\n";
}

std::string JsonLine(WallTime now, LogLevel level, std::string_view logger, std::string_view text) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
  std::string line = fmt::format(R"({{"level":"{}","ts":{}.{:03},"name":")", LowerName(level), milliseconds / 1000,
                                 milliseconds % 1000);
  AppendEscaped(line, logger, true);
  line += R"(","msg":")";
  AppendEscaped(line, text, true);
  return line + "\"}\n";
}

}  // namespace

base::Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "json") return LogFormat::kJson;
  if (text.empty() || text.contains("%{")) return LogFormat::kConsole;
  return base::Fail(base::ErrorCode::kInvalid, "log format '{}': 'json', a pattern with '%{{', or nothing", text);
}

LogOutput::LogOutput(LogOptions options)
    : format_(options.format),
      limits_(options.limits),
      write_(options.write ? std::move(options.write) : WriteToStandardError),
      now_(options.now ? std::move(options.now) : SystemNow),
      lowest_(options.spec.lowest()),
      spec_(std::move(options.spec)),
      period_start_(now_()) {}

LogOutput::~LogOutput() {
  const std::lock_guard lock(mutex_);
  EndPeriod(now_());
}

bool LogOutput::Enabled(LogLevel level, std::string_view logger) const {
  if (level < lowest_.load(std::memory_order_relaxed)) return false;
  const std::lock_guard lock(mutex_);
  return level >= spec_.LevelOf(logger);
}

bool LogOutput::Admit(LogLevel level, std::string_view logger, std::string_view format) {
  const std::lock_guard lock(mutex_);
  EndPeriodIfOver(now_());
  CauseKey key{logger, format};
  if (causes_.size() >= limits_.max_causes && !causes_.contains(key)) key = {};
  Cause& cause = causes_[std::move(key)];
  cause.level = std::max(cause.level, level);
  const bool debug = level == LogLevel::kDebug;
  if (cause.written >= (debug ? limits_.debug_lines_per_cause : limits_.lines_per_cause)) {
    ++cause.held_back;
    return false;
  }
  ++cause.written;
  return true;
}

void LogOutput::Write(LogLevel level, std::string_view logger, std::string_view line) {
  const std::lock_guard lock(mutex_);
  WriteAt(now_(), level, logger, line);
}

void LogOutput::SetSpec(LogSpec spec) {
  const std::lock_guard lock(mutex_);
  lowest_.store(spec.lowest(), std::memory_order_relaxed);
  spec_ = std::move(spec);
}

LogSpec LogOutput::spec() const {
  const std::lock_guard lock(mutex_);
  return spec_;
}

void LogOutput::WriteSummaries() {
  const std::lock_guard lock(mutex_);
  EndPeriodIfOver(now_());
}

void LogOutput::EndPeriodIfOver(WallTime now) {
  // The wall clock may have been put back.
  if (now < period_start_ || now - period_start_ >= limits_.period) EndPeriod(now);
}

void LogOutput::EndPeriod(WallTime now) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(limits_.period).count();
  for (const auto& [key, cause] : std::exchange(causes_, {})) {
    if (cause.held_back == 0) continue;
    const auto& [logger, format] = key;
    WriteAt(now, cause.level, logger.empty() ? "log" : logger,
            fmt::format("... {} more like this in {} s: {}", cause.held_back, seconds,
                        format.empty() ? "lines of various causes" : format));
  }
  period_start_ = now;
}

void LogOutput::WriteAt(WallTime now, LogLevel level, std::string_view logger, std::string_view line) {
  write_(format_ == LogFormat::kJson ? JsonLine(now, level, logger, line) : ConsoleLine(now, level, logger, line));
}

}  // namespace grapevine::runtime
