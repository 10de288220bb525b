#include "comm/dialer.h"

#include <utility>

namespace grapevine::comm {

base::Handle Dialer::Connect(base::Endpoint endpoint, bool probe, OnConnected done) {
  Attempt attempt;
  attempt.endpoint = std::move(endpoint);
  attempt.probe_flag = probe;
  attempt.connected = std::move(done);
  return Add(std::move(attempt));
}

base::Handle Dialer::Probe(base::Endpoint endpoint, OnProbed done) {
  Attempt attempt;
  attempt.endpoint = std::move(endpoint);
  attempt.probed = std::move(done);
  return Add(std::move(attempt));
}

base::Handle Dialer::Add(Attempt attempt) {
  const std::uint64_t id = next_id_++;
  waiting_.emplace(id, std::move(attempt));
  StartNext();
  return base::Handle(lifetime_.Guard([this, id] {
    waiting_.erase(id);
    const auto cancelled = active_.extract(id);
    if (!cancelled.empty()) StartNext();
  }));
}

void Dialer::StartNext() {
  while (!waiting_.empty() && active_.size() < context_.config.max_concurrent_dials) {
    auto next = waiting_.extract(waiting_.begin());
    const std::uint64_t id = next.key();
    active_.insert(std::move(next));
    Start(id);
  }
}

void Dialer::Start(std::uint64_t id) {
  Attempt& attempt = active_.at(id);
  attempt.pending = transport_.Dial(attempt.endpoint, context_.config.dial_timeout,
                                    [this, id](base::Result<std::unique_ptr<base::Connection>> connection) {
                                      if (!connection.has_value()) {
                                        context_.metrics.Dial("failed");
                                        return Finish(id, std::unexpected(connection.error()));
                                      }
                                      active_.at(id).connection = std::move(*connection);
                                      Ping(id);
                                    });
}

void Dialer::Ping(std::uint64_t id) {
  Attempt& attempt = active_.at(id);
  attempt.pending = attempt.connection->Unary(
      kPingMethod, base::Bytes(), {.metadata = {}, .timeout = context_.config.conn_timeout},
      [this, id](base::UnaryResult answer) {
        if (!answer.status.ok()) {
          context_.metrics.Dial("ping_failed");
          return Finish(
              id, base::Fail(base::ErrorCode::kUnavailable, "{} does not answer Ping: {} {}", active_.at(id).endpoint,
                             base::ToString(answer.status.code), answer.status.message));
        }
        if (active_.at(id).probed != nullptr) return Finish(id, {});
        OpenStream(id);
      });
}

void Dialer::OpenStream(std::uint64_t id) {
  Attempt& attempt = active_.at(id);
  const auto limit = attempt.probe_flag ? context_.config.handshake_timeout : base::Duration::zero();
  auto stream = attempt.connection->Open(kGossipStreamMethod, {.metadata = {}, .timeout = limit});
  attempt.handshake = std::make_unique<Handshake>(
      context_, HandshakeRole::kInitiator, attempt.probe_flag,
      std::make_unique<OwnedStream>(std::move(attempt.connection), std::move(stream)),
      [this, id](std::expected<void, HandshakeError> outcome) {
        if (outcome.has_value()) {
          context_.metrics.Dial("authenticated");
          return Finish(id, {});
        }
        const HandshakeError& error = outcome.error();
        context_.metrics.Dial("not_authenticated");
        context_.metrics.Handshake("initiator", ToString(error.failure));
        // Own slowness says nothing about the peer: the code by which PeerLink tells it from a refusal.
        const bool own_fault =
            error.failure == HandshakeFailure::kTooLate || error.failure == HandshakeFailure::kOverloaded;
        const auto code = own_fault ? base::ErrorCode::kExhausted : base::ErrorCode::kDenied;
        Finish(id, base::Fail(code, "handshake with {}: {}: {}", active_.at(id).endpoint, ToString(error.failure),
                              error.text));
      });
}

void Dialer::Finish(std::uint64_t id, base::Result<void> result) {
  auto finished = active_.extract(id);
  Attempt& attempt = finished.mapped();
  const auto alive = lifetime_.Watch();
  if (attempt.probed != nullptr) {
    context_.metrics.Dial(result.has_value() ? "probed" : "probe_failed");
    attempt.probed(std::move(result));
  } else if (result.has_value()) {
    attempt.connected(std::move(attempt.handshake));
  } else {
    attempt.connected(std::unexpected(result.error()));
  }
  if (!alive.expired()) StartNext();
}

}  // namespace grapevine::comm
