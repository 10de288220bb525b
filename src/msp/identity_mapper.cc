#include "msp/identity_mapper.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "wire/pki_id_map.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;

// Timers are steady, certificates expire by the wall clock, which may jump: look again at least this often.
constexpr base::Duration kLongestExpiryTimer = std::chrono::hours(24);
constexpr base::Duration kExpirySlack = std::chrono::milliseconds(1);

}  // namespace

struct IdentityMapper::State : std::enable_shared_from_this<State> {
  struct Record {
    base::SteadyTime last_used;
    std::uint64_t last_use = 0;   // of all uses, in their order
    std::uint64_t listed_as = 0;  // key in by_use, the number of this or of an earlier use; 0: not there
    Entry entry;
  };
  // One answer that somebody waits for; `done` is empty once its handle is gone.
  struct Waiter {
    Done<Entry> done;
  };
  struct Insertion {
    std::vector<std::shared_ptr<Waiter>> waiters;
    base::Handle validation;
  };
  struct Sweep {
    std::deque<wire::PkiId> remaining;
    std::map<wire::PkiId, base::Handle> running;
    std::move_only_function<void()> done;
  };
  using Hook = std::function<void(const Entry&, const std::string& reason)>;

  State(base::Environment environment_in, MessageCrypto& crypto_in, base::Bytes own_in, IdentityMapperConfig config_in)
      : environment(std::move(environment_in)), crypto(crypto_in), config(config_in), own(std::move(own_in)) {}

  void Start();
  base::Handle Put(const wire::PkiId& pki_id, base::Bytes identity, Done<Entry> done);
  void Finish(const std::pair<wire::PkiId, base::Bytes>& key, const base::Result<IdentityInfo>& info);
  base::Result<Entry> Insert(const wire::PkiId& pki_id, const base::Bytes& identity,
                             const base::Result<IdentityInfo>& info);
  void Answer(std::shared_ptr<Waiter> waiter, base::Result<Entry> result);
  void Touch(Record& record);
  Record* LongestUnused();
  void ArmExpiry(base::WallTime not_after);
  void OnExpiryTimer();
  void PurgeUnused();
  void Remove(const wire::PkiId& pki_id, const std::string& reason);
  void StartSweep(std::deque<wire::PkiId> suspects, std::move_only_function<void()> done);
  void Pump(std::uint64_t sweep_id);
  void OnSuspectValidated(std::uint64_t sweep_id, const wire::PkiId& pki_id, const base::Result<IdentityInfo>& info);

  base::Environment environment;
  MessageCrypto& crypto;
  IdentityMapperConfig config;
  base::Bytes own;
  wire::PkiId own_pki_id;
  base::Gauge& known = environment.metrics.GetGauge("gossip_identities_known", "Identities in the identity mapper.");
  base::Counter& evicted =
      environment.metrics.GetCounter("gossip_identities_evicted", "Identities forgotten because the mapper was full.");

  wire::PkiIdMap<Record> records;
  std::uint64_t uses = 0;
  // Without the own one. A use does not move its record, which would touch those beside it: LongestUnused does.
  std::map<std::uint64_t, wire::PkiId> by_use;
  std::map<std::pair<wire::PkiId, base::Bytes>, Insertion> insertions;
  std::map<std::uint64_t, Sweep> sweeps;
  std::uint64_t next_sweep = 0;
  std::map<std::uint64_t, Hook> hooks;
  std::uint64_t next_hook = 0;
  base::Handle own_insertion;
  base::Handle period;
  base::Handle expiry;  // one timer for all
  std::optional<base::SteadyTime> expiry_at;
  bool own_has_expired = false;
};

void IdentityMapper::State::Start() {
  const auto pki_id = crypto.PkiIdOf(own);
  if (!pki_id) {
    environment.log.Error("own identity: {}", pki_id.error().message);
    return;
  }
  own_pki_id = *pki_id;
  own_insertion = Put(own_pki_id, own, [this](base::Result<Entry> entry) {
    if (!entry) environment.log.Error("own identity is refused: {}", entry.error().message);
  });
  PurgeUnused();
}

