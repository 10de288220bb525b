// Grapevine's transport beside the gRPC C++ library: same messages, mutual TLS on loopback, two processes per variant.
// Then what authenticating a gossip peer costs on that transport, which has nothing beside it in the library.
//
// Starts itself as server and client of each variant, drives both through pipes, and prints a table of the figures,
// what they are compared with, and one line of JSON. CPU is that of both ends. Each figure is the best of the rounds,
// which is what the program costs when the machine does nothing else.
#include "comm_bench.h"

#include <absl/synchronization/mutex.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace grapevine::bench {

using Json = nlohmann::json;

TlsFiles Tls(int identity) {
  std::string folder = fmt::format(
      GRAPEVINE_TEST_DATA "/fabric-2.5.5/crypto/peerOrganizations/org1.example.com/peers/peer{}.org1.example.com/tls/",
      identity);
  return {folder + "server.crt", folder + "server.key", folder + "ca.crt"};
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// CPU seconds, resident kilobytes and threads of this process.
Json Usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Json json = {{"cpu", Seconds(usage.ru_utime) + Seconds(usage.ru_stime)}};
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) json["rss_kb"] = std::atol(line.c_str() + 6);
    if (line.starts_with("Threads:")) json["threads"] = std::atol(line.c_str() + 8);
  }
  return json;
}

void Say(const Json& json) { std::cout << json.dump() << '\n' << std::flush; }

[[noreturn]] void ServerMain(const std::string& variant) {
  Commands commands;
  if (variant == "grapevine") RunGrapevineServer(commands);
  if (variant == "grpc-callback") RunCallbackServer(commands);
  if (variant == "grpc-queue") RunQueueServer(commands);
  if (variant == "gossip") RunGossipServer(commands);
  _exit(0);
}

std::unique_ptr<Client> NewClient(const std::string& variant, const std::string& target) {
  if (variant == "grapevine") return NewGrapevineClient(target);
  if (variant == "grpc-callback") return NewCallbackClient(target);
  return NewQueueClient(target);
}

Json Drive(Client& client, const std::string& command, std::size_t count, std::size_t size) {
  if (command == "send") client.Send(count, size);
  if (command == "idle") client.OpenIdle(count);
  if (command == "dial") client.Dial(count);
  if (command != "pingpong") return Json::object();
  auto times = client.PingPong(count, size);
  std::sort(times.begin(), times.end());
  return {{"p50_us", static_cast<double>(times[times.size() / 2]) / 1e3},
          {"p99_us", static_cast<double>(times[times.size() * 99 / 100]) / 1e3}};
}

[[noreturn]] void ClientMain(const std::string& variant, const std::string& target) {
  std::unique_ptr<GossipClient> gossip = variant == "gossip" ? NewGossipClient(target) : nullptr;
  std::unique_ptr<Client> client = gossip ? nullptr : NewClient(variant, target);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    std::size_t count = 0;
    std::size_t argument = 0;
    words >> command >> count >> argument;
    auto started = std::chrono::steady_clock::now();
    Json answer;
    if (command == "usage") {
      answer = Usage();
    } else if (gossip) {
      answer["succeeded"] = gossip->Handshake(count, argument);
    } else {
      answer = Drive(*client, command, count, argument);
    }
    answer["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    Say(answer);
  }
  _exit(0);
}

// This program again, in a role; ends with the object.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    int to[2];
    int from[2];
    if (pipe(to) != 0 || pipe(from) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      for (int descriptor : {to[0], to[1], from[0], from[1]}) close(descriptor);
      std::vector<char*> argv;
      arguments.insert(arguments.begin(), "comm_bench");
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv("/proc/self/exe", argv.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    in_ = fdopen(to[1], "w");
    out_ = fdopen(from[0], "r");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    fclose(in_);
    fclose(out_);
    waitpid(pid_, nullptr, 0);
  }

  Json ReadLine() {
    std::string line;
    for (int c = 0; (c = fgetc(out_)) != EOF && c != '\n';) line += static_cast<char>(c);
    Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) {
      fmt::print(stderr, "comm_bench: a process of the benchmark ended early\n");
      std::exit(1);
    }
    return json;
  }
  Json Ask(const std::string& command) {
    fmt::print(in_, "{}\n", command);
    fflush(in_);
    return ReadLine();
  }

 private:
  pid_t pid_ = 0;
  FILE* in_ = nullptr;
  FILE* out_ = nullptr;
};

