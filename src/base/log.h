// Logging, injected like everything else. One line per cause; a hostile peer must not be able to fill the disk, so
// lines caused by remote input go through a LogLimit.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/executor.h"

namespace grapevine::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

const char* ToString(LogLevel level);

// Where lines go. Called on the executor of whoever logs; an implementation shared by several threads locks by itself.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // `logger` is Fabric's dotted name, as "gossip.comm".
  virtual bool Enabled(LogLevel level, std::string_view logger) const = 0;
  virtual void Write(LogLevel level, std::string_view logger, std::string_view line) = 0;
  // Asked after Enabled and before the line is made: false holds it back. `format` tells the lines of one cause from
  // others.
  virtual bool Admit(LogLevel /*level*/, std::string_view /*logger*/, std::string_view /*format*/) { return true; }
};

// A named view of a sink. Copy freely. Default-constructed: silent.
class Logger {
 public:
  Logger() = default;
  Logger(LogSink* sink, std::string name) : sink_(sink), name_(std::move(name)) {}

  // gossip.comm -> Named("comm") of gossip.
  Logger Named(std::string_view child) const {
    return {sink_, name_.empty() ? std::string(child) : name_ + "." + std::string(child)};
  }

  template <typename... Args>
  void Debug(fmt::format_string<Args...> format, Args&&... args) const {
    Log(LogLevel::kDebug, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Info(fmt::format_string<Args...> format, Args&&... args) const {
    Log(LogLevel::kInfo, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Warn(fmt::format_string<Args...> format, Args&&... args) const {
    Log(LogLevel::kWarn, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Error(fmt::format_string<Args...> format, Args&&... args) const {
    Log(LogLevel::kError, format, std::forward<Args>(args)...);
  }

 private:
  template <typename... Args>
  void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
    const fmt::string_view cause = format;
    if (sink_ != nullptr && sink_->Enabled(level, name_) && sink_->Admit(level, name_, {cause.data(), cause.size()})) {
      sink_->Write(level, name_, fmt::format(format, std::forward<Args>(args)...));
    }
  }

  LogSink* sink_ = nullptr;
  std::string name_;
};

// Lets through at most `burst` lines per `period` and counts the others.
class LogLimit {
 public:
  LogLimit(const Executor& executor, std::uint32_t burst, Duration period)
      : executor_(executor), burst_(burst), period_(period) {}
  // True if a line may be written now; `suppressed` (optional) receives how many were held back since the last one.
  bool Allow(std::uint64_t* suppressed = nullptr);

 private:
  const Executor& executor_;
  std::uint32_t burst_;
  Duration period_;
  SteadyTime window_start_{};
  std::uint32_t used_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace grapevine::base
