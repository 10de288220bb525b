#include "comm/peer_link.h"

#include <algorithm>
#include <utility>

namespace grapevine::comm {
namespace {

// Streams of one peer that are on their way out; more are ended at once.
constexpr std::size_t kMaxLeaving = 8;

}  // namespace

PeerLink::PeerLink(const Context& context, PeerLinkHost& host, const wire::PkiId& pki_id)
    : context_(context),
      host_(host),
      pki_id_(pki_id),
      queue_(context.config.send_buffer, context.config.send_buffer_bytes) {}

bool PeerLink::idle() const { return !open() && leaving_.empty() && !dialling_ && queue_.empty(); }

void PeerLink::MaybeRetire() {
  if (idle()) host_.Retire(pki_id_);
}

// ---- Sending

void PeerLink::Send(OutgoingMessage message, const base::Endpoint& endpoint) {
  if (!endpoint.empty() && endpoint_ != endpoint) endpoint_ = endpoint;
  if (WriteAtOnce(message)) return;
  Enqueue(std::move(message));
  EnsureStream();
  Pump();
}

void PeerLink::Answer(OutgoingMessage message) {
  if (!open() && !dialling_) {
    Drop(std::move(message), "no_stream", {base::ErrorCode::kUnavailable, "no stream of the peer is open"});
    return MaybeRetire();
  }
  if (WriteAtOnce(message)) return;
  Enqueue(std::move(message));
  Pump();
}

// Nearly always nobody waits and there is room.
bool PeerLink::WriteAtOnce(OutgoingMessage& message) {
  if (!queue_.empty()) return false;
  PeerStream* stream = message.stream() != 0 ? Find(message.stream()) : nullptr;
  if (stream == nullptr) stream = ChooseStream();
  if (stream == nullptr || !stream->HasRoom()) return false;
  stream->Write(std::move(message));
  return true;
}

void PeerLink::Enqueue(OutgoingMessage message) {
  const auto now = context_.executor().Now();
  for (auto& expired : queue_.Expire(now)) {
    Drop(std::move(expired), "deadline", {base::ErrorCode::kExhausted, "the peer did not read in time"});
  }
  auto displaced = queue_.Push(std::move(message));
  if (!displaced.has_value()) return;
  if (displaced->terms == nullptr) context_.metrics.overflow.Add();
  Drop(std::move(*displaced), "queue_full", {base::ErrorCode::kExhausted, "the peer's send queue is full"});
}

void PeerLink::Drop(OutgoingMessage message, const char* reason, const base::Error& error) {
  context_.metrics.DroppedSend(reason);
  if (message.terms == nullptr || message.terms->dropped == nullptr) return;
  context_.executor().Post([dropped = std::move(message.terms->dropped), error]() mutable { dropped(error); });
}

void PeerLink::DropQueue(const char* reason, const base::Error& error) {
  for (auto& message : queue_.TakeAll()) Drop(std::move(message), reason, error);
}

PeerStream* PeerLink::Find(std::uint64_t stream_id) {
  if (out_ != nullptr && out_->id() == stream_id) return out_.get();
  const auto found = std::find_if(ins_.begin(), ins_.end(), [&](const auto& s) { return s->id() == stream_id; });
  return found == ins_.end() ? nullptr : found->get();
}

// 14.3 "sending".
PeerStream* PeerLink::ChooseStream() {
  if (out_ != nullptr) return out_.get();
  const auto settled = std::find_if(ins_.rbegin(), ins_.rend(), [](const auto& s) { return s->settled(); });
  if (settled != ins_.rend()) return settled->get();
  return ins_.empty() ? nullptr : ins_.back().get();
}

void PeerLink::Pump() {
  if (queue_.empty()) return;
  PeerStream* const usual = ChooseStream();
  if (usual == nullptr) return ExpireLater();
  const bool single = ins_.size() + (out_ != nullptr ? 1 : 0) == 1;
  queue_.ForEach([&](OutgoingMessage& message) {
    PeerStream* stream = message.stream() != 0 ? Find(message.stream()) : nullptr;
    if (stream == nullptr) stream = usual;
    if (!stream->HasRoom()) return single ? SendQueue::Step::kStop : SendQueue::Step::kSkip;
    stream->Write(std::move(message));
    return SendQueue::Step::kTaken;
  });
  ExpireLater();
}

void PeerLink::ExpireLater() {
  const auto next = queue_.NextDeadline();
  if (!next.has_value()) return expiry_.Reset();
  expiry_ = context_.executor().After(*next - context_.executor().Now(), [this] {
    for (auto& expired : queue_.Expire(context_.executor().Now())) {
      Drop(std::move(expired), "deadline", {base::ErrorCode::kExhausted, "the peer did not read in time"});
    }
    ExpireLater();
    MaybeRetire();
  });
}

// ---- Dialling

bool PeerLink::OwnStreamLeaving() const {
  return std::any_of(leaving_.begin(), leaving_.end(), [](const Leaving& l) { return l.stream->outgoing(); });
}

// 14.3 "dial".
void PeerLink::EnsureStream() {
  if (!open() && !dialling_ && !queue_.empty()) StartDial();
}

void PeerLink::StartDial() {
  dialling_ = true;
  dial_.Reset();
  if (OwnStreamLeaving()) return;  // R6: RemoveLeaving goes on
  if (endpoint_.empty()) {
    dial_ = context_.executor().After(base::Duration::zero(), [this] {
      DialFailed({base::ErrorCode::kUnavailable, "no endpoint of the peer is known"});
    });
    return;
  }
  dial_ = host_.DialFor(pki_id_, endpoint_);
}

void PeerLink::CancelDial() {
  dialling_ = false;
  dial_.Reset();
}

void PeerLink::DialFailed(const base::Error& error) {
  CancelDial();
  if (open()) return Pump();
  if (error.code == base::ErrorCode::kExhausted && RedialSoon()) return;  // this node was too slow, the peer answered
  Unreachable("unreachable", error);
}

// The error hook: no stream is left and no connection could be had (9.1, 14.3).
void PeerLink::Unreachable(const char* reason, const base::Error& error) {
  quick_redials_ = 0;
  context_.log().Debug("{} at '{}' is presumed dead: {}", pki_id_.Short(), endpoint_, error.message);
  DropQueue(reason, error);
  host_.PresumeDead(pki_id_);
  MaybeRetire();
}

std::vector<OutgoingMessage> PeerLink::Abandon() {
  CancelDial();
  auto held = queue_.TakeAll();
  MaybeRetire();
  return held;
}

void PeerLink::OfferOutgoing(std::unique_ptr<Handshake> handshake, const base::Endpoint& endpoint,
                             std::vector<OutgoingMessage> held) {
  CancelDial();
  endpoint_ = endpoint;
  for (auto& message : held) Enqueue(std::move(message));
  if (open()) {
    context_.metrics.Handshake("initiator", "superseded");
    return Pump();
  }
  if (OwnStreamLeaving()) {  // reached by a dial to another PKI-ID while the last own stream is still ending (R6)
    context_.metrics.Handshake("initiator", "superseded");
    EnsureStream();
    return MaybeRetire();
  }
  context_.metrics.Handshake("initiator", "ok");
  const auto info = handshake->remote();
  out_ = std::make_unique<PeerStream>(context_, *this, host_.NextStreamId(), handshake->Commit(), info);
  out_->Start(host_.MakeInbox(*this, out_->id()));
  Pump();
}

// ---- Streams

void PeerLink::Accept(std::unique_ptr<OwnedStream> stream, std::shared_ptr<const ConnectionInfo> info) {
  CancelDial();  // R3: nothing of it is committed
  ins_.push_back(
      std::make_unique<PeerStream>(context_, *this, host_.NextStreamId(), std::move(stream), std::move(info)));
  ins_.back()->Start(host_.MakeInbox(*this, ins_.back()->id()));
  if (ins_.size() > context_.config.max_incoming_per_peer) {
    const auto silent = std::min_element(
        ins_.begin(), ins_.end(), [](const auto& a, const auto& b) { return a->last_heard() < b->last_heard(); });
    EndStream(**silent, "too_many", "");
  }
  if (!ins_.empty() && ins_.back()->half_closed()) OnStreamHalfClose(*ins_.back());
  WatchSilence();
  Pump();
}

PeerLink::StreamPtr PeerLink::Extract(PeerStream& stream) {
  if (out_.get() == &stream) return std::move(out_);
  const auto in = std::find_if(ins_.begin(), ins_.end(), [&](const auto& s) { return s.get() == &stream; });
  if (in == ins_.end()) return nullptr;
  StreamPtr found = std::move(*in);
  ins_.erase(in);
  return found;
}

void PeerLink::Leave(StreamPtr stream, base::Duration linger, base::Status status) {
  if (leaving_.size() >= kMaxLeaving) {
    PutBack(*leaving_.front().stream);
    host_.LeaveToDrain(leaving_.front().stream->inbox());
    leaving_.erase(leaving_.begin());
  }
  stream->EndSending(std::move(status));
  const std::uint64_t id = stream->id();
  leaving_.push_back({std::move(stream), context_.executor().After(linger, [this, id] { RemoveLeaving(id); })});
}

void PeerLink::RemoveLeaving(std::uint64_t stream_id) {
  const auto found =
      std::find_if(leaving_.begin(), leaving_.end(), [&](const Leaving& l) { return l.stream->id() == stream_id; });
  if (found == leaving_.end()) return;
  const Leaving gone = std::move(*found);
  leaving_.erase(found);
  PutBack(*gone.stream);
  host_.LeaveToDrain(gone.stream->inbox());
  if (dialling_ && !OwnStreamLeaving()) {
    StartDial();
  } else {
    EnsureStream();
  }
  Pump();
  MaybeRetire();
}

void PeerLink::EndStream(PeerStream& stream, const char* reason, const std::string& text) {
  context_.metrics.StreamEnd(stream.outgoing(), reason);
  stream.Mute();
  auto owned = Extract(stream);
  if (owned == nullptr) return;  // leaving already
  base::Status status;
  if (!text.empty()) status = {base::StatusCode::kUnknown, text, {}};
  Leave(std::move(owned), context_.config.close_linger, std::move(status));
}

void PeerLink::Close(const char* reason) {
  CancelDial();
  DropQueue(reason, {base::ErrorCode::kCancelled, "the connection to the peer was closed"});
  // What had been handed to a stream may still leave, and is not sent again.
  const auto silence = [&](PeerStream& stream) {
    for (auto& message : stream.TakeUnsent()) {
      Drop(std::move(message), reason, {base::ErrorCode::kCancelled, "the connection to the peer was closed"});
    }
    stream.Mute();
  };
  for (const Leaving& leaving : leaving_) silence(*leaving.stream);
  while (PeerStream* stream = out_ != nullptr ? out_.get() : ins_.empty() ? nullptr : ins_.front().get()) {
    silence(*stream);
    EndStream(*stream, reason, "");
  }
  MaybeRetire();
}

// 14.3 "a stream breaks".
void PeerLink::PutBack(PeerStream& stream) {
  std::vector<OutgoingMessage> again;
  for (auto& message : stream.TakeUnsent()) {
    if (std::exchange(message.returned, true)) {
      Drop(std::move(message), "stream_broke_twice",
           {base::ErrorCode::kUnavailable, "two streams broke while sending"});
    } else {
      again.push_back(std::move(message));
    }
  }
  queue_.PutBack(std::move(again));
}

void PeerLink::OnStreamEnd(PeerStream& stream, const base::Status& status) {
  const StreamPtr ended = Extract(stream);
  if (ended == nullptr) return RemoveLeaving(stream.id());
  context_.metrics.StreamEnd(ended->outgoing(), status.ok() ? "ended" : "broken");
  PutBack(*ended);
  host_.LeaveToDrain(ended->inbox());
  if (ended->outgoing()) {
    AfterOutgoingEnded(!ended->has_delivered() && ended->age() < context_.config.short_stream, status);
  } else if (!open() && !dialling_ && endpoint_.empty()) {
    DropQueue("no_stream", {base::ErrorCode::kUnavailable, "the peer's stream ended and its endpoint is not known"});
  }
  EnsureStream();
  Pump();
  MaybeRetire();
}

// R7: a stream that died at once was probably caught in the other side's clean-up.
void PeerLink::AfterOutgoingEnded(bool cut_short, const base::Status& status) {
  if (!cut_short) quick_redials_ = 0;
  if (!cut_short || open() || dialling_) return;
  if (!RedialSoon()) {
    Unreachable("refused", {base::ErrorCode::kUnavailable, "the peer ended every stream at once: " + status.message});
  }
}

// False: it has been tried often enough.
bool PeerLink::RedialSoon() {
  const auto& config = context_.config;
  if (quick_redials_ >= config.quick_redials) return false;
  ++quick_redials_;
  context_.metrics.quick_redials.Add();
  dialling_ = true;
  dial_ = context_.executor().After(
      context_.environment.random.Between(config.quick_redial_min, config.quick_redial_max), [this] { StartDial(); });
  return true;
}

void PeerLink::OnStreamHalfClose(PeerStream& stream) {
  if (stream.outgoing()) return;  // its status follows
  auto owned = Extract(stream);
  if (owned == nullptr) return;
  context_.metrics.StreamEnd(false, "half_closed");
  Leave(std::move(owned), context_.config.close_linger, {});
  EnsureStream();
  Pump();
}

void PeerLink::OnStreamMessage(PeerStream& stream, base::Bytes message) {
  if (out_.get() == &stream) {
    quick_redials_ = 0;
  } else if (Find(stream.id()) != nullptr) {
    TrimIfBeaten();
  }
  host_.Receive(*this, stream, std::move(message));
}

// R5. Called when a message has come on an incoming stream: the fresh evidence that the remote still uses its own one.
void PeerLink::TrimIfBeaten() {
  if (out_ == nullptr || ins_.empty() || context_.mapper.own_pki_id() <= pki_id_) return;
  const auto& config = context_.config;
  const base::Duration wait = std::max(
      config.trim_after, config.dial_timeout + 2 * config.conn_timeout + base::Duration(std::chrono::seconds(3)));
  if (out_->age() < wait) return;
  context_.metrics.trims.Add();
  context_.metrics.StreamEnd(true, "trimmed");
  Leave(std::move(out_), config.trim_linger, {});
  Pump();
}

void PeerLink::GrantOne(std::uint64_t stream_id) {
  if (PeerStream* stream = Find(stream_id)) return stream->GrantOne();
  for (const Leaving& leaving : leaving_) {
    if (leaving.stream->id() == stream_id) leaving.stream->GrantOne();
  }
}

// 14.3 "removing an old one".
void PeerLink::WatchSilence() {
  if (ins_.size() < 2) return silence_.Reset();
  const auto& config = context_.config;
  auto next = base::SteadyTime::max();
  for (std::size_t i = 0; i + 1 < ins_.size(); ++i) {
    next = std::min(next, ins_[i]->last_heard() + config.alive_expiration_timeout);
  }
  // A silent one whose successors have not settled is looked at again when they have.
  const auto delay = std::max<base::Duration>(next - context_.executor().Now(), config.settle_after);
  silence_ = context_.executor().After(delay, [this] { CloseSilent(); });
}

void PeerLink::CloseSilent() {
  const auto now = context_.executor().Now();
  for (std::size_t i = 0; i + 1 < ins_.size();) {
    const bool silent = now - ins_[i]->last_heard() >= context_.config.alive_expiration_timeout;
    const bool replaced = std::any_of(ins_.begin() + static_cast<std::ptrdiff_t>(i) + 1, ins_.end(),
                                      [](const auto& s) { return s->settled(); });
    if (silent && replaced) {
      EndStream(*ins_[i], "silent", "");
    } else {
      ++i;
    }
  }
  WatchSilence();
  Pump();
}

}  // namespace grapevine::comm