base::Handle IdentityMapper::State::Put(const wire::PkiId& pki_id, base::Bytes identity, Done<Entry> done) {
  auto waiter = std::make_shared<Waiter>(std::move(done));
  base::Handle handle([waiter] { waiter->done = nullptr; });
  const auto computed = crypto.PkiIdOf(identity);
  if (!computed) {
    Answer(waiter, std::unexpected(computed.error()));
  } else if (*computed != pki_id) {
    Answer(waiter, Fail(ErrorCode::kInvalid, "the identity has PKI-ID {}, not the claimed {}", computed->Short(),
                        pki_id.Short()));
  } else if (const auto known_record = records.find(pki_id); known_record != records.end()) {
    Answer(waiter, known_record->second.entry);
  } else {
    std::pair key(pki_id, std::move(identity));
    if (const auto pending = insertions.find(key); pending != insertions.end()) {
      pending->second.waiters.push_back(std::move(waiter));
    } else if (insertions.size() >= config.max_identities) {
      Answer(waiter, Fail(ErrorCode::kExhausted, "{} identities are being validated already", insertions.size()));
    } else {
      Insertion& insertion = insertions[key];
      insertion.waiters.push_back(std::move(waiter));
      insertion.validation =
          crypto.Validate(key.second, [this, key](base::Result<IdentityInfo> info) { Finish(key, info); });
    }
  }
  return handle;
}

void IdentityMapper::State::Finish(const std::pair<wire::PkiId, base::Bytes>& key,
                                   const base::Result<IdentityInfo>& info) {
  auto insertion = insertions.extract(key);
  const auto result = Insert(insertion.key().first, insertion.key().second, info);
  for (auto& waiter : insertion.mapped().waiters) Answer(std::move(waiter), result);
}

base::Result<IdentityMapper::Entry> IdentityMapper::State::Insert(const wire::PkiId& pki_id,
                                                                  const base::Bytes& identity,
                                                                  const base::Result<IdentityInfo>& info) {
  if (!info) return std::unexpected(info.error());
  if (const auto it = records.find(pki_id); it != records.end()) return it->second.entry;
  if (info->not_after < environment.executor.WallNow()) {
    return Fail(ErrorCode::kDenied, "the identity {} of {} has expired", pki_id.Short(), info->organization);
  }
  if (records.size() >= config.max_identities) {
    if (const Record* unused = LongestUnused()) {
      evicted.Add();
      Remove(wire::PkiId(unused->entry.pki_id), "the identity mapper is full");
    }
  }
  Record& record = records[pki_id];
  // A copy of what is part of a message, which would be kept with it.
  record.entry = {pki_id, identity.is_whole_buffer() ? identity : base::Bytes::Copy(identity), info->organization,
                  info->not_after};
  Touch(record);
  if (pki_id != own_pki_id) {
    record.listed_as = record.last_use;
    by_use.emplace(record.listed_as, pki_id);
  }
  ArmExpiry(record.entry.not_after);
  known.Set(static_cast<std::int64_t>(records.size()));
  return record.entry;
}

void IdentityMapper::State::Answer(std::shared_ptr<Waiter> waiter, base::Result<Entry> result) {
  environment.executor.Post(
      [self = weak_from_this(), waiter = std::move(waiter), result = std::move(result)]() mutable {
        const auto alive = self.lock();
        if (alive != nullptr && waiter->done) std::exchange(waiter->done, nullptr)(std::move(result));
      });
}

void IdentityMapper::State::Touch(Record& record) {
  record.last_used = environment.executor.Now();
  record.last_use = ++uses;
}

