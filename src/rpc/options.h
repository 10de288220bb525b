// Limits and times of the transport in both roles; the defaults are Fabric's (02, 2.1 and 2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/executor.h"
#include "base/transport.h"
#include "rpc/tls.h"

namespace grapevine::rpc {

using namespace std::chrono_literals;  // NOLINT

// Bounds of one HTTP/2 connection, both roles.
struct SessionLimits {
  std::size_t max_receive_message_bytes = 100UL << 20;  // peer.maxRecvMsgSize
  std::size_t max_send_message_bytes = 100UL << 20;     // peer.maxSendMsgSize
  std::uint32_t max_concurrent_streams = 1000;          // opened by the remote
  std::size_t max_header_list_bytes = 16UL << 10;
  // What the remote may send on a stream before the consumer reads: the initial window until a second message has been
  // read, and the maximum once a message larger than the window is being received for a consumer that waits for it.
  std::uint32_t initial_window_bytes = 64U << 10;
  std::uint32_t stream_window_bytes = 256U << 10;
  std::uint32_t max_stream_window_bytes = 2U << 20;
  std::uint32_t connection_window_bytes = 4U << 20;
  // Received and not yet read, of all streams of the connection: beyond it the whole connection is slowed down.
  std::size_t max_buffered_bytes = 8UL << 20;
  // Frames that carry nothing (SETTINGS, PING, RST_STREAM, PRIORITY, empty DATA): burst, and how many per second go on.
  std::uint32_t idle_frame_burst = 1000;
  std::uint32_t idle_frames_per_second = 100;
  std::size_t max_queued_frames = 10000;  // server: what the remote causes and does not read
  // How long a finished stream that its owner has let go may wait for a remote that does not read.
  base::Duration finish_linger = 30s;
};

struct Keepalive {
  base::Duration interval;  // a ping after this time without anything received
  base::Duration timeout;   // the connection is over when nothing is received for this time after the ping
};

struct ClientOptions {
  std::optional<TlsClientConfig> tls;  // none: plaintext
  // Whether endpoints "unix:/path" may be dialled. Never where endpoints come from remote peers.
  bool allow_unix = false;
  SessionLimits limits;
  Keepalive keepalive{.interval = 60s, .timeout = 20s};
  // Between attempts of one dial: doubled from the first to the last.
  base::Duration first_retry = 50ms;
  base::Duration last_retry = 1s;
};

struct ServerOptions {
  // Numeric host or empty host for every interface, port 0 for any; or "unix:/path" for the own user (unix_socket.h).
  base::Endpoint listen_address = "127.0.0.1:0";
  std::optional<TlsServerConfig> tls;  // none: plaintext
  SessionLimits limits;
  Keepalive keepalive{.interval = 2h, .timeout = 20s};
  base::Duration handshake_timeout = 5s;   // peer.connectiontimeout: TLS and the first SETTINGS
  base::Duration min_ping_interval = 60s;  // peer.keepalive.minInterval: more often is an offence
  std::uint32_t tolerated_pings = 2;       // offences before the connection is ended
  std::size_t max_unauthenticated = 256;   // connections whose handshake is not over; the oldest makes room
  std::size_t max_connections = 10000;
};

}  // namespace grapevine::rpc
