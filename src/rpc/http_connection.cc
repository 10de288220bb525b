#include "rpc/http_connection.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace grapevine::rpc {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Status;
using base::StatusCode;

namespace {
constexpr std::size_t kBatchBytes = 64UL << 10;  // one write to the socket
constexpr std::size_t kTurnBytes = 512UL << 10;  // per turn of the loop, so that others have theirs
constexpr base::Duration kFarewell = 1s;         // for a client to close after GOAWAY
}  // namespace

HttpConnection::HttpConnection(base::IoLoop& loop, const ConnectionSettings& settings, Socket socket,
                               std::unique_ptr<TlsChannel> tls, std::shared_ptr<SharedBuffers> buffers,
                               std::shared_ptr<RpcMetrics> metrics)
    : loop_(loop),
      settings_(settings),
      metrics_(std::move(metrics)),
      link_(loop, std::move(socket), std::move(tls), std::move(buffers), *metrics_) {}

HttpConnection::~HttpConnection() { Close(); }

void HttpConnection::Start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  link_.Start(shared_from_this());
}

std::shared_ptr<StreamCore> HttpConnection::Open(std::string_view method, const base::CallOptions& options) {
  return session_->Open(method, options);
}

void HttpConnection::GoAway() {
  if (session_ && !closed_) session_->GoAway();
}

void HttpConnection::Close() {
  if (std::exchange(closed_, true)) {
    if (session_) session_->Silence();
    return;
  }
  alive_timer_.Reset();
  flush_.Reset();
  if (session_ && !session_->busy()) {
    session_->GoAway();
    // Best effort: what fits into the socket now.
    if (link_.is_open() && link_.drained()) {
      std::string& out = link_.buffers().output;
      out.clear();
      if (session_->Produce(out, kBatchBytes)) std::ignore = link_.Write(out);
    }
  }
  if (session_) session_->Silence();
  link_.Close();
}

void HttpConnection::OnSecured() {
  peer_ = std::make_shared<base::PeerInfo>(link_.MakePeerInfo());
  session_ = std::make_unique<Session>(loop_, settings_.session, peer_, *this, *metrics_);
  last_received_ = loop_.Now();
  OnOutput();
  CheckAlive();
  if (callbacks_.secured) callbacks_.secured();
}

void HttpConnection::OnReceived(ByteView plaintext) {
  if (closed_) return;
  last_received_ = loop_.Now();
  const auto received = session_->Receive(plaintext);
  if (closed_) return;
  if (!received) {
    std::size_t budget = kBatchBytes;
    WriteBatch(budget);  // tells the other side why
    Fail(received.error());
  } else if (session_->over()) {
    OnOutput();
  }
}

void HttpConnection::OnDrained() {
  if (closed_) return;
  session_->Flushed();
  OnOutput();
}

void HttpConnection::OnBroken(const Error& error) { Fail(error); }

void HttpConnection::OnOutput() {
  if (closed_ || std::exchange(flush_scheduled_, true)) return;
  flush_ = loop_.BeforeWait([this] {
    const auto keep = shared_from_this();
    Flush();
  });
}

void HttpConnection::OnSettings() {
  if (callbacks_.ready) callbacks_.ready();
}

void HttpConnection::OnRequest(std::shared_ptr<StreamCore> stream) { callbacks_.request(std::move(stream)); }

void HttpConnection::Flush() {
  std::size_t budget = kTurnBytes;
  while (WriteBatch(budget)) {
    if (budget > 0) continue;
    // Until then what handlers add schedules nothing: BeforeWait would go on in this turn.
    loop_.Post([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->flush_scheduled_ = false;
      self->OnOutput();
    });
    return;
  }
  flush_scheduled_ = false;
  if (!closed_ && link_.drained() && session_->over()) EndInGoodOrder();
}

void HttpConnection::EndInGoodOrder() {
  const Error error{ErrorCode::kUnavailable, "the connection was ended in good order"};
  if (settings_.session.side == StreamCore::Side::kClient || session_->terminating()) return Fail(error);
  // The client closes first: whatever it sends to a closed socket makes TCP drop what is still on its way to it.
  if (std::exchange(leaving_, true)) return;
  alive_timer_ = loop_.After(kFarewell, [this, error] {
    const auto keep = shared_from_this();
    Fail(error);
  });
}

bool HttpConnection::WriteBatch(std::size_t& budget) {
  if (closed_ || !link_.drained()) return false;
  std::string& out = link_.buffers().output;
  out.clear();
  if (const auto produced = session_->Produce(out, kBatchBytes); !produced) {
    Fail(produced.error());
    return false;
  }
  if (out.empty()) return false;
  budget -= std::min(budget, out.size());
  if (const auto written = link_.Write(out); !written) {
    Fail(written.error());
    return false;
  }
  if (link_.drained()) session_->Flushed();
  return true;
}

void HttpConnection::CheckAlive() {
  const auto now = loop_.Now();
  const auto& [interval, timeout] = settings_.keepalive;
  if (last_received_ > pinged_at_) ping_pending_ = false;
  base::Duration wait{};
  if (ping_pending_) {
    wait = timeout - (now - pinged_at_);
    if (wait <= base::Duration::zero()) return Fail({ErrorCode::kTimeout, "no answer to a keepalive ping"});
  } else if (const auto idle = now - last_received_; idle < interval) {
    wait = interval - idle;
  } else {
    ping_pending_ = true;
    pinged_at_ = now;
    session_->Ping();
    wait = std::min(interval, timeout);
  }
  alive_timer_ = loop_.After(wait, [this] {
    const auto keep = shared_from_this();
    CheckAlive();
  });
}

void HttpConnection::Fail(const Error& error) {
  if (std::exchange(closed_, true)) return;
  const auto keep = shared_from_this();
  alive_timer_.Reset();
  flush_.Reset();
  link_.Close();
  if (session_) session_->Break({.code = StatusCode::kUnavailable, .message = error.message, .details = {}});
  if (auto closed = std::exchange(callbacks_.closed, nullptr)) closed(error);
}

}  // namespace grapevine::rpc
