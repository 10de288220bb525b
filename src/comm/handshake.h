// Mutual authentication on a fresh stream, in both roles (specification 02, section 3; 14.2 R2, R3; 15 #1, #2, #11).
// Internal to the room.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "base/transport.h"
#include "comm/context.h"
#include "comm/owned_stream.h"
#include "comm/received_message.h"

namespace grapevine::comm {

enum class HandshakeRole : std::uint8_t { kInitiator, kResponder };

// Why a stream was refused: the rows of 3.4, then what else can go wrong.
enum class HandshakeFailure : std::uint8_t {
  kNoTlsCertificate,   // row 1: TLS without a certificate of the other side
  kNothingReceived,    // row 2: no message within connTimeout
  kUndecodable,        // row 2
  kTooLarge,           // row 2: the message is larger than a handshake message may be, at either side
  kNotConn,            // row 3
  kNoPkiId,            // row 4
  kIdentityRefused,    // row 5
  kTlsBinding,         // row 6
  kBadSignature,       // row 7
  kStreamEnded,        // before the message came (15 #1)
  kSigningFailed,      // the own message could not be made (15 #2)
  kTooLate,            // verification took longer than the other side waits (14.2 R2)
  kOverloaded,         // too much waits to be verified here already
  kProbeFromResponder  // 3.3
};
// The label `result` of gossip_comm_handshakes.
const char* ToString(HandshakeFailure failure);

struct HandshakeError {
  HandshakeFailure failure;
  std::string text;
};

// One handshake. The responder sends its own message at once (R1); the initiator holds its own back until Commit, after
// the responder's has been checked completely, so that giving up costs nothing (R2). Destroying it ends the stream.
class Handshake final : public base::StreamHandler {
 public:
  using Done = std::move_only_function<void(std::expected<void, HandshakeError>)>;

  // `done` runs once, as an event of its own, and may destroy the handshake. Initiator: the remote is authenticated and
  // the own message is signed. Responder: likewise, and the own message is sent. `probe`: of the initiator.
  Handshake(const Context& context, HandshakeRole role, bool probe, std::unique_ptr<OwnedStream> stream, Done done);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // After success.
  const std::shared_ptr<const ConnectionInfo>& remote() const { return remote_; }
  bool remote_probes() const { return claim_.probe; }
  // After success: takes the stream out; the initiator's message is sent in the same step (R3).
  std::unique_ptr<OwnedStream> Commit();
  // After a failure: takes the stream out, to end it with a status.
  std::unique_ptr<OwnedStream> TakeStream();

  void OnMessage(base::Bytes message) override;
  void OnSent(std::size_t) override {}
  void OnHalfClose() override;
  void OnEnd(const base::Status& status) override;

 private:
  void Begin();
  void Sign();
  void CheckIdentity(const base::Bytes& identity);
  void CheckBinding();
  void CheckSignature();
  void CheckSecret();
  void Succeed();
  void Refuse(HandshakeFailure failure, const base::Error& error);
  void Fail(HandshakeFailure failure, std::string text);
  void FailLater(HandshakeFailure failure, std::string text);

  const Context& context_;
  const HandshakeRole role_;
  const bool probe_;
  std::unique_ptr<OwnedStream> stream_;
  Done done_;
  base::Bytes own_message_;  // signed envelope, when signing is done
  wire::Envelope received_;
  wire::ConnEstablish claim_;  // what `received_` says
  std::string organization_;
  std::shared_ptr<const ConnectionInfo> remote_;  // when every check has passed
  bool message_received_ = false;
  base::Handle signing_;
  base::Handle checking_;
  base::Handle timer_;
};

}  // namespace grapevine::comm
