// Errors are values: one error type for every component, with a message that says what to do.
#pragma once

#include <fmt/core.h>

#include <expected>
#include <string>
#include <utility>

namespace grapevine::base {

// What kind of failure it is, for code that reacts; `Error::message` is for people.
enum class ErrorCode {
  kInvalid,      // input that can never be accepted: malformed, wrong signature, wrong configuration
  kNotFound,     // something named does not exist
  kDenied,       // well-formed, but not permitted: policy, revoked, expired
  kUnavailable,  // the other side or a resource cannot be reached now; trying again may help
  kTimeout,      // a deadline passed
  kExhausted,    // a declared bound is full
  kCancelled,    // the caller or a stop withdrew the operation
  kIo,           // the operating system refused a file or socket operation
  kCorrupt,      // stored data contradicts itself
  kInternal,     // a defect of this program
};

const char* ToString(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = std::expected<T, Error>;

// return Fail(ErrorCode::kInvalid, "peer.tls.cert.file: cannot read '{}': {}", path, reason);
template <typename... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// Passes an error of one Result on as the error of another, with what was being done in front of it.
template <typename... Args>
std::unexpected<Error> Wrap(const Error& cause, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{cause.code, fmt::format(format, std::forward<Args>(args)...) + ": " + cause.message});
}

}  // namespace grapevine::base
