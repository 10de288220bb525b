// HTTP/2 and gRPC of one connection as a function from bytes to bytes, either side: no socket, no TLS, no thread.
//
// Whoever owns a session feeds it what it received (Receive) and fetches what it has to send (Produce, then Flushed
// once that has left). The link does so in production, a fuzz target with arbitrary bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "base/transport.h"
#include "rpc/flood_guard.h"
#include "rpc/options.h"
#include "rpc/rpc_metrics.h"
#include "rpc/stream_core.h"

namespace grapevine::rpc {

struct SessionSettings {
  StreamCore::Side side = StreamCore::Side::kClient;
  SessionLimits limits;
  std::string authority;                   // client: the endpoint dialled
  base::Duration min_ping_interval = 60s;  // server
  std::uint32_t tolerated_pings = 2;       // server
};

class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  // There is something to Produce. Also called inside Receive.
  virtual void OnOutput() = 0;
  // The first SETTINGS of the remote have arrived.
  virtual void OnSettings() = 0;
  // Server: a request. Whoever takes it makes a base::Stream of it, or refuses it with Finish.
  virtual void OnRequest(std::shared_ptr<StreamCore> stream) = 0;
};

class Session {
 public:
  // All references must outlive the session. Handlers of streams are called inside Receive, Flushed, Break and timers.
  Session(base::Executor& executor, const SessionSettings& settings, std::shared_ptr<const base::PeerInfo> peer,
          SessionEvents& events, RpcMetrics& metrics);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- For the owner of the connection.
  // Error: the remote broke the protocol; the connection must be ended after what Produce still gives.
  base::Result<void> Receive(base::ByteView bytes);
  // Appends output to `out` until it holds at least `target` bytes or nothing is left. Not again before Flushed.
  base::Result<void> Produce(std::string& out, std::size_t target);
  // What Produce gave has left for the operating system.
  void Flushed();
  bool has_output() const;
  // Nothing more will happen: it is going away and has no streams, or has ended because of the remote's conduct.
  bool over() const { return terminating_ || (going_away_ && streams_.empty()); }
  bool terminating() const { return terminating_; }
  // Inside Receive or Produce, where neither may be called again.
  bool busy() const { return receiving_ || output_ != nullptr; }

  std::shared_ptr<StreamCore> Open(std::string_view method, const base::CallOptions& options);
  void Ping();
  // No new streams; those that exist go on.
  void GoAway();
  // The connection is over: every stream ends with `status`, in the order of their numbers.
  void Break(const base::Status& status);
  // The same without a word to anybody.
  void Silence();

  // --- For its streams.
  base::Executor& executor() { return executor_; }
  const SessionLimits& limits() const { return settings_.limits; }
  const std::shared_ptr<const base::PeerInfo>& peer() const { return peer_; }
  void OutputReady(StreamCore& stream);
  void Reset(StreamCore& stream, std::uint32_t http2_error);
  // `bytes` of the stream have been used: the remote may send as many more.
  void Consume(StreamCore& stream, std::size_t bytes);
  void GrowWindow(StreamCore& stream, std::uint32_t bytes);
  void AddHeld(std::ptrdiff_t bytes);
  // The stream has ended and HTTP/2 has closed it.
  void Forget(StreamCore& stream);

 private:
  struct Native;     // nghttp2's session
  struct Callbacks;  // called by nghttp2
  // What Produce has put out and Flushed reports.
  struct Produced {
    std::shared_ptr<StreamCore> stream;
    std::size_t messages = 0;
    bool ended = false;
    base::Status status;
  };

  StreamCore* Find(std::int32_t id);
  void SubmitSettings();
  void SubmitResponse(StreamCore& stream);
  void SubmitTrailers(StreamCore& stream);
  void Record(StreamCore& stream, std::size_t messages);
  void RecordEnd(StreamCore& stream, base::Status status);
  void OnRequestHeaders(StreamCore& stream);
  void RefuseHttp(StreamCore& stream, const char* http_status);
  void OnHeadersComplete(std::int32_t id, bool end_stream);
  void OnDataEnd(std::int32_t id);
  void OnStreamClosed(std::int32_t id, std::uint32_t http2_error);
  void OnPing();
  void OnIdleFrame(const char* kind);
  void EndWith(std::uint32_t http2_error, const char* reason);

  base::Executor& executor_;
  SessionSettings settings_;
  std::shared_ptr<const base::PeerInfo> peer_;
  SessionEvents& events_;
  RpcMetrics& metrics_;
  std::unique_ptr<Native> native_;
  std::map<std::int32_t, std::shared_ptr<StreamCore>> streams_;
  std::vector<Produced> produced_;
  std::string* output_ = nullptr;  // during Produce
  std::size_t target_ = 0;
  bool receiving_ = false;  // during Receive, which looks for output at its end
  bool settings_received_ = false;
  bool going_away_ = false;
  bool terminating_ = false;
  std::string termination_;
  bool broken_ = false;

  std::size_t held_ = 0;  // received, not yet read by consumers
  std::size_t owed_ = 0;  // window of the connection held back

  FloodGuard idle_frames_;
  base::SteadyTime last_ping_{};
  bool ping_seen_ = false;
  bool sent_since_ping_ = false;
  std::uint32_t ping_offences_ = 0;
};

}  // namespace grapevine::rpc
