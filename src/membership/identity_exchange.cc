#include "membership/identity_exchange.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "gossip/select_peers.h"
#include "wire/message.h"

namespace grapevine::membership {
namespace {

using base::ErrorCode;

constexpr std::uint32_t kLogBurst = 5;
constexpr base::Duration kLogPeriod = std::chrono::seconds(10);
// Decoded in one event, so that a huge update of unwanted ones does not hold the node.
constexpr std::size_t kItemsPerEvent = 64;

struct Stored {
  wire::Envelope envelope;
  std::string organization;  // MSP id; of the own one PeerView::Self says it, which may learn it later
};

// A peer_identity message in a buffer of its own.
struct Item {
  wire::Envelope envelope;
  wire::PkiId pki_id;
  base::Bytes identity;
};

// An update whose items are being checked, one at a time.
struct Update {
  wire::PkiId sender;
  std::vector<wire::Envelope> items;
  gossip::Ticket ticket;
  std::size_t next = 0;
  std::size_t refused = 0;  // by the mapper
  Item current{};
  base::Handle step{};
};

// Identities that the mapper refused, for a while. Never more than `capacity`: the oldest makes room, so that filling
// it only makes the others be asked for again. A PKI-ID does not determine where its identity is split into MSP id and
// certificate, so a hostile peer that happens to be the one asked for somebody's identity can get it in here: that
// delays it by this time, where silence would delay it by one round.
class RefusedIdentities {
 public:
  RefusedIdentities(const base::Executor& executor, base::Duration duration, std::size_t capacity)
      : executor_(executor), duration_(duration), capacity_(capacity) {}

  bool Contains(const wire::PkiId& pki_id) const {
    const auto found = until_.find(pki_id);
    return found != until_.end() && found->second > executor_.Now();
  }
  void Add(const wire::PkiId& pki_id) {
    if (Contains(pki_id) || capacity_ == 0) return;
    while (!order_.empty() && (order_.size() >= capacity_ || !Contains(order_.front()))) {
      until_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(pki_id);
    until_[pki_id] = executor_.Now() + duration_;
  }
  void Clear() {
    order_.clear();
    until_.clear();
  }

 private:
  const base::Executor& executor_;
  base::Duration duration_;
  std::size_t capacity_;
  std::deque<wire::PkiId> order_;  // as added, so as they run out
  std::map<wire::PkiId, base::SteadyTime> until_;
};

// Whether an error says something about the identity or signature, rather than about this node at this moment.
bool IsVerdict(ErrorCode code) {
  return code == ErrorCode::kInvalid || code == ErrorCode::kDenied || code == ErrorCode::kNotFound;
}

}  // namespace

class IdentityExchange::Impl {
 public:
  Impl(base::Environment environment, comm::Comm& comm, gossip::Rounds& rounds, msp::IdentityMapper& mapper,
       msp::MessageCrypto& crypto, const gossip::PeerView& peers, const IdentityExchangeConfig& config,
       gossip::PullItems& items);

  void Start();
  void Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
    engine_.Handle(message, ticket);
  }
  void Reconsider() {
    refused_.Clear();
    news_ = true;
  }
  std::size_t stored() const { return stored_.size(); }
  std::size_t checking() const { return updates_.size(); }

  std::vector<const gossip::Peer*> Partners(base::Random& random, std::size_t count) const {
    return gossip::SelectPeers(random, count, peers_.Alive());
  }
  bool Wants(const base::Bytes& id) const;
  bool MayLack() { return std::exchange(news_, false); }
  void Receive(const comm::ReceivedMessage& update, std::vector<wire::Envelope> items, const gossip::Ticket& ticket);
  std::vector<base::Bytes> Digest(const comm::ConnectionInfo& requester) const;
  std::vector<wire::Envelope> Find(const comm::ConnectionInfo& requester, const std::vector<base::Bytes>& ids) const;

 private:
  void Sign();
  void Store(const wire::PkiId& pki_id, wire::Envelope envelope, std::string organization) {
    stored_[pki_id] = {std::move(envelope), std::move(organization)};
    news_ = true;
    ids_.reset();
  }
  // Keys of `stored_`, in order, in one buffer.
  const std::vector<base::Bytes>& Ids() const;
  bool IsStored(base::ByteView id) const;
  bool Wants(const wire::PkiId& pki_id) const;
  bool MayKnow(const comm::ConnectionInfo& requester, const wire::PkiId& pki_id, const std::string& organization) const;
  std::expected<Item, const char*> Decode(const wire::Envelope& envelope) const;
  void Continue(std::uint64_t id);
  void Verified(std::uint64_t id, const base::Result<void>& verdict);
  void Inserted(std::uint64_t id, bool known_before, const base::Result<msp::IdentityMapper::Entry>& entry);
  void SkipRefused(std::uint64_t id, const base::Error& error);
  void DropRest(std::uint64_t id, const char* reason, const std::string& details);
  void Refuse(const char* reason, std::size_t count = 1);

