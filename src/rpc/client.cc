#include "rpc/client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "rpc/client_connection.h"
#include "rpc/http_connection.h"
#include "rpc/unix_socket.h"

namespace grapevine::rpc {

using base::Duration;
using base::Endpoint;
using base::Error;
using base::ErrorCode;
using base::Handle;
using base::Result;

using DialDone = std::move_only_function<void(Result<std::unique_ptr<base::Connection>>)>;

class Dialer;

struct GrpcTransport::Shared : std::enable_shared_from_this<GrpcTransport::Shared> {
  Shared(base::IoLoop& used_loop, base::Workers& used_workers, ClientOptions used_options, base::Metrics* registry)
      : loop(used_loop),
        workers(used_workers),
        options(std::move(used_options)),
        metrics(std::make_shared<RpcMetrics>(registry)) {}

  base::IoLoop& loop;
  base::Workers& workers;
  ClientOptions options;
  std::shared_ptr<RpcMetrics> metrics;
  TlsContext tls{TlsContext::Role::kClient};
  std::shared_ptr<SharedBuffers> buffers = std::make_shared<SharedBuffers>(loop);
  std::uint64_t next_dial = 0;
  std::map<std::uint64_t, std::shared_ptr<Dialer>> dials;
};

// One dial: look up, then one address after the other, and all of them again after a pause.
class Dialer : public std::enable_shared_from_this<Dialer> {
 public:
  Dialer(std::shared_ptr<GrpcTransport::Shared> shared, std::uint64_t id, Endpoint endpoint, DialDone done)
      : shared_(std::move(shared)),
        id_(id),
        endpoint_(std::move(endpoint)),
        done_(std::move(done)),
        pause_(shared_->options.first_retry) {}

  void Start(Duration timeout) {
    limit_ = shared_->loop.After(timeout, [this] {
      const std::string last = last_error_ ? last_error_->message : "no answer";
      Finish(base::Fail(ErrorCode::kTimeout, "dial {}: time is over; last failure: {}", endpoint_, last));
    });
    step_ = shared_->loop.After(Duration::zero(), [this] { LookUp(); });
  }
  void Cancel() {
    step_.Reset();
    limit_.Reset();
    watch_.reset();
    if (connection_) connection_->Close();
  }

 private:
  void LookUp() {
    if (const auto path = UnixPath(endpoint_)) {
      OnAddresses(UnixAddresses(*path));
      return;
    }
    auto parts = SplitEndpoint(endpoint_);
    if (!parts) {
      Failed(parts.error());
      return;
    }
    host_ = parts->host;
    if (auto numeric = ParseNumeric(*parts)) {
      OnAddresses(std::move(numeric));
      return;
    }
    step_ = shared_->workers.Run(
        base::WorkKind::kResolve, [asked = *parts] { return Resolve(asked); },
        [this](Result<std::vector<SocketAddress>> found) { OnAddresses(std::move(found)); });
  }

  Result<std::vector<SocketAddress>> UnixAddresses(const std::string& path) {
    if (!shared_->options.allow_unix) return base::Fail(ErrorCode::kInvalid, "unix sockets are not dialled here");
    auto address = UnixAddress(path);
    if (!address) return std::unexpected(address.error());
    is_unix_ = true;
    return std::vector{*address};
  }

  void OnAddresses(Result<std::vector<SocketAddress>> found) {
    if (!found) {
      Failed(found.error());
      return;
    }
    addresses_ = std::move(*found);
    next_address_ = 0;
    Attempt();
  }

  void Attempt() {
    const SocketAddress& address = addresses_[next_address_++];
    auto socket = StartConnect(address);
    if (!socket) {
      Failed(socket.error());
      return;
    }
    socket_ = std::move(*socket);
    watch_ = shared_->loop.Watch(socket_.descriptor(), [this, address](base::IoReady) { OnConnected(address); });
    watch_->SetInterest(false, true);
  }

