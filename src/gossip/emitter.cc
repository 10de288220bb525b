#include "gossip/emitter.h"

#include <algorithm>
#include <utility>

namespace grapevine::gossip {

Emitter::Emitter(base::Environment environment, EmitterConfig config, Route route)
    : environment_(std::move(environment)),
      config_(config),
      route_(std::move(route)),
      dropped_(environment_.metrics.GetCounter("gossip_emitter_dropped", "Emissions that made room for newer ones")) {}

void Emitter::Add(Emission emission) {
  if (config_.propagate_iterations == 0) return;
  if (pending_.size() >= config_.max_pending) {
    dropped_.Add();
    if (pending_.empty()) return;
    if (pending_.front().patient) --patient_;
    pending_.pop_front();
  }
  const bool urgent = emission.kind == EmissionKind::kBlock;
  const std::optional<base::Duration> patience = emission.patience;
  pending_.push_back({std::move(emission), config_.propagate_iterations, patience.has_value()});
  if (patience.has_value()) {
    if (++patient_ >= config_.max_patient_burst) return EmitSoon();
    return EmitWithin(std::max(*patience, config_.max_burst_latency));
  }
  if (urgent || pending_.size() - patient_ >= config_.max_burst_size) return EmitSoon();
  EmitWithin(config_.max_burst_latency);
}

void Emitter::EmitSoon() {
  if (std::exchange(due_, true)) return;
  environment_.executor.Post(lifetime_.Guard([this] { Emit(); }));
}

void Emitter::EmitWithin(base::Duration latency) {
  const base::SteadyTime deadline = environment_.executor.Now() + latency;
  if (deadline_ <= deadline) return;
  deadline_ = deadline;
  timer_ = environment_.executor.After(latency, [this] { Emit(); });
}

void Emitter::Emit() {
  timer_.Reset();
  deadline_ = base::SteadyTime::max();
  patient_ = 0;
  due_ = false;
  std::vector<Emission> batch = std::exchange(batch_, {});
  std::vector<Entry> again;
  for (; !pending_.empty(); pending_.pop_front()) {
    Entry& entry = pending_.front();
    if (entry.left > 1) again.push_back({entry.emission, entry.left - 1, /*patient=*/false});
    batch.push_back(std::move(entry.emission));
  }
  for (Entry& entry : again) pending_.push_back(std::move(entry));
  if (!pending_.empty()) EmitWithin(config_.max_burst_latency);
  const auto alive = lifetime_.Watch();
  route_(batch);
  if (alive.expired() || batch.capacity() > kKept) return;
  batch.clear();
  batch_ = std::move(batch);
}

}  // namespace grapevine::gossip
