#include "membership/discovery.h"

#include <algorithm>
#include <map>
#include <utility>

#include "gossip/select_peers.h"
#include "membership/alive_admission.h"
#include "membership/connector.h"
#include "membership/own_alive.h"
#include "membership/reconnector.h"
#include "membership/requester.h"
#include "membership/responder.h"
#include "membership/roster.h"
#include "msp/serialized_identity.h"

namespace grapevine::membership {
namespace {

constexpr char kBootstrap[] = "bootstrap";

// Who was heard on its own connection within so many alive intervals still goes by its PKI-ID (10.8).
constexpr int kFreshIntervals = 2;

// Alive messages of so many intervals, a minute by default, take the same tree (gossip/router.h): a node gets them from
// one other and passes them on together. At the top they come one by one, each from its author, and wait for others.
constexpr std::uint64_t kIntervalsPerTree = 12;

base::Environment Named(base::Environment environment) {
  environment.log = environment.log.Named("discovery");
  return environment;
}

struct HostPort {
  std::string host;
  std::string port;
};

HostPort Split(const base::Endpoint& endpoint) {
  const auto colon = endpoint.rfind(':');
  if (colon == std::string::npos) return {endpoint, {}};
  return {endpoint.substr(0, colon), endpoint.substr(colon + 1)};
}

// Empty if it cannot be parsed; then no MSP accepts it.
std::string OrganizationOf(const base::Bytes& identity) {
  const auto parsed = msp::ParseSerializedIdentity(identity);
  return parsed ? parsed->msp_id : std::string();
}

Member ToMember(const MemberRecord& record) {
  return {.peer = record.peer,
          .internal_endpoint = record.internal_endpoint,
          .metadata = record.metadata,
          .alive = record.alive,
          .timestamp = record.timestamp,
          .envelope = record.envelope};
}

}  // namespace

class Discovery::Impl {
 public:
  Impl(base::Environment environment, DiscoveryParts parts, MembershipConfig config);

  void Start();
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void SetAnchorPeers(const std::string& channel, std::vector<AnchorPeer> anchors);
  std::vector<Member> List(bool alive) const;
  std::optional<Member> Lookup(const wire::PkiId& pki_id) const;
  void UpdateExternalEndpoint(std::string endpoint);

  const gossip::Peer& self() const { return self_; }
  const Roster& roster() const { return roster_; }
  Roster& roster() { return roster_; }
  OwnAlive& own() { return own_; }
  const OwnAlive& own() const { return own_; }

