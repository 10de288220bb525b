#include "app/admin_client.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/transport.h"
#include "rpc/client.h"
#include "runtime/event_loop.h"
#include "runtime/worker_pool.h"

namespace grapevine::app {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

constexpr base::Duration kConnectTimeout = std::chrono::seconds(2);
// Joining may have to read a long ledger.
constexpr base::Duration kCallTimeout = std::chrono::minutes(5);

ErrorCode ToErrorCode(base::StatusCode code) {
  switch (code) {
    case base::StatusCode::kInvalidArgument:
      return ErrorCode::kInvalid;
    case base::StatusCode::kNotFound:
      return ErrorCode::kNotFound;
    case base::StatusCode::kPermissionDenied:
      return ErrorCode::kDenied;
    case base::StatusCode::kUnavailable:
      return ErrorCode::kUnavailable;
    case base::StatusCode::kDeadlineExceeded:
      return ErrorCode::kTimeout;
    case base::StatusCode::kResourceExhausted:
      return ErrorCode::kExhausted;
    default:
      return ErrorCode::kInternal;
  }
}

rpc::ClientOptions UnixOptions() {
  rpc::ClientOptions options;
  options.allow_unix = true;
  return options;
}

std::unexpected<base::Error> NoNode(const std::string& socket, const std::string& reason) {
  return Fail(ErrorCode::kUnavailable,
              "no node is running: nobody answers at '{}' ({}). Start one with `grapevine node start --config "
              "core.yaml`, or name the socket of another one with --socket, or its core.yaml with --config",
              socket, reason);
}

}  // namespace

struct AdminClient::Parts {
  runtime::EventLoop loop;
  runtime::WorkerPool workers{loop, 1};
  rpc::GrpcTransport transport{loop, workers, UnixOptions()};
  std::unique_ptr<base::Connection> connection;
};

AdminClient::AdminClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AdminClient::~AdminClient() = default;

Result<std::unique_ptr<AdminClient>> AdminClient::Connect(const std::string& socket) {
  std::error_code error;
  const bool exists = std::filesystem::exists(socket, error);
  if (error == std::errc::permission_denied) {
    return Fail(ErrorCode::kDenied, "the socket '{}' is for the user who runs the node: run this command as that one",
                socket);
  }
  if (!exists) return NoNode(socket, "there is no such socket");
  auto parts = std::make_unique<Parts>();
  std::optional<Result<std::unique_ptr<base::Connection>>> outcome;
  const auto dial = parts->transport.Dial(
      "unix:" + socket, kConnectTimeout,
      [&](Result<std::unique_ptr<base::Connection>> connection) { outcome = std::move(connection); });
  parts->loop.RunUntil([&] { return outcome.has_value(); }, kConnectTimeout * 2);
  if (!outcome) return NoNode(socket, "no answer");
  if (!*outcome) return NoNode(socket, outcome->error().message);
  parts->connection = std::move(**outcome);
  return std::unique_ptr<AdminClient>(new AdminClient(std::move(parts)));
}

Result<base::Bytes> AdminClient::Call(const char* method, base::Bytes request) {
  std::optional<base::UnaryResult> outcome;
  const auto call = parts_->connection->Unary(method, std::move(request), {.metadata = {}, .timeout = kCallTimeout},
                                              [&](base::UnaryResult result) { outcome = std::move(result); });
  parts_->loop.RunUntil([&] { return outcome.has_value(); }, kCallTimeout * 2);
  if (!outcome) return Fail(ErrorCode::kTimeout, "the node does not answer");
  if (outcome->status.ok()) return std::move(outcome->response);
  return Fail(ToErrorCode(outcome->status.code), "{}", outcome->status.message);
}

void AdminClient::Wait(base::Duration duration) {
  parts_->loop.RunUntil([] { return false; }, duration);
}

}  // namespace grapevine::app
