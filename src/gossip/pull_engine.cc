#include "gossip/pull_engine.h"

#include <algorithm>
#include <compare>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "wire/tag.h"

namespace grapevine::gossip {
namespace {

enum class Role : std::uint8_t { kInitiator, kResponder };

enum class Phase : std::uint8_t {
  kDigest,     // initiator: hello sent, the digest is awaited
  kCollected,  // initiator: the digest is here, the other partners' are awaited
  kUpdate,     // initiator: request sent, the update is awaited
  kRequest,    // responder: the nonce is good for one request
  kServed,     // responder: the request has come; the session stays in the peer's budget until its deadline
};

// A nonce means something only in one role and on the connections of one peer (D-21).
struct SessionKey {
  Role role = Role::kInitiator;
  wire::PkiId peer;
  std::uint64_t nonce = 0;

  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

struct Session {
  Phase phase = Phase::kDigest;
  base::SteadyTime deadline{};
  std::size_t partner = 0;  // kDigest, kCollected: index in the round
  std::size_t asked = 0;    // kUpdate: how many ids were asked for
  std::uint64_t fetch = 0;  // kUpdate: the fetch that waits for it; 0: a round's
};

// Sessions of both roles with their deadlines.
class SessionTable {
 public:
  Session* Find(const SessionKey& key) {
    const auto found = sessions_.find(key);
    return found == sessions_.end() ? nullptr : &found->second;
  }
  // Adds or replaces.
  void Put(const SessionKey& key, const Session& session) {
    Erase(key);
    sessions_.emplace(key, session);
    deadlines_.emplace(session.deadline, key);
  }
  void Erase(const SessionKey& key) {
    const auto found = sessions_.find(key);
    if (found == sessions_.end()) return;
    deadlines_.erase({found->second.deadline, key});
    sessions_.erase(found);
  }
  void Clear() {
    sessions_.clear();
    deadlines_.clear();
  }
  // Counts up to `limit`.
  std::size_t CountResponding(const wire::PkiId& peer, std::size_t limit) const {
    std::size_t count = 0;
    for (auto at = sessions_.lower_bound({Role::kResponder, peer, 0});
         at != sessions_.end() && at->first.peer == peer && count < limit; ++at) {
      ++count;
    }
    return count;
  }
  std::optional<base::SteadyTime> NextDeadline() const {
    if (deadlines_.empty()) return std::nullopt;
    return deadlines_.begin()->first;
  }
  const SessionKey& Next() const { return deadlines_.begin()->second; }
  std::size_t size() const { return sessions_.size(); }

 private:
  std::map<SessionKey, Session> sessions_;
  std::set<std::pair<base::SteadyTime, SessionKey>> deadlines_;
};

// A round in which digests are being collected.
struct Round {
  struct Partner {
    comm::RemotePeer remote;
    SessionKey session;
  };
  std::vector<Partner> partners;
  std::size_t unanswered = 0;
  std::map<base::Bytes, std::vector<std::size_t>> owners;  // wanted id -> partners that announced it
};

}  // namespace

class PullEngine::Impl {
 public:
  Impl(base::Environment environment, comm::Comm& comm, Rounds& rounds, PullItems& items, wire::PullType type,
       std::string channel, PullConfig config)
      : environment_(std::move(environment)),
        comm_(comm),
        rounds_(rounds),
        items_(items),
        type_(type),
        channel_(std::move(channel)),
        config_(config) {}

  void Start();
  void Stop();
  void Handle(const comm::ReceivedMessagePtr& message, const Ticket& ticket);
  base::Handle Fetch(const comm::RemotePeer& peer, std::vector<base::Bytes> ids,
                     std::move_only_function<void(bool)> done);
  std::size_t sessions() const { return sessions_.size(); }

 private:
  using FetchDone = std::move_only_function<void(bool)>;

  // Initiator.
  void BeginRound(base::Random& random, bool quiet);
  void EndDigestWait();
  void HandleDigest(const comm::ReceivedMessage& message, const wire::PullDigest& digest);
  void HandleUpdate(const comm::ReceivedMessagePtr& message, const wire::PullUpdate& update, const Ticket& ticket);
  void FinishFetch(std::uint64_t fetch, bool answered);
  void SendHello(const comm::RemotePeer& peer, std::uint64_t nonce);
  void SendRequest(const comm::RemotePeer& peer, std::uint64_t nonce, std::vector<base::Bytes> ids);
  // Responder.
  void HandleHello(const comm::ReceivedMessage& message, const wire::PullHello& hello);
  void HandleRequest(const comm::ReceivedMessage& message, const wire::PullRequest& request);

