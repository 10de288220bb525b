// The signed unit that travels: payload, signature and the organisation-internal part (specification 01, section 3).
#pragma once

#include <cstdint>
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

// Immutable; one reference to the encoded bytes and where its parts lie in them, so that copying is cheap and any
// thread may read. A received envelope keeps and forwards the bytes as they came: signatures cover them, and unknown
// fields survive.
class Envelope {
 public:
  Envelope() = default;
  // Splits received bytes, at most 4 GiB; looks neither into the payload nor at the signature.
  static std::expected<Envelope, DecodeError> Decode(base::Bytes encoded);
  // Encodes a new one; an empty signature makes an unsigned envelope (6.3).
  static Envelope Make(base::ByteView payload, base::ByteView signature = {},
                       const std::optional<SecretEnvelope>& secret = std::nullopt);

  // The bytes to send.
  const base::Bytes& encoded() const { return encoded_; }
  // Parts share the buffer of encoded().
  base::Bytes payload() const { return Slice(payload_); }
  base::Bytes signature() const { return Slice(signature_); }
  std::optional<SecretEnvelope> secret() const {
    if (!has_secret_) return std::nullopt;
    return SecretEnvelope{Slice(secret_payload_), Slice(secret_signature_)};
  }
  bool has_secret() const { return has_secret_; }
  // Compared where they lie.
  bool HasSameSignature(const Envelope& other) const { return View(signature_) == other.View(other.signature_); }
  bool HasSameSecret(const Envelope& other) const {
    return has_secret_ == other.has_secret_ && View(secret_signature_) == other.View(other.secret_signature_) &&
           View(secret_payload_) == other.View(other.secret_payload_);
  }

  // Has a payload and a signature; says nothing about validity (6.3).
  bool is_signed() const { return payload_.size > 0 && signature_.size > 0; }
  // The endpoint in the secret part; empty if there is none or it cannot be decoded.
  std::string internal_endpoint() const;

  // Without the secret part, for receivers of other organisations; the signature stays valid.
  Envelope WithoutSecret() const;
  // In a buffer that holds nothing else: for whoever stores one element of a large message for long.
  Envelope Detached() const;

  friend bool operator==(const Envelope& a, const Envelope& b) { return a.encoded_ == b.encoded_; }

 private:
  // Of encoded_.
  struct Part {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  Part PartOf(base::ByteView view) const;
  bool ReadSecret(base::ByteView encoded);
  base::ByteView View(Part part) const { return encoded_.view().substr(part.begin, part.size); }
  base::Bytes Slice(Part part) const { return part.size == 0 ? base::Bytes() : encoded_.Slice(part.begin, part.size); }

  base::Bytes encoded_;
  Part payload_;
  Part signature_;
  Part secret_payload_;
  Part secret_signature_;
  bool has_secret_ = false;
};

// Serialised gossip.Secret with the internal endpoint: what the secret part's signature covers (6.1).
base::Bytes EncodeSecret(base::ByteView internal_endpoint);

}  // namespace grapevine::wire
