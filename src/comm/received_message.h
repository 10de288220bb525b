// A message received on an authenticated stream, with the means to answer it (specification 02, section 8).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/handle.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include "wire/pki_id.h"

namespace grapevine::comm {

// Who is at the other end of a stream, as proved by the handshake (3.4). Immutable, shared by the stream's messages.
struct ConnectionInfo {
  wire::PkiId pki_id;
  base::Bytes identity;            // serialised msp.SerializedIdentity
  std::string organization;        // MSP id of the identity
  std::string remote_address;      // of the socket, for logs: never assume that it can be dialled (14.5)
  base::Bytes evidence_payload;    // handshake message and
  base::Bytes evidence_signature;  // its signature: what channel policies are evaluated on later (3.1)
};

// Immutable apart from answering. Shared by all subscribers; belongs to comm's executor and may outlive Comm, whereupon
// answering does nothing.
class ReceivedMessage {
 public:
  // Answers on the message's stream; one per stream, made by Comm.
  using Responder = std::function<void(const wire::Envelope& answer, base::Handle on_its_way)>;

  ReceivedMessage(wire::Envelope envelope, wire::Message message, std::shared_ptr<const ConnectionInfo> connection,
                  std::shared_ptr<const Responder> responder)
      : envelope_(std::move(envelope)),
        message_(std::move(message)),
        connection_(std::move(connection)),
        responder_(std::move(responder)) {}

  const wire::Message& message() const { return message_; }
  const wire::Envelope& envelope() const { return envelope_; }  // the bytes as received
  const ConnectionInfo& connection() const { return *connection_; }

  // A message that this one carries, as if it had come alone.
  std::shared_ptr<const ReceivedMessage> Carried(wire::Envelope envelope, wire::Message message) const {
    return std::make_shared<const ReceivedMessage>(std::move(envelope), std::move(message), connection_, responder_);
  }

  // Answers on the stream that the message came on; if that has ended, on any stream of the peer. Waits for room in the
  // peer's queue up to connTimeout, then drops and counts (14.3, 15 #9). Never dials. `on_its_way` travels with the
  // answer and is destroyed when that has left for the operating system or is dropped, maybe within this call; it must
  // not call back into this room.
  void Respond(const wire::Envelope& answer, base::Handle on_its_way = {}) const {
    (*responder_)(answer, std::move(on_its_way));
  }
  // Unsigned acknowledgement with the message's nonce; an empty `error` is success (section 6).
  void Ack(const std::string& error) const;

 private:
  wire::Envelope envelope_;
  wire::Message message_;
  std::shared_ptr<const ConnectionInfo> connection_;
  std::shared_ptr<const Responder> responder_;
};

using ReceivedMessagePtr = std::shared_ptr<const ReceivedMessage>;

}  // namespace grapevine::comm
