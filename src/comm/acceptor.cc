#include "comm/acceptor.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace grapevine::comm {

Acceptor::Acceptor(const Context& context, base::Server& server, OnAuthenticated authenticated)
    : context_(context),
      authenticated_(std::move(authenticated)),
      refusals_(context.executor(), 10, std::chrono::seconds(10)),
      stream_service_(server.ServeStream(kGossipStreamMethod,
                                         [this](std::unique_ptr<base::Stream> stream) { Serve(std::move(stream)); })),
      ping_service_(server.ServeUnary(kPingMethod, [](std::unique_ptr<base::UnaryCall> call) { call->Respond({}); })) {}

Acceptor::Entry& Acceptor::Add(std::uint64_t id, const std::string& address) {
  const auto is_same = [&](const auto& entry) { return entry.second.address == address; };
  const auto same = std::count_if(entries_.begin(), entries_.end(), is_same);
  if (static_cast<std::size_t>(same) >= context_.config.max_unauthenticated_per_connection && same > 0) {
    Evict(std::find_if(entries_.begin(), entries_.end(), is_same)->first);
  } else if (entries_.size() >= context_.config.max_unauthenticated_streams && !entries_.empty()) {
    Evict(entries_.begin()->first);
  }
  Entry& entry = entries_[id];
  entry.address = address;
  return entry;
}

void Acceptor::Evict(std::uint64_t id) {
  context_.metrics.incoming_evicted.Add();
  entries_.erase(id);
}

void Acceptor::Serve(std::unique_ptr<base::Stream> stream) {
  if (stopped_) return;
  const std::uint64_t id = next_id_++;
  Entry& entry = Add(id, stream->peer().address);
  entry.handshake = std::make_unique<Handshake>(
      context_, HandshakeRole::kResponder, false, std::make_unique<OwnedStream>(nullptr, std::move(stream)),
      [this, id](std::expected<void, HandshakeError> outcome) { Completed(id, std::move(outcome)); });
}

void Acceptor::Completed(std::uint64_t id, std::expected<void, HandshakeError> outcome) {
  const auto entry = entries_.extract(id);
  Handshake& handshake = *entry.mapped().handshake;
  auto stream = handshake.TakeStream();
  if (!outcome.has_value()) {
    const HandshakeError& error = outcome.error();
    context_.metrics.Handshake("responder", ToString(error.failure));
    std::uint64_t suppressed = 0;
    if (error.failure == HandshakeFailure::kStreamEnded) {
      // Regular: a peer that finds another stream, or has what it probed for, leaves.
      context_.log().Debug("{} left during the handshake: {}", (*stream)->peer().address, error.text);
    } else if (refusals_.Allow(&suppressed)) {
      const std::string more = suppressed == 0 ? "" : fmt::format(" ({} more were not logged)", suppressed);
      context_.log().Warn("refused a stream from {}: {}: {}{}", (*stream)->peer().address, ToString(error.failure),
                          error.text, more);
    }
    Refuse(std::move(stream), {base::StatusCode::kUnknown, error.text, {}});
  } else if (handshake.remote_probes()) {
    context_.metrics.Handshake("responder", "probe");
    Refuse(std::move(stream), {});
  } else {
    context_.metrics.Handshake("responder", "ok");
    authenticated_(std::move(stream), handshake.remote());
  }
}

void Acceptor::Refuse(std::unique_ptr<OwnedStream> stream, base::Status status) {
  if (stream->over()) return;
  stream->SetListener(nullptr);
  (*stream)->Finish(std::move(status));
  const std::uint64_t id = next_id_++;
  Entry& entry = Add(id, (*stream)->peer().address);
  entry.refused = std::move(stream);
  entry.timer = context_.executor().After(context_.config.close_linger, [this, id] { entries_.erase(id); });
}

void Acceptor::Stop() {
  stopped_ = true;
  entries_.clear();
}

}  // namespace grapevine::comm
