#include "wire/envelope.h"

#include "wire/field_reader.h"
#include "wire/field_writer.h"

namespace grapevine::wire {

namespace {

// A field that occurs twice counts as protocol buffers say: the last byte string wins, messages are merged.
bool MergeSecret(const base::Bytes& buffer, base::ByteView encoded, SecretEnvelope& secret) {
  FieldReader reader(encoded);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) secret.payload = buffer.Slice(reader.field().bytes);
    if (reader.field().IsBytes(2)) secret.signature = buffer.Slice(reader.field().bytes);
  }
  return !reader.malformed();
}

}  // namespace

std::expected<Envelope, DecodeError> Envelope::Decode(base::Bytes encoded) {
  Envelope envelope;
  FieldReader reader(encoded);
  while (reader.Next()) {
    const Field& field = reader.field();
    if (field.IsBytes(1)) {
      envelope.payload_ = encoded.Slice(field.bytes);
    } else if (field.IsBytes(2)) {
      envelope.signature_ = encoded.Slice(field.bytes);
    } else if (field.IsBytes(3)) {
      if (!envelope.secret_) envelope.secret_.emplace();
      if (!MergeSecret(encoded, field.bytes, *envelope.secret_))
        return std::unexpected(DecodeError::kMalformedEnvelope);
    }
  }
  if (reader.malformed()) return std::unexpected(DecodeError::kMalformedEnvelope);
  envelope.encoded_ = std::move(encoded);
  return envelope;
}

Envelope Envelope::Make(base::ByteView payload, base::ByteView signature, const std::optional<SecretEnvelope>& secret) {
  FieldWriter writer;
  writer.Bytes(1, payload).Bytes(2, signature);
  if (secret) writer.Element(3, FieldWriter().Bytes(1, secret->payload).Bytes(2, secret->signature).Take());
  return *Decode(base::Bytes(writer.Take()));  // own output is well-formed
}

std::string Envelope::internal_endpoint() const {
  if (!secret_) return {};
  std::string endpoint;
  FieldReader reader(secret_->payload);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) endpoint = reader.field().bytes;
  }
  return reader.malformed() || !IsUtf8(endpoint) ? std::string() : endpoint;
}

Envelope Envelope::WithoutSecret() const { return secret_ ? Make(payload_, signature_) : *this; }

Envelope Envelope::Detached() const { return *Decode(base::Bytes::Copy(encoded_)); }

base::Bytes EncodeSecret(base::ByteView internal_endpoint) {
  return base::Bytes(FieldWriter().Element(1, internal_endpoint).Take());
}

}  // namespace grapevine::wire
