// A request to the Deliver service: an envelope with a SeekInfo, taken apart and judged (specification 22, sections 3,
// 9 and 10).
//
// Pure functions of remote input.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "base/bytes.h"
#include "base/executor.h"

namespace grapevine::delivery {

// common.Status, as far as the service answers with it.
enum class DeliverStatus : std::uint16_t {
  kSuccess = 200,
  kBadRequest = 400,
  kForbidden = 403,
  kNotFound = 404,
  kServiceUnavailable = 503,
};

const char* ToString(DeliverStatus status);

// Why a request is not served. `reason` is a label of a counter.
struct SeekRefusal {
  DeliverStatus status = DeliverStatus::kBadRequest;
  const char* reason = "";

  friend bool operator==(const SeekRefusal& a, const SeekRefusal& b) {
    return a.status == b.status && base::ByteView(a.reason) == b.reason;
  }
};
template <typename T>
using SeekResult = std::expected<T, SeekRefusal>;

// Who asks for what, before anything of it is checked.
struct SeekEnvelope {
  std::int64_t seconds = 0;      // of the timestamp
  std::int32_t nanoseconds = 0;  // likewise
  std::string channel;
  std::string tls_cert_hash;  // empty: none claimed
  base::Bytes identity;       // serialised msp.SerializedIdentity
  base::Bytes signature;      // over `payload`
  base::Bytes payload;
  std::string seek_info;  // serialised orderer.SeekInfo
};

struct SeekPosition {
  enum class Kind : std::uint8_t { kAbsent, kOldest, kNewest, kSpecified, kNextCommit };
  Kind kind = Kind::kAbsent;
  std::uint64_t number = 0;  // when kSpecified

  friend bool operator==(const SeekPosition&, const SeekPosition&) = default;
};

struct SeekInfo {
  SeekPosition start;
  SeekPosition stop;
  bool wait = true;           // BLOCK_UNTIL_READY
  bool headers_only = false;  // HEADER_WITH_SIG: configuration blocks still come complete

  friend bool operator==(const SeekInfo&, const SeekInfo&) = default;
};

// The blocks to deliver, both included. `last` may be beyond the height.
struct SeekRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  friend bool operator==(const SeekRange&, const SeekRange&) = default;
};

// BAD_REQUEST if payload, a header or the timestamp is missing or malformed.
SeekResult<SeekEnvelope> ParseSeekEnvelope(base::ByteView envelope);
// Whether the timestamp lies within `window` of `now`: BAD_REQUEST if not.
SeekResult<void> CheckTimestamp(const SeekEnvelope& envelope, base::WallTime now, base::Duration window);
// An unknown behaviour or content type is the default, as in Fabric.
SeekResult<SeekInfo> ParseSeekInfo(base::ByteView serialized);
// NOT_FOUND if the start lies above `height`; BAD_REQUEST if a position is absent or the stop lies before the start. A
// stop may not be the next commit.
SeekResult<SeekRange> ResolveSeek(const SeekInfo& seek, std::uint64_t height);

// orderer.DeliverResponse with a serialised common.Block, or with a status.
base::Bytes BlockResponse(base::ByteView block);
base::Bytes StatusResponse(DeliverStatus status);
// A serialised common.Block without its data; a configuration block, or what is no block, as it is.
base::Bytes WithoutData(const base::Bytes& block);

}  // namespace grapevine::delivery
