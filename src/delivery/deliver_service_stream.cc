#include "delivery/deliver_service_stream.h"

#include <utility>

#include "crypto/hash.h"

namespace grapevine::delivery {

using base::ErrorCode;

namespace {

base::Labels ChannelLabels(const std::string& channel) {
  return {{"channel", channel}, {"data_type", "block"}, {"filtered", "false"}};
}

base::Counter& Count(base::Metrics& metrics, const std::string& name, const char* help,
                     const base::Labels& labels = {}) {
  return metrics.GetCounter(name, help, labels);
}

// What a failed check of access means: the signer may not read, or nobody can tell now.
SeekRefusal AccessRefusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kDenied:
      return {DeliverStatus::kForbidden, "access_denied"};
    default:
      return {DeliverStatus::kServiceUnavailable, "access_not_checked"};
  }
}

SeekRefusal ReadRefusal(ErrorCode code) {
  if (code == ErrorCode::kNotFound) return {DeliverStatus::kNotFound, "block_not_available"};
  return {DeliverStatus::kServiceUnavailable, "block_not_read"};
}

}  // namespace

DeliverStream::DeliverStream(DeliverContext& context, std::unique_ptr<base::Stream> stream, std::function<void()> over)
    : context_(context), stream_(std::move(stream)), over_(std::move(over)) {
  Count(context_.environment.metrics, "deliver_streams_opened", "Streams to the Deliver service that were opened.")
      .Add();
  stream_->SetHandler(*this);
  stream_->SetReceiveLimit(context_.config.max_request_bytes);
  stream_->Read(1);
}

DeliverStream::~DeliverStream() {
  Count(context_.environment.metrics, "deliver_streams_closed", "Streams to the Deliver service that are over.").Add();
}

void DeliverStream::OnMessage(base::Bytes message) {
  if (const auto accepted = Accept(message); !accepted) return Refuse(accepted.error());
  CheckAccess([this] { Begin(); });
}

SeekResult<void> DeliverStream::Accept(const base::Bytes& message) {
  auto envelope = ParseSeekEnvelope(message);
  if (!envelope) return std::unexpected(envelope.error());
  const base::WallTime now = context_.environment.executor.WallNow();
  if (auto fresh = CheckTimestamp(*envelope, now, context_.config.time_window); !fresh) return fresh;
  if (auto bound = CheckCertificateHash(*envelope); !bound) return bound;
  const auto channel = context_.channels.find(envelope->channel);
  if (channel == context_.channels.end()) {
    return std::unexpected(SeekRefusal{DeliverStatus::kNotFound, "unknown_channel"});
  }
  const auto seek = ParseSeekInfo(envelope->seek_info);
  if (!seek) return std::unexpected(seek.error());

  base::Metrics& metrics = context_.environment.metrics;
  const base::Labels labels = ChannelLabels(channel->first);
  Count(metrics, "deliver_requests_received", "Requests to the Deliver service for a known channel.", labels).Add();
  request_.emplace(
      Request{.envelope = std::move(*envelope),
              .seek = *seek,
              .chain = *channel->second,
              .blocks_sent = Count(metrics, "deliver_blocks_sent", "Blocks that the Deliver service sent.", labels)});
  return {};
}

SeekResult<void> DeliverStream::CheckCertificateHash(const SeekEnvelope& envelope) const {
  if (!context_.config.mutual_tls) return {};
  const base::Bytes& certificate = stream_->peer().certificate;
  if (certificate.empty() || crypto::Sha256(certificate).view() != envelope.tls_cert_hash) {
    return std::unexpected(SeekRefusal{DeliverStatus::kBadRequest, "tls_cert_hash"});
  }
  return {};
}

void DeliverStream::CheckAccess(std::function<void()> granted) {
  busy_ = true;
  request_->config_sequence = request_->chain.config_sequence();
  const SeekEnvelope& envelope = request_->envelope;
  pending_ =
      request_->chain.CheckAccess(envelope.identity, envelope.signature, envelope.payload,
                                  [this, granted = std::move(granted)](base::Result<base::WallTime> expires) {
                                    busy_ = false;
                                    if (!expires) {
                                      return Refuse(AccessRefusal(expires.error().code), expires.error().message);
                                    }
                                    request_->expires = *expires;
                                    granted();
                                  });
}