  void OnConnected(const SocketAddress& address) {
    const auto keep = shared_from_this();
    watch_.reset();
    if (const auto connected = FinishConnect(socket_, address); !connected) {
      Failed(connected.error());
      return;
    }
    if (is_unix_ && !IsOwnUser(socket_)) {
      shared_->metrics->Refused("other_user");
      Finish(base::Fail(ErrorCode::kDenied, "dial {}: the program that listens there runs as another user", endpoint_));
      return;
    }
    std::unique_ptr<TlsChannel> tls;
    if (shared_->options.tls && !is_unix_) {
      auto channel = TlsChannel::Connect(shared_->tls, *shared_->options.tls, host_, shared_->loop.WallNow());
      if (!channel) {
        Failed(channel.error());
        return;
      }
      tls = std::move(*channel);
    }
    const ConnectionSettings settings{.session = {.side = StreamCore::Side::kClient,
                                                  .limits = shared_->options.limits,
                                                  .authority = is_unix_ ? "localhost" : endpoint_},
                                      .keepalive = shared_->options.keepalive};
    connection_ = std::make_shared<HttpConnection>(shared_->loop, settings, std::move(socket_), std::move(tls),
                                                   shared_->buffers, shared_->metrics);
    connection_->Start({.secured = nullptr,
                        .ready = [this] { OnReady(); },
                        .request = nullptr,
                        .closed = [this](const Error& error) { Failed(error); }});
  }

  void OnReady() {
    Finish(
        std::unique_ptr<base::Connection>(std::make_unique<ClientConnection>(shared_->loop, std::move(connection_))));
  }
  void Failed(const Error& error) {
    const auto keep = shared_from_this();
    socket_.Close();
    connection_.reset();
    last_error_ = error;
    if (error.code == ErrorCode::kDenied) shared_->metrics->HandshakeFailed("tls");
    const bool again = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
    if (!again) {
      Finish(base::Wrap(error, "dial {}", endpoint_));
    } else if (next_address_ < addresses_.size()) {
      step_ = shared_->loop.After(Duration::zero(), [this] { Attempt(); });
    } else {
      step_ = shared_->loop.After(pause_, [this] { LookUp(); });
      pause_ = std::min(pause_ * 2, shared_->options.last_retry);
    }
  }
  void Finish(Result<std::unique_ptr<base::Connection>> result) {
    const auto keep = shared_->dials.extract(id_);
    const auto self = shared_from_this();
    if (!result) Cancel();
    limit_.Reset();
    auto done = std::move(done_);
    done(std::move(result));
  }

  std::shared_ptr<GrpcTransport::Shared> shared_;
  std::uint64_t id_;
  Endpoint endpoint_;
  DialDone done_;
  Duration pause_;
  std::string host_;
  bool is_unix_ = false;
  std::vector<SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  Socket socket_;
  std::unique_ptr<base::IoWatch> watch_;
  std::shared_ptr<HttpConnection> connection_;
  std::optional<Error> last_error_;
  Handle step_;
  Handle limit_;
};

GrpcTransport::GrpcTransport(base::IoLoop& loop, base::Workers& workers, ClientOptions options, base::Metrics* metrics)
    : shared_(std::make_shared<Shared>(loop, workers, std::move(options), metrics)) {}

GrpcTransport::~GrpcTransport() {
  for (auto& [id, dialer] : std::exchange(shared_->dials, {})) dialer->Cancel();
}

Handle GrpcTransport::Dial(Endpoint endpoint, Duration timeout, DialDone done) {
  const std::uint64_t id = shared_->next_dial++;
  auto dialer = std::make_shared<Dialer>(shared_, id, std::move(endpoint), std::move(done));
  shared_->dials.emplace(id, dialer);
  dialer->Start(timeout);
  return Handle([weak = std::weak_ptr(shared_), id] {
    const auto shared = weak.lock();
    if (!shared) return;
    if (const auto dial = shared->dials.extract(id)) dial.mapped()->Cancel();
  });
}

}  // namespace grapevine::rpc
