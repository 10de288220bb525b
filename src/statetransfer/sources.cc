#include "statetransfer/sources.h"

#include <algorithm>
#include <utility>

namespace grapevine::statetransfer {
namespace {

// Doublings of the response timeout: how long a failed member is left alone, and how long its answer may take.
constexpr std::uint32_t kMaxPauseDoublings = 4;
constexpr std::uint32_t kMaxTimeoutDoublings = 3;

}  // namespace

void Sources::Update(const std::vector<channel::ChannelMember>& members) {
  std::map<wire::PkiId, Record> known = std::exchange(records_, {});
  highest_ = 0;
  for (const channel::ChannelMember& member : members) {
    const auto before = known.find(member.peer.pki_id);
    Record record = before == known.end() ? Record() : std::move(before->second);
    record.peer = member.peer.remote();
    record.height = member.properties.ledger_height;
    highest_ = std::max(highest_, record.height);
    records_.emplace(member.peer.pki_id, std::move(record));
  }
}

bool Sources::Has(const Record& record, std::uint64_t number, base::SteadyTime now) {
  return record.height > number && (number >= record.lacks_below || now >= record.lacks_until);
}

base::Duration Sources::Expectation(const Record& record) const {
  if (record.latency > base::Duration::zero()) return record.latency * (record.requests + 1);
  return response_timeout_ * record.requests;  // not two requests to a stranger while others answer
}

std::optional<Sources::Choice> Sources::Choose(std::uint64_t first, const std::set<wire::PkiId>& avoid,
                                               base::SteadyTime now) const {
  std::vector<const Record*> best;
  std::pair<bool, base::Duration> best_rank;
  for (const auto& [pki_id, record] : records_) {
    if (!Has(record, first, now) || now < record.alone_until) continue;
    const std::pair rank(avoid.contains(pki_id), Expectation(record));
    if (best.empty() || rank < best_rank) {
      best.clear();
      best_rank = rank;
    }
    if (rank == best_rank) best.push_back(&record);
  }
  if (best.empty()) return std::nullopt;
  const Record& chosen = *best[best.size() == 1 ? 0 : random_.Below(best.size())];
  return Choice{.peer = chosen.peer, .height = chosen.height, .max_blocks = chosen.max_blocks};
}

std::optional<base::SteadyTime> Sources::FreeAt(std::uint64_t first, base::SteadyTime now) const {
  std::optional<base::SteadyTime> free;
  for (const auto& [pki_id, record] : records_) {
    if (Has(record, first, now)) free = std::min(free.value_or(record.alone_until), record.alone_until);
  }
  return free;
}

base::Duration Sources::Timeout(const wire::PkiId& peer) const {
  const auto found = records_.find(peer);
  const std::uint32_t failures = found == records_.end() ? 0 : found->second.failures;
  return response_timeout_ * (1U << std::min(failures, kMaxTimeoutDoublings));
}

void Sources::Asked(const wire::PkiId& peer) {
  if (const auto found = records_.find(peer); found != records_.end()) ++found->second.requests;
}

void Sources::Released(const wire::PkiId& peer) {
  const auto found = records_.find(peer);
  if (found != records_.end() && found->second.requests > 0) --found->second.requests;
}

void Sources::Answered(const wire::PkiId& peer, base::Duration latency) {
  const auto found = records_.find(peer);
  if (found == records_.end()) return;
  if (latency < response_timeout_ / 2) {
    found->second.max_blocks = std::min(found->second.max_blocks * 2, kMaxBlocks);
  }
  base::Duration& known = found->second.latency;
  latency = std::max(latency, base::Duration(1));
  known = known == base::Duration::zero() ? latency : (known * 3 + latency) / 4;
}

void Sources::TimedOut(const wire::PkiId& peer, std::uint64_t blocks) {
  const auto found = records_.find(peer);
  if (found != records_.end()) found->second.max_blocks = std::max<std::uint64_t>(blocks / 2, 1);
}

void Sources::Lacks(const wire::PkiId& peer, std::uint64_t number, base::SteadyTime now) {
  const auto found = records_.find(peer);
  if (found == records_.end()) return;
  found->second.lacks_below = std::max(found->second.lacks_below, number + 1);
  found->second.lacks_until = now + memory_;
}

void Sources::GaveNothing(const wire::PkiId& peer, base::SteadyTime now) {
  const auto found = records_.find(peer);
  if (found == records_.end()) return;
  found->second.alone_until = std::max(found->second.alone_until, now + response_timeout_);
}

void Sources::Proved(const wire::PkiId& peer) {
  if (const auto found = records_.find(peer); found != records_.end()) found->second.failures = 0;
}

void Sources::Failed(const wire::PkiId& peer, base::SteadyTime now) {
  const auto found = records_.find(peer);
  if (found == records_.end() || now < found->second.alone_until) return;  // one cause, many blocks
  Record& record = found->second;
  record.alone_until = now + response_timeout_ * (1U << std::min(record.failures, kMaxPauseDoublings));
  ++record.failures;
}

}  // namespace grapevine::statetransfer
