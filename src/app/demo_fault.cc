#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include "app/demo.h"

namespace grapevine::app {

using base::ErrorCode;

namespace {

constexpr std::string_view kLeader = "leader";

// Seconds with an optional fraction, as milliseconds; nothing if it is not a number.
std::optional<base::Duration> ParseSeconds(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds >= 0 && seconds < 86400))
    return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

}  // namespace

base::Result<DemoFault> ParseDemoFault(const std::string& text) {
  const auto wrong = [&](const char* what) {
    return base::Fail(ErrorCode::kInvalid,
                      "'{}': {}; write PEER@SECONDS or PEER@SECONDS+DURATION, as 3@2 or 3@2+4.5; "
                      "leader1 is the leader of the first organisation",
                      text, what);
  };
  const std::size_t at = text.find('@');
  if (at == std::string::npos) return wrong("there is no @");
  const std::string_view view = text;
  DemoFault fault;
  const bool names_leader = view.starts_with(kLeader);
  std::size_t& number = names_leader ? fault.leader_of : fault.peer;
  const char* const begin = view.data() + (names_leader ? kLeader.size() : 0);
  const auto [end, error] = std::from_chars(begin, view.data() + at, number);
  if (error != std::errc() || end != view.data() + at) return wrong("the peer is not a number");
  if (names_leader && number == 0) return wrong("organisations are numbered from 1");
  const std::size_t plus = view.find('+', at);
  const auto begins = ParseSeconds(view.substr(at + 1, plus == std::string_view::npos ? plus : plus - at - 1));
  if (!begins) return wrong("the time is not a number of seconds");
  fault.at = *begins;
  if (plus != std::string_view::npos) {
    const auto lasts = ParseSeconds(view.substr(plus + 1));
    if (!lasts || *lasts <= base::Duration::zero()) return wrong("the duration is not a number of seconds above zero");
    fault.lasts = *lasts;
  }
  return fault;
}

}  // namespace grapevine::app