  base::Environment environment_;
  msp::IdentityMapper& mapper_;
  msp::MessageCrypto& crypto_;
  const gossip::PeerView& peers_;
  const IdentityExchangeConfig config_;
  base::LogLimit log_limit_;
  base::Counter& learned_;
  std::map<wire::PkiId, Stored> stored_;
  bool news_ = false;                                    // since the last round
  mutable std::optional<std::vector<base::Bytes>> ids_;  // made when asked for
  mutable std::size_t next_asked_ = 0;                   // place in ids_
  RefusedIdentities refused_;
  std::map<std::uint64_t, Update> updates_;
  std::uint64_t next_id_ = 1;  // of updates
  base::Handle signing_;
  base::Handle purges_;
  gossip::PullEngine engine_;
  base::Lifetime lifetime_;
};

IdentityExchange::Impl::Impl(base::Environment environment, comm::Comm& comm, gossip::Rounds& rounds,
                             msp::IdentityMapper& mapper, msp::MessageCrypto& crypto, const gossip::PeerView& peers,
                             const IdentityExchangeConfig& config, gossip::PullItems& items)
    : environment_(std::move(environment)),
      mapper_(mapper),
      crypto_(crypto),
      peers_(peers),
      config_(config),
      log_limit_(environment_.executor, kLogBurst, kLogPeriod),
      learned_(environment_.metrics.GetCounter("gossip_identities_learned", "Identities learned by pull.")),
      refused_(environment_.executor, config_.refused_for, config_.max_refused),
      purges_(mapper_.OnPurge([this](const msp::IdentityMapper::Entry& entry, const std::string&) {
        stored_.erase(entry.pki_id);
        ids_.reset();
      })),
      engine_(environment_, comm, rounds, items, wire::PullType::kIdentity, "", config_.pull) {}

void IdentityExchange::Impl::Start() {
  Sign();
  engine_.Start();
}

// ---- The own identity

void IdentityExchange::Impl::Sign() {
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(
      wire::PeerIdentity{.pki_id = mapper_.own_pki_id(), .identity = mapper_.own_identity(), .metadata = {}}));
  signing_ = crypto_.Sign(payload, [this, payload](const base::Result<base::Bytes>& signature) {
    if (signature.has_value()) {
      Store(mapper_.own_pki_id(), wire::Envelope::Make(payload, *signature), {});
      return;
    }
    environment_.log.Error("cannot sign the own identity message, trying again: {}", signature.error().message);
    signing_ = environment_.executor.After(config_.sign_retry, [this] { Sign(); });
  });
}

// ---- Serving

bool IdentityExchange::Impl::MayKnow(const comm::ConnectionInfo& requester, const wire::PkiId& pki_id,
                                     const std::string& organization) const {
  const gossip::Peer& self = peers_.Self();
  const bool is_self = pki_id == mapper_.own_pki_id();
  const std::string& origin = is_self ? self.organization : organization;
  if (requester.organization.empty() || origin.empty()) return false;
  if (requester.organization == self.organization) return true;
  if (origin != self.organization && origin != requester.organization) return false;
  const gossip::Peer* peer = is_self ? &self : peers_.Find(pki_id);
  return peer != nullptr && peer->has_external_endpoint();
}

std::vector<base::Bytes> IdentityExchange::Impl::Digest(const comm::ConnectionInfo& requester) const {
  if (!requester.organization.empty() && requester.organization == peers_.Self().organization) return Ids();
  std::vector<base::Bytes> ids;
  auto id = Ids().begin();
  for (const auto& [pki_id, stored] : stored_) {
    if (MayKnow(requester, pki_id, stored.organization)) ids.push_back(*id);
    ++id;
  }
  return ids;
}

const std::vector<base::Bytes>& IdentityExchange::Impl::Ids() const {
  if (ids_) return *ids_;
  std::string keys;
  for (const auto& [pki_id, stored] : stored_) keys += pki_id.view();
  const base::Bytes buffer(std::move(keys));
  ids_.emplace();
  ids_->reserve(stored_.size());
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    ids_->push_back(buffer.Slice(i * wire::PkiId::kSize, wire::PkiId::kSize));
  }
  next_asked_ = 0;
  return *ids_;
}

