// Fabric's log specification: which lines of which logger are written.
//
//   info                                 every logger from INFO on
//   gossip=debug:warn                    gossip and gossip.* from DEBUG on, everything else from WARN on
//   gossip.comm,msp=debug:ledger.=error  several loggers at once; a period at the end: that logger without its children
//
// Levels, in any case: DEBUG, INFO, WARN or WARNING, ERROR, PANIC, FATAL. Nothing here is logged above ERROR, so that
// PANIC and FATAL silence a logger.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace grapevine::runtime {

// A value; the level of a logger is that of the longest name that covers it.
class LogSpec {
 public:
  // Everything from INFO on.
  LogSpec() : LogSpec(base::LogLevel::kInfo) {}
  // Everything from `level` on.
  explicit LogSpec(base::LogLevel level);

  // The level from which on lines of `logger` are written.
  base::LogLevel LevelOf(std::string_view logger) const;
  // The lowest level of all loggers.
  base::LogLevel lowest() const;
  // In the specification's syntax, loggers sorted: "gossip=debug:info".
  std::string ToString() const;

 private:
  friend base::Result<LogSpec> ParseLogSpec(std::string_view text);

  struct Level {
    std::string name;  // as shown
    base::LogLevel threshold;
  };
  static base::Result<Level> ParseLevel(std::string_view name);

  Level default_level_;
  std::map<std::string, Level, std::less<>> loggers_;
};

// An empty text is "info". Error kInvalid: names the part that cannot be read, and what would be right.
base::Result<LogSpec> ParseLogSpec(std::string_view text);

}  // namespace grapevine::runtime
