#include "runtime/log_sink.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace grapevine::runtime {

struct ConsoleLog::Output {
  spdlog::logger logger{"", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()};
};

namespace {
spdlog::level::level_enum ToSpdlog(base::LogLevel level) {
  switch (level) {
    case base::LogLevel::kDebug:
      return spdlog::level::debug;
    case base::LogLevel::kInfo:
      return spdlog::level::info;
    case base::LogLevel::kWarn:
      return spdlog::level::warn;
    case base::LogLevel::kError:
      return spdlog::level::err;
    case base::LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}
}  // namespace

ConsoleLog::ConsoleLog(base::LogLevel level) : level_(level), output_(std::make_unique<Output>()) {
  output_->logger.set_level(ToSpdlog(level));
  output_->logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %v");
  output_->logger.flush_on(spdlog::level::warn);
  // A log that cannot be written must not end the program.
  output_->logger.set_error_handler([](const std::string&) {});
}

ConsoleLog::~ConsoleLog() = default;

bool ConsoleLog::Enabled(base::LogLevel level, std::string_view) const { return level >= level_; }

void ConsoleLog::Write(base::LogLevel level, std::string_view logger, std::string_view line) {
  output_->logger.log(ToSpdlog(level), "[{}] {}", logger, line);
}

}  // namespace grapevine::runtime