struct Pair {
  explicit Pair(const std::string& variant)
      : server({"server", variant}),
        client({"client", variant, fmt::format("127.0.0.1:{}", server.ReadLine()["port"].get<int>())}) {}

  double Cpu() { return server.Ask("usage")["cpu"].get<double>() + client.Ask("usage")["cpu"].get<double>(); }
  // Runs a command and returns its answer with `cpu`, the seconds that both ends took.
  Json Measure(const std::string& command) {
    double before = Cpu();
    Json answer = client.Ask(command);
    answer["cpu"] = Cpu() - before;
    return answer;
  }

  Process server;
  Process client;
};

using Figures = std::map<std::string, double>;

void MeasureMessages(Pair& pair, std::size_t count, std::size_t size, const std::string& name, Figures& figures) {
  pair.client.Ask(fmt::format("send {} {}", count / 10, size));
  Json run = pair.Measure(fmt::format("send {} {}", count, size));
  figures[name + " cpu us/message"] = run["cpu"].get<double>() * 1e6 / static_cast<double>(count);
  figures[name + " wall us/message"] = run["seconds"].get<double>() * 1e6 / static_cast<double>(count);
}

Figures RunVariant(const std::string& variant, std::size_t scale) {
  Figures figures;
  {
    Pair pair(variant);
    MeasureMessages(pair, 4000 * scale, 200, "200 B", figures);
    MeasureMessages(pair, 80 * scale, 64 << 10, "64 KiB", figures);
    MeasureMessages(pair, 8 * scale, 1 << 20, "1 MiB", figures);
    pair.client.Ask(fmt::format("pingpong {} 200", 10 * scale));
    Json pingpong = pair.Measure(fmt::format("pingpong {} 200", 100 * scale));
    figures["ping-pong p50 us"] = pingpong["p50_us"];
    figures["ping-pong p99 us"] = pingpong["p99_us"];
    figures["threads, client"] = pair.client.Ask("usage")["threads"];
    figures["threads, server"] = pair.server.Ask("usage")["threads"];
  }
  {
    Pair pair(variant);
    pair.client.Ask("idle 10");  // what the first connections cost once
    std::size_t count = 5 * scale;
    double client = pair.client.Ask("usage")["rss_kb"];
    double server = pair.server.Ask("usage")["rss_kb"];
    pair.client.Ask(fmt::format("idle {}", count));
    figures["idle stream KB, client"] =
        (pair.client.Ask("usage")["rss_kb"].get<double>() - client) / static_cast<double>(count);
    figures["idle stream KB, server"] =
        (pair.server.Ask("usage")["rss_kb"].get<double>() - server) / static_cast<double>(count);
  }
  {
    Pair pair(variant);
    std::size_t count = 3 * scale;
    pair.client.Ask("dial 10");
    Json run = pair.Measure(fmt::format("dial {}", count));
    figures["TLS dials/s"] = static_cast<double>(count) / run["seconds"].get<double>();
    figures["TLS dial cpu us"] = run["cpu"].get<double>() * 1e6 / static_cast<double>(count);
  }
  return figures;
}