 private:
  void InsertOwnIdentity();
  void Begin();
  void HandleAlive(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void Pushed(const comm::ReceivedMessage& message, Admission admission);
  void Learned(const wire::PkiId& subject, Admission admission);
  void PassOn(const wire::Envelope& envelope, const wire::PeerTime& timestamp, const wire::PkiId& originator,
              const wire::PkiId& sender, std::optional<base::Duration> patience);
  const base::Bytes& TreeKey(const wire::PeerTime& timestamp);
  void Beat();
  void Synchronize(base::Random& random, bool quiet);
  void WantAnchors(const std::string& channel);
  bool IsOwnEndpoint(const base::Endpoint& endpoint) const;
  bool IsWanted(const MemberRecord& record) const;
  base::Handle Introduce(const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
                         std::move_only_function<void(bool)> done);
  void IdentitySwitched(const wire::PkiId& pki_id);

  const base::Environment environment_;
  const DiscoveryParts parts_;
  const MembershipConfig config_;
  gossip::Peer self_;
  bool started_ = false;
  bool accepted_ = false;  // the own identity, by the own MSP
  base::Counter& switches_ignored_;
  base::Counter& heartbeats_;
  base::Counter& heartbeats_failed_;
  base::Counter& unready_;
  Refusals refusals_;
  std::map<std::string, std::vector<AnchorPeer>> anchors_;  // by channel
  OwnAlive own_;
  Roster roster_;
  AliveAdmission admission_;
  Requester requester_;
  Responder responder_;
  Reconnector reconnector_;
  std::unique_ptr<Connector> connector_;  // once the own identity is accepted
  std::uint64_t tree_period_ = 0;
  base::Bytes tree_key_;  // of that period; nearly always the one that is needed
  base::Handle own_identity_;
  base::Handle heartbeat_;
  base::Handle synchronization_;
  base::Handle changes_;
  base::Handle presumed_dead_;
  base::Handle identity_switches_;
  base::Handle purges_;
  base::Lifetime lifetime_;
};

Discovery::Impl::Impl(base::Environment environment, DiscoveryParts parts, MembershipConfig config)
    : environment_(Named(std::move(environment))),
      parts_(parts),
      config_(std::move(config)),
      self_{.pki_id = parts_.mapper.own_pki_id(),
            .endpoint = config_.endpoint,
            .external_endpoint = config_.external_endpoint,
            .organization = OrganizationOf(parts_.mapper.own_identity())},
      switches_ignored_(environment_.metrics.GetCounter("gossip_membership_switches_ignored",
                                                        "Identity switches of members that are there as before.")),
      heartbeats_(environment_.metrics.GetCounter("gossip_membership_heartbeats", "Alive messages gossiped.")),
      heartbeats_failed_(environment_.metrics.GetCounter("gossip_membership_heartbeats_not_signed",
                                                         "Heartbeats left out for want of a signature.")),
      unready_(environment_.metrics.GetCounter("gossip_membership_unready",
                                               "Messages that came before the own identity was accepted.")),
      refusals_(environment_.metrics),
      own_(environment_, parts_.crypto, config_, self_.pki_id, parts_.mapper.own_identity()),
      roster_(environment_, parts_.comm, config_, [this](const MemberRecord& record) { return IsWanted(record); }),
      admission_(environment_, parts_.mapper, parts_.verifier, parts_.rounds, config_, roster_, own_, refusals_),
      requester_(environment_, parts_.comm, config_, self_, own_),
      responder_(environment_, parts_.comm, self_, roster_, admission_, own_, refusals_,
                 [this](const wire::PkiId& subject, Admission admission) { Learned(subject, admission); }),
      reconnector_(environment_, parts_.comm, config_, roster_, requester_) {
  changes_ = roster_.OnChange([this] { reconnector_.Update(); });
  presumed_dead_ = parts_.comm.OnPresumedDead([this](const wire::PkiId& pki_id) { roster_.PresumeDead(pki_id); });
  identity_switches_ = parts_.comm.OnIdentitySwitch([this](const wire::PkiId& pki_id) { IdentitySwitched(pki_id); });
  purges_ = parts_.mapper.OnPurge([this](const msp::IdentityMapper::Entry& entry, const std::string&) {
    roster_.Purge(entry.pki_id, "its identity was purged");
  });
  InsertOwnIdentity();
}

// ---- Start and periodic work

void Discovery::Impl::InsertOwnIdentity() {
  own_identity_ = parts_.mapper.Put(
      self_.pki_id, parts_.mapper.own_identity(), [this](const base::Result<msp::IdentityMapper::Entry>& entry) {
        if (entry) {
          accepted_ = true;
          if (started_) Begin();
          return;
        }
        environment_.log.Error("the own identity is not accepted, so nobody is contacted; trying again: {}",
                               entry.error().message);
        own_identity_ = environment_.executor.After(config_.alive_interval, [this] { InsertOwnIdentity(); });
      });
}

void Discovery::Impl::Start() {
  if (std::exchange(started_, true)) return;
  if (accepted_) Begin();
}

void Discovery::Impl::Begin() {
  // The phase is drawn by lot: peers that start together must not all speak at the same moment for ever.
  const base::Duration first = environment_.random.Between(config_.alive_interval / 2, config_.alive_interval);
  heartbeat_ = environment_.executor.After(first, [this] { Beat(); });
  synchronization_ = parts_.rounds.Join(config_.sync_interval,
                                        [this](base::Random& random, bool quiet) { Synchronize(random, quiet); });
  connector_ = std::make_unique<Connector>(
      environment_, parts_.comm, config_, self_.organization,
      [this](const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
             std::move_only_function<void(bool)> done) { return Introduce(remote, endpoint, std::move(done)); });
  std::vector<Contact> contacts;
  for (const base::Endpoint& endpoint : config_.bootstrap) {
    if (!IsOwnEndpoint(endpoint)) {
      contacts.push_back({.endpoint = endpoint, .organization = self_.organization, .must_be_own = true});
    }
  }
  connector_->Want(kBootstrap, contacts);
  for (const auto& [channel, anchors] : anchors_) WantAnchors(channel);
}

// 10.4: nothing is signed while nobody is there to hear it. What fails is tried again at the next beat (D-20).
void Discovery::Impl::Beat() {
  heartbeat_ = environment_.executor.After(config_.alive_interval, [this] { Beat(); });
  if (roster_.table().alive() == 0) return;
  own_.Sign(lifetime_.Guard([this](const base::Result<wire::Envelope>& envelope) {
    if (!envelope) {
      heartbeats_failed_.Add();
      return environment_.log.Warn("no heartbeat this time: {}", envelope.error().message);
    }
    heartbeats_.Add();
    parts_.emitter.Add({.kind = gossip::EmissionKind::kAlive,
                        .envelope = *envelope,
                        .channel = {},
                        .originator = self_.pki_id,
                        .key = TreeKey(own_.timestamp())});
  }));
}

void Discovery::Impl::Synchronize(base::Random& random, bool quiet) {
  const base::SteadyTime overdue = environment_.executor.Now() - OverdueAfter(config_);
  const bool ask_one = quiet && !roster_.table().IsAnybodySilent(overdue);
  const std::size_t count = ask_one ? std::min<std::size_t>(1, config_.sync_peers) : config_.sync_peers;
  std::vector<gossip::Peer> chosen;
  for (const gossip::Peer* peer : gossip::SelectPeers(random, count, roster_.table().Alive())) {
    chosen.push_back(*peer);
  }
  if (!chosen.empty()) requester_.Ask(chosen, Requester::News::kYoung);
}

// ---- Messages

void Discovery::Impl::Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  if (!accepted_) return unready_.Add();
  const wire::Message& content = message->message();
  if (content.As<wire::AliveMessage>() != nullptr) return HandleAlive(message, ticket);
  if (content.As<wire::MembershipRequest>() != nullptr) return responder_.HandleRequest(message, ticket);
  if (content.As<wire::MembershipResponse>() == nullptr) return;
  requester_.Answered(content.nonce, message->connection().pki_id);
  responder_.HandleResponse(message, ticket);
}

void Discovery::Impl::HandleAlive(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  const auto& alive = *message->message().As<wire::AliveMessage>();
  const bool direct = alive.membership.pki_id == message->connection().pki_id;
  if (admission_.Screen(Source::kGossip, message->envelope(), alive, direct)) return;
  admission_.Check({.source = Source::kGossip,
                    .envelope = message->envelope(),
                    .alive = std::shared_ptr<const wire::AliveMessage>(message, &alive),
                    .direct = direct},
                   lifetime_.Guard([this, message, ticket](Admission admission) { Pushed(*message, admission); }));
}

void Discovery::Impl::Pushed(const comm::ReceivedMessage& message, Admission admission) {
  const auto& alive = *message.message().As<wire::AliveMessage>();
  const wire::PkiId& pki_id = alive.membership.pki_id;
  if (admission == Admission::kDoubted) return reconnector_.Contact(pki_id);  // a replay is not spread
  if (admission != Admission::kNews && admission != Admission::kRefreshed) return;
  const wire::PkiId& sender = message.connection().pki_id;
  std::optional<base::Duration> patience;
  if (admission == Admission::kRefreshed) {
    const bool settled = gossip::HasSettled(roster_.unchanged_since(), environment_.executor.Now());
    patience =
        sender == pki_id && settled ? std::min(config_.gathering, config_.alive_interval / 5) : base::Duration::zero();
  }
  PassOn(message.envelope(), alive.timestamp, pki_id, sender, patience);
}

// By a request or a response. When the push comes that this has overtaken it is a duplicate, and those who expect it
// from here would wait for their sync. Not who was not alive here before: at the start that is everybody.
void Discovery::Impl::Learned(const wire::PkiId& subject, Admission admission) {
  if (admission == Admission::kDoubted) return reconnector_.Contact(subject);
  if (admission != Admission::kRefreshed || config_.gathering == base::Duration::zero()) return;
  const MemberRecord& record = *roster_.table().Find(subject);
  // Foreign peers have it without the secret part: it would keep the whole one from the own organisation.
  if (!record.internal_endpoint.empty() && !record.envelope.has_secret()) return;
  PassOn(record.envelope, record.timestamp, subject, self_.pki_id, base::Duration::zero());
}

void Discovery::Impl::PassOn(const wire::Envelope& envelope, const wire::PeerTime& timestamp,
                             const wire::PkiId& originator, const wire::PkiId& sender,
                             std::optional<base::Duration> patience) {
  parts_.emitter.Add({.kind = gossip::EmissionKind::kAlive,
                      .envelope = envelope,
                      .channel = {},
                      .originator = originator,
                      .key = TreeKey(timestamp),
                      .received_from = sender,
                      .patience = patience});
}

// By the message's own account of the time: whatever the clocks say, the same for all who have the same alive interval.
const base::Bytes& Discovery::Impl::TreeKey(const wire::PeerTime& timestamp) {
  const auto interval = static_cast<std::uint64_t>(config_.alive_interval.count());
  const std::uint64_t period = (timestamp.incarnation / interval + timestamp.sequence) / kIntervalsPerTree;
  if (tree_key_.empty() || period != tree_period_) {
    tree_period_ = period;
    tree_key_ = base::Bytes(std::to_string(period));
  }
  return tree_key_;
}

// ---- Contacts

bool Discovery::Impl::IsOwnEndpoint(const base::Endpoint& endpoint) const {
  if (endpoint == config_.endpoint || endpoint == own_.external_endpoint()) return true;
  const HostPort parts = Split(endpoint);
  return (parts.host == "127.0.0.1" || parts.host == "localhost") && parts.port == Split(config_.endpoint).port;
}

bool Discovery::Impl::IsWanted(const MemberRecord& record) const {
  if (connector_ == nullptr) return false;
  return (!record.peer.external_endpoint.empty() && connector_->IsWanted(record.peer.external_endpoint)) ||
         (!record.internal_endpoint.empty() && connector_->IsWanted(record.internal_endpoint));
}

void Discovery::Impl::SetAnchorPeers(const std::string& channel, std::vector<AnchorPeer> anchors) {
  anchors_[channel] = std::move(anchors);
  WantAnchors(channel);
  if (anchors_[channel].empty()) anchors_.erase(channel);
}

// 10.7, the table of anchor peers.
void Discovery::Impl::WantAnchors(const std::string& channel) {
  if (connector_ == nullptr) return;
  std::vector<Contact> contacts;
  for (const AnchorPeer& anchor : anchors_.at(channel)) {
    const HostPort parts = Split(anchor.endpoint);
    const bool own = anchor.organization == self_.organization;
    if (parts.host.empty() || parts.port.empty() || parts.port == "0") {
      environment_.log.Warn("channel {}: anchor peer '{}' of {} has no host or no port", channel, anchor.endpoint,
                            anchor.organization);
      continue;
    }
    if (IsOwnEndpoint(anchor.endpoint)) continue;
    if (!own && own_.external_endpoint().empty()) continue;  // other organisations must not learn of this peer
    contacts.push_back({.endpoint = anchor.endpoint, .organization = anchor.organization, .must_be_own = own});
  }
  connector_->Want("channel " + channel, contacts);
}

base::Handle Discovery::Impl::Introduce(const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
                                        std::move_only_function<void(bool)> done) {
  if (remote.pki_id != self_.pki_id) return requester_.Introduce(remote, endpoint, std::move(done));
  // The endpoint is this peer itself under another name.
  return environment_.executor.After(base::Duration::zero(), [done = std::move(done)]() mutable { done(true); });
}

// 10.8. A peer that is there under its old PKI-ID has not switched: somebody else answered at its endpoint.
void Discovery::Impl::IdentitySwitched(const wire::PkiId& pki_id) {
  const MemberRecord* record = roster_.table().Find(pki_id);
  if (record == nullptr) return;
  const auto state = parts_.comm.Peer(pki_id);
  const bool connected = state && (state->outgoing || state->incoming > 0);
  const bool heard = record->alive && record->last_direct &&
                     environment_.executor.Now() - *record->last_direct < kFreshIntervals * config_.alive_interval;
  const bool known = !parts_.mapper.OrganizationOf(pki_id).empty();
  if (known && (connected || heard)) return switches_ignored_.Add();
  roster_.Purge(pki_id, "another peer answers at its endpoint");
}

// ---- What others see

std::vector<Member> Discovery::Impl::List(bool alive) const {
  std::vector<Member> members;
  for (const auto& [pki_id, record] : roster_.table().members()) {
    if (record.alive == alive) members.push_back(ToMember(record));
  }
  return members;
}

std::optional<Member> Discovery::Impl::Lookup(const wire::PkiId& pki_id) const {
  if (pki_id == self_.pki_id) {
    return Member{.peer = self_,
                  .internal_endpoint = config_.endpoint,
                  .metadata = own_.metadata(),
                  .alive = true,
                  .timestamp = own_.timestamp(),
                  .envelope = own_.latest()};
  }
  const MemberRecord* record = roster_.table().Find(pki_id);
  if (record == nullptr) return std::nullopt;
  return ToMember(*record);
}

void Discovery::Impl::UpdateExternalEndpoint(std::string endpoint) {
  self_.external_endpoint = endpoint;
  own_.SetExternalEndpoint(std::move(endpoint));
  for (const auto& [channel, anchors] : anchors_) WantAnchors(channel);
}

// ---- Discovery

Discovery::Discovery(base::Environment environment, DiscoveryParts parts, MembershipConfig config)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(config))) {}

