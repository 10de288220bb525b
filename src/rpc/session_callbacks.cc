#include <algorithm>
#include <utility>

#include "rpc/session_native.h"

namespace grapevine::rpc {

using base::ByteView;

namespace {

constexpr std::size_t kMaxQueuedAnswers = 1000;  // PING and SETTINGS that the remote makes us acknowledge
constexpr std::size_t kFrameHeaderBytes = 9;

Session& Self(void* user) { return *static_cast<Session*>(user); }
StreamCore& Stream(nghttp2_data_source* source) { return *static_cast<StreamCore*>(source->ptr); }
ByteView View(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

}  // namespace

Session::Native::Native(Session& owner, bool server) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  Callbacks::Install(callbacks);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, kMaxQueuedAnswers);
  nghttp2_option_set_stream_reset_rate_limit(option, std::uint64_t{2} * owner.limits().idle_frame_burst,
                                             std::uint64_t{2} * owner.limits().idle_frames_per_second);
  if (server) {
    nghttp2_session_server_new2(&session, callbacks, &owner, option);
  } else {
    nghttp2_session_client_new2(&session, callbacks, &owner, option);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
}

void Session::Callbacks::Install(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, BeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, FrameReceived);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, DataReceived);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, InvalidFrame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, StreamClosed);
  nghttp2_session_callbacks_set_send_callback(callbacks, Send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, SendData);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, FrameSent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, FrameNotSent);
}

int Session::Callbacks::BeginHeaders(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
  Session& self = Self(user);
  if (self.broken_ || self.terminating_) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
    self.EndWith(NGHTTP2_PROTOCOL_ERROR, "push");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  const std::int32_t id = frame->hd.stream_id;
  StreamCore* stream = self.Find(id);
  if (stream == nullptr) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto made = std::make_shared<StreamCore>(self, StreamCore::Side::kServer);
    made->id = id;
    made->number = id;
    stream = made.get();
    self.streams_.emplace(id, std::move(made));
  }
  stream->incoming = std::make_unique<HeaderBlock>(self.limits().max_header_list_bytes);
  return 0;
}

int Session::Callbacks::Header(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                               std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                               std::uint8_t /*flags*/, void* user) {
  Session& self = Self(user);
  if (self.broken_ || self.terminating_) return NGHTTP2_ERR_CALLBACK_FAILURE;
  StreamCore* const stream = self.Find(frame->hd.stream_id);
  if (stream != nullptr && stream->incoming) stream->incoming->Add(View(name, name_size), View(value, value_size));
  return 0;
}

int Session::Callbacks::FrameReceived(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
  Session& self = Self(user);
  if (self.broken_ || self.terminating_) return NGHTTP2_ERR_CALLBACK_FAILURE;
  const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool answer = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      self.OnHeadersComplete(frame->hd.stream_id, end_stream);
      break;
    case NGHTTP2_DATA:
      if (end_stream) {
        self.OnDataEnd(frame->hd.stream_id);
      } else if (frame->hd.length == 0) {
        self.OnIdleFrame("empty_data");
      }
      break;
    case NGHTTP2_SETTINGS:
      if (answer) break;
      self.OnIdleFrame("settings");
      if (!std::exchange(self.settings_received_, true)) self.events_.OnSettings();
      break;
    case NGHTTP2_PING:
      if (answer) break;
      self.OnIdleFrame("ping");
      self.OnPing();
      break;
    case NGHTTP2_RST_STREAM:
      if (self.settings_.side == StreamCore::Side::kServer) self.OnIdleFrame("reset");
      break;
    case NGHTTP2_PRIORITY:
      self.OnIdleFrame("priority");
      break;
    case NGHTTP2_GOAWAY:
      self.going_away_ = true;
      break;
    default:
      break;
  }
  return self.broken_ || self.terminating_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

int Session::Callbacks::DataReceived(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                                     const std::uint8_t* data, std::size_t size, void* user) {
  Session& self = Self(user);
  if (self.broken_ || self.terminating_) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (self.held_ > self.limits().max_buffered_bytes) {
    self.owed_ += size;
  } else {
    nghttp2_session_consume_connection(session, size);
  }
  if (StreamCore* const stream = self.Find(id)) stream->ReceiveData(View(data, size));
  return self.broken_ || self.terminating_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

int Session::Callbacks::InvalidFrame(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/, int /*error*/,
                                     void* user) {
  Session& self = Self(user);
  if (self.broken_ || self.terminating_) return NGHTTP2_ERR_CALLBACK_FAILURE;
  self.metrics_.Refused("invalid_frame");
  self.OnIdleFrame("invalid_frames");
  return 0;
}

int Session::Callbacks::StreamClosed(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t http2_error,
                                     void* user) {
  Session& self = Self(user);
  if (self.broken_) return 0;  // also while nghttp2 is being destroyed
  self.OnStreamClosed(id, http2_error);
  return self.broken_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

ssize_t Session::Callbacks::Send(nghttp2_session* /*session*/, const std::uint8_t* data, std::size_t size,
                                 int /*flags*/, void* user) {
  Session& self = Self(user);
  if (self.output_->size() >= self.target_) return NGHTTP2_ERR_WOULDBLOCK;
  self.output_->append(View(data, size));
  return static_cast<ssize_t>(size);
}

ssize_t Session::Callbacks::ReadOutput(nghttp2_session* /*session*/, std::int32_t /*id*/, std::uint8_t* /*buffer*/,
                                       std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                                       void* user) {
  StreamCore& stream = Stream(source);
  const std::size_t part = std::min(size, stream.queued_bytes());
  const bool last = part == stream.queued_bytes() && stream.output_ends();
  if (part == 0 && !last) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (part > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  stream.Prepared(part);
  if (last) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.finish()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      Self(user).SubmitTrailers(stream);
    }
  }
  return static_cast<ssize_t>(part);
}

int Session::Callbacks::SendData(nghttp2_session* /*session*/, nghttp2_frame* /*frame*/, const std::uint8_t* header,
                                 std::size_t size, nghttp2_data_source* source, void* user) {
  Session& self = Self(user);
  if (self.output_->size() >= self.target_) return NGHTTP2_ERR_WOULDBLOCK;
  self.output_->append(View(header, kFrameHeaderBytes));
  StreamCore& stream = Stream(source);
  self.Record(stream, stream.Write(size, *self.output_));
  self.sent_since_ping_ = true;
  return 0;
}

int Session::Callbacks::FrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  Session& self = Self(user);
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  self.sent_since_ping_ = true;
  const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!end_stream || self.settings_.side == StreamCore::Side::kClient) return 0;
  StreamCore* const stream = self.Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->end_produced = true;
  self.RecordEnd(*stream, {});
  if (!stream->remote_ended) {
    // The client need not send the rest: the call is over.
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

// A request that can no longer be sent, because the server goes away or the user has let go; or an answer whose status
// is too long for a header block: the client must not wait for it for ever.
int Session::Callbacks::FrameNotSent(nghttp2_session* session, const nghttp2_frame* frame, int error, void* user) {
  Session& self = Self(user);
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (self.settings_.side == StreamCore::Side::kClient) {
    self.OnStreamClosed(frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
  } else if (error == NGHTTP2_ERR_FRAME_SIZE_ERROR) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
  }
  return 0;
}

}  // namespace grapevine::rpc