void DeliverStream::Begin() {
  const auto range = ResolveSeek(request_->seek, request_->chain.height());
  if (!range) return Refuse(range.error());
  request_->next = range->first;
  request_->last = range->last;
  Continue();
}

// Does what is to be done next for the request, if anything can be done now.
void DeliverStream::Continue() {
  if (!request_ || busy_) return;
  growth_.Reset();
  if (stream_->unsent() >= context_.config.max_unsent) return;
  if (unsent_bytes_ > 0 && unsent_bytes_ >= context_.config.max_unsent_bytes) return;
  if (request_->expires < context_.environment.executor.WallNow()) {
    return Refuse({DeliverStatus::kForbidden, "identity_expired"});
  }
  if (request_->next >= request_->chain.height()) {
    if (!request_->seek.wait) return Refuse({DeliverStatus::kNotFound, "not_ready"});
    growth_ = request_->chain.OnGrowth([this] { Continue(); });
    return;
  }
  if (request_->config_sequence != request_->chain.config_sequence()) return CheckAccess([this] { Continue(); });
  busy_ = true;
  pending_ = request_->chain.Read(request_->next, [this](base::Result<base::Bytes> block) {
    busy_ = false;
    if (!block) return Refuse(ReadRefusal(block.error().code), block.error().message);
    SendBlock(*block);
  });
}

void DeliverStream::SendBlock(const base::Bytes& block) {
  Send(BlockResponse(request_->seek.headers_only ? WithoutData(block) : block));
  request_->blocks_sent.Add();
  if (request_->next == request_->last) return Complete();
  ++request_->next;
  Continue();
}

void DeliverStream::Send(base::Bytes message) {
  unsent_sizes_.push_back(message.size());
  unsent_bytes_ += message.size();
  stream_->Send(std::move(message));
}

void DeliverStream::Complete() {
  base::Labels labels = ChannelLabels(request_->envelope.channel);
  labels.emplace_back("success", "true");
  Count(context_.environment.metrics, "deliver_requests_completed", "Requests answered to their end.", labels).Add();
  request_.reset();
  Send(StatusResponse(DeliverStatus::kSuccess));
  if (half_closed_) return Finish();
  stream_->Read(1);
}

void DeliverStream::Refuse(const SeekRefusal& refusal, const std::string& detail) {
  base::Metrics& metrics = context_.environment.metrics;
  Count(metrics, "gossip_delivery_refused", "Requests to the Deliver service that were not served.",
        {{"type", "seek"}, {"reason", refusal.reason}})
      .Add();
  if (request_) {
    base::Labels labels = ChannelLabels(request_->envelope.channel);
    labels.emplace_back("success", "false");
    Count(metrics, "deliver_requests_completed", "Requests answered to their end.", labels).Add();
  }
  if (context_.refusals.Allow()) {
    context_.environment.log.Warn("request of {} refused with {}: {}{}{}", stream_->peer().address,
                                  ToString(refusal.status), refusal.reason, detail.empty() ? "" : ": ", detail);
  }
  request_.reset();
  Send(StatusResponse(refusal.status));
  Finish();
}

// What is queued still goes out.
void DeliverStream::Finish() {
  request_.reset();
  growth_.Reset();
  stream_->Finish({});
  cut_off_ = context_.environment.executor.After(context_.config.finish_timeout, [this] { End(); });
}

void DeliverStream::OnSent(std::size_t count) {
  for (; count > 0 && !unsent_sizes_.empty(); --count) {
    unsent_bytes_ -= unsent_sizes_.front();
    unsent_sizes_.pop_front();
  }
  Continue();
}

void DeliverStream::OnHalfClose() {
  half_closed_ = true;
  if (!request_) Finish();
}

void DeliverStream::OnEnd(const base::Status&) { End(); }

void DeliverStream::End() {
  const auto over = std::move(over_);
  over();
}

}  // namespace grapevine::delivery
