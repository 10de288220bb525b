#include "rpc/server.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "rpc/http_connection.h"
#include "rpc/method_table.h"
#include "rpc/unix_socket.h"

namespace grapevine::rpc {

using base::Duration;
using base::Endpoint;
using base::Error;
using base::ErrorCode;
using base::Handle;
using base::Result;

namespace {

constexpr int kAcceptsPerEvent = 64;
constexpr Duration kAcceptPause = 100ms;  // when the process has no descriptors left

// What clients on the same machine can dial when every interface is listened on.
std::string DialableHost(const std::string& host) {
  if (host.empty() || host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "[::1]";
  return host.find(':') != std::string::npos ? "[" + host + "]" : host;
}

struct Listener {
  Socket socket;
  std::unique_ptr<UnixSocketFile> file;  // of a unix socket only
  Endpoint address;                      // where it can be dialled
};

Result<Listener> ListenAt(const Endpoint& address) {
  if (const auto path = UnixPath(address)) {
    auto listener = ListenUnix(*path);
    if (!listener) return std::unexpected(listener.error());
    return Listener{.socket = std::move(listener->socket), .file = std::move(listener->file), .address = address};
  }
  const auto parts = SplitEndpoint(address);
  if (!parts) return std::unexpected(parts.error());
  auto socket = rpc::Listen(address);
  if (!socket) return std::unexpected(socket.error());
  const auto port = LocalAddress(*socket).port();
  return Listener{
      .socket = std::move(*socket), .file = nullptr, .address = fmt::format("{}:{}", DialableHost(parts->host), port)};
}

}  // namespace

class GrpcServer::Impl : public std::enable_shared_from_this<GrpcServer::Impl> {
 public:
  Impl(base::IoLoop& loop, ServerOptions options, Listener listener, base::Metrics* metrics)
      : loop_(loop),
        options_(std::move(options)),
        metrics_(std::make_shared<RpcMetrics>(metrics)),
        listener_(std::move(listener.socket)),
        file_(std::move(listener.file)),
        address_(std::move(listener.address)) {}

  void Start() {
    watch_ = loop_.Watch(listener_.descriptor(), [this](base::IoReady) {
      const auto keep = shared_from_this();
      AcceptAvailable();
    });
    watch_->SetInterest(true, false);
  }
  void StopListening() {
    accept_pause_.Reset();
    watch_.reset();
    listener_.Close();
    file_.reset();
  }
  void Close() {
    StopListening();
    drain_.Reset();
    drained_ = nullptr;
    for (auto& [id, entry] : std::exchange(connections_, {})) {
      entry.connection->Close();
    }
  }
  void Shutdown(Duration drain, base::Task done) {
    StopListening();
    drained_ = std::move(done);
    for (const auto id : std::exchange(unauthenticated_, {})) {
      if (const auto entry = connections_.extract(id)) entry.mapped().connection->Close();
    }
    std::vector<std::shared_ptr<HttpConnection>> all;
    for (const auto& [id, entry] : connections_) all.push_back(entry.connection);
    for (const auto& connection : all) connection->GoAway();
    drain_ = loop_.After(drain, [this] {
      const auto keep = shared_from_this();
      for (auto& [id, entry] : std::exchange(connections_, {})) entry.connection->Close();
      CheckDrained();
    });
    loop_.Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->CheckDrained();
    });
  }

  MethodTable& methods() { return methods_; }
  const Endpoint& address() const { return address_; }
  std::size_t unauthenticated() const { return unauthenticated_.size(); }
  std::size_t connections() const { return connections_.size() - unauthenticated_.size(); }

 private:
  // A connection from its acceptance on.
  struct Entry {
    std::shared_ptr<HttpConnection> connection;
    Handle timeout;  // until it is ready
  };

