// The signed unit that travels: payload, signature and the organisation-internal part (specification 01, section 3).
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "wire/decode_error.h"

namespace grapevine::wire {

// The part that may be removed in transit; only ever on alive messages.
struct SecretEnvelope {
  base::Bytes payload;    // serialised gossip.Secret
  base::Bytes signature;  // over `payload`, same signer as the envelope

  friend bool operator==(const SecretEnvelope&, const SecretEnvelope&) = default;
};

// Immutable; all parts are slices of one shared buffer, so copying is cheap and any thread may read. A received
// envelope keeps and forwards the bytes as they came: signatures cover them, and unknown fields survive.
class Envelope {
 public:
  Envelope() = default;
  // Splits received bytes; looks neither into the payload nor at the signature.
  static std::expected<Envelope, DecodeError> Decode(base::Bytes encoded);
  // Encodes a new one; an empty signature makes an unsigned envelope (6.3).
  static Envelope Make(base::ByteView payload, base::ByteView signature = {},
                       const std::optional<SecretEnvelope>& secret = std::nullopt);

  // The bytes to send.
  const base::Bytes& encoded() const { return encoded_; }
  const base::Bytes& payload() const { return payload_; }
  const base::Bytes& signature() const { return signature_; }
  const std::optional<SecretEnvelope>& secret() const { return secret_; }

  // Has a payload and a signature; says nothing about validity (6.3).
  bool is_signed() const { return !payload_.empty() && !signature_.empty(); }
  // The endpoint in the secret part; empty if there is none or it cannot be decoded.
  std::string internal_endpoint() const;

  // Without the secret part, for receivers of other organisations; the signature stays valid.
  Envelope WithoutSecret() const;
  // In a buffer of its own: for whoever stores one element of a large message for long.
  Envelope Detached() const;

  friend bool operator==(const Envelope& a, const Envelope& b) { return a.encoded_ == b.encoded_; }

 private:
  base::Bytes encoded_;
  base::Bytes payload_;
  base::Bytes signature_;
  std::optional<SecretEnvelope> secret_;
};

// Serialised gossip.Secret with the internal endpoint: what the secret part's signature covers (6.1).
base::Bytes EncodeSecret(base::ByteView internal_endpoint);

}  // namespace grapevine::wire
