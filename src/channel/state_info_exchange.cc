#include "channel/state_info_exchange.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "channel/own_state_info.h"
#include "channel/refusal.h"
#include "channel/state_info_cache.h"
#include "gossip/select_peers.h"
#include "msp/channel_mac.h"

namespace grapevine::channel {

using comm::ReceivedMessagePtr;
using gossip::Ticket;

namespace {

constexpr char kStateInfo[] = "state_info";
constexpr char kSnapshot[] = "state_snapshot";
constexpr char kPullRequest[] = "state_info_pull_req";

// The crypto had no room: says nothing about the signature.
bool IsBusy(const base::Result<void>& verdict) {
  return !verdict && verdict.error().code == base::ErrorCode::kExhausted;
}

const char* ReasonOf(const base::Error& error) {
  if (error.code == base::ErrorCode::kExhausted) return "busy";
  if (error.code == base::ErrorCode::kNotFound) return "unknown_identity";
  return error.code == base::ErrorCode::kDenied ? "policy_or_signature" : "signature";
}

}  // namespace

class StateInfoExchange::Impl {
 public:
  Impl(base::Environment environment, ChannelParts parts, std::string channel, ChannelConfig config);

  void Start();
  void SetOrganizations(std::set<std::string> organizations);
  void HandleStateInfo(const ReceivedMessagePtr& message, const Ticket& ticket);
  void HandleSnapshot(const ReceivedMessagePtr& message, const Ticket& ticket);
  void HandlePullRequest(const ReceivedMessagePtr& message);
  void ForgetUnknownPeers();
  const ChannelMember* Find(const wire::PkiId& peer);
  bool IsEligible(const wire::PkiId& peer);
  std::vector<ChannelMember> Members();

  void SetObservers(Observers observers) { observers_ = std::move(observers); }
  OwnStateInfo& own() { return own_; }
  const StateInfoCache& cache() const { return cache_; }

 private:
  // A snapshot whose elements are being looked at, some at a time.
  struct Snapshot {
    ReceivedMessagePtr message;
    Ticket ticket;
    std::size_t next = 0;       // element
    std::size_t verifying = 0;  // elements whose signatures are being checked
    std::size_t bad_signatures = 0;
    bool posted = false;  // an event that goes on is under way
  };
  // A state info whose signature is being checked.
  struct Candidate {
    wire::Envelope envelope;
    wire::StateInfo info;
    ReceivedMessagePtr pushed;           // null: from a snapshot
    std::shared_ptr<Snapshot> snapshot;  // null: pushed
    Ticket ticket;
    std::uint64_t configuration = 0;  // under which it is being checked
  };
  using CandidatePtr = std::shared_ptr<Candidate>;
  // An encoded answer to pull requests.
  struct Answer {
    wire::Envelope envelope;
    std::uint64_t version = 0;  // of the cache
    base::SteadyTime made{};
    bool valid = false;
  };

  const std::string& own_organization() const { return parts_.peers.Self().organization; }
  bool InChannel() const { return organizations_.contains(own_organization()); }
  bool HasAudience() const { return InChannel() && !parts_.peers.Alive().empty(); }
  void Refuse(const char* type, const char* reason) { CountRefusal(environment_.metrics, type, reason); }

  const char* Objection(const wire::StateInfo& info, const wire::Envelope& envelope) const;
  bool Acceptable(const char* type, const wire::StateInfo& info, const wire::Envelope& envelope);
  void HearOwn(const char* type, const wire::StateInfo& info, const wire::Envelope& envelope, const Ticket& ticket);
  void OwnVerified(const wire::PeerTime& timestamp, const char* type, const base::Result<void>& verdict);
  void Verify(const CandidatePtr& candidate);
  void Verified(const CandidatePtr& candidate, const base::Result<void>& verdict);
  void Add(const wire::StateInfo& info, const wire::Envelope& envelope);
  void Forward(const CandidatePtr& candidate);
  void Publish(const wire::StateInfo& info, const wire::Envelope& envelope);
  void GoOn(const std::shared_ptr<Snapshot>& snapshot);
  bool LookAt(const std::shared_ptr<Snapshot>& snapshot, const wire::Envelope& element);

  bool MayTellForeigners(const wire::PkiId& originator) const;
  const wire::Envelope& AnswerFor(bool own_organization);
  void Request(base::Random& random, bool quiet);