  wire::Envelope Encode(wire::Content content) const {
    return wire::UnsignedEnvelope(wire::NewMessage(std::move(content), channel_));
  }
  // How many of `ids` are looked at.
  std::size_t Limit(const comm::ReceivedMessage& message, const std::vector<base::Bytes>& ids);
  void Refuse(const comm::ReceivedMessage& message, const char* reason);
  void ArmExpiry();
  void Expire();

  base::Environment environment_;
  comm::Comm& comm_;
  Rounds& rounds_;
  PullItems& items_;
  wire::PullType type_;
  std::string channel_;
  PullConfig config_;
  bool stopped_ = false;
  SessionTable sessions_;
  std::optional<Round> round_;
  std::map<std::uint64_t, FetchDone> fetches_;
  std::uint64_t last_fetch_ = 0;
  std::optional<base::Handle> joined_;  // the rounds
  base::Handle expiry_timer_;
  std::optional<base::SteadyTime> expiry_at_;
  base::Lifetime lifetime_;
};

void PullEngine::Impl::Start() {
  stopped_ = false;
  if (joined_.has_value()) return;
  joined_ =
      rounds_.Join(config_.pull_interval, [this](base::Random& random, bool quiet) { BeginRound(random, quiet); });
}

void PullEngine::Impl::Stop() {
  stopped_ = true;
  joined_.reset();
  round_.reset();
  sessions_.Clear();
  ArmExpiry();
  for (const auto& [fetch, done] : fetches_) FinishFetch(fetch, false);
}

void PullEngine::Impl::Handle(const comm::ReceivedMessagePtr& received, const Ticket& ticket) {
  if (stopped_) return;
  const wire::Message& message = received->message();
  if (wire::PullTypeOf(message) != type_ || message.channel != channel_) return Refuse(*received, "wrong_type");
  if (const auto* hello = message.As<wire::PullHello>()) return HandleHello(*received, *hello);
  if (const auto* digest = message.As<wire::PullDigest>()) return HandleDigest(*received, *digest);
  if (const auto* request = message.As<wire::PullRequest>()) return HandleRequest(*received, *request);
  if (const auto* update = message.As<wire::PullUpdate>()) return HandleUpdate(received, *update, ticket);
}

// ---- Initiator

void PullEngine::Impl::BeginRound(base::Random& random, bool quiet) {
  if (round_.has_value()) EndDigestWait();  // an interval shorter than the digest wait
  const bool may_lack = items_.MayLack();
  const std::size_t count = quiet && !may_lack ? std::min<std::size_t>(1, config_.peers) : config_.peers;
  Round round;
  for (const Peer* peer : items_.Partners(random, count)) {
    round.partners.push_back({peer->remote(), {Role::kInitiator, peer->pki_id, environment_.random.Next()}});
  }
  if (round.partners.empty()) return;
  round.unanswered = round.partners.size();
  round_ = std::move(round);
  for (std::size_t i = 0; i < round_->partners.size(); ++i) {
    const Round::Partner& partner = round_->partners[i];
    sessions_.Put(
        partner.session,
        {.phase = Phase::kDigest, .deadline = environment_.executor.Now() + config_.digest_wait, .partner = i});
    SendHello(partner.remote, partner.session.nonce);
  }
  ArmExpiry();
}

void PullEngine::Impl::HandleDigest(const comm::ReceivedMessage& message, const wire::PullDigest& digest) {
  Session* session = sessions_.Find({Role::kInitiator, message.connection().pki_id, digest.nonce});
  if (session == nullptr) return Refuse(message, "unknown_nonce");
  if (session->fetch != 0) return;  // asked for by the hello that a fetch has to send
  if (session->phase != Phase::kDigest) return Refuse(message, "repeated");
  session->phase = Phase::kCollected;
  const std::size_t partner = session->partner;
  const std::size_t count = Limit(message, digest.digests);
  for (std::size_t i = 0; i < count; ++i) {
    const base::Bytes& id = digest.digests[i];
    auto known = round_->owners.find(id);
    if (known == round_->owners.end()) {
      if (!items_.Wants(id)) continue;
      known = round_->owners.emplace(base::Bytes::Copy(id), std::vector<std::size_t>()).first;
    }
    if (known->second.empty() || known->second.back() != partner) known->second.push_back(partner);
  }
  if (--round_->unanswered == 0) EndDigestWait();
}

void PullEngine::Impl::EndDigestWait() {
  const Round round = std::move(*std::exchange(round_, std::nullopt));
  std::vector<std::vector<base::Bytes>> requests(round.partners.size());
  for (const auto& [id, owners] : round.owners) {
    if (!items_.Wants(id)) continue;  // it has come in the meantime
    requests[owners[environment_.random.Below(owners.size())]].push_back(id);
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Round::Partner& partner = round.partners[i];
    if (requests[i].empty()) {
      sessions_.Erase(partner.session);
      continue;
    }
    sessions_.Put(partner.session, {.phase = Phase::kUpdate,
                                    .deadline = environment_.executor.Now() + config_.response_wait,
                                    .asked = requests[i].size()});
    SendRequest(partner.remote, partner.session.nonce, std::move(requests[i]));
  }
  ArmExpiry();
}

void PullEngine::Impl::HandleUpdate(const comm::ReceivedMessagePtr& message, const wire::PullUpdate& update,
                                    const Ticket& ticket) {
  const SessionKey key{Role::kInitiator, message->connection().pki_id, update.nonce};
  const Session* session = sessions_.Find(key);
  if (session == nullptr || session->phase != Phase::kUpdate) return Refuse(*message, "unknown_nonce");
  if (update.data.size() > session->asked) return Refuse(*message, "more_than_asked");
  const std::uint64_t fetch = session->fetch;
  sessions_.Erase(key);
  ArmExpiry();
  if (fetch != 0) FinishFetch(fetch, true);
  items_.Receive(message, update.data, ticket);
}

base::Handle PullEngine::Impl::Fetch(const comm::RemotePeer& peer, std::vector<base::Bytes> ids, FetchDone done) {
  const std::uint64_t fetch = ++last_fetch_;
  fetches_.emplace(fetch, std::move(done));
  if (stopped_ || ids.empty() || !peer.pki_id.has_value()) {
    FinishFetch(fetch, false);
    return base::Handle(lifetime_.Guard([this, fetch] { fetches_.erase(fetch); }));
  }
  const SessionKey key{Role::kInitiator, *peer.pki_id, environment_.random.Next()};
  sessions_.Put(key, {.phase = Phase::kUpdate,
                      .deadline = environment_.executor.Now() + config_.response_wait,
                      .asked = ids.size(),
                      .fetch = fetch});
  ArmExpiry();
  SendHello(peer, key.nonce);
  SendRequest(peer, key.nonce, std::move(ids));
  return base::Handle(lifetime_.Guard([this, fetch, key] {
    if (fetches_.erase(fetch) == 0) return;
    sessions_.Erase(key);
    ArmExpiry();
  }));
}

void PullEngine::Impl::FinishFetch(std::uint64_t fetch, bool answered) {
  environment_.executor.Post(lifetime_.Guard([this, fetch, answered] {
    auto finished = fetches_.extract(fetch);
    if (!finished.empty()) finished.mapped()(answered);
  }));
}

void PullEngine::Impl::SendHello(const comm::RemotePeer& peer, std::uint64_t nonce) {
  comm_.Send(Encode(wire::PullHello{.nonce = nonce, .type = type_}), {peer});
}

void PullEngine::Impl::SendRequest(const comm::RemotePeer& peer, std::uint64_t nonce, std::vector<base::Bytes> ids) {
  comm_.Send(Encode(wire::PullRequest{.nonce = nonce, .digests = std::move(ids), .type = type_}), {peer});
}

// ---- Responder

void PullEngine::Impl::HandleHello(const comm::ReceivedMessage& message, const wire::PullHello& hello) {
  const SessionKey key{Role::kResponder, message.connection().pki_id, hello.nonce};
  if (sessions_.Find(key) != nullptr) return Refuse(message, "repeated");
  if (sessions_.CountResponding(key.peer, config_.max_sessions_per_peer) >= config_.max_sessions_per_peer) {
    return Refuse(message, "too_many_of_peer");
  }
  if (sessions_.size() >= config_.max_sessions) return Refuse(message, "too_many");
  sessions_.Put(key, {.phase = Phase::kRequest, .deadline = environment_.executor.Now() + config_.request_wait});
  ArmExpiry();
  std::vector<base::Bytes> ids = items_.Digest(message.connection());
  if (ids.empty()) return;
  message.Respond(Encode(wire::PullDigest{.nonce = hello.nonce, .digests = std::move(ids), .type = type_}));
}

void PullEngine::Impl::HandleRequest(const comm::ReceivedMessage& message, const wire::PullRequest& request) {
  Session* session = sessions_.Find({Role::kResponder, message.connection().pki_id, request.nonce});
  if (session == nullptr) return Refuse(message, "unknown_nonce");
  if (session->phase != Phase::kRequest) return Refuse(message, "repeated");
  session->phase = Phase::kServed;
  std::vector<base::Bytes> ids;
  std::unordered_set<std::string_view> seen;
  const std::size_t count = Limit(message, request.digests);
  for (std::size_t i = 0; i < count; ++i) {
    if (seen.insert(request.digests[i].view()).second) ids.push_back(request.digests[i]);
  }
  std::vector<wire::Envelope> found = items_.Find(message.connection(), ids);
  if (found.empty()) return;
  message.Respond(Encode(wire::PullUpdate{.nonce = request.nonce, .data = std::move(found), .type = type_}));
}

// ---- Both

std::size_t PullEngine::Impl::Limit(const comm::ReceivedMessage& message, const std::vector<base::Bytes>& ids) {
  if (ids.size() <= config_.max_digest_items) return ids.size();
  Refuse(message, "too_many_ids");  // the rest of them
  return config_.max_digest_items;
}

void PullEngine::Impl::Refuse(const comm::ReceivedMessage& message, const char* reason) {
  environment_.metrics
      .GetCounter("gossip_pull_refused", "Pull messages, or parts of them, that were ignored",
                  {{"type", wire::TypeName(message.message().content)}, {"reason", reason}})
      .Add();
}

void PullEngine::Impl::ArmExpiry() {
  const auto next = sessions_.NextDeadline();
  if (next == expiry_at_) return;
  expiry_at_ = next;
  expiry_timer_.Reset();
  if (!next.has_value()) return;
  expiry_timer_ = environment_.executor.After(*next - environment_.executor.Now(), [this] { Expire(); });
}

void PullEngine::Impl::Expire() {
  expiry_at_.reset();
  while (sessions_.NextDeadline().has_value() && *sessions_.NextDeadline() <= environment_.executor.Now()) {
    const SessionKey key = sessions_.Next();
    const Session session = *sessions_.Find(key);
    if (session.phase == Phase::kDigest || session.phase == Phase::kCollected) {
      EndDigestWait();
      continue;
    }
    if (session.fetch != 0) FinishFetch(session.fetch, false);
    sessions_.Erase(key);
  }
  ArmExpiry();
}

// ---- PullEngine

PullEngine::PullEngine(base::Environment environment, comm::Comm& comm, Rounds& rounds, PullItems& items,
                       wire::PullType type, std::string channel, PullConfig config)
    : impl_(std::make_unique<Impl>(std::move(environment), comm, rounds, items, type, std::move(channel), config)) {}

PullEngine::~PullEngine() = default;

void PullEngine::Start() { impl_->Start(); }

void PullEngine::Stop() { impl_->Stop(); }

void PullEngine::Handle(const comm::ReceivedMessagePtr& message, const Ticket& ticket) {
  impl_->Handle(message, ticket);
}

base::Handle PullEngine::Fetch(const comm::RemotePeer& peer, std::vector<base::Bytes> ids,
                               std::move_only_function<void(bool)> done) {
  return impl_->Fetch(peer, std::move(ids), std::move(done));
}

std::size_t PullEngine::sessions() const { return impl_->sessions(); }

}  // namespace grapevine::gossip