std::vector<wire::Envelope> IdentityExchange::Impl::Find(const comm::ConnectionInfo& requester,
                                                         const std::vector<base::Bytes>& ids) const {
  std::vector<wire::Envelope> found;
  std::size_t bytes = 0;
  for (const base::Bytes& id : ids) {
    const auto pki_id = wire::PkiId::From(id);
    if (!pki_id.has_value()) continue;
    const auto stored = stored_.find(*pki_id);
    if (stored == stored_.end() || !MayKnow(requester, *pki_id, stored->second.organization)) continue;
    bytes += stored->second.envelope.encoded().size();
    if (bytes > config_.max_update_bytes && !found.empty()) break;
    found.push_back(stored->second.envelope);
  }
  return found;
}

// ---- Learning

// Peers like this one announce in order: nearly always it is the id behind the one before.
bool IdentityExchange::Impl::IsStored(base::ByteView id) const {
  const std::vector<base::Bytes>& ids = Ids();
  if (next_asked_ >= ids.size() || ids[next_asked_].view() != id) {
    const auto found = std::ranges::lower_bound(ids, id, {}, &base::Bytes::view);
    if (found == ids.end() || found->view() != id) return false;
    next_asked_ = static_cast<std::size_t>(found - ids.begin());
  }
  next_asked_ = next_asked_ + 1 < ids.size() ? next_asked_ + 1 : 0;
  return true;
}

bool IdentityExchange::Impl::Wants(const wire::PkiId& pki_id) const {
  return !stored_.contains(pki_id) && pki_id != mapper_.own_pki_id() && stored_.size() < config_.max_stored &&
         !refused_.Contains(pki_id);
}

bool IdentityExchange::Impl::Wants(const base::Bytes& id) const {
  if (IsStored(id)) return false;
  const auto pki_id = wire::PkiId::From(id);
  return pki_id.has_value() && Wants(*pki_id);
}

void IdentityExchange::Impl::Receive(const comm::ReceivedMessage& update, std::vector<wire::Envelope> items,
                                     const gossip::Ticket& ticket) {
  const std::uint64_t id = next_id_++;
  updates_[id] = {.sender = update.connection().pki_id, .items = std::move(items), .ticket = ticket};
  Continue(id);
}

// Or the reason of the refusal.
std::expected<Item, const char*> IdentityExchange::Impl::Decode(const wire::Envelope& envelope) const {
  if (envelope.encoded().size() > config_.max_item_bytes) return std::unexpected("too_large");
  if (!envelope.is_signed()) return std::unexpected("unsigned");
  Item item;
  item.envelope = envelope.Detached();
  const auto message = wire::DecodeMessage(item.envelope.payload());
  if (!message.has_value()) return std::unexpected(wire::ToString(message.error()));
  const auto* claim = message->As<wire::PeerIdentity>();
  if (claim == nullptr) return std::unexpected("wrong_type");
  const auto pki_id = crypto_.PkiIdOf(claim->identity);
  if (!pki_id.has_value()) return std::unexpected("undecodable_identity");
  if (*pki_id != claim->pki_id) return std::unexpected("forged_pki_id");
  item.pki_id = *pki_id;
  item.identity = claim->identity;
  return item;
}

void IdentityExchange::Impl::Continue(std::uint64_t id) {
  Update& update = updates_.at(id);
  for (std::size_t looked_at = 0; update.next < update.items.size(); ++looked_at) {
    if (looked_at == kItemsPerEvent) {
      return environment_.executor.Post(lifetime_.Guard([this, id] { Continue(id); }));
    }
    auto item = Decode(update.items[update.next++]);
    if (!item.has_value()) return DropRest(id, item.error(), "it is no identity message");
    if (!Wants(item->pki_id)) {
      Refuse("not_wanted");
      continue;
    }
    update.current = std::move(*item);
    update.step =
        crypto_.Verify(update.current.identity, update.current.envelope.signature(), update.current.envelope.payload(),
                       [this, id](const base::Result<void>& verdict) { Verified(id, verdict); });
    return;
  }
  updates_.erase(id);
}