  void VerifyAgain();
  void Remove(const wire::PkiId& peer, const char* reason);

  base::Environment environment_;
  ChannelParts parts_;
  std::string channel_;
  ChannelConfig config_;
  wire::PkiId self_;
  wire::Envelope request_;

  base::Counter& duplicates_;
  base::LogLimit log_limit_;
  Observers observers_;
  StateInfoCache cache_;
  std::uint64_t cache_version_ = 0;  // when others were last asked
  bool answered_ = false;            // since then
  OwnStateInfo own_;
  std::set<std::string> organizations_;
  std::uint64_t configuration_ = 0;           // counts SetOrganizations
  std::set<wire::PkiId> snapshots_;           // peers one of whose snapshots is being looked at
  std::map<wire::PkiId, std::size_t> asked_;  // pull requests of each peer since the last request tick
  std::array<Answer, 2> answers_;             // to peers of other organisations, to those of the own one
  std::deque<wire::PkiId> to_verify_again_;
  std::size_t verifying_again_ = 0;
  bool verifying_own_ = false;  // one state info at a time that claims to be this node's
  base::Handle requests_;       // in the node's rounds
  base::Handle purges_;
  base::Lifetime lifetime_;
};

StateInfoExchange::Impl::Impl(base::Environment environment, ChannelParts parts, std::string channel,
                              ChannelConfig config)
    : environment_(std::move(environment)),
      parts_(parts),
      channel_(std::move(channel)),
      config_(config),
      self_(parts_.mapper.own_pki_id()),
      request_(wire::UnsignedEnvelope(
          wire::NewMessage(wire::StateInfoPullRequest{base::Bytes::Copy(msp::ChannelMac(self_, channel_).view())}))),
      duplicates_(
          environment_.metrics.GetCounter("gossip_channel_state_info_duplicates",
                                          "State infos that were cached already, or older than the cached one")),
      log_limit_(environment_.executor, 1, std::chrono::minutes(1)),
      own_(
          environment_, parts_.crypto, self_, channel_, config_.publish_state_info_interval,
          [this] { return HasAudience(); },
          [this](const wire::StateInfo& info, const wire::Envelope& envelope) { Publish(info, envelope); }),
      purges_(parts_.mapper.OnPurge(
          [this](const msp::IdentityMapper::Entry& entry, const std::string&) { Remove(entry.pki_id, "identity"); })) {}

void StateInfoExchange::Impl::Start() {
  own_.Start();
  requests_ = parts_.rounds.Join(config_.request_state_info_interval,
                                 [this](base::Random& random, bool quiet) { Request(random, quiet); });
}

// --- accepting state infos -------------------------------------------------------------------------------------------

// Why a state info of the channel, newer than what is cached, is refused; null if it is not.
const char* StateInfoExchange::Impl::Objection(const wire::StateInfo& info, const wire::Envelope& envelope) const {
  if (info.timestamp.incarnation == 0) return "no_timestamp";
  if (envelope.encoded().size() > config_.max_state_info_bytes) return "too_large";
  if (info.properties && info.properties->chaincodes.size() > config_.max_chaincodes) return "too_many_chaincodes";
  const std::string organization = parts_.mapper.OrganizationOf(info.pki_id);
  if (organization.empty()) return "unknown_identity";
  if (!organizations_.contains(organization)) return "organization";
  const bool is_new = !cache_.records().contains(info.pki_id);
  return is_new && cache_.size() >= config_.max_members ? "full" : nullptr;
}

bool StateInfoExchange::Impl::Acceptable(const char* type, const wire::StateInfo& info,
                                         const wire::Envelope& envelope) {
  if (!cache_.WouldAccept(info.pki_id, info.timestamp)) {
    duplicates_.Add();
    return false;
  }
  const char* objection = Objection(info, envelope);
  if (objection != nullptr) Refuse(type, objection);
  return objection == nullptr;
}

void StateInfoExchange::Impl::HandleStateInfo(const ReceivedMessagePtr& message, const Ticket& ticket) {
  const auto& info = *message->message().As<wire::StateInfo>();
  if (info.pki_id == self_) return HearOwn(kStateInfo, info, message->envelope(), ticket);
  if (!Acceptable(kStateInfo, info, message->envelope())) return;
  Verify(std::make_shared<Candidate>(
      Candidate{.envelope = message->envelope(), .info = info, .pushed = message, .snapshot = {}, .ticket = ticket}));
}

// What this node said of itself comes back all the time. Of interest is only what would outrank it: a state info of
// before its clock was set back, which must not silence it (D-12).
void StateInfoExchange::Impl::HearOwn(const char* type, const wire::StateInfo& info, const wire::Envelope& envelope,
                                      const Ticket& ticket) {
  if (!own_.IsOutrankedBy(info.timestamp)) {
    if (type != kSnapshot) Refuse(type, "own");  // it is in everybody's snapshot
    return;
  }
  if (envelope.encoded().size() > config_.max_state_info_bytes) return Refuse(type, "too_large");
  if (std::exchange(verifying_own_, true)) return Refuse(type, "busy");
  auto verified = [this, timestamp = info.timestamp, type, ticket](const base::Result<void>& verdict) {
    verifying_own_ = false;
    OwnVerified(timestamp, type, verdict);
  };
  parts_.verifier.Verify(self_, envelope, lifetime_.Guard(std::move(verified)));
}

void StateInfoExchange::Impl::OwnVerified(const wire::PeerTime& timestamp, const char* type,
                                          const base::Result<void>& verdict) {
  if (!verdict) return Refuse(type, ReasonOf(verdict.error()));
  const bool outranked = own_.Outrank(timestamp);
  if (!log_limit_.Allow()) return;
  if (outranked) {
    environment_.log.Warn(
        "channel {}: a state info of this peer's own PKI-ID has the later incarnation {}: the clock was set back, or "
        "another peer uses the same key; going on with the next incarnation",
        channel_, timestamp.incarnation);
  } else {
    environment_.log.Error(
        "channel {}: a state info of this peer's own PKI-ID has the greatest incarnation that there is: the channel "
        "will not believe this peer's height until it has a new key",
        channel_);
  }
}

void StateInfoExchange::Impl::Verify(const CandidatePtr& candidate) {
  candidate->configuration = configuration_;
  parts_.verifier.VerifyByChannel(
      channel_, configuration_, candidate->info.pki_id, candidate->envelope,
      lifetime_.Guard([this, candidate](const base::Result<void>& verdict) { Verified(candidate, verdict); }));
}

void StateInfoExchange::Impl::Verified(const CandidatePtr& candidate, const base::Result<void>& verdict) {
  const char* type = candidate->pushed != nullptr ? kStateInfo : kSnapshot;
  const auto snapshot = candidate->snapshot;
  const bool acceptable = Acceptable(type, candidate->info, candidate->envelope);
  // A verdict under an earlier configuration says nothing (D-26).
  if (acceptable && candidate->configuration != configuration_) return Verify(candidate);
  if (acceptable && !verdict) {
    Refuse(type, ReasonOf(verdict.error()));
    if (snapshot != nullptr && !IsBusy(verdict)) ++snapshot->bad_signatures;
  }
  if (acceptable && verdict) Add(candidate->info, candidate->envelope);
  if (snapshot != nullptr) {
    --snapshot->verifying;
    if (!snapshot->posted) GoOn(snapshot);
  } else if (acceptable && verdict) {
    Forward(candidate);
  }
}

void StateInfoExchange::Impl::Add(const wire::StateInfo& info, const wire::Envelope& envelope) {
  ChannelMember record{.peer = {.pki_id = info.pki_id,
                                .endpoint = {},
                                .external_endpoint = {},
                                .organization = parts_.mapper.OrganizationOf(info.pki_id)},
                       .properties = info.properties.value_or(wire::Properties()),
                       .timestamp = info.timestamp,
                       .state_info = envelope};
  const ChannelMember* before = cache_.Find(info.pki_id);
  const bool was_member = before != nullptr && !before->properties.left_channel;
  const bool is_member = !record.properties.left_channel;
  const std::uint64_t height = record.properties.ledger_height;
  const bool higher = is_member && (!was_member || height > before->properties.ledger_height);
  cache_.Put(std::move(record));
  if (info.pki_id == self_) return;
  environment_.log.Debug("state info of {} accepted: height {}{}", info.pki_id.Short(), height,
                         is_member ? "" : ", left the channel");
  if (was_member != is_member && observers_.members) observers_.members();
  if (higher && observers_.height) observers_.height(info.pki_id, height);
}

void StateInfoExchange::Impl::Forward(const CandidatePtr& candidate) {
  parts_.emitter.Add({.kind = gossip::EmissionKind::kStateInfo,
                      .envelope = candidate->envelope,
                      .channel = channel_,
                      .originator = candidate->info.pki_id,
                      .received_from = candidate->pushed->connection().pki_id});
  if (observers_.added) observers_.added(candidate->pushed);
}

void StateInfoExchange::Impl::Publish(const wire::StateInfo& info, const wire::Envelope& envelope) {
  if (!InChannel()) return;
  Add(info, envelope);
  parts_.emitter.Add(
      {.kind = gossip::EmissionKind::kStateInfo, .envelope = envelope, .channel = channel_, .originator = self_});
}

// --- snapshots -------------------------------------------------------------------------------------------------------

void StateInfoExchange::Impl::HandleSnapshot(const ReceivedMessagePtr& message, const Ticket& ticket) {
  answered_ = true;
  // On an idle ledger everybody says the same, and says it as this node does if it is one like it.
  const Answer& answer = answers_[1];
  if (answer.valid && answer.version == cache_.version() && answer.envelope == message->envelope()) {
    return duplicates_.Add(message->message().As<wire::StateInfoSnapshot>()->elements.size());
  }
  // One at a time of each peer: more work than that nobody can make this node do.
  if (!snapshots_.insert(message->connection().pki_id).second) return Refuse(kSnapshot, "busy");
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->message = message;
  snapshot->ticket = ticket;
  GoOn(snapshot);
}

void StateInfoExchange::Impl::GoOn(const std::shared_ptr<Snapshot>& snapshot) {
  const auto& elements = snapshot->message->message().As<wire::StateInfoSnapshot>()->elements;
  std::size_t looked_at = 0;
  while (snapshot->next < elements.size() && snapshot->verifying < config_.max_snapshot_verifications) {
    if (looked_at++ == config_.snapshot_slice) {
      snapshot->posted = true;
      return environment_.executor.Post(lifetime_.Guard([this, snapshot] {
        snapshot->posted = false;
        GoOn(snapshot);
      }));
    }
    if (snapshot->bad_signatures >= config_.max_bad_signatures) {
      Refuse(kSnapshot, "rest_after_bad_signatures");
      snapshot->next = elements.size();
    } else if (!LookAt(snapshot, elements[snapshot->next++])) {
      Refuse(kSnapshot, "undecodable");
      snapshot->next = elements.size();
    }
  }
  if (snapshot->next == elements.size() && snapshot->verifying == 0) {
    snapshots_.erase(snapshot->message->connection().pki_id);
  }
}

// False if the element is no state info: nothing behind it is looked at (11.9).
bool StateInfoExchange::Impl::LookAt(const std::shared_ptr<Snapshot>& snapshot, const wire::Envelope& element) {
  if (cache_.Holds(element)) {
    duplicates_.Add();
    return true;
  }
  auto candidate = std::make_shared<Candidate>();
  candidate->envelope = element.Detached();
  auto message = wire::DecodeMessage(candidate->envelope.payload());
  auto* info = message ? std::get_if<wire::StateInfo>(&message->content) : nullptr;
  if (info == nullptr) return false;
  if (info->pki_id != self_ && !cache_.WouldAccept(info->pki_id, info->timestamp)) {
    duplicates_.Add();
  } else if (info->channel_mac.view() != msp::ChannelMac(info->pki_id, channel_).view()) {
    Refuse(kSnapshot, "MAC");
  } else if (info->pki_id == self_) {
    HearOwn(kSnapshot, *info, candidate->envelope, snapshot->ticket);
  } else if (parts_.peers.Find(info->pki_id) == nullptr) {
    parts_.rounds.Suspect();
    Refuse(kSnapshot, "unknown_peer");
  } else if (Acceptable(kSnapshot, *info, candidate->envelope)) {
    candidate->info = std::move(*info);
    candidate->snapshot = snapshot;
    candidate->ticket = snapshot->ticket;
    ++snapshot->verifying;
    Verify(candidate);
  }
  return true;
}

void StateInfoExchange::Impl::HandlePullRequest(const ReceivedMessagePtr& message) {
  const comm::ConnectionInfo& requester = message->connection();
  if (++asked_[requester.pki_id] > config_.max_state_info_requests) return Refuse(kPullRequest, "budget");
  if (cache_.size() == 0) return;
  message->Respond(AnswerFor(requester.organization == own_organization()));
}

// Foreign peers hear only of those whose external endpoint they may know.
bool StateInfoExchange::Impl::MayTellForeigners(const wire::PkiId& originator) const {
  if (originator == self_) return parts_.peers.Self().has_external_endpoint();
  const std::string organization = parts_.mapper.OrganizationOf(originator);
  if (organization != own_organization()) return !organization.empty();
  const gossip::Peer* peer = parts_.peers.Find(originator);
  return peer != nullptr && peer->has_external_endpoint();
}

const wire::Envelope& StateInfoExchange::Impl::AnswerFor(bool own_organization) {
  Answer& answer = answers_[own_organization ? 1 : 0];
  const base::SteadyTime now = environment_.executor.Now();
  // What foreign peers may hear depends on the membership too.
  const bool fresh = own_organization || now - answer.made < config_.foreign_snapshot_age;
  if (answer.valid && answer.version == cache_.version() && fresh) return answer.envelope;
  wire::StateInfoSnapshot snapshot;
  for (const auto& [pki_id, record] : cache_.records()) {
    if (own_organization || MayTellForeigners(pki_id)) snapshot.elements.push_back(record.state_info);
  }
  answer = {.envelope = wire::UnsignedEnvelope(wire::NewMessage(std::move(snapshot), channel_)),
            .version = cache_.version(),
            .made = now,
            .valid = true};
  return answer.envelope;
}

void StateInfoExchange::Impl::Request(base::Random& random, bool quiet) {
  // Who does not answer is perhaps not in the channel.
  const bool answered = std::exchange(answered_, false);
  const std::uint64_t version_before = std::exchange(cache_version_, cache_.version());
  const bool ask_one = quiet && answered && version_before == cache_version_;
  asked_.clear();
  VerifyAgain();
  if (!InChannel()) return;
  const std::size_t count = ask_one ? std::min<std::size_t>(1, config_.state_info_peers) : config_.state_info_peers;
  const auto chosen = gossip::SelectPeers(random, count, parts_.peers.Alive(), [this](const gossip::Peer& peer) {
    return organizations_.contains(peer.organization);
  });
  std::vector<comm::RemotePeer> peers;
  for (const gossip::Peer* peer : chosen) peers.push_back(peer->remote());
  if (!peers.empty()) parts_.comm.Send(request_, peers);
}

// --- forgetting ------------------------------------------------------------------------------------------------------

void StateInfoExchange::Impl::Remove(const wire::PkiId& peer, const char* reason) {
  if (!cache_.Erase(peer)) return;
  environment_.metrics
      .GetCounter("gossip_channel_state_infos_removed", "State infos that were forgotten", {{"reason", reason}})
      .Add();
  if (observers_.members) observers_.members();
}

void StateInfoExchange::Impl::ForgetUnknownPeers() {
  std::vector<wire::PkiId> unknown;
  for (const auto& [pki_id, record] : cache_.records()) {
    if (pki_id != self_ && parts_.peers.Find(pki_id) == nullptr) unknown.push_back(pki_id);
  }
  for (const auto& pki_id : unknown) Remove(pki_id, "unknown_peer");
}

void StateInfoExchange::Impl::SetOrganizations(std::set<std::string> organizations) {
  organizations.erase("");
  const bool was_removed = configuration_ > 0 && !InChannel();
  organizations_ = std::move(organizations);
  parts_.rounds.Suspect();
  ++configuration_;
  if (was_removed && InChannel()) own_.Renew();  // the others have forgotten it
  std::vector<wire::PkiId> gone;
  to_verify_again_.clear();
  for (const auto& [pki_id, record] : cache_.records()) {
    if (!organizations_.contains(pki_id == self_ ? own_organization() : parts_.mapper.OrganizationOf(pki_id))) {
      gone.push_back(pki_id);
    } else if (pki_id != self_) {
      to_verify_again_.push_back(pki_id);
    }
  }
  for (const auto& pki_id : gone) Remove(pki_id, "organization");
  VerifyAgain();
}

void StateInfoExchange::Impl::VerifyAgain() {
  while (!to_verify_again_.empty() && verifying_again_ < config_.max_snapshot_verifications) {
    const wire::PkiId peer = to_verify_again_.front();
    to_verify_again_.pop_front();
    const ChannelMember* record = cache_.Find(peer);
    if (record == nullptr) continue;
    ++verifying_again_;
    auto done = [this, peer, timestamp = record->timestamp,
                 configuration = configuration_](const base::Result<void>& verdict) {
      --verifying_again_;
      const ChannelMember* now = cache_.Find(peer);
      if (!verdict && configuration == configuration_ && now != nullptr && now->timestamp == timestamp) {
        if (IsBusy(verdict)) return to_verify_again_.push_back(peer);  // the next request tick goes on
        Remove(peer, "policy");
      }
      VerifyAgain();
    };
    parts_.verifier.VerifyByChannel(channel_, configuration_, peer, record->state_info,
                                    lifetime_.Guard(std::move(done)));
  }
}

// --- views -----------------------------------------------------------------------------------------------------------

const ChannelMember* StateInfoExchange::Impl::Find(const wire::PkiId& peer) {
  ChannelMember* record = cache_.Find(peer);
  if (record == nullptr) return nullptr;
  if (const gossip::Peer* known = parts_.peers.Find(peer)) record->peer = *known;
  return record;
}

bool StateInfoExchange::Impl::IsEligible(const wire::PkiId& peer) {
  const ChannelMember* record = cache_.Find(peer);
  return record != nullptr && !record->properties.left_channel;
}

std::vector<ChannelMember> StateInfoExchange::Impl::Members() {
  std::vector<ChannelMember> members;
  if (own_.left()) return members;
  for (const gossip::Peer& peer : parts_.peers.Alive()) {
    const ChannelMember* record = cache_.Find(peer.pki_id);
    if (record == nullptr || record->properties.left_channel) continue;
    members.push_back(*record);
    members.back().peer = peer;
  }
  return members;
}

StateInfoExchange::StateInfoExchange(base::Environment environment, ChannelParts parts, std::string channel,
                                     ChannelConfig config)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(channel), config)) {}
