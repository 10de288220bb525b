// Bounds and delays of the communication layer (specification 02, section 13).
#pragma once

#include <cstddef>

#include "base/executor.h"

namespace grapevine::comm {

using namespace std::chrono_literals;  // NOLINT: 2s in the defaults below

// Defaults are Fabric's where Fabric has the key, named in the comment.
struct CommConfig {
  base::Duration dial_timeout = 3s;  // peer.gossip.dialTimeout: TCP, TLS and HTTP/2
  base::Duration conn_timeout = 2s;  // peer.gossip.connTimeout: Ping, and each wait of the handshake
  std::size_t receive_buffer = 20;   // peer.gossip.recvBuffSize: messages received and not yet dispatched, per stream
  std::size_t send_buffer = 200;     // peer.gossip.sendBuffSize: messages queued per peer (as in the sample core.yaml)
  base::Duration handshake_timeout = 10s;  // fixed in Fabric: the whole stream of Comm::Handshake
  base::Duration alive_expiration_timeout =
      25s;  // peer.gossip.aliveExpirationTimeout: when a silent incoming stream is old

  // The initiator sends its handshake message within this time after the responder's, or gives up (14.2 R2).
  base::Duration commit_limit = 1s;
  std::size_t max_incoming_per_peer = 3;    // 14.3: beyond it the stream that has been silent longest is closed
  base::Duration settle_after = 1s;         // 14.3: an incoming stream is settled when open for this long
  base::Duration trim_after = 10s;          // 14.2 R5; raised to dial_timeout + 2 conn_timeout + 3 s if that is more
  base::Duration trim_linger = 5s;          // 14.2 R5: reading from the half-closed loser
  base::Duration close_linger = 1s;         // 14.2 R6: waiting for the final status of a stream closed on purpose
  base::Duration short_stream = 2s;         // 14.2 R7: an outgoing stream that ends sooner is dialled again quickly
  std::size_t quick_redials = 3;            // 14.2 R7
  base::Duration quick_redial_min = 50ms;   // 14.2 R7
  base::Duration quick_redial_max = 250ms;  // 14.2 R7

  // Handed to the transport and not yet sent: few, so that liveness messages overtake queued bulk (D-18), but a burst
  // of alive messages.
  std::size_t stream_window_messages = 64;
  std::size_t stream_window_bytes = 256 * 1024;
  // Bytes queued per peer; a message that finds the queue empty is taken whatever its size.
  std::size_t send_buffer_bytes = std::size_t{128} << 20;
  // Incoming streams that have not authenticated; the oldest is evicted, so that slow floods cannot keep others out.
  std::size_t max_unauthenticated_streams = 256;
  // Of these on one connection, on which an honest peer opens one (2.2): opening streams costs a hostile peer nothing.
  std::size_t max_unauthenticated_per_connection = 4;
  // Largest handshake message, and all that a stream can make a node buffer of a message before it is authenticated; a
  // certificate chain has a few KiB.
  std::size_t max_handshake_bytes = 64 * 1024;
  // Others wait in the order in which they were wanted, and their time does not run: a node that meets a hundred peers
  // at once must not let its handshakes time each other out.
  std::size_t max_concurrent_dials = 4;
  std::size_t max_peers = 10000;  // connection records; more are refused
  // A subscriber that has been full for so long loses the messages that it has no room for, until it takes one again,
  // so that the liveness messages behind them arrive before anybody expires. Zero: wait for ever.
  base::Duration publish_patience = 10s;
};

}  // namespace grapevine::comm
