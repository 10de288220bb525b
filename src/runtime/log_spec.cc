#include "runtime/log_spec.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace grapevine::runtime {

using base::ErrorCode;
using base::Fail;
using base::LogLevel;
using base::Result;

namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '#' || c == '-';
}

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "fatal";
}

// Names between periods; one period may follow.
bool IsLoggerName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::ranges::all_of(Split(name, '.'), [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, IsNameCharacter);
  });
}

}  // namespace

LogSpec::LogSpec(LogLevel level) : default_level_{.name = NameOf(level), .threshold = level} {}

Result<LogSpec::Level> LogSpec::ParseLevel(std::string_view name) {
  static const std::map<std::string, Level, std::less<>> kLevels = {
      {"debug", {"debug", LogLevel::kDebug}}, {"info", {"info", LogLevel::kInfo}},
      {"warn", {"warn", LogLevel::kWarn}},    {"warning", {"warn", LogLevel::kWarn}},
      {"error", {"error", LogLevel::kError}}, {"panic", {"panic", LogLevel::kOff}},
      {"fatal", {"fatal", LogLevel::kOff}}};
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto found = kLevels.find(lower);
  if (found != kLevels.end()) return found->second;
  return Fail(ErrorCode::kInvalid, "'{}' is not a level (debug, info, warn, error, panic, fatal)", name);
}

Result<LogSpec> ParseLogSpec(std::string_view text) {
  LogSpec spec;
  if (text.empty()) return spec;
  const auto bad = [&](std::string_view segment, std::string_view why) {
    return Fail(ErrorCode::kInvalid, "invalid logging specification '{}': bad segment '{}': {}", text, segment, why);
  };
  for (const std::string_view segment : Split(text, ':')) {
    const auto parts = Split(segment, '=');
    if (parts.size() > 2) return bad(segment, "more than one '='");
    auto level = LogSpec::ParseLevel(parts.back());
    if (!level) return bad(segment, level.error().message);
    if (parts.size() == 1) {
      spec.default_level_ = *level;
      continue;
    }
    for (const std::string_view logger : Split(parts.front(), ',')) {
      if (!IsLoggerName(logger))
        return bad(segment, "the name of a logger is missing or has other signs than a-z0-9_-#.");
      spec.loggers_[std::string(logger)] = *level;
    }
  }
  return spec;
}

LogLevel LogSpec::LevelOf(std::string_view logger) const {
  if (loggers_.empty()) return default_level_.threshold;
  if (const auto exact = loggers_.find(std::string(logger) + "."); exact != loggers_.end())
    return exact->second.threshold;
  for (;;) {
    if (const auto found = loggers_.find(logger); found != loggers_.end()) return found->second.threshold;
    const auto period = logger.rfind('.');
    if (period == std::string_view::npos) return default_level_.threshold;
    logger = logger.substr(0, period);
  }
}

LogLevel LogSpec::lowest() const {
  LogLevel lowest = default_level_.threshold;
  for (const auto& [name, level] : loggers_) lowest = std::min(lowest, level.threshold);
  return lowest;
}

std::string LogSpec::ToString() const {
  std::string text;
  for (const auto& [name, level] : loggers_) text += name + "=" + level.name + ":";
  return text + default_level_.name;
}

}  // namespace grapevine::runtime
