#include "wire/envelope.h"

#include <limits>
#include <utility>

#include "wire/field_reader.h"
#include "wire/field_writer.h"

namespace grapevine::wire {

Envelope::Part Envelope::PartOf(base::ByteView view) const {
  return {.begin = static_cast<std::uint32_t>(view.data() - encoded_.data()),
          .size = static_cast<std::uint32_t>(view.size())};
}

// A field that occurs twice counts as protocol buffers say: the last byte string wins, messages are merged.
bool Envelope::ReadSecret(base::ByteView encoded) {
  has_secret_ = true;
  FieldReader reader(encoded);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) secret_payload_ = PartOf(reader.field().bytes);
    if (reader.field().IsBytes(2)) secret_signature_ = PartOf(reader.field().bytes);
  }
  return !reader.malformed();
}

std::expected<Envelope, DecodeError> Envelope::Decode(base::Bytes encoded) {
  if (encoded.size() > std::numeric_limits<std::uint32_t>::max()) {
    return std::unexpected(DecodeError::kMalformedEnvelope);
  }
  Envelope envelope;
  envelope.encoded_ = std::move(encoded);
  FieldReader reader(envelope.encoded_);
  while (reader.Next()) {
    const Field& field = reader.field();
    if (field.IsBytes(1)) {
      envelope.payload_ = envelope.PartOf(field.bytes);
    } else if (field.IsBytes(2)) {
      envelope.signature_ = envelope.PartOf(field.bytes);
    } else if (field.IsBytes(3) && !envelope.ReadSecret(field.bytes)) {
      return std::unexpected(DecodeError::kMalformedEnvelope);
    }
  }
  if (reader.malformed()) return std::unexpected(DecodeError::kMalformedEnvelope);
  return envelope;
}

Envelope Envelope::Make(base::ByteView payload, base::ByteView signature, const std::optional<SecretEnvelope>& secret) {
  FieldWriter writer;
  writer.Bytes(1, payload).Bytes(2, signature);
  if (secret) writer.Element(3, FieldWriter().Bytes(1, secret->payload).Bytes(2, secret->signature).Take());
  return *Decode(base::Bytes(writer.Take()));  // own output is well-formed
}

std::string Envelope::internal_endpoint() const {
  std::string endpoint;
  const base::Bytes payload = Slice(secret_payload_);
  FieldReader reader(payload);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) endpoint = reader.field().bytes;
  }
  return reader.malformed() || !IsUtf8(endpoint) ? std::string() : endpoint;
}

Envelope Envelope::WithoutSecret() const { return has_secret_ ? Make(payload(), signature()) : *this; }

Envelope Envelope::Detached() const {
  Envelope detached = *this;
  if (!encoded_.is_whole_buffer()) detached.encoded_ = base::Bytes::Copy(encoded_);
  return detached;
}

base::Bytes EncodeSecret(base::ByteView internal_endpoint) {
  return base::Bytes(FieldWriter().Element(1, internal_endpoint).Take());
}

}  // namespace grapevine::wire
