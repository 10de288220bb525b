#include "membership/responder.h"

#include <optional>
#include <utility>

#include "membership/disclosure.h"

namespace grapevine::membership {
namespace {

constexpr std::size_t kElementsPerEvent = 64;
constexpr std::size_t kChecksPerResponse = 16;

// As it came, or without the secret part; nothing if it may not be shown.
std::optional<wire::Envelope> Shown(const wire::Envelope& envelope, Disclosure disclosure) {
  switch (disclosure) {
    case Disclosure::kEverything:
      return envelope;
    case Disclosure::kWithoutSecret:
      return envelope.WithoutSecret();
    case Disclosure::kNothing:
      break;
  }
  return std::nullopt;
}

}  // namespace

Responder::Responder(const base::Environment& environment, comm::Comm& comm, const gossip::Peer& self,
                     const Roster& roster, AliveAdmission& admission, OwnAlive& own, Refusals& refusals,
                     OnAdmitted on_admitted)
    : environment_(environment),
      comm_(comm),
      self_(self),
      roster_(roster),
      admission_(admission),
      own_(own),
      refusals_(refusals),
      on_admitted_(std::move(on_admitted)) {}

// ---- Requests

void Responder::HandleRequest(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  const auto refuse = [this](Refusal refusal) { refusals_.Count(Source::kRequest, refusal); };
  const wire::Envelope& information = message->message().As<wire::MembershipRequest>()->self_information;
  auto decoded = wire::DecodeMessage(information.payload());
  if (!decoded) return refuse(Refusal::kMalformed);
  const auto* alive = decoded->As<wire::AliveMessage>();
  if (alive == nullptr) return refuse(Refusal::kWrongType);
  if (alive->membership.pki_id != message->connection().pki_id) return refuse(Refusal::kWrongSender);

  // The connection proves who asks, so that a known message needs no check before it is answered.
  gossip::Peer requester{.pki_id = alive->membership.pki_id,
                         .endpoint = {},
                         .external_endpoint = alive->membership.endpoint,
                         .organization = message->connection().organization};
  if (const auto admission = admission_.Screen(Source::kRequest, information, *alive, true)) {
    if (*admission != Admission::kRefused) Answer(message, requester, ticket);
    return;
  }
  admission_.Check({.source = Source::kRequest,
                    .envelope = information,
                    .alive = std::make_shared<const wire::AliveMessage>(*alive),
                    .direct = true},
                   lifetime_.Guard([this, message, requester, ticket](Admission outcome) {
                     on_admitted_(requester.pki_id, outcome);
                     if (outcome != Admission::kRefused) Answer(message, requester, ticket);
                   }));
}

bool Responder::TakeFromBudget(const wire::PkiId& requester) {
  const base::SteadyTime now = environment_.executor.Now();
  if (now - period_start_ >= kBudgetPeriod) {
    period_start_ = now;
    answered_.clear();
  }
  return ++answered_[requester] <= kAnswersPerPeer;
}

void Responder::Answer(const comm::ReceivedMessagePtr& message, const gossip::Peer& requester,
                       const gossip::Ticket& ticket) {
  if (Disclose(self_.organization, self_, requester) == Disclosure::kNothing) {
    refusals_.Count(Source::kRequest, Refusal::kNotDisclosed);
    return comm_.CloseConn(requester.pki_id);
  }
  if (!TakeFromBudget(requester.pki_id)) return refusals_.Count(Source::kRequest, Refusal::kBusy);
  own_.Current(lifetime_.Guard([this, message, requester, ticket](const base::Result<wire::Envelope>& self) {
    Respond(*message, requester, self);
  }));
}

void Responder::Respond(const comm::ReceivedMessage& message, const gossip::Peer& requester,
                        const base::Result<wire::Envelope>& self) {
  if (!self) return refusals_.Count(Source::kRequest, Refusal::kSigning);
  wire::MembershipResponse response;
  response.alive.reserve(roster_.table().alive() + 1);
  response.dead.reserve(roster_.table().dead());
  for (const auto& [pki_id, record] : roster_.table().members()) {
    auto shown = Shown(record.envelope, Disclose(self_.organization, record.peer, requester));
    if (shown) (record.alive ? response.alive : response.dead).push_back(std::move(*shown));
  }
  const auto shown = Shown(*self, Disclose(self_.organization, self_, requester));
  if (!shown) return refusals_.Count(Source::kRequest, Refusal::kNotDisclosed);  // hidden meanwhile
  response.alive.push_back(*shown);
  message.Respond(wire::UnsignedEnvelope(wire::NewMessage(std::move(response), {}, message.message().nonce)));
}

// ---- Responses

void Responder::HandleResponse(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  // One at a time of each peer: else one peer could take all places of those in work for as long as it likes, and the
  // heartbeats of all others would wait.
  if (!read_from_.insert(message->connection().pki_id).second) {
    return refusals_.Count(Source::kResponseAlive, Refusal::kBusy);
  }
  Read(std::make_shared<Reading>(Reading{.message = message, .ticket = ticket}));
}

void Responder::Read(const std::shared_ptr<Reading>& reading) {
  const auto& response = *reading->message->message().As<wire::MembershipResponse>();
  const wire::PkiId& sender = reading->message->connection().pki_id;
  const std::size_t size = response.alive.size() + response.dead.size();
  const auto& members = roster_.table().members();
  auto next = members.upper_bound(reading->last);  // the member that a list in order of PKI-ID has in this place
  for (std::size_t read = 0; reading->next < size && reading->checking < kChecksPerResponse; ++read) {
    if (read == kElementsPerEvent) {
      reading->posted = true;
      return environment_.executor.Post(lifetime_.Guard([this, reading] {
        reading->posted = false;
        Read(reading);
      }));
    }
    const std::size_t index = reading->next++;
    const bool is_alive = index < response.alive.size();
    const Source source = is_alive ? Source::kResponseAlive : Source::kResponseDead;
    const wire::Envelope& envelope = is_alive ? response.alive[index] : response.dead[index - response.alive.size()];
    // Peers like this one list members in the order of this table, and nearly always their newest messages are the
    // same: those are recognised by their signatures, without a look at what they say.
    if (next != members.end() && next->first != sender && next->second.envelope.HasSameSignature(envelope)) {
      refusals_.Count(source, is_alive ? Refusal::kDuplicate : Refusal::kKnown);
      reading->last = next->first;
      ++next;
      continue;
    }
    if (ReadElement(reading, source, envelope)) ++reading->checking;
    next = members.upper_bound(reading->last);
  }
  if (reading->next == size && reading->checking == 0) read_from_.erase(sender);
}

bool Responder::ReadElement(const std::shared_ptr<Reading>& reading, Source source, const wire::Envelope& envelope) {
  const auto decoded = wire::DecodeMessage(envelope.payload());
  const auto* alive = decoded ? decoded->As<wire::AliveMessage>() : nullptr;
  if (alive == nullptr) {
    refusals_.Count(source, decoded ? Refusal::kWrongType : Refusal::kMalformed);
    return false;
  }
  const wire::PkiId pki_id = alive->membership.pki_id;
  reading->last = pki_id;
  const bool direct = source == Source::kResponseAlive && pki_id == reading->message->connection().pki_id;
  if (admission_.Screen(source, envelope, *alive, direct)) return false;
  admission_.Check({.source = source,
                    .envelope = envelope,
                    .alive = std::make_shared<const wire::AliveMessage>(*alive),
                    .direct = direct},
                   lifetime_.Guard([this, reading, pki_id](Admission admission) {
                     on_admitted_(pki_id, admission);
                     --reading->checking;
                     if (!reading->posted) Read(reading);
                   }));
  return true;
}

}  // namespace grapevine::membership
