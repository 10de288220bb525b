// Any bytes as a received envelope: decoding is total, and what was decoded survives being encoded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gossip/message.pb.h"
#include "wire/comparison.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include "wire/tag.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Where the protobuf library reads a message, too, it reads the same: shown by encoding both again. Left out: what this
// decoder keeps as it came (embedded envelopes and collection configurations) or drops (metadata of a hello).
void CompareWithLibrary(const grapevine::base::Bytes& payload, const grapevine::wire::Message& message) {
  using namespace grapevine::wire;
  if (message.As<MembershipRequest>() != nullptr || message.As<MembershipResponse>() != nullptr ||
      message.As<PullUpdate>() != nullptr || message.As<StateInfoSnapshot>() != nullptr ||
      message.As<PullHello>() != nullptr || message.As<PrivateDataMessage>() != nullptr) {
    return;
  }
  gossip::GossipMessage library;
  if (!library.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return;
  library.DiscardUnknownFields();
  Require(library.SerializeAsString() == EncodeMessage(message).view());
}

void CheckPayload(const grapevine::base::Bytes& payload) {
  using namespace grapevine::wire;
  const auto message = DecodeMessage(payload);
  if (!message) {
    Require(ToString(message.error())[0] != '\0');
    return;
  }
  CompareWithLibrary(payload, *message);
  HasLegalTag(*message);
  Require(Compare(*message, *message, 0) != Replacement::kInvalidates);
  const grapevine::base::Bytes encoded = EncodeMessage(*message);
  const auto again = DecodeMessage(encoded);
  Require(again.has_value());
  Require(EncodeMessage(*again) == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using grapevine::base::Bytes;
  using grapevine::wire::Envelope;
  const Bytes input = Bytes::Copy({reinterpret_cast<const char*>(data), size});
  CheckPayload(input);
  const auto envelope = Envelope::Decode(input);
  if (!envelope) return 0;
  envelope->internal_endpoint();
  Require(envelope->WithoutSecret().payload() == envelope->payload());
  gossip::Envelope library;
  if (library.ParseFromArray(input.data(), static_cast<int>(input.size()))) {
    Require(envelope->payload().view() == library.payload());
    Require(envelope->signature().view() == library.signature());
    Require(envelope->secret().has_value() == library.has_secret_envelope());
  }
  CheckPayload(envelope->payload());
  return 0;
}
