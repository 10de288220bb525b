#include "rpc/link.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace grapevine::rpc {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {
// Far above one Write; only answers of TLS itself can add to what is pending.
constexpr std::size_t kMaxPendingBytes = 2UL << 20;

// The other side has closed. What it said before may still wait to be read, a status or an alert for example: reading
// goes on and finds the end.
bool RemoteHasClosed(int error) { return error == EPIPE || error == ECONNRESET; }
}  // namespace

bool HandshakeGate::Enter() {
  if (left_ == 0) return false;
  if (left_ == kStepsPerTurn) refill_ = loop_.BeforeWait([this] { left_ = kStepsPerTurn; });
  --left_;
  return true;
}

Link::Link(base::IoLoop& loop, Socket socket, std::unique_ptr<TlsChannel> tls, std::shared_ptr<SharedBuffers> buffers,
           RpcMetrics& metrics)
    : loop_(loop), socket_(std::move(socket)), tls_(std::move(tls)), buffers_(std::move(buffers)), metrics_(metrics) {}

Link::~Link() { Close(); }

void Link::Start(const std::shared_ptr<LinkEvents>& events) {
  events_ = events;
  SetNoDelay(socket_);
  watch_ = loop_.Watch(socket_.descriptor(), [this](base::IoReady ready) {
    const auto keep = events_.lock();  // the owner of this link
    if (keep) OnReady(ready);
  });
  watch_->SetInterest(true, false);
  start_ = loop_.After(base::Duration::zero(), [this] {
    const auto keep = events_.lock();
    if (keep) Handshake();
  });
}

void Link::Close() {
  if (!socket_.is_open()) return;
  watch_.reset();
  start_.Reset();
  if (tls_ && secured_ && pending_.empty()) {
    buffers_->cipher.clear();
    tls_->WriteCloseNotify(buffers_->cipher);
    [[maybe_unused]] const auto sent = SendBytes(buffers_->cipher);
  }
  socket_.Close();
  std::string().swap(pending_);
  pending_sent_ = 0;
}

base::PeerInfo Link::MakePeerInfo() const {
  base::PeerInfo info;
  info.address = RemoteAddress(socket_).ToString();
  if (tls_) {
    info.certificate = tls_->remote_certificate();
    info.local_certificate = tls_->local_certificate();
    info.secure = true;
  }
  return info;
}

void Link::OnReady(base::IoReady ready) {
  if (ready.writable && !pending_.empty()) SendPending();
  if (is_open() && (ready.readable || ready.failed)) ReadAvailable();
}

// One read per event: what is left makes the descriptor ready again, after others have had their turn.
void Link::ReadAvailable() {
  // What is not read now makes the descriptor ready again in the next turn.
  if (tls_ && !secured_ && !buffers_->gate.Enter()) return;
  const auto size = recv(socket_.descriptor(), buffers_->received.get(), SharedBuffers::kReadBytes, 0);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
    Broken({ErrorCode::kUnavailable, fmt::format("connection lost: {}", std::strerror(errno))});
    return;
  }
  if (size == 0) {
    Broken({ErrorCode::kUnavailable, "connection closed by the other side"});
    return;
  }
  metrics_.Received(static_cast<std::size_t>(size));
  const ByteView bytes(buffers_->received.get(), static_cast<std::size_t>(size));
  if (!tls_) {
    if (const auto events = events_.lock()) events->OnReceived(bytes);
    return;
  }
  tls_->SetInput(bytes);
  if (!secured_) Handshake();
  if (is_open() && secured_) Decrypt();
}

void Link::Handshake() {
  if (secured_) return;
  if (!tls_) {
    Secured();
    return;
  }
  buffers_->cipher.clear();
  const auto done = tls_->Handshake(buffers_->cipher);
  const auto sent = SendCipher();  // also the alert that tells the other side why
  if (!done) {
    Broken(done.error());
  } else if (!sent) {
    Broken(sent.error());
  } else if (*done) {
    Secured();
  }
}

void Link::Secured() {
  secured_ = true;
  if (const auto events = events_.lock()) events->OnSecured();
}

void Link::Decrypt() {
  while (is_open()) {
    buffers_->cipher.clear();
    const auto size = tls_->Read(buffers_->plain.get(), SharedBuffers::kPlainBytes, buffers_->cipher);
    if (const auto sent = SendCipher(); !sent) {
      Broken(sent.error());
      return;
    }
    if (!size) {
      Broken(size.error());
      return;
    }
    if (*size == 0) return;
    if (pending_.size() > kMaxPendingBytes) {
      Broken({ErrorCode::kExhausted, "the other side sends without reading answers of TLS"});
      return;
    }
    if (const auto events = events_.lock()) events->OnReceived({buffers_->plain.get(), *size});
  }
}

Result<void> Link::Write(ByteView plaintext) {
  if (!is_open()) return Fail(ErrorCode::kUnavailable, "the connection is closed");
  if (!tls_) return SendBytes(plaintext);
  buffers_->cipher.clear();
  if (const auto written = tls_->Write(plaintext, buffers_->cipher); !written) return written;
  return SendCipher();
}

Result<void> Link::SendCipher() {
  if (buffers_->cipher.empty()) return {};
  return SendBytes(buffers_->cipher);
}

Result<void> Link::SendBytes(ByteView bytes) {
  if (pending_.empty()) {
    bool writable_later = true;
    while (!bytes.empty()) {
      const auto sent = send(socket_.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (RemoteHasClosed(errno)) {
          writable_later = false;
          break;
        }
        return Fail(ErrorCode::kUnavailable, "connection lost: {}", std::strerror(errno));
      }
      metrics_.Sent(static_cast<std::size_t>(sent));
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    if (!bytes.empty() && watch_) watch_->SetInterest(true, writable_later);
  }
  pending_.append(bytes);
  return {};
}

void Link::SendPending() {
  while (pending_sent_ < pending_.size()) {
    const auto sent =
        send(socket_.descriptor(), pending_.data() + pending_sent_, pending_.size() - pending_sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (RemoteHasClosed(errno)) {
        watch_->SetInterest(true, false);
        return;
      }
      Broken({ErrorCode::kUnavailable, fmt::format("connection lost: {}", std::strerror(errno))});
      return;
    }
    metrics_.Sent(static_cast<std::size_t>(sent));
    pending_sent_ += static_cast<std::size_t>(sent);
  }
  std::string().swap(pending_);
  pending_sent_ = 0;
  watch_->SetInterest(true, false);
  if (const auto events = events_.lock()) events->OnDrained();
}

void Link::Broken(const Error& error) {
  if (!is_open()) return;
  const auto events = events_.lock();
  Close();
  if (events) events->OnBroken(error);
}

}  // namespace grapevine::rpc
