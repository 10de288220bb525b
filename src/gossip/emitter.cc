#include "gossip/emitter.h"

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
    pending_.pop_front();
  }
  const bool urgent = emission.kind == EmissionKind::kBlock;
  pending_.push_back({std::move(emission), config_.propagate_iterations});
  if (urgent || pending_.size() >= config_.max_burst_size) {
    if (std::exchange(due_, true)) return;
    environment_.executor.Post(lifetime_.Guard([this] { Emit(); }));
  } else {
    ArmTimer();
  }
}

void Emitter::ArmTimer() {
  if (std::exchange(timer_set_, true)) return;
  timer_ = environment_.executor.After(config_.max_burst_latency, [this] { Emit(); });
}

void Emitter::Emit() {
  timer_.Reset();
  timer_set_ = false;
  due_ = false;
  std::vector<Emission> batch;
  batch.reserve(pending_.size());
  for (std::size_t count = pending_.size(); count > 0; --count) {
    Entry entry = std::move(pending_.front());
    pending_.pop_front();
    if (entry.left > 1) pending_.push_back({entry.emission, entry.left - 1});
    batch.push_back(std::move(entry.emission));
  }
  if (!pending_.empty()) ArmTimer();
  route_(batch);
}

}  // namespace grapevine::gossip
