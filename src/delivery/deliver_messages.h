// What a deliver client sends and receives on a stream (specification 22, sections 3 and 9).
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/random.h"
#include "base/result.h"

namespace grapevine::delivery {

// A request for every block from `start` on, for ever.
struct DeliverRequest {
  std::string channel;
  base::Bytes identity;            // own serialised identity
  base::Bytes client_certificate;  // DER, shown to the orderer by TLS; empty: none
  base::WallTime now{};
  std::uint64_t start = 0;
  bool headers_only = false;  // HEADER_WITH_SIG: configuration blocks still come complete
};

// The common.Payload that the own signature covers, with a nonce from `random`.
base::Bytes MakeRequestPayload(const DeliverRequest& request, base::Random& random);
// The common.Envelope to send.
base::Bytes MakeRequestEnvelope(base::ByteView payload, base::ByteView signature);

// A block or a status.
struct DeliverResponse {
  std::optional<base::Bytes> block;  // serialised common.Block; shares the message's buffer
  std::int32_t status = 0;           // common.Status
};
// kInvalid if it is neither.
base::Result<DeliverResponse> ParseDeliverResponse(const base::Bytes& message);

// "NOT_FOUND"; the number if it has no name.
std::string StatusName(std::int32_t status);

}  // namespace grapevine::delivery
