// Calls and streams between peers: gRPC's model without its library.
//
// Real: rpc (HTTP/2 and TLS on the event loop). Simulated: simulation::Network (links with latency, loss, resets).
// Everything here belongs to one executor. No callback ever runs inside a call of its user: what a call causes comes
// later as an event. Nothing blocks. Every object cancels by destruction: after the destructor of a Connection, Stream,
// Call or Handle no callback of it runs.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/handle.h"
#include "base/result.h"
#include "base/status.h"

namespace grapevine::base {

// `host:port`; host is a name, an IPv4 address or an IPv6 address in brackets.
using Endpoint = std::string;

// ASCII keys in lower case; the value of a key that ends in "-bin" is raw bytes (encoded on the wire by the transport).
using Metadata = std::vector<std::pair<std::string, std::string>>;

// Who is at the other end of a connection, as TLS knows it.
struct PeerInfo {
  std::string address;      // remote address and port, for logs only: never assume that it can be dialled
  Bytes certificate;        // DER of the remote leaf certificate; empty: plaintext, or the remote sent none
  Bytes local_certificate;  // DER of the own leaf certificate used in this role; empty: plaintext
  bool secure = false;      // TLS is on
};

// Receives the events of one stream. Not owned by the stream; must outlive it or be detached by destroying the stream,
// which is allowed inside every callback.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // One message; only after credit for it was granted by Stream::Read.
  virtual void OnMessage(Bytes message) = 0;
  // `count` more messages, in the order of Send, have left completely for the operating system: they are no longer
  // counted by Stream::unsent().
  virtual void OnSent(std::size_t count) = 0;
  // The remote will send no more messages; sending goes on.
  virtual void OnHalfClose() = 0;
  // The stream is over: the last event. On the client side `status` is the server's or, when the connection broke,
  // kUnavailable; on the server side kOk means that the own Finish was delivered, kCancelled that the client went away.
  virtual void OnEnd(const Status& status) = 0;
};

// One bidirectional stream of messages, client or server side. Destroying an unfinished stream cancels it (RST_STREAM
// CANCEL), and what is unsent is lost.
class Stream {
 public:
  // For SetReceiveLimit: the transport's own limit again.
  static constexpr std::size_t kTransportLimit = std::numeric_limits<std::size_t>::max();

  virtual ~Stream() = default;

  // Must be called once, before the event in which the stream was handed out ends; no event comes before it.
  virtual void SetHandler(StreamHandler& handler) = 0;
  // Queues a message; messages arrive in order. Keep unsent() small: the bound is the caller's affair. A message larger
  // than the limit ends the stream with kResourceExhausted. Ignored once the stream is over.
  virtual void Send(Bytes message) = 0;
  // Messages accepted by Send and not yet reported by OnSent.
  virtual std::size_t unsent() const = 0;
  // Grants credit for `messages` more OnMessage events (0 at the start). Without credit the remote is slowed down by
  // flow control, and nothing is lost.
  virtual void Read(std::size_t messages) = 0;
  // The largest message taken from now on, in bytes; at first, and at most, the transport's own limit. A larger one
  // ends the stream with kResourceExhausted at both ends, before its content takes memory here.
  virtual void SetReceiveLimit(std::size_t bytes) = 0;
  // Client: no more messages follow what was queued. Server: not allowed (use Finish).
  virtual void HalfClose() = 0;
  // Server: ends the stream with `status` after what was queued. Client: not allowed (HalfClose, or destroy).
  virtual void Finish(Status status) = 0;

  virtual const PeerInfo& peer() const = 0;
  // Client: the server's initial metadata (empty until the first message). Server: the request's.
  virtual const Metadata& metadata() const = 0;
};

struct CallOptions {
  Metadata metadata;
  Duration timeout = Duration::zero();  // zero: no deadline. On expiry the call ends with kDeadlineExceeded.
};

struct UnaryResult {
  Status status;
  Bytes response;  // when status.ok()
};

// A client's connection: established, authenticated by TLS. Destroying it closes it and ends its streams; destroy the
// streams first, their handlers hear nothing of it.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual const PeerInfo& peer() const = 0;
  // `method` is the full path, as "/gossip.Gossip/GossipStream". The request headers leave at once, before any message.
  // Never null: on a connection that is already broken the stream ends with kUnavailable.
  virtual std::unique_ptr<Stream> Open(std::string_view method, CallOptions options) = 0;
  virtual Handle Unary(std::string_view method, Bytes request, CallOptions options,
                       std::move_only_function<void(UnaryResult)> done) = 0;
  // Reports once when the connection has ended by itself. At most one watcher.
  virtual void OnClosed(std::move_only_function<void(const Status&)> closed) = 0;
};

// Answers one unary call: call it exactly once, at any later time; destroying it unanswered answers kInternal.
class UnaryCall {
 public:
  virtual ~UnaryCall() = default;
  virtual const Bytes& request() const = 0;
  virtual const Metadata& metadata() const = 0;
  virtual const PeerInfo& peer() const = 0;
  virtual void Respond(UnaryResult result) = 0;
};

// The accepting side: one port, many services. A method without handler is answered with kUnimplemented.
class Server {
 public:
  virtual ~Server() = default;
  // The handler must call SetHandler on the stream, or Finish or destroy it, before it returns. While the returned
  // handle lives the method is served; destroying it leaves streams that were handed out alone.
  virtual Handle ServeStream(std::string method, std::function<void(std::unique_ptr<Stream>)> handler) = 0;
  virtual Handle ServeUnary(std::string method, std::function<void(std::unique_ptr<UnaryCall>)> handler) = 0;
  // Where it can be dialled: host and real port.
  virtual const Endpoint& address() const = 0;
};

// The dialling side.
class Transport {
 public:
  virtual ~Transport() = default;
  // Connects (name lookup, TCP, TLS, HTTP/2 settings received) within `timeout`, trying again on refused connections
  // as gRPC's blocking dial does, until the time is over. `done` runs once with a connection that is ready for calls,
  // or with the reason of the last failure. Destroying the handle gives up.
  virtual Handle Dial(Endpoint endpoint, Duration timeout,
                      std::move_only_function<void(Result<std::unique_ptr<Connection>>)> done) = 0;
};

}  // namespace grapevine::base
