#include "delivery/seek_request.h"

#include <utility>

#include "common/common.pb.h"
#include "msp/block.h"
#include "orderer/ab.pb.h"
#include "wire/field_reader.h"
#include "wire/field_writer.h"

namespace grapevine::delivery {

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::unexpected<SeekRefusal> BadRequest(const char* reason) {
  return std::unexpected(SeekRefusal{DeliverStatus::kBadRequest, reason});
}

SeekPosition ReadPosition(const orderer::SeekPosition& position) {
  using Kind = SeekPosition::Kind;
  switch (position.Type_case()) {
    case orderer::SeekPosition::kOldest:
      return {.kind = Kind::kOldest};
    case orderer::SeekPosition::kNewest:
      return {.kind = Kind::kNewest};
    case orderer::SeekPosition::kSpecified:
      return {.kind = Kind::kSpecified, .number = position.specified().number()};
    case orderer::SeekPosition::kNextCommit:
      return {.kind = Kind::kNextCommit};
    case orderer::SeekPosition::TYPE_NOT_SET:
      break;
  }
  return {};
}

}  // namespace

const char* ToString(DeliverStatus status) {
  switch (status) {
    case DeliverStatus::kSuccess:
      return "SUCCESS";
    case DeliverStatus::kBadRequest:
      return "BAD_REQUEST";
    case DeliverStatus::kForbidden:
      return "FORBIDDEN";
    case DeliverStatus::kNotFound:
      return "NOT_FOUND";
    case DeliverStatus::kServiceUnavailable:
      return "SERVICE_UNAVAILABLE";
  }
  return "UNKNOWN";
}

SeekResult<SeekEnvelope> ParseSeekEnvelope(base::ByteView envelope) {
  common::Envelope outer;
  if (!outer.ParseFromArray(envelope.data(), static_cast<int>(envelope.size()))) {
    return BadRequest("malformed_envelope");
  }
  common::Payload payload;
  if (!payload.ParseFromString(outer.payload())) return BadRequest("malformed_payload");
  if (!payload.has_header()) return BadRequest("no_header");
  common::ChannelHeader channel;
  if (!channel.ParseFromString(payload.header().channel_header())) return BadRequest("malformed_channel_header");
  common::SignatureHeader signature;
  if (!signature.ParseFromString(payload.header().signature_header())) {
    return BadRequest("malformed_signature_header");
  }
  if (!channel.has_timestamp()) return BadRequest("no_timestamp");
  return SeekEnvelope{.seconds = channel.timestamp().seconds(),
                      .nanoseconds = channel.timestamp().nanos(),
                      .channel = channel.channel_id(),
                      .tls_cert_hash = channel.tls_cert_hash(),
                      .identity = base::Bytes::Copy(signature.creator()),
                      .signature = base::Bytes::Copy(outer.signature()),
                      .payload = base::Bytes::Copy(outer.payload()),
                      .seek_info = payload.data()};
}

SeekResult<void> CheckTimestamp(const SeekEnvelope& envelope, base::WallTime now, base::Duration window) {
  constexpr const char* kReason = "timestamp_out_of_window";
  // First in seconds: a remote number of them may not fit into nanoseconds.
  const std::int64_t now_seconds = now.time_since_epoch().count() / kNanosecondsPerSecond;
  const std::int64_t tolerance = window.count() / kNanosecondsPerSecond + 1;
  if (envelope.seconds < now_seconds - tolerance || envelope.seconds > now_seconds + tolerance ||
      envelope.nanoseconds < 0 || envelope.nanoseconds >= kNanosecondsPerSecond) {
    return BadRequest(kReason);
  }
  const base::WallTime stated(std::chrono::seconds(envelope.seconds) + base::Duration(envelope.nanoseconds));
  if (stated < now - window || stated > now + window) return BadRequest(kReason);
  return {};
}

SeekResult<SeekInfo> ParseSeekInfo(base::ByteView serialized) {
  orderer::SeekInfo seek;
  if (!seek.ParseFromArray(serialized.data(), static_cast<int>(serialized.size()))) {
    return BadRequest("malformed_seek_info");
  }
  return SeekInfo{.start = ReadPosition(seek.start()),
                  .stop = ReadPosition(seek.stop()),
                  .wait = seek.behavior() != orderer::SeekInfo::FAIL_IF_NOT_READY,
                  .headers_only = seek.content_type() == orderer::SeekInfo::HEADER_WITH_SIG_BYTES};
}

SeekResult<SeekRange> ResolveSeek(const SeekInfo& seek, std::uint64_t height) {
  using Kind = SeekPosition::Kind;
  if (seek.start.kind == Kind::kAbsent) return BadRequest("no_start");
  const std::uint64_t newest = height == 0 ? 0 : height - 1;
  SeekRange range;
  switch (seek.start.kind) {
    case Kind::kNewest:
      range.first = newest;
      break;
    case Kind::kSpecified:
      range.first = seek.start.number;
      break;
    case Kind::kNextCommit:
      range.first = height;
      break;
    case Kind::kOldest:
    case Kind::kAbsent:
      break;
  }
  if (range.first > height) return std::unexpected(SeekRefusal{DeliverStatus::kNotFound, "start_above_height"});
  switch (seek.stop.kind) {
    case Kind::kOldest:
      range.last = range.first;
      break;
    case Kind::kNewest:
      range.last = newest;
      break;
    case Kind::kSpecified:
      range.last = seek.stop.number;
      break;
    case Kind::kNextCommit:
    case Kind::kAbsent:
      return BadRequest("no_stop");
  }
  if (range.last < range.first) return BadRequest("stop_before_start");
  return range;
}

base::Bytes BlockResponse(base::ByteView block) { return base::Bytes(wire::FieldWriter().Element(2, block).Take()); }

base::Bytes StatusResponse(DeliverStatus status) {
  return base::Bytes(wire::FieldWriter().Integer(1, static_cast<std::uint64_t>(status)).Take());
}

base::Bytes WithoutData(const base::Bytes& block) {
  const auto view = msp::ParseBlock(block);
  if (!view || msp::IsConfigBlock(*view)) return block;
  constexpr std::uint32_t kDataField = 2;
  std::string kept;
  for (wire::FieldReader reader(block); reader.Next();) {
    if (!reader.field().IsBytes(kDataField)) kept += reader.field().raw;
  }
  return base::Bytes(std::move(kept));
}

}  // namespace grapevine::delivery