StateInfoExchange::~StateInfoExchange() = default;

void StateInfoExchange::Start() { impl_->Start(); }
void StateInfoExchange::SetObservers(Observers observers) { impl_->SetObservers(std::move(observers)); }
void StateInfoExchange::SetOrganizations(std::set<std::string> organizations) {
  impl_->SetOrganizations(std::move(organizations));
}
void StateInfoExchange::HandleStateInfo(const ReceivedMessagePtr& message, const Ticket& ticket) {
  impl_->HandleStateInfo(message, ticket);
}
void StateInfoExchange::HandleSnapshot(const ReceivedMessagePtr& message, const Ticket& ticket) {
  impl_->HandleSnapshot(message, ticket);
}
void StateInfoExchange::HandlePullRequest(const ReceivedMessagePtr& message) { impl_->HandlePullRequest(message); }
void StateInfoExchange::SetLedgerHeight(std::uint64_t height) { impl_->own().SetLedgerHeight(height); }
void StateInfoExchange::SetChaincodes(std::vector<wire::Chaincode> chaincodes) {
  impl_->own().SetChaincodes(std::move(chaincodes));
}
void StateInfoExchange::SetLeft() { impl_->own().SetLeft(); }
void StateInfoExchange::ForgetUnknownPeers() { impl_->ForgetUnknownPeers(); }
bool StateInfoExchange::Holds(const wire::Envelope& state_info) const { return impl_->cache().Holds(state_info); }
bool StateInfoExchange::IsEligible(const wire::PkiId& peer) const { return impl_->IsEligible(peer); }
const ChannelMember* StateInfoExchange::Find(const wire::PkiId& peer) const { return impl_->Find(peer); }
std::vector<ChannelMember> StateInfoExchange::Members() const { return impl_->Members(); }
std::optional<wire::Envelope> StateInfoExchange::own_state_info() const { return impl_->own().envelope(); }
std::size_t StateInfoExchange::size() const { return impl_->cache().size(); }

}  // namespace grapevine::channel
