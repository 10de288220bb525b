// Log lines to standard error, with time, level and logger name.
#pragma once

#include <memory>
#include <string_view>

#include "base/log.h"

namespace grapevine::runtime {

// Shared by any number of nodes and threads of the process. Never throws; a line that cannot be written is lost.
class ConsoleLog : public base::LogSink {
 public:
  // Lines below `level` are not written.
  explicit ConsoleLog(base::LogLevel level);
  ~ConsoleLog() override;

  bool Enabled(base::LogLevel level, std::string_view logger) const override;
  void Write(base::LogLevel level, std::string_view logger, std::string_view line) override;

 private:
  struct Output;
  base::LogLevel level_;
  std::unique_ptr<Output> output_;
};

}  // namespace grapevine::runtime
