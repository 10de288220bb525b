#include "simulation/model_fabric_link.h"

#include <utility>

#include "crypto/hash.h"

namespace grapevine::simulation {

using base::Status;
using base::StatusCode;

namespace {
constexpr char kStreamMethod[] = "/gossip.Gossip/GossipStream";
constexpr char kPingMethod[] = "/gossip.Gossip/Ping";
}  // namespace

void ModelFabricPeer::Link::Dial(const base::Endpoint& endpoint, const wire::PkiId& expected) {
  expected_ = expected;
  pending_ = peer_.host_.transport().Dial(endpoint, peer_.config_.dial_timeout,
                                          [this](auto connection) { Opened(std::move(connection)); });
}

void ModelFabricPeer::Link::Opened(base::Result<std::unique_ptr<base::Connection>> connection) {
  if (!connection) return Refuse(connection.error().message);
  connection_ = std::move(*connection);
  pending_ = connection_->Unary(kPingMethod, {}, {{}, peer_.config_.conn_timeout},
                                [this](const base::UnaryResult& result) { Pinged(result); });
}

void ModelFabricPeer::Link::Pinged(const base::UnaryResult& result) {
  if (!result.status.ok()) return Refuse(result.status.message);
  stream_ = connection_->Open(kStreamMethod, {});
  stream_->SetHandler(*this);
  StartHandshake();
}

void ModelFabricPeer::Link::Accept(std::unique_ptr<base::Stream> stream) {
  stream_ = std::move(stream);
  stream_->SetHandler(*this);
  StartHandshake();
}

// 3.2: the own message leaves at once; then the other's is waited for.
void ModelFabricPeer::Link::StartHandshake() {
  const base::PeerInfo& info = stream_->peer();
  if (info.secure && info.certificate.empty()) return Refuse("no TLS certificate of the other side");
  wire::ConnEstablish own;
  own.pki_id = peer_.pki_id_;
  own.identity = peer_.crypto_.own_identity();
  if (info.secure) own.tls_cert_hash = base::Bytes(crypto::Sha256(info.local_certificate).ToString());
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(own));
  pending_ = peer_.crypto_.Sign(payload, [this, payload](const base::Result<base::Bytes>& signature) {
    if (!signature) return Refuse(signature.error().message);
    if (!dead_) stream_->Send(wire::Envelope::Make(payload, *signature).encoded());
    stream_->Read(1);
    timeout_ =
        peer_.host_.executor().After(peer_.config_.conn_timeout, [this] { Refuse("no handshake message in time"); });
  });
}

// 3.4, rows 2 to 5.
void ModelFabricPeer::Link::CheckIdentity(const base::Bytes& received) {
  timeout_.Reset();
  auto envelope = wire::Envelope::Decode(received);
  if (!envelope) return Refuse("the handshake message cannot be decoded");
  const auto message = wire::DecodeMessage(envelope->payload());
  if (!message) return Refuse("the handshake message cannot be decoded");
  const auto* conn = message->As<wire::ConnEstablish>();
  if (conn == nullptr) return Refuse("the first message is not conn");
  envelope_ = std::move(*envelope);
  conn_ = *conn;
  pending_ = peer_.crypto_.Validate(conn_.identity,
                                    [this](const base::Result<msp::IdentityInfo>& info) { IdentityChecked(info); });
}

void ModelFabricPeer::Link::IdentityChecked(const base::Result<msp::IdentityInfo>& info) {
  if (!info) return Refuse(info.error().message);
  if (peer_.crypto_.PkiIdOf(conn_.identity) != conn_.pki_id) return Refuse("the PKI-ID is not that of the identity");
  if (info->not_after < peer_.host_.executor().WallNow()) return Refuse("the identity has expired");
  peer_.organizations_[conn_.pki_id] = info->organization;
  organization_ = info->organization;
  CheckSignature();
}

// Rows 6 and 7.
void ModelFabricPeer::Link::CheckSignature() {
  const base::PeerInfo& info = stream_->peer();
  if (info.secure && conn_.tls_cert_hash.view() != crypto::Sha256(info.certificate).view()) {
    return Refuse("the TLS certificate is not the one that was signed");
  }
  if (!envelope_.is_signed() || envelope_.secret()) return Refuse("the handshake message is not signed properly");
  pending_ = peer_.crypto_.Verify(conn_.identity, envelope_.signature(), envelope_.payload(),
                                  [this](const base::Result<void>& verdict) {
                                    if (!verdict) return Refuse(verdict.error().message);
                                    Authenticated();
                                  });
}

