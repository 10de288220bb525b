// One oracle (tests/oracles/README.md) as a process beside the test, watched by the test's event loop.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/io_loop.h"

namespace grapevine::rpc {

// Destroying it ends the process.
class OracleProcess {
 public:
  OracleProcess(base::IoLoop& loop, const std::string& program, std::vector<std::string> arguments);
  OracleProcess(const OracleProcess&) = delete;
  OracleProcess& operator=(const OracleProcess&) = delete;
  ~OracleProcess();

  // The first line with this `event`, once it has been printed.
  std::optional<nlohmann::json> Event(const std::string& name) const;
  std::size_t Count(const std::string& name) const;
  void Command(const std::string& command);
  // SIGKILL: the connections break without a word.
  void Kill();

 private:
  void OnReadable();

  pid_t process_ = 0;
  int input_ = -1;
  int output_ = -1;
  std::string partial_line_;
  std::vector<nlohmann::json> lines_;
  std::unique_ptr<base::IoWatch> watch_;
};

}  // namespace grapevine::rpc
