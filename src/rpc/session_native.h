// nghttp2's side of a session; for session.cc and session_callbacks.cc only.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

#include "rpc/session.h"

namespace grapevine::rpc {

struct Session::Native {
  Native(Session& owner, bool server);
  ~Native() { nghttp2_session_del(session); }
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;

  nghttp2_session* session = nullptr;
};

// Each returns 0, or an error of nghttp2 that ends the connection. `user` is the Session.
struct Session::Callbacks {
  static void Install(nghttp2_session_callbacks* callbacks);

  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int Header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t flags, void* user);
  static int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int DataReceived(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* data,
                          std::size_t size, void* user);
  static int InvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user);
  static int StreamClosed(nghttp2_session*, std::int32_t id, std::uint32_t http2_error, void* user);

  static ssize_t Send(nghttp2_session*, const std::uint8_t* data, std::size_t size, int flags, void* user);
  static ssize_t ReadOutput(nghttp2_session*, std::int32_t id, std::uint8_t* buffer, std::size_t size,
                            std::uint32_t* flags, nghttp2_data_source* source, void* user);
  static int SendData(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                      nghttp2_data_source* source, void* user);
  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int FrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user);
};

}  // namespace grapevine::rpc
