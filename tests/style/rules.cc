#include "style/rules.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <span>

#include "style/lexer.h"

namespace grapevine::style {
namespace {

using Words = std::set<std::string_view>;

bool IsCpp(std::string_view path) { return path.ends_with(".h") || path.ends_with(".cc"); }

// tokens[i], or an empty token beyond either end.
std::string_view Text(std::span<const Token> tokens, std::size_t i) {
  return i < tokens.size() ? tokens[i].text : std::string_view();
}

// Whether tokens[i] calls a function of the C library with at least one argument: `f(x)`, `::f(x)`, `std::f(x)`, but
// neither `object.f(x)` nor `Type::f(x)` nor a declaration `int f(x)`.
bool IsLibraryCall(std::span<const Token> tokens, std::size_t i) {
  if (Text(tokens, i + 1) != "(" || Text(tokens, i + 2) == ")") return false;
  if (i == 0) return true;
  const auto names_something = [&](std::size_t k) {
    static const Words kKeywords = {"return", "co_return", "else", "do", "case", "throw"};
    return tokens[k].kind == TokenKind::kWord && !kKeywords.contains(tokens[k].text);
  };
  const std::string_view before = tokens[i - 1].text;
  if (before == "::") return i < 2 || tokens[i - 2].text == "std" || !names_something(i - 2);
  // A declaration has its type in front: a name, or `Type*`, `Type&`, `Type<...>`.
  const bool type_ends = before == ">" || (i >= 2 && (before == "*" || before == "&") && names_something(i - 2));
  return before != "." && before != "->" && !type_ends && !names_something(i - 1);
}

// A poll or select without descriptors is a sleep in disguise.
bool IsWaitForNothing(std::span<const Token> tokens, std::size_t i) {
  const std::string_view name = tokens[i].text;
  if ((name != "poll" && name != "ppoll" && name != "select" && name != "pselect") || !IsLibraryCall(tokens, i)) {
    return false;
  }
  const std::string_view first = Text(tokens, i + 2);
  return first == "nullptr" || first == "NULL" || first == "0";
}

struct Outside {
  const char* what;
  Words headers;  // <...>
  Words names;    // as a word anywhere
  Words in_std;   // as std::name
  Words calls;    // as a call of the C library
};

const Outside kThreads = {"a thread or lock",
                          {"<thread>", "<mutex>", "<shared_mutex>", "<condition_variable>", "<future>", "<semaphore>",
                           "<latch>", "<barrier>", "<stop_token>", "<pthread.h>", "<threads.h>"},
                          {"pthread_create", "pthread_mutex_t", "pthread_mutex_lock"},
                          {"thread",
                           "jthread",
                           "async",
                           "future",
                           "promise",
                           "mutex",
                           "recursive_mutex",
                           "timed_mutex",
                           "shared_mutex",
                           "lock_guard",
                           "unique_lock",
                           "scoped_lock",
                           "shared_lock",
                           "condition_variable",
                           "condition_variable_any",
                           "call_once",
                           "counting_semaphore",
                           "binary_semaphore",
                           "latch",
                           "barrier",
                           "this_thread"},
                          {}};
const Outside kClocks = {"a clock",
                         {"<ctime>", "<time.h>", "<sys/time.h>"},
                         {"steady_clock", "system_clock", "high_resolution_clock", "utc_clock", "clock_gettime",
                          "gettimeofday", "timespec_get"},
                         {"clock"},
                         {"time"}};
const Outside kSockets = {
    "a socket",
    {"<sys/socket.h>", "<sys/epoll.h>", "<sys/select.h>", "<netdb.h>", "<netinet/in.h>", "<arpa/inet.h>", "<poll.h>",
     "<sys/eventfd.h>"},
    {"getaddrinfo", "epoll_create1", "epoll_wait", "BIO_new_connect", "BIO_new_accept"},
    {},
    {"socket", "connect", "accept", "accept4", "bind", "listen", "send", "recv", "poll", "select"}};
const Outside kFiles = {"a file",
                        {"<fstream>", "<filesystem>", "<unistd.h>", "<fcntl.h>", "<sys/stat.h>", "<sys/mman.h>"},
                        {"fopen", "BIO_new_file", "fsync", "fdatasync", "mmap"},
                        {"fstream", "ifstream", "ofstream", "filesystem"},
                        {"open", "openat", "read", "write", "unlink", "rename", "mkdir"}};
const Outside kChance = {"randomness or the environment",
                         {"<random>"},
                         {"random_device", "getenv", "secure_getenv", "mt19937", "mt19937_64", "default_random_engine",
                          "uniform_int_distribution", "uniform_real_distribution", "exponential_distribution",
                          "normal_distribution", "getrandom", "arc4random", "rand", "srand"},
                         {},
                         {}};

std::vector<const Outside*> ForbiddenIn(std::string_view room) {
  static const Words kPure = {"wire",     "msp",      "comm",        "gossip", "membership", "channel", "statetransfer",
                              "election", "delivery", "privatedata", "node",   "simulation", "testnet"};
  if (kPure.contains(room)) return {&kThreads, &kClocks, &kSockets, &kFiles, &kChance};
  if (room == "crypto" || room == "ledger") return {&kThreads, &kFiles};
  return {};
}

bool Touches(const Outside& outside, std::span<const Token> tokens, std::size_t i) {
  const std::string_view text = tokens[i].text;
  if (tokens[i].kind == TokenKind::kInclude) return outside.headers.contains(text);
  if (tokens[i].kind != TokenKind::kWord) return false;
  const bool in_std = i >= 2 && tokens[i - 1].text == "::" && tokens[i - 2].text == "std";
  return outside.names.contains(text) || (in_std && outside.in_std.contains(text)) ||
         (outside.calls.contains(text) && IsLibraryCall(tokens, i));
}

// A shell or Go line that sleeps; comments (from # or //) do not count.
bool ScriptLineSleeps(std::string_view path, std::string_view line) {
  if (path.ends_with(".go")) {
    const std::size_t found = line.find("time.Sleep");
    return found != std::string_view::npos && found < line.find("//");
  }
  static constexpr std::string_view kBefore = " \t;&|({`";
  for (std::size_t at = line.find("sleep"); at != std::string_view::npos; at = line.find("sleep", at + 1)) {
    if (at > line.find('#')) return false;
    const bool starts = at == 0 || kBefore.contains(line[at - 1]);
    if (starts && at + 5 < line.size() && line[at + 5] == ' ') return true;
  }
  return false;
}

}  // namespace

Findings CheckSleeping(std::string_view path, std::string_view source) {
  static const Words kNames = {"sleep_for", "sleep_until", "nanosleep", "clock_nanosleep", "usleep"};
  Findings findings;
  if (!IsCpp(path)) {
    int number = 0;
    while (!source.empty()) {
      ++number;
      const std::size_t end = std::min(source.find('\n'), source.size() - 1);
      if (ScriptLineSleeps(path, source.substr(0, end))) findings.push_back(fmt::format("{}:{}: sleeps", path, number));
      source.remove_prefix(end + 1);
    }
    return findings;
  }
  const std::vector<Token> tokens = Lex(source);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kWord) continue;
    const std::string_view name = tokens[i].text;
    if (kNames.contains(name) || (name == "sleep" && IsLibraryCall(tokens, i)) || IsWaitForNothing(tokens, i)) {
      findings.push_back(fmt::format("{}:{}: '{}' sleeps; wait for an event instead", path, tokens[i].line, name));
    }
  }
  return findings;
}

