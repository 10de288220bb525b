#include "rpc/stream_core.h"

#include <fmt/core.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "rpc/session.h"
#include "rpc/status_mapping.h"

namespace grapevine::rpc {

using base::Bytes;
using base::ByteView;
using base::Status;
using base::StatusCode;

namespace {

Status MakeStatus(StatusCode code, std::string message) {
  return {.code = code, .message = std::move(message), .details = {}};
}

class GrpcStream final : public base::Stream {
 public:
  explicit GrpcStream(std::shared_ptr<StreamCore> core) : core_(std::move(core)) {}
  ~GrpcStream() override { core_->LetGo(); }

  void SetHandler(base::StreamHandler& handler) override { core_->SetHandler(handler); }
  void Send(Bytes message) override { core_->Send(std::move(message)); }
  std::size_t unsent() const override { return core_->unsent(); }
  void Read(std::size_t messages) override { core_->Read(messages); }
  void SetReceiveLimit(std::size_t bytes) override { core_->SetReceiveLimit(bytes); }
  void HalfClose() override { core_->HalfClose(); }
  void Finish(Status status) override { core_->Finish(std::move(status)); }
  const base::PeerInfo& peer() const override { return core_->peer(); }
  const base::Metadata& metadata() const override { return core_->metadata(); }