void IdentityExchange::Impl::Verified(std::uint64_t id, const base::Result<void>& verdict) {
  Update& update = updates_.at(id);
  const Item& item = update.current;
  if (verdict.has_value()) {
    const bool known_before = !mapper_.OrganizationOf(item.pki_id).empty();
    update.step = mapper_.Put(item.pki_id, item.identity,
                              [this, id, known_before](const base::Result<msp::IdentityMapper::Entry>& entry) {
                                Inserted(id, known_before, entry);
                              });
    return;
  }
  if (!IsVerdict(verdict.error().code)) return DropRest(id, "not_verified", verdict.error().message);
  // Is the signature wrong, or does this node not know whoever certified the identity?
  update.step = crypto_.Validate(
      item.identity, [this, id, why = verdict.error().message](const base::Result<msp::IdentityInfo>& identity) {
        if (identity.has_value()) return DropRest(id, "bad_signature", std::string(why));
        SkipRefused(id, identity.error());
      });
}

void IdentityExchange::Impl::Inserted(std::uint64_t id, bool known_before,
                                      const base::Result<msp::IdentityMapper::Entry>& entry) {
  if (!entry.has_value()) return SkipRefused(id, entry.error());
  if (!known_before) learned_.Add();
  Item item = std::move(updates_.at(id).current);
  // The world may have changed: the mapper may have purged it already, another update may have brought it.
  std::string organization = mapper_.OrganizationOf(item.pki_id);
  if (organization.empty()) {
    Refuse("purged");
  } else if (!Wants(item.pki_id)) {
    Refuse("not_wanted");
  } else {
    Store(item.pki_id, std::move(item.envelope), std::move(organization));
  }
  Continue(id);
}

void IdentityExchange::Impl::SkipRefused(std::uint64_t id, const base::Error& error) {
  if (!IsVerdict(error.code)) return DropRest(id, "not_validated", std::string(error.message));
  Update& update = updates_.at(id);
  refused_.Add(update.current.pki_id);
  Refuse("identity_refused");
  if (++update.refused == config_.max_refused_of_update) {
    return DropRest(id, "too_many_refused", std::string(error.message));
  }
  Continue(id);
}

// Ends the update at its current item.
void IdentityExchange::Impl::DropRest(std::uint64_t id, const char* reason, const std::string& details) {
  const auto update = updates_.extract(id);
  const std::size_t behind = update.mapped().items.size() - update.mapped().next;
  Refuse(reason);
  Refuse("behind_a_refused_one", behind);
  if (log_limit_.Allow()) {
    environment_.log.Warn("identity update of {}: item {} is refused ({}), {} behind it are dropped: {}",
                          update.mapped().sender.Short(), update.mapped().next - 1, reason, behind, details);
  }
}

void IdentityExchange::Impl::Refuse(const char* reason, std::size_t count) {
  if (count == 0) return;
  environment_.metrics
      .GetCounter("gossip_membership_refused", "Messages, or parts of them, that were ignored.",
                  {{"type", "peer_identity"}, {"reason", reason}})
      .Add(count);
}

// ---- IdentityExchange

IdentityExchange::IdentityExchange(base::Environment environment, comm::Comm& comm, gossip::Rounds& rounds,
                                   msp::IdentityMapper& mapper, msp::MessageCrypto& crypto,
                                   const gossip::PeerView& peers, IdentityExchangeConfig config)
    : impl_(std::make_unique<Impl>(std::move(environment), comm, rounds, mapper, crypto, peers, config, *this)) {}

IdentityExchange::~IdentityExchange() = default;

void IdentityExchange::Start() { impl_->Start(); }
void IdentityExchange::Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  impl_->Handle(message, ticket);
}
void IdentityExchange::Reconsider() { impl_->Reconsider(); }
std::size_t IdentityExchange::stored() const { return impl_->stored(); }
std::size_t IdentityExchange::checking() const { return impl_->checking(); }

std::vector<const gossip::Peer*> IdentityExchange::Partners(base::Random& random, std::size_t count) const {
  return impl_->Partners(random, count);
}
bool IdentityExchange::Wants(const base::Bytes& id) const { return impl_->Wants(id); }
bool IdentityExchange::MayLack() { return impl_->MayLack(); }
void IdentityExchange::Receive(const comm::ReceivedMessagePtr& update, const std::vector<wire::Envelope>& items,
                               const gossip::Ticket& ticket) {
  impl_->Receive(*update, items, ticket);
}
std::vector<base::Bytes> IdentityExchange::Digest(const comm::ConnectionInfo& requester) const {
  return impl_->Digest(requester);
}
std::vector<wire::Envelope> IdentityExchange::Find(const comm::ConnectionInfo& requester,
                                                   const std::vector<base::Bytes>& ids) const {
  return impl_->Find(requester, ids);
}

}  // namespace grapevine::membership