Figures RunGossip(std::size_t scale) {
  constexpr int kParallel = 4;
  Pair pair("gossip");
  std::size_t count = 10 * scale;
  pair.client.Ask(fmt::format("handshake {} {}", count / 10, kParallel));
  Json run = pair.Measure(fmt::format("handshake {} {}", count, kParallel));
  if (run["succeeded"] != count) {
    fmt::print(stderr, "comm_bench: {} of {} gossip handshakes failed\n", count - run["succeeded"].get<std::size_t>(),
               count);
    std::exit(1);
  }
  return {{"gossip handshakes/s", static_cast<double>(count) / run["seconds"].get<double>()},
          {"gossip handshake cpu us", run["cpu"].get<double>() * 1e6 / static_cast<double>(count)}};
}

void KeepBest(Figures& best, const Figures& figures) {
  for (const auto& [name, value] : figures) {
    auto [place, fresh] = best.try_emplace(name, value);
    if (!fresh) place->second = name.ends_with("/s") ? std::max(place->second, value) : std::min(place->second, value);
  }
}

struct Requirement {
  std::string figure;
  double of_library;  // of the faster of the library's variants; 0: `absolute` instead
  double absolute = 0;
};

const std::vector<Requirement> kRequirements = {
    {"200 B cpu us/message", 0.25}, {"64 KiB cpu us/message", 1},      {"1 MiB cpu us/message", 1},
    {"ping-pong p50 us", 0.5},      {"idle stream KB, client", 0, 60}, {"idle stream KB, server", 0, 60},
};

bool Judge(const std::map<std::string, Figures>& all, Json& json) {
  bool met = true;
  for (const Requirement& requirement : kRequirements) {
    double own = all.at("grapevine").at(requirement.figure);
    double library =
        std::min(all.at("grpc-callback").at(requirement.figure), all.at("grpc-queue").at(requirement.figure));
    double limit = requirement.of_library > 0 ? requirement.of_library * library : requirement.absolute;
    bool ok = own <= limit;
    met = met && ok;
    fmt::print("{:<24} {:>9.2f} <= {:>9.2f}  {}  ({:.2f} of the library)\n", requirement.figure, own, limit,
               ok ? "met   " : "MISSED", own / library);
    json["requirements"].push_back(
        {{"figure", requirement.figure}, {"value", own}, {"limit", limit}, {"ratio", own / library}, {"met", ok}});
  }
  return met;
}

int Orchestrate(std::size_t rounds, std::size_t scale) {
  const std::vector<std::string> variants = {"grapevine", "grpc-callback", "grpc-queue"};
  std::map<std::string, Figures> all;
  Figures gossip;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const std::string& variant : variants) KeepBest(all[variant], RunVariant(variant, scale));
    KeepBest(gossip, RunGossip(scale));
  }
  fmt::print("{:<24} {:>14} {:>14} {:>14}\n", "", variants[0], variants[1], variants[2]);
  for (const auto& [name, value] : all["grapevine"]) {
    fmt::print("{:<24} {:>14.2f} {:>14.2f} {:>14.2f}\n", name, value, all[variants[1]][name], all[variants[2]][name]);
  }
  for (const auto& [name, value] : gossip) fmt::print("{:<24} {:>14.2f}\n", name, value);
  fmt::print("\n");
  Json json = {{"rounds", rounds}, {"figures", all}, {"gossip", gossip}};
  bool met = Judge(all, json);
  fmt::print("\n{}\n", json.dump());
  return met ? 0 : 1;
}

}  // namespace

void Commands::Ready(int port) { Say({{"port", port}}); }

bool Commands::Next() {
  std::string line;
  if (!std::getline(std::cin, line)) return false;
  Say(Usage());
  return true;
}

}  // namespace grapevine::bench

int main(int count, char** arguments) {
  using namespace grapevine::bench;
  // Debian's gRPC is built with deadlock detection, which costs a fifth of its speed: no comparison with that.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 2 && words[0] == "server") ServerMain(words[1]);
  if (words.size() == 3 && words[0] == "client") ClientMain(words[1], words[2]);
  if (words.empty()) return Orchestrate(3, 100);
  if (words == std::vector<std::string>{"--quick"}) return Orchestrate(1, 20);
  fmt::print(stderr, "usage: comm_bench [--quick]\n");
  return 2;
}