Discovery::~Discovery() = default;

void Discovery::Start() { impl_->Start(); }
void Discovery::Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  impl_->Handle(message, ticket);
}
void Discovery::SetAnchorPeers(const std::string& channel, std::vector<AnchorPeer> anchors) {
  impl_->SetAnchorPeers(channel, std::move(anchors));
}

const std::vector<gossip::Peer>& Discovery::Alive() const { return impl_->roster().table().Alive(); }
std::uint64_t Discovery::Version() const { return impl_->roster().table().version(); }
base::SteadyTime Discovery::UnchangedSince() const { return impl_->roster().unchanged_since(); }
const gossip::Peer* Discovery::Find(const wire::PkiId& pki_id) const {
  const MemberRecord* record = impl_->roster().table().Find(pki_id);
  return record == nullptr ? nullptr : &record->peer;
}
const gossip::Peer& Discovery::Self() const { return impl_->self(); }

std::vector<Member> Discovery::Members() const { return impl_->List(/*alive=*/true); }
std::vector<Member> Discovery::DeadMembers() const { return impl_->List(/*alive=*/false); }
std::optional<Member> Discovery::Lookup(const wire::PkiId& pki_id) const { return impl_->Lookup(pki_id); }

void Discovery::UpdateMetadata(base::Bytes metadata) { impl_->own().SetMetadata(std::move(metadata)); }
void Discovery::UpdateExternalEndpoint(std::string endpoint) { impl_->UpdateExternalEndpoint(std::move(endpoint)); }

std::uint64_t Discovery::incarnation() const { return impl_->own().incarnation(); }
DiscoverySizes Discovery::sizes() const {
  const MemberTable& table = impl_->roster().table();
  return {.alive = table.alive(), .dead = table.dead(), .tombstones = table.tombstones()};
}
base::Handle Discovery::OnChange(std::function<void()> observer) {
  return impl_->roster().OnChange(std::move(observer));
}

}  // namespace grapevine::membership