 private:
  std::shared_ptr<StreamCore> core_;
};

}  // namespace

std::unique_ptr<base::Stream> MakeStream(std::shared_ptr<StreamCore> core) {
  return std::make_unique<GrpcStream>(std::move(core));
}

StreamCore::StreamCore(Session& session, Side side)
    : session_(&session),
      side_(side),
      peer_(session.peer()),
      reader_(session.limits().max_receive_message_bytes),
      window_(session.limits().initial_window_bytes) {}

void StreamCore::SetHandler(base::StreamHandler& handler) {
  handler_ = &handler;
  ScheduleAdvance();
}

void StreamCore::Send(Bytes message) {
  if (ended_ || session_ == nullptr || output_ends()) return;
  if (message.size() > session_->limits().max_send_message_bytes) {
    auto status = MakeStatus(StatusCode::kResourceExhausted,
                             fmt::format("message of {} bytes to send is larger than the limit of {} bytes",
                                         message.size(), session_->limits().max_send_message_bytes));
    session_->executor().Post([self = shared_from_this(), status = std::move(status)] { self->Violated(status); });
    return;
  }
  queue_.Push(std::move(message));
  ++unsent_;
  session_->OutputReady(*this);
}

void StreamCore::Read(std::size_t messages) {
  credit_ += std::min(messages, std::numeric_limits<std::size_t>::max() - credit_);
  ScheduleAdvance();
}

void StreamCore::SetReceiveLimit(std::size_t bytes) {
  if (session_ != nullptr) reader_.SetLimit(std::min(bytes, session_->limits().max_receive_message_bytes));
}

void StreamCore::HalfClose() {
  if (ended_ || session_ == nullptr || half_closed_ || !client()) return;
  half_closed_ = true;
  session_->OutputReady(*this);
}

void StreamCore::Finish(Status status) {
  if (ended_ || session_ == nullptr || finish_ || client()) return;
  finish_ = std::move(status);
  DropInput();
  session_->OutputReady(*this);
}

void StreamCore::LetGo() {
  handler_ = nullptr;
  if (ended_ || session_ == nullptr) return;
  if (finish_) {  // what was queued and the status still go out, for a while
    deadline_ = session_->executor().After(session_->limits().finish_linger, [this] {
      if (session_ != nullptr) session_->Reset(*this, NGHTTP2_CANCEL);
      DropQueue();  // the reset itself may have to wait for the remote
    });
    return;
  }
  session_->Reset(*this, NGHTTP2_CANCEL);
  MarkEnded();
}

void StreamCore::SetTimeout(base::Duration timeout) {
  deadline_ = session_->executor().After(timeout, [this] {
    auto self = shared_from_this();
    Violated(MakeStatus(StatusCode::kDeadlineExceeded, "deadline exceeded"));
  });
}

void StreamCore::SetRequest(std::string method, base::Metadata metadata) {
  method_ = std::move(method);
  metadata_ = std::move(metadata);
}

// Ends the stream because of something on this side or a breach by the other.
void StreamCore::Violated(const Status& status) {
  if (ended_) return;
  if (client()) {
    if (session_ != nullptr) session_->Reset(*this, NGHTTP2_CANCEL);
    End(status);
  } else {
    Abort(status);
  }
}

void StreamCore::Abort(const Status& status) {
  if (ended_) return;
  DropQueue();
  finish_ = status;
  if (session_ != nullptr) session_->OutputReady(*this);
  End(status);
}

void StreamCore::End(const Status& status) {
  if (ended_) return;
  const auto self = shared_from_this();
  MarkEnded();
  if (auto* const handler = std::exchange(handler_, nullptr)) handler->OnEnd(status);
}

void StreamCore::MarkEnded() {
  ended_ = true;
  deadline_.Reset();
  DropInput();
  DropQueue();
  if (id == 0 && session_ != nullptr) session_->Forget(*this);
}

void StreamCore::Orphan() {
  session_ = nullptr;
  ended_ = true;
  handler_ = nullptr;
  deadline_.Reset();
  DropQueue();
  held_.clear();
}

void StreamCore::ReceiveHeaders(HeaderBlock& block, bool end_stream) {
  if (ended_ || trailers_) return;
  if (block.http_status >= 100 && block.http_status < 200) return;
  if (block.too_large) {
    Violated(MakeStatus(StatusCode::kResourceExhausted, "the answer's header list is larger than the limit"));
    return;
  }
  if (!end_stream) {
    if (block.http_status != 0 && (block.http_status != 200 || !block.is_grpc())) {
      auto status = StatusOfHttp(block.http_status);
      status.message += fmt::format(", content-type '{}'", block.content_type);
      Violated(status);
    } else {
      metadata_ = std::move(block.metadata);
    }
    return;
  }
  remote_ended = true;
  trailers_ = block.grpc_status ? StatusOfTrailers(*block.grpc_status, block.grpc_message, block.grpc_details)
                                : StatusOfHttp(block.http_status);
  DeliverEnd();
}

void StreamCore::ReceiveData(ByteView data) {
  if (ended_ || finish_) {
    if (session_ != nullptr) session_->Consume(*this, data.size());
    return;
  }
  auto self = shared_from_this();
  if (held_.empty() && !delivering_) data.remove_prefix(Deliver(data));
  if (data.empty() || ended_ || session_ == nullptr) return;
  held_.append(data);
  session_->AddHeld(static_cast<std::ptrdiff_t>(data.size()));
}

void StreamCore::ReceiveEnd() {
  remote_ended = true;
  if (client() && !trailers_) {
    trailers_ = MakeStatus(StatusCode::kInternal, "the server ended the stream without a status");
  }
  DeliverEnd();
}

void StreamCore::Closed(std::uint32_t http2_error, bool going_away) {
  if (ended_ || trailers_) return;
  auto self = shared_from_this();
  if (!client()) {
    End(MakeStatus(StatusCode::kCancelled, "the client cancelled the stream"));
  } else if (going_away && http2_error == NGHTTP2_REFUSED_STREAM) {
    End(MakeStatus(StatusCode::kUnavailable, "the server is going away"));
  } else {
    End(StatusOfReset(http2_error));
  }
}

void StreamCore::Sent(std::size_t messages) {
  unsent_ -= std::min(unsent_, messages);
  if (handler_ != nullptr && !ended_ && messages > 0) handler_->OnSent(messages);
}

std::size_t StreamCore::Write(std::size_t bytes, std::string& out) {
  prepared_ = 0;
  const std::size_t completed = queue_.Write(bytes, out);
  if (dropping_) queue_.Clear();
  return completed;
}

// A frame whose header is out must still get its bytes.
void StreamCore::DropQueue() {
  if (prepared_ > 0) {
    dropping_ = true;
  } else {
    queue_.Clear();
  }
}

void StreamCore::DropInput() {
  const std::size_t unused = held_.size() - held_from_;
  if (session_ != nullptr) session_->AddHeld(-static_cast<std::ptrdiff_t>(unused));
  std::string().swap(held_);
  held_from_ = 0;
}

void StreamCore::ScheduleAdvance() {
  if (advance_scheduled_ || delivering_ || session_ == nullptr || ended_) return;
  if (held_.empty() && !remote_ended) return;
  advance_scheduled_ = true;
  session_->executor().Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->advance_scheduled_ = false;
      self->Advance();
    }
  });
}

