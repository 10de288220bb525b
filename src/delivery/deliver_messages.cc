#include "delivery/deliver_messages.h"

#include <fmt/core.h>

#include <limits>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "orderer/ab.pb.h"
#include "wire/field_reader.h"

namespace grapevine::delivery {

namespace {

using base::ErrorCode;
using base::Fail;

constexpr std::size_t kNonceBytes = 24;

std::string MakeNonce(base::Random& random) {
  std::string nonce;
  while (nonce.size() < kNonceBytes) {
    std::uint64_t word = random.Next();
    for (int i = 0; i < 8; ++i, word >>= 8) nonce.push_back(static_cast<char>(word & 0xff));
  }
  return nonce;
}

std::string MakeChannelHeader(const DeliverRequest& request) {
  common::ChannelHeader header;
  header.set_type(common::DELIVER_SEEK_INFO);
  header.set_channel_id(request.channel);
  header.mutable_timestamp()->set_seconds(
      std::chrono::floor<std::chrono::seconds>(request.now).time_since_epoch().count());
  if (!request.client_certificate.empty()) {
    header.set_tls_cert_hash(crypto::Sha256(request.client_certificate).ToString());
  }
  return header.SerializeAsString();
}

}  // namespace

base::Bytes MakeRequestPayload(const DeliverRequest& request, base::Random& random) {
  common::SignatureHeader signature_header;
  signature_header.set_creator(request.identity.ToString());
  signature_header.set_nonce(MakeNonce(random));
  orderer::SeekInfo seek;
  seek.mutable_start()->mutable_specified()->set_number(request.start);
  seek.mutable_stop()->mutable_specified()->set_number(std::numeric_limits<std::uint64_t>::max());
  if (request.headers_only) seek.set_content_type(orderer::SeekInfo::HEADER_WITH_SIG_BYTES);

  common::Payload payload;
  payload.mutable_header()->set_channel_header(MakeChannelHeader(request));
  payload.mutable_header()->set_signature_header(signature_header.SerializeAsString());
  payload.set_data(seek.SerializeAsString());
  return base::Bytes(payload.SerializeAsString());
}

base::Bytes MakeRequestEnvelope(base::ByteView payload, base::ByteView signature) {
  common::Envelope envelope;
  envelope.set_payload(std::string(payload));
  envelope.set_signature(std::string(signature));
  return base::Bytes(envelope.SerializeAsString());
}

base::Result<DeliverResponse> ParseDeliverResponse(const base::Bytes& message) {
  std::optional<DeliverResponse> response;  // of several the last one counts
  wire::FieldReader reader(message);
  while (reader.Next()) {
    const wire::Field& field = reader.field();
    if (field.IsVarint(1)) response = DeliverResponse{std::nullopt, static_cast<std::int32_t>(field.integer)};
    if (field.IsBytes(2)) response = DeliverResponse{message.Slice(field.bytes), 0};
  }
  if (reader.malformed()) return Fail(ErrorCode::kInvalid, "{} bytes that are no DeliverResponse", message.size());
  if (!response) return Fail(ErrorCode::kInvalid, "a DeliverResponse with neither block nor status");
  return *response;
}

std::string StatusName(std::int32_t status) {
  const bool known = common::Status_IsValid(status);
  return known ? common::Status_Name(static_cast<common::Status>(status)) : fmt::format("{}", status);
}

}  // namespace grapevine::delivery