void ModelFabricPeer::Link::Authenticated() {
  remote_ = conn_.pki_id;
  if (role_ == Role::kClient) {
    if (conn_.probe) return Refuse("the responder set the probe flag");
    peer_.Created(*this, expected_, true);
  } else if (conn_.probe) {
    Finish({StatusCode::kOk, "", ""});
  } else {
    peer_.Register(*this);
  }
}

void ModelFabricPeer::Link::Refuse(const std::string& reason) {
  ++peer_.refused_;
  if (role_ == Role::kServer) {
    Finish({StatusCode::kUnknown, reason, ""});
  } else {
    peer_.Created(*this, expected_, false);
  }
}

void ModelFabricPeer::Link::Serve() {
  serving_ = true;
  if (!end_read_) {
    stream_->Read(1);
  } else if (role_ == Role::kServer) {  // the stream ended between the last check and now
    peer_.Later(*this, &ModelFabricPeer::HandlerReturns);
  }
}

void ModelFabricPeer::Link::Enqueue(const wire::Envelope& message, bool blocking) {
  if (closed_) return;
  if (!blocking && queue_.size() >= peer_.config_.send_buffer) {
    ++peer_.overflows_;
    return;
  }
  queue_.push_back(message.encoded());
  Write();
}

void ModelFabricPeer::Link::Write() {
  if (writing_ || closed_ || queue_.empty()) return;
  if (dead_) return peer_.WriteFailed(*this);
  writing_ = true;
  const base::Bytes message = std::move(queue_.front());
  queue_.pop_front();
  stream_->Send(message);
}

void ModelFabricPeer::Link::OnSent(std::size_t) {
  if (!serving_) return;  // the handshake message
  writing_ = false;
  Write();
}

void ModelFabricPeer::Link::OnMessage(base::Bytes message) {
  if (!serving_) return CheckIdentity(message);
  if (closed_) return;
  const auto envelope = wire::Envelope::Decode(std::move(message));
  const auto decoded = envelope ? wire::DecodeMessage(envelope->payload()) : std::unexpected(envelope.error());
  if (!decoded) {  // 5.2: reading stops
    if (role_ == Role::kServer) peer_.Later(*this, &ModelFabricPeer::HandlerReturns);
    return;
  }
  ++peer_.received_;
  stream_->Read(1);
  if (const auto* hello = decoded->As<wire::PullHello>()) {
    wire::PullDigest digest;
    digest.nonce = hello->nonce;
    Enqueue(wire::UnsignedEnvelope(wire::NewMessage(digest)), true);
  }
  if (peer_.observer_) peer_.observer_(remote_, *decoded);
}

// Reading sees the end of the stream, as with OnEnd.
void ModelFabricPeer::Link::OnHalfClose() {
  end_read_ = true;
  if (serving_) peer_.Later(*this, &ModelFabricPeer::HandlerReturns);
}

void ModelFabricPeer::Link::OnEnd(const Status&) {
  dead_ = true;
  end_read_ = true;
  if (handler_returned) return peer_.Retire(*this);
  if (!serving_ || closed_) return;  // the handshake sits out its timeout (15 #1)
  if (role_ == Role::kServer) {
    peer_.Later(*this, &ModelFabricPeer::HandlerReturns);
  } else if (AbandonWrite()) {
    peer_.WriteFailed(*this);
  }
}

void ModelFabricPeer::Link::Close() {
  if (std::exchange(closed_, true)) return;
  queue_.clear();
  pending_.Reset();
  timeout_.Reset();
  if (role_ == Role::kClient) {
    stream_.reset();
    connection_.reset();
  }
  peer_.Later(*this, &ModelFabricPeer::Closed);
}

void ModelFabricPeer::Link::Finish(Status status) {
  closed_ = true;
  handler_returned = true;
  pending_.Reset();
  timeout_.Reset();
  if (dead_) return peer_.Retire(*this);
  stream_->Finish(std::move(status));  // OnEnd follows
}

}  // namespace grapevine::simulation
