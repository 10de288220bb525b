// gRPC's status, the outcome of a call or stream (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
#pragma once

#include <string>

namespace grapevine::base {

enum class StatusCode {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

const char* ToString(StatusCode code);

struct Status {
  StatusCode code = StatusCode::kOk;
  std::string message;
  std::string details;  // serialised google.rpc.Status, from or for `grpc-status-details-bin`; usually empty

  bool ok() const { return code == StatusCode::kOk; }
  friend bool operator==(const Status&, const Status&) = default;
};

}  // namespace grapevine::base