Findings CheckOutside(std::string_view path, std::string_view source) {
  const std::vector<const Outside*> forbidden = ForbiddenIn(RoomOf(path));
  if (forbidden.empty() || !IsCpp(path)) return {};
  Findings findings;
  const std::vector<Token> tokens = Lex(source);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    for (const Outside* outside : forbidden) {
      if (!Touches(*outside, tokens, i)) continue;
      findings.push_back(fmt::format("{}:{}: '{}' is {}, which '{}' reaches through base only", path, tokens[i].line,
                                     tokens[i].text, outside->what, RoomOf(path)));
    }
  }
  return findings;
}

Findings CheckIncludes(std::string_view path, std::string_view source) {
  const std::string_view room = RoomOf(path);
  if (room.empty() || !IsCpp(path)) return {};
  if (!IsRoom(room)) return {fmt::format("{}: '{}' is not in the table \"Rooms\"", path, room)};
  Findings findings;
  for (const Token& token : Lex(source)) {
    if (token.kind != TokenKind::kInclude || !token.text.starts_with('"')) continue;
    const std::string_view target = token.text.substr(1, token.text.size() - 2);
    const std::size_t slash = target.find('/');
    // Code that protoc generated belongs to wire, whatever folder the schema has.
    const std::string_view other = target.ends_with(".pb.h") ? "wire" : target.substr(0, slash);
    if (slash == std::string_view::npos || !IsRoom(other)) {
      findings.push_back(
          fmt::format("{}:{}: include \"{}\" does not start with the name of a room", path, token.line, target));
    } else if (!MayKnow(room, other)) {
      findings.push_back(fmt::format("{}:{}: '{}' may not know '{}'", path, token.line, room, other));
    }
  }
  return findings;
}

}  // namespace grapevine::style
