// Push of messages in batches (specification 11.5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/ring_queue.h"
#include "wire/envelope.h"
#include "wire/pki_id.h"

namespace grapevine::gossip {

enum class EmissionKind : std::uint8_t { kBlock, kLeadership, kStateInfo, kAlive };

// A message on its way to the peers that routing chooses (11.6).
struct Emission {
  EmissionKind kind = EmissionKind::kAlive;
  wire::Envelope envelope{};
  std::string channel{};     // block, leadership, and state info of a joined channel; else empty
  wire::PkiId originator{};  // alive and state info: whom it is about
  base::Bytes key{};         // decides the roles in structured push: a block's header hash, an alive
                             // message's period
  // Forwarded: the peer whose connection it came on, never sent back there. The node itself: it became known otherwise
  // than by push, and goes to those who expect it from here.
  std::optional<wire::PkiId> received_from{};
  // Routine: may wait so long, or `max_burst_latency` if that is longer, for whatever else is to leave. Nothing: waits
  // for `max_burst_latency` at most.
  std::optional<base::Duration> patience{};
};

struct EmitterConfig {
  std::size_t propagate_iterations = 1;                              // peer.gossip.propagateIterations; 0: push is off
  std::size_t max_burst_size = 10;                                   // peer.gossip.maxPropagationBurstSize
  base::Duration max_burst_latency = std::chrono::milliseconds(10);  // peer.gossip.maxPropagationBurstLatency
  std::size_t max_patient_burst = 16;  // as max_burst_size, of emissions with patience, which do not count there
  std::size_t max_pending = 10000;     // emissions that wait; the oldest makes room and is counted
};

// Collects emissions and hands them to `route` as a batch: when `max_burst_size` have come together, or
// `max_burst_latency` after the first one of the batch. A block takes what has been collected along at once, because
// waiting at every hop would be most of its way; routine (Emission::patience) waits longer, and goes with whatever
// leaves before. An idle node has no timer. Each emission is part of `propagate_iterations` batches. One executor;
// `route` runs as an event of its own, never within Add.
class Emitter {
 public:
  using Route = std::function<void(const std::vector<Emission>& batch)>;

  Emitter(base::Environment environment, EmitterConfig config, Route route);
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  void Add(Emission emission);
  std::size_t pending() const { return pending_.size(); }

 private:
  struct Entry {
    Emission emission;
    std::size_t left;
    bool patient;  // counted in patient_
  };
  static constexpr std::size_t kKept = 128;  // places in memory: a usual burst asks for none

  void EmitSoon();
  void EmitWithin(base::Duration latency);
  void Emit();

  base::Environment environment_;
  EmitterConfig config_;
  Route route_;
  base::Counter& dropped_;
  base::RingQueue<Entry, kKept> pending_;
  std::vector<Emission> batch_;  // empty: the memory of the last batch
  std::size_t patient_ = 0;
  base::Handle timer_;
  base::SteadyTime deadline_ = base::SteadyTime::max();  // of the timer
  bool due_ = false;                                     // an event that emits is under way
  base::Lifetime lifetime_;
};

}  // namespace grapevine::gossip
