#include "rpc/headers.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace grapevine::rpc {

using base::ByteView;
using base::Duration;

namespace {

constexpr ByteView kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2: what a field counts beside its octets

struct TimeoutUnit {
  char letter;
  std::int64_t nanoseconds;
};
// Finest first.
constexpr std::array<TimeoutUnit, 6> kUnits{
    {{'n', 1}, {'u', 1'000}, {'m', 1'000'000}, {'S', 1'000'000'000}, {'M', 60'000'000'000}, {'H', 3'600'000'000'000}}};
constexpr std::int64_t kMaxTimeoutDigits = 99'999'999;

}  // namespace

std::string EncodeBase64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kAlphabet[(bits >> count) & 63];
    }
  }
  if (count > 0) text += kAlphabet[(bits << (6 - count)) & 63];
  return text;
}

std::optional<std::string> DecodeBase64(ByteView text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == ByteView::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 255);
    }
  }
  return bytes;
}

std::string EncodeTimeout(Duration timeout) {
  const std::int64_t total = std::max<std::int64_t>(timeout.count(), 1);
  for (const auto& unit : kUnits) {
    const std::int64_t count = total / unit.nanoseconds + (total % unit.nanoseconds != 0 ? 1 : 0);
    if (count <= kMaxTimeoutDigits) return fmt::format("{}{}", count, unit.letter);
  }
  return fmt::format("{}H", kMaxTimeoutDigits);
}

std::optional<Duration> DecodeTimeout(ByteView text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t count = 0;
  const char* const last = text.data() + text.size() - 1;
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count < 0) return std::nullopt;
  const auto unit = std::ranges::find(kUnits, *last, &TimeoutUnit::letter);
  if (unit == kUnits.end()) return std::nullopt;
  // A century is as good as for ever and cannot overflow when it is added to a time.
  constexpr std::int64_t kForever = 100LL * 365 * 24 * 3'600'000'000'000;
  if (count > kForever / unit->nanoseconds) return Duration(kForever);
  return Duration(count * unit->nanoseconds);
}

bool IsMetadataKey(ByteView key) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  if (key.empty() || !std::ranges::all_of(key, allowed) || key.starts_with("grpc-")) return false;
  constexpr std::array<ByteView, 7> kReserved = {"te",   "content-type",      "user-agent", "connection",
                                                 "host", "transfer-encoding", "upgrade"};
  return std::ranges::find(kReserved, key) == kReserved.end();
}

std::optional<std::string> EncodeMetadataValue(ByteView key, ByteView value) {
  if (key.ends_with("-bin")) return EncodeBase64(value);
  if (!std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; })) return std::nullopt;
  return std::string(value);
}

void HeaderBlock::Add(ByteView name, ByteView value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  if (bytes_ > max_bytes_) {
    too_large = true;
    return;
  }
  if (name == ":status") {
    std::from_chars(value.data(), value.data() + value.size(), http_status);
  } else if (name == ":method") {
    method = value;
  } else if (name == ":path") {
    path = value;
  } else if (name == "content-type") {
    content_type = value;
  } else if (name == "grpc-timeout") {
    timeout = value;
  } else if (name == "grpc-status") {
    grpc_status = value;
  } else if (name == "grpc-message") {
    grpc_message = value;
  } else if (name == "grpc-status-details-bin") {
    grpc_details = DecodeBase64(value).value_or("");
  } else {
    AddMetadata(name, value);
  }
}

void HeaderBlock::AddMetadata(ByteView name, ByteView value) {
  if (!IsMetadataKey(name)) return;
  if (!name.ends_with("-bin")) {
    metadata.emplace_back(name, value);
    return;
  }
  // Several values of one key may have been joined with commas on the way.
  for (;;) {
    const auto comma = value.find(',');
    if (auto bytes = DecodeBase64(value.substr(0, comma))) metadata.emplace_back(name, std::move(*bytes));
    if (comma == ByteView::npos) return;
    value.remove_prefix(comma + 1);
  }
}

bool HeaderBlock::is_grpc() const {
  constexpr ByteView kType = "application/grpc";
  if (!content_type.starts_with(kType)) return false;
  const ByteView rest = ByteView(content_type).substr(kType.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

}  // namespace grapevine::rpc
