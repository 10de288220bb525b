#include "rpc/session.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "rpc/session_native.h"
#include "rpc/status_mapping.h"

namespace grapevine::rpc {

using base::ByteView;
using base::ErrorCode;
using base::Fail;
using base::Result;
using base::Status;
using base::StatusCode;

namespace {

constexpr char kUserAgent[] = "grapevine";
constexpr std::uint32_t kDefaultConnectionWindow = 65535;

// A list of header fields on its way to nghttp2, which copies it.
class FieldList {
 public:
  void Add(ByteView name, ByteView value) {
    nghttp2_nv field{};
    field.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    field.namelen = name.size();
    field.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    field.valuelen = value.size();
    fields_.push_back(field);
  }
  const nghttp2_nv* data() const { return fields_.data(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<nghttp2_nv> fields_;
};

// Text of a status as header fields. Owns what the fields point to.
struct StatusFields {
  explicit StatusFields(const Status& status)
      : code(std::to_string(static_cast<int>(status.code))),
        message(PercentEncode(status.message)),
        details(EncodeBase64(status.details)) {}
  void AddTo(FieldList& fields) const {
    fields.Add("grpc-status", code);
    if (!message.empty()) fields.Add("grpc-message", message);
    if (!details.empty()) fields.Add("grpc-status-details-bin", details);
  }
  std::string code;
  std::string message;
  std::string details;
};

}  // namespace

Session::Session(base::Executor& executor, const SessionSettings& settings, std::shared_ptr<const base::PeerInfo> peer,
                 SessionEvents& events, RpcMetrics& metrics)
    : executor_(executor),
      settings_(settings),
      peer_(std::move(peer)),
      events_(events),
      metrics_(metrics),
      native_(std::make_unique<Native>(*this, settings.side == StreamCore::Side::kServer)),
      idle_frames_(settings.limits.idle_frame_burst, settings.limits.idle_frames_per_second) {
  SubmitSettings();
}

Session::~Session() { Silence(); }

void Session::SubmitSettings() {
  std::vector<nghttp2_settings_entry> entries = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits().initial_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits().max_header_list_bytes)},
  };
  if (settings_.side == StreamCore::Side::kClient) {
    entries.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  } else {
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits().max_concurrent_streams});
  }
  nghttp2_submit_settings(native_->session, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  const auto window = std::max(limits().connection_window_bytes, kDefaultConnectionWindow);
  nghttp2_session_set_local_window_size(native_->session, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(window));
}

