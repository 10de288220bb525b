#include "msp/serialized_identity.h"

#include "crypto/der.h"
#include "crypto/hash.h"
#include "msp/certificate.h"
#include "msp/identities.pb.h"
#include "msp/pem.h"
#include "wire/field_reader.h"

namespace grapevine::msp {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {
// Of msp.SerializedIdentity.
constexpr std::uint32_t kMspIdField = 1;
constexpr std::uint32_t kIdBytesField = 2;
}  // namespace

Result<SerializedIdentity> ParseSerializedIdentity(base::ByteView serialized) {
  if (serialized.empty()) return Fail(ErrorCode::kInvalid, "the identity is empty");
  if (serialized.size() > kMaxIdentitySize) {
    return Fail(ErrorCode::kInvalid, "the identity has {} bytes, more than {}", serialized.size(), kMaxIdentitySize);
  }
  // Not with the protobuf library: it writes to stderr about every text that is not UTF-8.
  base::ByteView msp_id;
  base::ByteView id_bytes;
  wire::FieldReader reader(serialized);
  while (reader.Next()) {
    const wire::Field& field = reader.field();
    if (field.IsBytes(kMspIdField)) {
      if (!wire::IsUtf8(field.bytes)) return Fail(ErrorCode::kInvalid, "the identity's MSP id is not UTF-8");
      msp_id = field.bytes;
    } else if (field.IsBytes(kIdBytesField)) {
      id_bytes = field.bytes;
    }
  }
  if (reader.malformed()) return Fail(ErrorCode::kInvalid, "the identity is not a msp.SerializedIdentity");
  return SerializedIdentity{std::string(msp_id), std::string(id_bytes)};
}

std::string SerializeIdentity(const std::string& msp_id, const std::string& pem) {
  ::msp::SerializedIdentity message;
  message.set_mspid(msp_id);
  message.set_id_bytes(pem);
  return message.SerializeAsString();
}

Result<wire::PkiId> ComputePkiId(base::ByteView serialized) {
  const auto identity = ParseSerializedIdentity(serialized);
  if (!identity) return std::unexpected(identity.error());
  return *wire::PkiId::From(crypto::Sha256({identity->msp_id, identity->id_bytes}).view());
}

Result<void> CheckWellFormed(base::ByteView id_bytes) {
  const auto block = DecodePem(id_bytes);
  if (!block) return Fail(ErrorCode::kInvalid, "the identity is not well formed: it has no PEM block");
  if (!block->rest.empty()) {
    return Fail(ErrorCode::kInvalid, "the identity is not well formed: {} bytes follow the PEM block",
                block->rest.size());
  }
  if (block->type != "CERTIFICATE" && !block->type.empty()) {
    return Fail(ErrorCode::kInvalid, "the identity is not well formed: PEM type '{}', expected CERTIFICATE or none",
                block->type);
  }
  const auto certificate = Certificate::FromDer(block->content);
  if (!certificate) return base::Wrap(certificate.error(), "the identity is not well formed");
  if (!(*certificate)->signed_with_ecdsa()) return {};
  const auto signature = crypto::ParseEcdsaSignature((*certificate)->signature(), crypto::TrailingBytes::kRefused);
  if (!signature) return base::Wrap(signature.error(), "the identity is not well formed: signature of the certificate");
  return {};
}

}  // namespace grapevine::msp
