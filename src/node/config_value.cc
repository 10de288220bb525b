#include "node/config_value.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace grapevine::node {
namespace {

using base::Duration;
using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::uint64_t kMaxMagnitude = std::numeric_limits<std::int64_t>::max();

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
// Those that others begin with come after them.
constexpr std::array kUnits = {
    Unit{"ns", 1},         Unit{"us", 1'000},        Unit{"\u00b5s", 1'000},    Unit{"\u03bcs", 1'000},
    Unit{"ms", 1'000'000}, Unit{"s", 1'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"h", 3'600'000'000'000},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Cuts the digits in front off `text`.
std::string_view TakeDigits(std::string_view& text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, IsDigit) - text.begin());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

bool TakeSign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

// whole.fraction times `unit`; what is less than a nanosecond is cut off. Nothing: beyond 292 years.
std::optional<std::uint64_t> Scale(std::string_view whole, std::string_view fraction, std::uint64_t unit) {
  std::uint64_t result = 0;
  if (!whole.empty()) {
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), result);
    if (error != std::errc() || result > kMaxMagnitude / unit) return std::nullopt;
  }
  result *= unit;
  for (const char digit : fraction) {
    unit /= 10;
    result += static_cast<std::uint64_t>(digit - '0') * unit;
  }
  return result;
}

// Cuts one number with its unit, as "1.5s", off `text`, in nanoseconds.
std::optional<std::uint64_t> TakeTerm(std::string_view& text) {
  const std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto end = static_cast<std::size_t>(std::ranges::find_if(text, [](char c) { return c == '.' || IsDigit(c); }) -
                                            text.begin());
  const std::string_view name = text.substr(0, end);
  const auto* const unit = std::ranges::find(kUnits, name, &Unit::name);
  if (unit == kUnits.end()) return std::nullopt;
  text.remove_prefix(end);
  return Scale(whole, fraction, unit->nanoseconds);
}

// Digits of a base with Go's underscores, which stand between digits (or behind the prefix) only.
std::optional<std::uint64_t> ParseDigits(std::string_view text, int number_base, bool has_prefix) {
  std::string digits;
  bool after_digit = has_prefix;
  for (const char c : text) {
    if (c == '_' && !after_digit) return std::nullopt;
    after_digit = c != '_';
    if (c != '_') digits += c;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, number_base);
  if (!after_digit || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool IsHostCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; }

// Labels of letters, digits, - and _ with single dots between them.
bool IsHostName(std::string_view host) {
  if (host.empty() || host.starts_with('.') || host.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(host, [](char c) { return IsHostCharacter(c) || c == '.'; });
}

bool IsBracketedAddress(std::string_view host) {
  if (host.size() < 4 || !host.starts_with('[') || !host.ends_with(']')) return false;
  const std::string_view address = host.substr(1, host.size() - 2);
  const std::string_view digits = address.substr(0, address.find('%'));  // a zone may follow
  return std::ranges::count(digits, ':') >= 2 && std::ranges::all_of(digits, [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.';
         });
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  const auto no_duration = [] { return Fail(ErrorCode::kInvalid, "is not a duration such as 10ms, 4s or 1h30m"); };
  std::string with_unit(text);
  if (LacksUnit(text)) with_unit += "ns";
  std::string_view rest = with_unit;
  const bool negative = TakeSign(rest);
  if (rest.empty()) return no_duration();
  std::uint64_t total = 0;
  while (!rest.empty()) {
    const auto term = TakeTerm(rest);
    if (!term || *term > kMaxMagnitude - total) return no_duration();
    total += *term;
  }
  const auto magnitude = static_cast<std::int64_t>(total);
  return Duration(negative ? -magnitude : magnitude);
}

bool LacksUnit(std::string_view duration) {
  TakeSign(duration);
  return !duration.empty() && std::ranges::all_of(duration, [](char c) { return IsDigit(c) || c == '.'; });
}

std::string FormatDuration(Duration duration) {
  const bool negative = duration.count() < 0;
  std::uint64_t left = static_cast<std::uint64_t>(duration.count());
  if (negative) left = 0 - left;
  if (left == 0) return "0s";
  std::string text = negative ? "-" : "";
  for (const Unit unit : {Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}}) {
    if (left >= unit.nanoseconds) text += fmt::format("{}{}", left / unit.nanoseconds, unit.name);
    left %= unit.nanoseconds;
  }
  for (const Unit unit : {Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000}, Unit{"us", 1'000}, Unit{"ns", 1}}) {
    if (left < unit.nanoseconds) continue;
    text += fmt::format("{}", left / unit.nanoseconds);
    if (std::uint64_t part = left % unit.nanoseconds; part != 0) {
      // As many digits as the unit has zeros, without the zeros at their end.
      std::string digits = fmt::format("{}", unit.nanoseconds + part).substr(1);
      digits.erase(digits.find_last_not_of('0') + 1);
      text += "." + digits;
    }
    return text + std::string(unit.name);
  }
  return text;
}

Result<std::int64_t> ParseInteger(std::string_view text) {
  std::string_view rest = text;
  const bool negative = TakeSign(rest);
  int number_base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    const char letter = static_cast<char>(std::tolower(static_cast<unsigned char>(rest[1])));
    number_base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    rest.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  const auto value = ParseDigits(rest, number_base, number_base != 10);
  if (!value || *value > kMaxMagnitude) return Fail(ErrorCode::kInvalid, "is not an integer such as 20");
  return negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value);
}

Result<bool> ParseBoolean(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "True", "TRUE"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "false", "False", "FALSE"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return Fail(ErrorCode::kInvalid, "is neither true nor false");
}

std::vector<std::string> SplitList(std::string_view text) {
  static constexpr std::string_view kSeparators = ", \t\r\n";
  std::vector<std::string> elements;
  std::string element;
  const auto end_element = [&] {
    if (!element.empty()) elements.push_back(std::exchange(element, {}));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      element += text[++i];
    } else if (kSeparators.contains(text[i])) {
      end_element();
    } else {
      element += text[i];
    }
  }
  end_element();
  return elements;
}

Result<void> CheckEndpoint(std::string_view endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return Fail(ErrorCode::kInvalid, "has no port; it must be host:port");
  const std::string_view host = endpoint.substr(0, colon);
  const std::string_view port = endpoint.substr(colon + 1);
  if (host.find(':') != std::string_view::npos && !IsBracketedAddress(host)) {
    return Fail(ErrorCode::kInvalid, "has several colons; an IPv6 address must be in brackets, as [::1]:7051");
  }
  if (!IsHostName(host) && !IsBracketedAddress(host)) {
    return Fail(ErrorCode::kInvalid, "has no valid host; it must be host:port");
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535) {
    return Fail(ErrorCode::kInvalid, "has no valid port; it must be 1 to 65535");
  }
  return {};
}

bool IsUnspecified(std::string_view endpoint) {
  return endpoint.starts_with("0.0.0.0:") || endpoint.starts_with("[::]:");
}

}  // namespace grapevine::node
