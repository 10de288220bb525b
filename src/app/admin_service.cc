#include "app/admin_service.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/admin_protocol.h"
#include "app/admin_report.h"
#include "msp/block.h"
#include "rpc/server.h"

namespace grapevine::app {

using base::ErrorCode;
using base::Fail;
using base::Result;
using nlohmann::json;

namespace {

constexpr std::size_t kMaxReads = 16;

base::StatusCode ToStatusCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return base::StatusCode::kInvalidArgument;
    case ErrorCode::kNotFound:
      return base::StatusCode::kNotFound;
    case ErrorCode::kDenied:
      return base::StatusCode::kPermissionDenied;
    case ErrorCode::kUnavailable:
      return base::StatusCode::kUnavailable;
    case ErrorCode::kTimeout:
      return base::StatusCode::kDeadlineExceeded;
    case ErrorCode::kExhausted:
      return base::StatusCode::kResourceExhausted;
    case ErrorCode::kCancelled:
      return base::StatusCode::kCancelled;
    case ErrorCode::kCorrupt:
      return base::StatusCode::kDataLoss;
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      break;
  }
  return base::StatusCode::kInternal;
}

void Refuse(base::UnaryCall& call, const base::Error& error) {
  call.Respond({.status = {.code = ToStatusCode(error.code), .message = error.message, .details = {}}, .response = {}});
}

void Answer(base::UnaryCall& call, const json& response) {
  call.Respond({.status = {}, .response = base::Bytes(response.dump(-1, ' ', false, json::error_handler_t::replace))});
}

// A text in the request; empty if it is not there.
std::string TextOf(const base::UnaryCall& call, const char* name) {
  const base::ByteView text = call.request();
  const json request = json::parse(text.begin(), text.end(), nullptr, false);
  if (!request.is_object()) return {};
  const auto found = request.find(name);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The number of the block that a user asks for.
Result<std::uint64_t> FindPosition(const ledger::Ledger& ledger, const std::string& position) {
  if (position == "oldest") return ledger.first_block();
  if (position == "newest") return ledger.height() - 1;
  if (position == "config") {
    if (ledger.config_block()) return ledger.config_block()->number;
    return Fail(ErrorCode::kNotFound, "the ledger has no configuration block");
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(position.data(), position.data() + position.size(), number);
  if (error != std::errc() || end != position.data() + position.size()) {
    return Fail(ErrorCode::kInvalid, "'{}' is no block: oldest, newest, config or a number is wanted", position);
  }
  if (number < ledger.first_block() || number >= ledger.height()) {
    return Fail(ErrorCode::kNotFound, "block {} is not here: the ledger has blocks {} to {}", number,
                ledger.first_block(), ledger.height() - 1);
  }
  return number;
}

}  // namespace

Result<std::unique_ptr<AdminService>> AdminService::Listen(base::IoLoop& loop, runtime::Peer& peer,
                                                           const std::string& socket, std::string version) {
  rpc::ServerOptions options;
  options.listen_address = "unix:" + socket;
  auto server = rpc::GrpcServer::Listen(loop, std::move(options));
  if (!server) {
    return base::Wrap(server.error(), "the socket for the command line (grapevine.admin.socket) '{}'", socket);
  }
  return std::unique_ptr<AdminService>(new AdminService(peer, std::move(version), std::move(*server)));
}

AdminService::AdminService(runtime::Peer& peer, std::string version, std::unique_ptr<rpc::GrpcServer> server)
    : peer_(peer), version_(std::move(version)), server_(std::move(server)) {
  Serve(kAdminStatus, &AdminService::Status);
  Serve(kAdminChannels, &AdminService::Channels);
  Serve(kAdminGetInfo, &AdminService::GetInfo);
  Serve(kAdminJoin, &AdminService::Join);
  Serve(kAdminLeave, &AdminService::Leave);
  Serve(kAdminFetch, &AdminService::Fetch);
  Serve(kAdminPeers, &AdminService::Peers);
}

AdminService::~AdminService() = default;

void AdminService::Serve(const char* method, void (AdminService::*handler)(const CallPtr& call)) {
  served_.push_back(server_->ServeUnary(
      method, [this, handler](std::unique_ptr<base::UnaryCall> call) { (this->*handler)(std::move(call)); }));
}

void AdminService::Status(const CallPtr& call) {
  json status = DescribePeer(peer_);
  status["version"] = version_;
  status["pid"] = getpid();
  Answer(*call, status);
}

void AdminService::Channels(const CallPtr& call) { Answer(*call, {{"channels", peer_.Channels()}}); }

void AdminService::Read(const CallPtr& call, ledger::Ledger& ledger, std::uint64_t number,
                        std::move_only_function<void(const base::Bytes& block)> use) {
  if (reads_.size() >= kMaxReads) {
    return Refuse(*call, {ErrorCode::kExhausted, "too many requests at a time: try again"});
  }
  const std::uint64_t id = next_read_++;
  reads_[id] = ledger.ReadBlock(number, [this, id, call, use = std::move(use)](Result<base::Bytes> block) mutable {
    if (block) {
      use(*block);
    } else {
      Refuse(*call, block.error());
    }
    reads_.erase(id);
  });
}

void AdminService::GetInfo(const CallPtr& call) {
  const std::string channel = TextOf(*call, "channel");
  ledger::Ledger* ledger = peer_.FindLedger(channel);
  if (ledger == nullptr) return Refuse(*call, NotInChannel(peer_, channel));
  Read(call, *ledger, ledger->height() - 1, [this, call, channel](const base::Bytes& block) {
    const auto view = msp::ParseBlock(block);
    if (!view) return Refuse(*call, view.error());
    if (peer_.FindLedger(channel) == nullptr) return Refuse(*call, NotInChannel(peer_, channel));
    json info = DescribeChannel(peer_, channel);
    // Of one moment: the newest block may be a later one by now.
    info["height"] = view->header.number + 1;
    info["currentBlockHash"] = Base64(view->header.Hash().view());
    info["previousBlockHash"] = Base64(view->header.previous_hash);
    Answer(*call, info);
  });
}

void AdminService::Join(const CallPtr& call) {
  peer_.JoinChannel(call->request(), lifetime_.Guard([this, call](Result<std::string> joined) {
    if (!joined) return Refuse(*call, joined.error());
    Answer(*call, {{"channel", *joined}, {"height", peer_.FindLedger(*joined)->height()}});
  }));
}

void AdminService::Leave(const CallPtr& call) {
  if (auto left = peer_.LeaveChannel(TextOf(*call, "channel")); !left) return Refuse(*call, left.error());
  Answer(*call, json::object());
}

void AdminService::Fetch(const CallPtr& call) {
  const std::string channel = TextOf(*call, "channel");
  ledger::Ledger* ledger = peer_.FindLedger(channel);
  if (ledger == nullptr) return Refuse(*call, NotInChannel(peer_, channel));
  const auto number = FindPosition(*ledger, TextOf(*call, "position"));
  if (!number) return Refuse(*call, number.error());
  Read(call, *ledger, *number, [call](const base::Bytes& block) { call->Respond({.status = {}, .response = block}); });
}

void AdminService::Peers(const CallPtr& call) {
  const std::string channel = TextOf(*call, "channel");
  if (!channel.empty() && peer_.FindLedger(channel) == nullptr) return Refuse(*call, NotInChannel(peer_, channel));
  Answer(*call, DescribePeers(peer_, channel));
}

}  // namespace grapevine::app
