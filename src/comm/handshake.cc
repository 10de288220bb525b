#include "comm/handshake.h"

#include <utility>

#include "crypto/hash.h"

namespace grapevine::comm {

const char* ToString(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::kNoTlsCertificate:
      return "no_tls_certificate";
    case HandshakeFailure::kNothingReceived:
      return "nothing_received";
    case HandshakeFailure::kUndecodable:
      return "undecodable";
    case HandshakeFailure::kTooLarge:
      return "too_large";
    case HandshakeFailure::kNotConn:
      return "not_conn";
    case HandshakeFailure::kNoPkiId:
      return "no_pki_id";
    case HandshakeFailure::kIdentityRefused:
      return "identity_refused";
    case HandshakeFailure::kTlsBinding:
      return "tls_binding";
    case HandshakeFailure::kBadSignature:
      return "bad_signature";
    case HandshakeFailure::kStreamEnded:
      return "stream_ended";
    case HandshakeFailure::kSigningFailed:
      return "signing_failed";
    case HandshakeFailure::kTooLate:
      return "too_late";
    case HandshakeFailure::kOverloaded:
      return "overloaded";
    case HandshakeFailure::kProbeFromResponder:
      return "probe_from_responder";
  }
  return "unknown";
}

Handshake::Handshake(const Context& context, HandshakeRole role, bool probe, std::unique_ptr<OwnedStream> stream,
                     Done done)
    : context_(context), role_(role), probe_(probe), stream_(std::move(stream)), done_(std::move(done)) {
  stream_->SetListener(this);
  Begin();
}

void Handshake::Begin() {
  const base::PeerInfo& peer = (*stream_)->peer();
  if (peer.secure && peer.certificate.empty()) {
    return FailLater(HandshakeFailure::kNoTlsCertificate, "the other side presented no TLS certificate");
  }
  (*stream_)->SetReceiveLimit(context_.config.max_handshake_bytes);
  (*stream_)->Read(1);
  timer_ = context_.executor().After(context_.config.conn_timeout, [this] {
    Fail(HandshakeFailure::kNothingReceived, "no handshake message came within the connection timeout");
  });
  Sign();
}

void Handshake::Sign() {
  const base::PeerInfo& peer = (*stream_)->peer();
  wire::ConnEstablish own;
  own.pki_id = context_.mapper.own_pki_id();
  own.identity = context_.mapper.own_identity();
  // The certificate that this very connection uses, never a copy of it (15 #11).
  if (peer.secure) own.tls_cert_hash = base::Bytes(crypto::Sha256(peer.local_certificate).ToString());
  own.probe = probe_;
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(std::move(own)));
  signing_ = context_.crypto.Sign(payload, [this, payload](base::Result<base::Bytes> signature) {
    if (!signature.has_value()) {
      return Fail(HandshakeFailure::kSigningFailed, "own handshake message: " + signature.error().message);
    }
    own_message_ = wire::Envelope::Make(payload, *signature).encoded();
    if (role_ == HandshakeRole::kResponder) (*stream_)->Send(own_message_);
    if (remote_ != nullptr) Succeed();
  });
}

void Handshake::OnMessage(base::Bytes message) {
  message_received_ = true;
  // From here on the time goes to verification; a Fabric responder waits for the initiator's message meanwhile (R2).
  timer_ = context_.executor().After(
      role_ == HandshakeRole::kInitiator ? context_.config.commit_limit : context_.config.conn_timeout,
      [this] { Fail(HandshakeFailure::kTooLate, "checking the handshake message took too long"); });
  auto envelope = wire::Envelope::Decode(std::move(message));
  if (!envelope.has_value()) return Fail(HandshakeFailure::kUndecodable, wire::ToString(envelope.error()));
  received_ = std::move(*envelope);
  auto decoded = wire::DecodeMessage(received_.payload());
  if (!decoded.has_value()) {
    const wire::DecodeError error = decoded.error();
    if (wire::EndsStream(error)) return Fail(HandshakeFailure::kUndecodable, wire::ToString(error));
    if (error == wire::DecodeError::kNoPkiId) return Fail(HandshakeFailure::kNoPkiId, "no PKI-ID");
    if (error == wire::DecodeError::kBadPkiId || error == wire::DecodeError::kNoIdentity) {
      return Fail(HandshakeFailure::kIdentityRefused, wire::ToString(error));
    }
    return Fail(HandshakeFailure::kNotConn, "the first message is not a handshake message");
  }
  const auto* conn = decoded->As<wire::ConnEstablish>();
  if (conn == nullptr) return Fail(HandshakeFailure::kNotConn, "the first message is not a handshake message");
  claim_ = *conn;
  CheckIdentity(claim_.identity);
}