void StreamCore::Advance() {
  if (ended_ || delivering_ || session_ == nullptr) return;
  auto self = shared_from_this();
  if (!held_.empty()) {
    const std::size_t used = Deliver(ByteView(held_).substr(held_from_));
    if (ended_ || session_ == nullptr || held_.empty()) return;  // a callback has ended it
    session_->AddHeld(-static_cast<std::ptrdiff_t>(used));
    held_from_ += used;
    if (held_from_ == held_.size()) {
      std::string().swap(held_);
      held_from_ = 0;
    } else if (held_from_ > held_.size() / 2) {
      held_.erase(0, held_from_);
      held_from_ = 0;
    }
  }
  DeliverEnd();
}

std::size_t StreamCore::Deliver(ByteView input) {
  const std::size_t all = input.size();
  delivering_ = true;
  while (!ended_ && handler_ != nullptr && credit_ > 0 && !input.empty() && !finish_) {
    const std::size_t before = input.size();
    const auto outcome = reader_.Feed(input);
    session_->Consume(*this, before - input.size());
    if (!DeliverOne(outcome)) break;
  }
  delivering_ = false;
  return all - input.size();
}

// False when the stream is over.
bool StreamCore::DeliverOne(MessageReader::Outcome outcome) {
  switch (outcome) {
    case MessageReader::Outcome::kNeedMore:
      if (reader_.expected() > window_) {
        const SessionLimits& limits = session_->limits();
        GrowWindow(reader_.expected() > limits.stream_window_bytes ? limits.max_stream_window_bytes
                                                                   : limits.stream_window_bytes);
      }
      return true;
    case MessageReader::Outcome::kMessage:
      --credit_;
      // Not with the first: it may be all, as of a unary call, or come from somebody who has yet to authenticate.
      if (std::exchange(has_delivered_, true)) GrowWindow(session_->limits().stream_window_bytes);
      handler_->OnMessage(reader_.Take());
      return true;
    case MessageReader::Outcome::kCompressed:
      // A server was not offered this encoding; a client has been answered in one that it did not offer.
      Violated(MakeStatus(client() ? StatusCode::kInternal : StatusCode::kUnimplemented,
                          "compressed messages are not supported"));
      return false;
    case MessageReader::Outcome::kBadFlags:
      Violated(MakeStatus(StatusCode::kInternal, "a message begins with unknown flags"));
      return false;
    case MessageReader::Outcome::kTooLarge:
      Violated(MakeStatus(StatusCode::kResourceExhausted,
                          fmt::format("received message is larger than the limit of {} bytes", reader_.limit())));
      return false;
  }
  return false;
}

void StreamCore::GrowWindow(std::uint32_t bytes) {
  if (bytes <= window_) return;
  window_ = bytes;
  session_->GrowWindow(*this, bytes);
}

// Reports the end of the remote's direction once everything before it has been handed on.
void StreamCore::DeliverEnd() {
  if (!remote_ended || ended_ || handler_ == nullptr || delivering_ || finish_) return;
  auto self = shared_from_this();
  if (!held_.empty()) return;  // for lack of credit
  if (reader_.mid_message() && (!trailers_ || trailers_->ok())) {
    Violated(MakeStatus(StatusCode::kInternal, "the stream ended inside a message"));
    return;
  }
  if (trailers_) {
    End(*trailers_);
  } else if (!half_close_reported_) {
    half_close_reported_ = true;
    handler_->OnHalfClose();
  }
}

}  // namespace grapevine::rpc