Result<void> Session::Receive(ByteView bytes) {
  if (broken_) return Fail(ErrorCode::kCancelled, "the connection is over");
  receiving_ = true;
  const auto used =
      nghttp2_session_mem_recv(native_->session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  receiving_ = false;
  if (broken_) return Fail(ErrorCode::kCancelled, "the connection is over");
  if (terminating_) return Fail(ErrorCode::kDenied, "the remote is refused: {}", termination_);
  if (used < 0) {
    metrics_.Refused("http2");
    const int error = static_cast<int>(used);
    nghttp2_session_terminate_session(native_->session, NGHTTP2_PROTOCOL_ERROR);
    terminating_ = true;
    termination_ = nghttp2_strerror(error);
    return Fail(ErrorCode::kUnavailable, "HTTP/2 protocol error: {}", nghttp2_strerror(error));
  }
  // Answers and resets that the remote causes faster than it reads them.
  if (settings_.side == StreamCore::Side::kServer &&
      nghttp2_session_get_outbound_queue_size(native_->session) > limits().max_queued_frames) {
    EndWith(NGHTTP2_ENHANCE_YOUR_CALM, "queued_frames");
    return Fail(ErrorCode::kDenied, "the remote is refused: {}", termination_);
  }
  if (has_output()) events_.OnOutput();
  return {};
}

Result<void> Session::Produce(std::string& out, std::size_t target) {
  if (broken_) return Fail(ErrorCode::kCancelled, "the connection is over");
  output_ = &out;
  target_ = target;
  const int result = nghttp2_session_send(native_->session);
  output_ = nullptr;
  if (result != 0) return Fail(ErrorCode::kUnavailable, "HTTP/2: {}", nghttp2_strerror(result));
  // nghttp2 answers most violations of the protocol by itself: with a GOAWAY, after which it neither reads nor writes.
  if (!over() && !nghttp2_session_want_read(native_->session) && !nghttp2_session_want_write(native_->session)) {
    metrics_.Refused("http2");
    terminating_ = true;
    termination_ = "it broke HTTP/2";
  }
  return {};
}

void Session::Flushed() {
  for (auto& record : std::exchange(produced_, {})) {
    record.stream->Sent(record.messages);
    if (record.ended) record.stream->End(record.status);
  }
}

bool Session::has_output() const { return !broken_ && nghttp2_session_want_write(native_->session) != 0; }

std::shared_ptr<StreamCore> Session::Open(std::string_view method, const base::CallOptions& options) {
  auto stream = std::make_shared<StreamCore>(*this, StreamCore::Side::kClient);
  const auto refuse = [&](StatusCode code, std::string message) {
    stream->Unlink();
    executor_.Post([stream, status = Status{code, std::move(message), {}}] { stream->End(status); });
  };
  if (broken_ || going_away_) {
    refuse(StatusCode::kUnavailable, broken_ ? "the connection is over" : "the server is going away");
    return stream;
  }
  FieldList fields;
  fields.Add(":method", "POST");
  fields.Add(":scheme", peer_->secure ? "https" : "http");
  fields.Add(":path", method);
  fields.Add(":authority", settings_.authority);
  fields.Add("te", "trailers");
  fields.Add("content-type", "application/grpc");
  fields.Add("user-agent", kUserAgent);
  std::string timeout;
  if (options.timeout > base::Duration::zero()) {
    timeout = EncodeTimeout(options.timeout);
    fields.Add("grpc-timeout", timeout);
  }
  std::vector<std::string> values;
  values.reserve(options.metadata.size());
  for (const auto& [key, value] : options.metadata) {
    auto encoded = EncodeMetadataValue(key, value);
    if (!IsMetadataKey(key) || !encoded) {
      refuse(StatusCode::kInternal, fmt::format("metadata '{}' cannot be sent: bad key or value", key));
      return stream;
    }
    values.push_back(std::move(*encoded));
    fields.Add(key, values.back());
  }
  nghttp2_data_provider provider{.source = {.ptr = stream.get()}, .read_callback = Callbacks::ReadOutput};
  const auto id =
      nghttp2_submit_request(native_->session, nullptr, fields.data(), fields.size(), &provider, stream.get());
  if (id < 0) {
    refuse(StatusCode::kUnavailable, fmt::format("HTTP/2: {}", nghttp2_strerror(id)));
    return stream;
  }
  stream->id = id;
  stream->number = id;
  stream->headers_sent = true;
  streams_.emplace(id, stream);
  if (options.timeout > base::Duration::zero()) stream->SetTimeout(options.timeout);
  events_.OnOutput();
  return stream;
}

void Session::Ping() {
  if (broken_) return;
  nghttp2_submit_ping(native_->session, NGHTTP2_FLAG_NONE, nullptr);
  events_.OnOutput();
}

void Session::GoAway() {
  if (broken_ || going_away_) return;
  going_away_ = true;
  nghttp2_submit_goaway(native_->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(native_->session),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  events_.OnOutput();
}

// Also called inside callbacks of nghttp2.
void Session::EndWith(std::uint32_t http2_error, const char* reason) {
  if (std::exchange(terminating_, true)) return;
  metrics_.Refused(reason);
  going_away_ = true;
  termination_ = reason;
  const ByteView text(reason);
  nghttp2_submit_goaway(native_->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(native_->session),
                        http2_error, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

void Session::Break(const Status& status) {
  if (broken_) return;
  broken_ = true;
  const bool client = settings_.side == StreamCore::Side::kClient;
  produced_.clear();
  // One by one: a handler may silence the others.
  while (!streams_.empty()) {
    const auto stream = streams_.begin()->second;
    streams_.erase(streams_.begin());
    if (client) {
      stream->End(status);
    } else {
      stream->End({.code = StatusCode::kCancelled, .message = status.message, .details = {}});
    }
    stream->Orphan();
  }
}

void Session::Silence() {
  broken_ = true;
  produced_.clear();
  for (auto& [id, stream] : std::exchange(streams_, {})) stream->Orphan();
}

StreamCore* Session::Find(std::int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Session::OutputReady(StreamCore& stream) {
  if (broken_ || stream.id == 0) return;
  if (!stream.headers_sent) {
    SubmitResponse(stream);
  } else if (stream.deferred) {
    stream.deferred = false;
    nghttp2_session_resume_data(native_->session, stream.id);
  }
  events_.OnOutput();
}

void Session::SubmitResponse(StreamCore& stream) {
  stream.headers_sent = true;
  FieldList fields;
  fields.Add(":status", "200");
  fields.Add("content-type", "application/grpc");
  if (stream.finish() && stream.queued_bytes() == 0) {  // trailers only
    const StatusFields status(*stream.finish());
    status.AddTo(fields);
    nghttp2_submit_response(native_->session, stream.id, fields.data(), fields.size(), nullptr);
    return;
  }
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = Callbacks::ReadOutput};
  nghttp2_submit_response(native_->session, stream.id, fields.data(), fields.size(), &provider);
}

void Session::SubmitTrailers(StreamCore& stream) {
  FieldList fields;
  const StatusFields status(*stream.finish());
  status.AddTo(fields);
  nghttp2_submit_trailer(native_->session, stream.id, fields.data(), fields.size());
}

void Session::Reset(StreamCore& stream, std::uint32_t http2_error) {
  if (broken_ || stream.id == 0) return;
  nghttp2_submit_rst_stream(native_->session, NGHTTP2_FLAG_NONE, stream.id, http2_error);
  events_.OnOutput();
}

void Session::Consume(StreamCore& stream, std::size_t bytes) {
  if (broken_ || stream.id == 0 || bytes == 0) return;
  nghttp2_session_consume_stream(native_->session, stream.id, bytes);
  if (!receiving_ && has_output()) events_.OnOutput();  // a window update
}

void Session::GrowWindow(StreamCore& stream, std::uint32_t bytes) {
  if (broken_ || stream.id == 0) return;
  nghttp2_session_set_local_window_size(native_->session, NGHTTP2_FLAG_NONE, stream.id,
                                        static_cast<std::int32_t>(bytes));
  if (!receiving_) events_.OnOutput();
}

void Session::AddHeld(std::ptrdiff_t bytes) {
  held_ = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(held_) + bytes);
  if (owed_ == 0 || held_ > limits().max_buffered_bytes || broken_) return;
  nghttp2_session_consume_connection(native_->session, std::exchange(owed_, 0));
  events_.OnOutput();
}

void Session::Forget(StreamCore& stream) {
  const auto keep = stream.shared_from_this();
  stream.Unlink();
  streams_.erase(stream.number);
  if (!broken_ && over()) events_.OnOutput();  // the owner learns there that it was the last
}

void Session::Record(StreamCore& stream, std::size_t messages) {
  if (messages == 0) return;
  if (produced_.empty() || produced_.back().stream.get() != &stream || produced_.back().ended) {
    produced_.push_back({stream.shared_from_this(), 0, false, {}});
  }
  produced_.back().messages += messages;
}

void Session::RecordEnd(StreamCore& stream, Status status) {
  produced_.push_back({stream.shared_from_this(), 0, true, std::move(status)});
}

void Session::OnHeadersComplete(std::int32_t id, bool end_stream) {
  StreamCore* const stream = Find(id);
  if (stream == nullptr) return;
  const auto keep = stream->shared_from_this();
  if (settings_.side == StreamCore::Side::kServer) {
    if (stream->incoming && stream->method().empty()) OnRequestHeaders(*stream);
    stream->incoming.reset();
    if (end_stream) stream->ReceiveEnd();
    return;
  }
  if (const auto block = std::move(stream->incoming)) stream->ReceiveHeaders(*block, end_stream);
  if (end_stream) OnDataEnd(id);
}

void Session::OnRequestHeaders(StreamCore& stream) {
  HeaderBlock& block = *stream.incoming;
  const auto refuse = [&](StatusCode code, const char* counter, std::string message) {
    metrics_.Refused(counter);
    stream.Finish({.code = code, .message = std::move(message), .details = {}});
  };
  stream.SetRequest(block.path, std::move(block.metadata));
  if (block.too_large) {
    refuse(StatusCode::kResourceExhausted, "header_list", "the request's header list is larger than the limit");
  } else if (block.method != "POST") {
    metrics_.Refused("http_method");
    RefuseHttp(stream, "405");
  } else if (!block.is_grpc()) {
    metrics_.Refused("content_type");
    RefuseHttp(stream, "415");
  } else if (const auto timeout = DecodeTimeout(block.timeout); !timeout && !block.timeout.empty()) {
    refuse(StatusCode::kInternal, "timeout", "malformed grpc-timeout");
  } else {
    if (timeout) stream.SetTimeout(*timeout);
    events_.OnRequest(stream.shared_from_this());
  }
}

void Session::RefuseHttp(StreamCore& stream, const char* http_status) {
  FieldList fields;
  fields.Add(":status", http_status);
  nghttp2_submit_response(native_->session, stream.id, fields.data(), fields.size(), nullptr);
  stream.headers_sent = true;
  stream.Finish({.code = StatusCode::kUnknown, .message = "not a gRPC request", .details = {}});
}

// Client and server: END_STREAM of the remote.
void Session::OnDataEnd(std::int32_t id) {
  StreamCore* const stream = Find(id);
  if (stream == nullptr) return;
  const auto keep = stream->shared_from_this();
  if (!stream->remote_ended) stream->ReceiveEnd();
  if (settings_.side == StreamCore::Side::kClient && !broken_ &&
      nghttp2_session_get_stream_local_close(native_->session, id) == 0) {
    // The server has answered; it does not want to hear the rest.
    nghttp2_submit_rst_stream(native_->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
  }
}

void Session::OnStreamClosed(std::int32_t id, std::uint32_t http2_error) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const auto stream = found->second;
  stream->id = 0;
  if (stream->ended()) {
    Forget(*stream);
    return;
  }
  if (stream->end_produced && settings_.side == StreamCore::Side::kServer) return;  // reported by Flushed
  if (output_ == nullptr) {
    stream->Closed(http2_error, going_away_);
  } else {
    // No handler is called while output is produced.
    executor_.Post([stream, http2_error, going_away = going_away_] { stream->Closed(http2_error, going_away); });
  }
}

void Session::OnPing() {
  if (settings_.side == StreamCore::Side::kClient) return;
  const auto now = executor_.Now();
  const bool allowed = !ping_seen_ || sent_since_ping_ || now - last_ping_ >= settings_.min_ping_interval;
  if (sent_since_ping_) ping_offences_ = 0;
  ping_seen_ = true;
  sent_since_ping_ = false;
  last_ping_ = now;
  if (!allowed && ++ping_offences_ > settings_.tolerated_pings) EndWith(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
}

void Session::OnIdleFrame(const char* kind) {
  if (!idle_frames_.Allow(executor_.Now())) EndWith(NGHTTP2_ENHANCE_YOUR_CALM, kind);
}

}  // namespace grapevine::rpc
