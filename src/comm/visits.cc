#include "comm/visits.h"

#include <utility>

namespace grapevine::comm {

base::Handle Visits::Add(std::uint64_t id, Visit visit) {
  visits_.insert_or_assign(id, std::move(visit));
  return base::Handle(lifetime_.Guard([this, id] { visits_.erase(id); }));
}

base::Handle Visits::Probe(const base::Endpoint& endpoint, Dialer::OnProbed done) {
  const std::uint64_t id = next_id_++;
  Visit visit;
  visit.endpoint = endpoint;
  visit.done = [done = std::move(done)](base::Result<ConnectionInfo> result) mutable {
    if (result.has_value()) return done({});
    done(std::unexpected(result.error()));
  };
  visit.dial = dialer_.Probe(endpoint, [this, id](base::Result<void> result) {
    if (result.has_value()) return Finish(id, ConnectionInfo{});
    Finish(id, std::unexpected(result.error()));
  });
  return Add(id, std::move(visit));
}

base::Handle Visits::Handshake(const base::Endpoint& endpoint, const std::optional<wire::PkiId>& expected, Done done) {
  const std::uint64_t id = next_id_++;
  Visit visit;
  visit.endpoint = endpoint;
  visit.done = std::move(done);
  visit.dial = dialer_.Connect(endpoint, /*probe=*/true,
                               [this, id, expected](base::Result<std::unique_ptr<comm::Handshake>> handshake) {
                                 Connected(id, expected, std::move(handshake));
                               });
  return Add(id, std::move(visit));
}

void Visits::Connected(std::uint64_t id, const std::optional<wire::PkiId>& expected,
                       base::Result<std::unique_ptr<comm::Handshake>> handshake) {
  if (!handshake.has_value()) return Finish(id, std::unexpected(handshake.error()));
  Visit& visit = visits_.at(id);
  const auto info = (*handshake)->remote();
  if (expected.has_value() && info->pki_id != *expected) {  // no exception for the own organisation here
    context_.metrics.Handshake("initiator", "unexpected_peer");
    return Finish(id, base::Fail(base::ErrorCode::kDenied, "{} is {} and not {} as expected", visit.endpoint,
                                 info->pki_id.Short(), expected->Short()));
  }
  context_.metrics.Handshake("initiator", "probed");
  visit.ending = std::make_unique<Ending>(*this, id, info);
  visit.ending->stream = (*handshake)->Commit();
  visit.ending->stream->SetListener(visit.ending.get());
  (*visit.ending->stream)->HalfClose();
}

void Visits::Ending::OnEnd(const base::Status& status) {
  if (status.ok()) return visits.Finish(id, *info);
  visits.Finish(id, base::Fail(base::ErrorCode::kDenied, "{} at {} refused the handshake: {} {}", info->pki_id.Short(),
                               info->remote_address, base::ToString(status.code), status.message));
}

void Visits::Finish(std::uint64_t id, base::Result<ConnectionInfo> result) {
  auto visit = visits_.extract(id);
  visit.mapped().done(std::move(result));
}

void Visits::FailAll(const base::Error& error) {
  for (auto& [number, visit] : visits_) {
    visit.ending.reset();
    visit.dial = context_.executor().After(base::Duration::zero(),
                                           [this, id = number, error] { Finish(id, std::unexpected(error)); });
  }
}

}  // namespace grapevine::comm