  void AcceptAvailable() {
    for (int i = 0; i < kAcceptsPerEvent && listener_.is_open(); ++i) {
      Socket socket(accept4(listener_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.is_open()) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) PauseAccepting();
        if (errno != ECONNABORTED && errno != EINTR) break;
        continue;
      }
      Admit(std::move(socket));
    }
  }
  // Without this a listener that is ready for ever would keep the loop busy.
  void PauseAccepting() {
    metrics_->Refused("no_descriptors");
    watch_->SetInterest(false, false);
    accept_pause_ = loop_.After(kAcceptPause, [this] { watch_->SetInterest(true, false); });
  }
  void Admit(Socket socket) {
    if (file_ && !IsOwnUser(socket)) {
      metrics_->Refused("other_user");
      return;
    }
    if (unauthenticated_.size() >= options_.max_unauthenticated && !unauthenticated_.empty()) {
      metrics_->Refused("unauthenticated_connections");
      Forget(*unauthenticated_.begin());
    }
    if (connections_.size() >= options_.max_connections) {
      metrics_->Refused("connections");
      return;
    }
    StartConnection(std::move(socket));
  }

  void StartConnection(Socket socket) {
    std::unique_ptr<TlsChannel> tls;
    if (options_.tls && !file_) {
      auto channel = TlsChannel::Accept(tls_, *options_.tls, loop_.WallNow());
      if (!channel) {
        metrics_->HandshakeFailed("configuration");
        return;
      }
      tls = std::move(*channel);
    }
    const ConnectionSettings settings{.session = {.side = StreamCore::Side::kServer,
                                                  .limits = options_.limits,
                                                  .authority = {},
                                                  .min_ping_interval = options_.min_ping_interval,
                                                  .tolerated_pings = options_.tolerated_pings},
                                      .keepalive = options_.keepalive};
    const std::uint64_t id = next_id_++;
    Entry& entry = connections_[id];
    entry.connection =
        std::make_shared<HttpConnection>(loop_, settings, std::move(socket), std::move(tls), buffers_, metrics_);
    entry.timeout = loop_.After(options_.handshake_timeout, [this, id] { TimedOut(id); });
    unauthenticated_.insert(id);
    entry.connection->Start({.secured = nullptr,
                             .ready = [this, id] { Ready(id); },
                             .request =
                                 [this](std::shared_ptr<StreamCore> request) {
                                   const auto keep = shared_from_this();
                                   if (!methods_.Dispatch(std::move(request))) metrics_->Refused("unknown_method");
                                 },
                             .closed = [this, id](const Error& error) { Closed(id, error); }});
  }

  void Ready(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    found->second.timeout.Reset();
    unauthenticated_.erase(id);
  }
  void TimedOut(std::uint64_t id) {
    const auto keep = shared_from_this();
    metrics_->HandshakeFailed("timeout");
    Forget(id);
  }
  void Closed(std::uint64_t id, const Error& error) {
    const auto keep = shared_from_this();
    const auto found = connections_.find(id);
    if (found != connections_.end() && unauthenticated_.contains(id)) {
      metrics_->HandshakeFailed(error.code == ErrorCode::kDenied ? "tls" : "connection_lost");
    }
    Forget(id);
  }
  void Forget(std::uint64_t id) {
    auto entry = connections_.extract(id);
    if (!entry) return;
    unauthenticated_.erase(id);
    entry.mapped().connection->Close();
    CheckDrained();
  }
  void CheckDrained() {
    if (!drained_ || !connections_.empty()) return;
    drain_.Reset();
    std::exchange(drained_, nullptr)();
  }

  base::IoLoop& loop_;
  ServerOptions options_;
  std::shared_ptr<RpcMetrics> metrics_;
  TlsContext tls_{TlsContext::Role::kServer};
  std::shared_ptr<SharedBuffers> buffers_ = std::make_shared<SharedBuffers>(loop_);
  Socket listener_;
  std::unique_ptr<UnixSocketFile> file_;  // of a unix socket only
  Endpoint address_;
  std::unique_ptr<base::IoWatch> watch_;
  MethodTable methods_;
  std::uint64_t next_id_ = 0;
  std::map<std::uint64_t, Entry> connections_;
  std::set<std::uint64_t> unauthenticated_;  // of these, whose handshake is not over
  Handle accept_pause_;
  base::Task drained_;
  Handle drain_;
};

GrpcServer::GrpcServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() { impl_->Close(); }

Result<std::unique_ptr<GrpcServer>> GrpcServer::Listen(base::IoLoop& loop, ServerOptions options,
                                                       base::Metrics* metrics) {
  auto listener = ListenAt(options.listen_address);
  if (!listener) return std::unexpected(listener.error());
  auto impl = std::make_shared<Impl>(loop, std::move(options), std::move(*listener), metrics);
  impl->Start();
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

Handle GrpcServer::ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler) {
  return impl_->methods().ServeStream(std::move(method), std::move(handler));
}
Handle GrpcServer::ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler) {
  return impl_->methods().ServeUnary(std::move(method), std::move(handler));
}
const Endpoint& GrpcServer::address() const { return impl_->address(); }
void GrpcServer::Shutdown(Duration drain, base::Task done) { impl_->Shutdown(drain, std::move(done)); }
std::size_t GrpcServer::connections() const { return impl_->connections(); }
std::size_t GrpcServer::unauthenticated() const { return impl_->unauthenticated(); }

}  // namespace grapevine::rpc