// Null if there is none that may be removed.
IdentityMapper::State::Record* IdentityMapper::State::LongestUnused() {
  while (!by_use.empty()) {
    Record& record = records.at(by_use.begin()->second);
    if (record.listed_as == record.last_use) return &record;  // the others were used later than their keys say, or then
    auto moved = by_use.extract(by_use.begin());
    moved.key() = record.listed_as = record.last_use;
    by_use.insert(std::move(moved));
  }
  return nullptr;
}

void IdentityMapper::State::ArmExpiry(base::WallTime not_after) {
  const base::Duration left = not_after - environment.executor.WallNow();
  const base::Duration delay = std::min(left, kLongestExpiryTimer) + kExpirySlack;
  const base::SteadyTime at = environment.executor.Now() + delay;
  if (expiry_at && *expiry_at <= at) return;  // it looks at all, and is never put off
  expiry_at = at;
  expiry = environment.executor.After(delay, [this] { OnExpiryTimer(); });
}

void IdentityMapper::State::OnExpiryTimer() {
  expiry_at.reset();
  const base::WallTime now = environment.executor.WallNow();
  std::vector<wire::PkiId> expired;
  auto next = base::WallTime::max();
  for (const auto& [pki_id, record] : records) {
    if (now <= record.entry.not_after) {
      next = std::min(next, record.entry.not_after);
    } else if (pki_id != own_pki_id) {
      expired.push_back(pki_id);
    } else if (!std::exchange(own_has_expired, true)) {
      environment.log.Error(
          "the own certificate (PKI-ID {}) has EXPIRED: other peers refuse this node until it is restarted with a "
          "renewed one",
          pki_id.Short());
    }
  }
  for (const wire::PkiId& pki_id : expired) Remove(pki_id, "its certificate has expired");
  ArmExpiry(next);
}

void IdentityMapper::State::PurgeUnused() {
  period = environment.executor.After(config.usage_threshold / 10, [this] { PurgeUnused(); });
  const base::SteadyTime oldest = environment.executor.Now() - config.usage_threshold;
  for (const Record* unused = LongestUnused(); unused != nullptr && unused->last_used < oldest;
       unused = LongestUnused()) {
    Remove(wire::PkiId(unused->entry.pki_id), "it has not been used");
  }
}

void IdentityMapper::State::Remove(const wire::PkiId& pki_id, const std::string& reason) {
  const auto record = records.extract(pki_id);
  by_use.erase(record->second.listed_as);
  known.Set(static_cast<std::int64_t>(records.size()));
  environment.log.Info("forgot identity {} of {}: {}", pki_id.Short(), record->second.entry.organization, reason);
  environment.executor.Post([self = weak_from_this(), entry = std::move(record->second.entry), reason] {
    const auto alive = self.lock();
    if (alive == nullptr) return;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, hook] : alive->hooks) ids.push_back(id);
    for (const std::uint64_t id : ids) {
      const auto it = alive->hooks.find(id);
      if (it == alive->hooks.end()) continue;  // unsubscribed by an earlier hook
      const Hook hook = it->second;
      hook(entry, reason);
    }
  });
}

void IdentityMapper::State::StartSweep(std::deque<wire::PkiId> suspects, std::move_only_function<void()> done) {
  const std::uint64_t id = next_sweep++;
  sweeps[id] = {std::move(suspects), {}, std::move(done)};
  environment.executor.Post([self = weak_from_this(), id] {
    if (const auto alive = self.lock()) alive->Pump(id);
  });
}

void IdentityMapper::State::Pump(std::uint64_t sweep_id) {
  Sweep& sweep = sweeps.at(sweep_id);
  while (!sweep.remaining.empty() && sweep.running.size() < config.max_suspect_validations) {
    const wire::PkiId pki_id = sweep.remaining.front();
    sweep.remaining.pop_front();
    const auto record = records.find(pki_id);
    if (record == records.end()) continue;
    sweep.running[pki_id] = crypto.Validate(
        record->second.entry.identity,
        [this, sweep_id, pki_id](base::Result<IdentityInfo> info) { OnSuspectValidated(sweep_id, pki_id, info); });
  }
  if (!sweep.running.empty()) return;
  const auto alive = shared_from_this();  // `done` may destroy the mapper
  auto finished = sweeps.extract(sweep_id);
  if (finished.mapped().done) finished.mapped().done();
}

