// Values of configuration keys, as Go and viper read and print them. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/result.h"

namespace grapevine::node {

// Errors are kInvalid and read on from the value: "is not a duration such as 10ms, 4s or 1h30m".

// Go's time.ParseDuration: "1h2m3.5s", "1500us", "1500µs", "-1s"; a plain number is nanoseconds, as viper has it.
base::Result<base::Duration> ParseDuration(std::string_view text);
// Whether a duration is a plain number.
bool LacksUnit(std::string_view duration);
// The shortest text that ParseDuration reads as the same: "1m30s", "1.5s", "10ms", "0s".
std::string FormatDuration(base::Duration duration);

// Go's strconv.ParseInt with any base: "20", "-1", "0x14", "0b1_0100", "024" (octal).
base::Result<std::int64_t> ParseInteger(std::string_view text);
// Go's strconv.ParseBool: true, True, TRUE, t, T, 1 and their opposites; nothing else.
base::Result<bool> ParseBoolean(std::string_view text);
// Elements separated by commas or white space; those after a backslash separate nothing.
std::vector<std::string> SplitList(std::string_view text);

// host:port as others dial it: a name, an IPv4 address or an IPv6 address in brackets; port 1 to 65535.
base::Result<void> CheckEndpoint(std::string_view endpoint);
// Whether a well-formed endpoint is an address to listen on, which nobody can dial: 0.0.0.0 or [::].
bool IsUnspecified(std::string_view endpoint);

}  // namespace grapevine::node
