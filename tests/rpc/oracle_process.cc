#include "rpc/oracle_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace grapevine::rpc {

OracleProcess::OracleProcess(base::IoLoop& loop, const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) std::abort();
  process_ = fork();
  if (process_ == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  input_ = to[1];
  output_ = from[0];
  fcntl(output_, F_SETFL, O_NONBLOCK);
  watch_ = loop.Watch(output_, [this](base::IoReady) { OnReadable(); });
  watch_->SetInterest(true, false);
}

OracleProcess::~OracleProcess() {
  Kill();
  watch_.reset();
  close(input_);
  close(output_);
}

std::optional<nlohmann::json> OracleProcess::Event(const std::string& name) const {
  auto found = std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line.at("event") == name; });
  return found == lines_.end() ? std::nullopt : std::optional(*found);
}

std::size_t OracleProcess::Count(const std::string& name) const {
  return static_cast<std::size_t>(
      std::count_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line.at("event") == name; }));
}

void OracleProcess::Command(const std::string& command) {
  std::string line = command + "\n";
  if (write(input_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

void OracleProcess::Kill() {
  if (process_ == 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = 0;
}

void OracleProcess::OnReadable() {
  char buffer[4096];
  ssize_t size = read(output_, buffer, sizeof buffer);
  if (size <= 0) {
    if (size == 0) watch_->SetInterest(false, false);
    return;
  }
  partial_line_.append(buffer, static_cast<std::size_t>(size));
  for (std::size_t end = 0; (end = partial_line_.find('\n')) != std::string::npos; partial_line_.erase(0, end + 1)) {
    lines_.push_back(nlohmann::json::parse(partial_line_.substr(0, end)));
  }
}

}  // namespace grapevine::rpc