void IdentityMapper::State::OnSuspectValidated(std::uint64_t sweep_id, const wire::PkiId& pki_id,
                                               const base::Result<IdentityInfo>& info) {
  if (const auto record = records.find(pki_id); record != records.end()) {
    if (info) {
      Touch(record->second);
    } else if (pki_id == own_pki_id) {
      environment.log.Error("the own identity is no longer valid: {}", info.error().message);
    } else {
      Remove(pki_id, info.error().message);
    }
  }
  sweeps.at(sweep_id).running.erase(pki_id);
  Pump(sweep_id);
}

IdentityMapper::IdentityMapper(base::Environment environment, MessageCrypto& crypto, base::Bytes own,
                               IdentityMapperConfig config)
    : state_(std::make_shared<State>(std::move(environment), crypto, std::move(own), config)) {
  state_->Start();
}

IdentityMapper::~IdentityMapper() = default;

const wire::PkiId& IdentityMapper::own_pki_id() const { return state_->own_pki_id; }
const base::Bytes& IdentityMapper::own_identity() const { return state_->own; }

base::Handle IdentityMapper::Put(const wire::PkiId& pki_id, base::Bytes identity, Done<Entry> done) {
  return state_->Put(pki_id, std::move(identity), std::move(done));
}

std::optional<IdentityMapper::Entry> IdentityMapper::Get(const wire::PkiId& pki_id) {
  const auto it = state_->records.find(pki_id);
  if (it == state_->records.end()) return std::nullopt;
  state_->Touch(it->second);
  return it->second.entry;
}

std::string IdentityMapper::OrganizationOf(const wire::PkiId& pki_id) const {
  const auto it = state_->records.find(pki_id);
  return it == state_->records.end() ? std::string() : it->second.entry.organization;
}

base::Handle IdentityMapper::Verify(const wire::PkiId& pki_id, base::Bytes signature, base::Bytes message,
                                    Done<void> done) {
  if (const auto found = state_->records.find(pki_id); found != state_->records.end()) {
    state_->Touch(found->second);
    return state_->crypto.Verify(found->second.entry.identity, std::move(signature), std::move(message),
                                 std::move(done));
  }
  return state_->environment.executor.After(base::Duration(0), [pki_id, done = std::move(done)]() mutable {
    done(Fail(ErrorCode::kNotFound, "there is no identity with PKI-ID {}", pki_id.Short()));
  });
}

std::vector<IdentityMapper::Entry> IdentityMapper::List() const {
  std::vector<Entry> entries;
  for (const auto& [pki_id, record] : state_->records) entries.push_back(record.entry);
  return entries;
}

void IdentityMapper::Suspect(const std::function<bool(const Entry&)>& suspected, std::move_only_function<void()> done) {
  std::deque<wire::PkiId> suspects;
  for (const auto& [pki_id, record] : state_->records) {
    if (suspected(record.entry)) suspects.push_back(pki_id);
  }
  state_->StartSweep(std::move(suspects), std::move(done));
}

void IdentityMapper::Purge(const wire::PkiId& pki_id) {
  if (pki_id != state_->own_pki_id && state_->records.contains(pki_id)) state_->Remove(pki_id, "it was withdrawn");
}

base::Handle IdentityMapper::OnPurge(std::function<void(const Entry&, const std::string& reason)> hook) {
  const std::uint64_t id = state_->next_hook++;
  state_->hooks.emplace(id, std::move(hook));
  return base::Handle([self = std::weak_ptr(state_), id] {
    if (const auto alive = self.lock()) alive->hooks.erase(id);
  });
}

}  // namespace grapevine::msp