// Row 5. A valid identity is learned here even if the stream is refused below.
void Handshake::CheckIdentity(const base::Bytes& identity) {
  checking_ = context_.mapper.Put(claim_.pki_id, identity, [this](base::Result<msp::IdentityMapper::Entry> entry) {
    if (!entry.has_value()) return Refuse(HandshakeFailure::kIdentityRefused, entry.error());
    organization_ = entry->organization;
    CheckBinding();
  });
}

// Row 6.
void Handshake::CheckBinding() {
  const base::PeerInfo& peer = (*stream_)->peer();
  if (peer.secure && claim_.tls_cert_hash.view() != crypto::Sha256(peer.certificate).view()) {
    return Fail(HandshakeFailure::kTlsBinding, "the handshake message was made for another TLS certificate");
  }
  CheckSignature();
}

// Row 7.
void Handshake::CheckSignature() {
  if (!received_.is_signed()) return Fail(HandshakeFailure::kBadSignature, "the handshake message is not signed");
  checking_ = context_.crypto.Verify(claim_.identity, received_.signature(), received_.payload(),
                                     [this](base::Result<void> verdict) {
                                       if (!verdict.has_value()) {
                                         return Refuse(HandshakeFailure::kBadSignature, verdict.error());
                                       }
                                       CheckSecret();
                                     });
}

void Handshake::CheckSecret() {
  const auto accept = [this] {
    if (role_ == HandshakeRole::kInitiator && claim_.probe) {
      return Fail(HandshakeFailure::kProbeFromResponder, "the responder probes");
    }
    remote_ = std::make_shared<const ConnectionInfo>(ConnectionInfo{.pki_id = claim_.pki_id,
                                                                    .identity = claim_.identity,
                                                                    .organization = organization_,
                                                                    .remote_address = (*stream_)->peer().address,
                                                                    .evidence_payload = received_.payload(),
                                                                    .evidence_signature = received_.signature()});
    if (!own_message_.empty()) Succeed();
  };
  const auto& secret = received_.secret();
  if (!secret.has_value()) return accept();
  if (secret->payload.empty() || secret->signature.empty()) {
    return Fail(HandshakeFailure::kBadSignature, "the handshake message's secret part is not signed");
  }
  checking_ = context_.crypto.Verify(claim_.identity, secret->signature, secret->payload,
                                     [this, accept](base::Result<void> verdict) {
                                       if (!verdict.has_value()) {
                                         return Refuse(HandshakeFailure::kBadSignature, verdict.error());
                                       }
                                       accept();
                                     });
}

// A remote that half-closes after its message, as a probe does, is answered nevertheless.
void Handshake::OnHalfClose() {
  if (!message_received_) Fail(HandshakeFailure::kStreamEnded, "the other side said nothing");
}

void Handshake::OnEnd(const base::Status& status) {
  // A probe has what it wants with our message, and may leave before we have checked its own (3.3).
  if (role_ == HandshakeRole::kResponder && claim_.probe) return;
  if (status.code == base::StatusCode::kResourceExhausted) return Fail(HandshakeFailure::kTooLarge, status.message);
  Fail(HandshakeFailure::kStreamEnded, status.message.empty() ? "the other side ended the stream"
                                                              : "the other side ended the stream: " + status.message);
}

void Handshake::Succeed() {
  timer_.Reset();
  if (auto done = std::exchange(done_, nullptr)) done({});
}

// A check that could not be made says nothing about the other side.
void Handshake::Refuse(HandshakeFailure failure, const base::Error& error) {
  Fail(error.code == base::ErrorCode::kExhausted ? HandshakeFailure::kOverloaded : failure, error.message);
}

void Handshake::Fail(HandshakeFailure failure, std::string text) {
  timer_.Reset();
  signing_.Reset();
  checking_.Reset();
  if (auto done = std::exchange(done_, nullptr)) done(std::unexpected(HandshakeError{failure, std::move(text)}));
}

void Handshake::FailLater(HandshakeFailure failure, std::string text) {
  timer_ = context_.executor().After(
      base::Duration::zero(), [this, failure, text = std::move(text)]() mutable { Fail(failure, std::move(text)); });
}

std::unique_ptr<OwnedStream> Handshake::Commit() {
  if (role_ == HandshakeRole::kInitiator) (*stream_)->Send(own_message_);
  return TakeStream();
}

std::unique_ptr<OwnedStream> Handshake::TakeStream() {
  stream_->SetListener(nullptr);
  return std::move(stream_);
}

}  // namespace grapevine::comm
