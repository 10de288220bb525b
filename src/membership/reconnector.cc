#include "membership/reconnector.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace grapevine::membership {
namespace {

constexpr std::size_t kProbesAtATime = 16;
// A round comes up to this part of the interval earlier or later, so that peers that lost each other together do not
// all dial together.
constexpr int kJitterDivisor = 8;

base::Counter& Probes(const base::Environment& environment, const char* result) {
  return environment.metrics.GetCounter("gossip_membership_probes", "Probes of dead members.", {{"result", result}});
}

}  // namespace

Reconnector::Reconnector(const base::Environment& environment, comm::Comm& comm, const MembershipConfig& config,
                         const Roster& roster, Requester& requester)
    : environment_(environment),
      comm_(comm),
      config_(config),
      roster_(roster),
      requester_(requester),
      answered_(Probes(environment, "answered")),
      failed_(Probes(environment, "failed")) {}

const MemberRecord* Reconnector::FindDead(const wire::PkiId& pki_id) const {
  const MemberRecord* record = roster_.table().Find(pki_id);
  return record != nullptr && !record->alive ? record : nullptr;
}

void Reconnector::Update() {
  std::erase_if(probing_, [this](const auto& probe) { return FindDead(probe.first) == nullptr; });
  Pump();
  if (roster_.table().dead() > 0) {
    ArmRound();
  } else {
    timer_.Reset();
    armed_ = false;
  }
}

void Reconnector::ArmRound() {
  if (std::exchange(armed_, true)) return;
  const base::Duration jitter = config_.reconnect_interval / kJitterDivisor;
  const base::Duration pause =
      environment_.random.Between(config_.reconnect_interval - jitter, config_.reconnect_interval + jitter);
  timer_ = environment_.executor.After(pause, [this] { Round(); });
}

void Reconnector::Round() {
  armed_ = false;
  if (roster_.table().dead() == 0) return;
  ArmRound();
  // Who has not been reached in the last round is still in line.
  if (waiting_.empty()) {
    for (const auto& [pki_id, record] : roster_.table().members()) {
      if (!record.alive && !record.peer.endpoint.empty() && !probing_.contains(pki_id)) waiting_.push_back(pki_id);
    }
  }
  Pump();
}

void Reconnector::Contact(const wire::PkiId& pki_id) {
  if (probing_.contains(pki_id) || std::ranges::find(waiting_, pki_id) != waiting_.end()) return;
  waiting_.push_front(pki_id);
  Pump();
}

void Reconnector::Pump() {
  while (!waiting_.empty() && probing_.size() < kProbesAtATime) {
    const wire::PkiId pki_id = waiting_.front();
    waiting_.pop_front();
    const MemberRecord* record = FindDead(pki_id);
    if (record == nullptr || record->peer.endpoint.empty()) continue;
    probing_[pki_id] = comm_.Probe(record->peer.endpoint,
                                   [this, pki_id](const base::Result<void>& outcome) { Probed(pki_id, outcome); });
  }
}

void Reconnector::Probed(const wire::PkiId& pki_id, const base::Result<void>& outcome) {
  const auto finished = probing_.extract(pki_id);
  const MemberRecord* record = FindDead(pki_id);
  if (outcome && record != nullptr) {
    answered_.Add();
    requester_.Ask({record->peer}, Requester::News::kFresh);
  } else if (!outcome) {
    failed_.Add();
  }
  Pump();
}

}  // namespace grapevine::membership
