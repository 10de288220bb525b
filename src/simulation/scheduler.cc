#include "simulation/scheduler.h"

#include <algorithm>
#include <utility>

namespace grapevine::simulation {

namespace {
// Zero can be taken for "no time" by code under test.
constexpr base::SteadyTime kStart{std::chrono::seconds(1)};
// 2027-01-01 00:00:00 UTC at the start of every simulation: inside the validity of the recorded certificates.
constexpr base::WallTime kWallStart{std::chrono::seconds(1798761600)};
constexpr std::uint64_t kHashStart = 0x6a09e667f3bcc908ULL;
// Cancelled entries stay in the heap until they surface; beyond this many the heap is cleaned at once.
constexpr std::size_t kStaleAllowance = 1024;
}  // namespace

std::uint64_t MixHash(std::uint64_t state, std::uint64_t value) {
  std::uint64_t z = (state ^ value) + 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

const char* ToString(EventKind kind) {
  static constexpr const char* kNames[] = {"task", "timer", "delivery", "call", "sent", "work", "dial", "fault"};
  return kNames[static_cast<std::size_t>(kind)];
}

Scheduler::Scheduler() : now_(kStart), trace_hash_(kHashStart) {}

Scheduler::~Scheduler() {
  // Tasks may own handles of other events, so each is taken out before it is destroyed.
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].used) Free(slot);
  }
}

base::Handle Scheduler::Schedule(base::SteadyTime at, SimulatedExecutor* owner, EventInfo info, base::Task task) {
  const Entry entry = Insert(at, owner, info, std::move(task));
  // Two words, so that the handle needs no memory of its own.
  struct Canceller {
    Scheduler* scheduler;
    std::uint32_t slot;
    std::uint32_t generation;
    void operator()() const { scheduler->Cancel(slot, generation); }
  };
  return base::Handle(Canceller{this, entry.slot, entry.generation});
}

void Scheduler::ScheduleDetached(base::SteadyTime at, SimulatedExecutor* owner, EventInfo info, base::Task task) {
  Insert(at, owner, info, std::move(task));
}

Scheduler::Entry Scheduler::Insert(base::SteadyTime at, SimulatedExecutor* owner, EventInfo info, base::Task task) {
  if (owner != nullptr && !owner->alive_) return {now_, next_sequence_, 0, ~0U};  // matches no slot
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.task = std::move(task);
  slot.owner = owner;
  slot.info = info;
  slot.used = true;
  ++live_;
  const Entry entry{std::max(at, now_), next_sequence_++, index, slot.generation};
  Queue(entry);
  return entry;
}

void Scheduler::Queue(const Entry& entry) {
  const std::uint64_t lane = slots_[entry.slot].info.lane;
  if (chooser_ != nullptr && lane != 0) {
    lanes_[lane].push_back(entry);
    return;
  }
  heap_.push_back(entry);
  std::push_heap(heap_.begin(), heap_.end());
}

bool Scheduler::Live(const Entry& entry) const {
  return entry.slot < slots_.size() && slots_[entry.slot].used && slots_[entry.slot].generation == entry.generation;
}

base::Task Scheduler::Free(std::uint32_t index) {
  Slot& slot = slots_[index];
  base::Task task = std::exchange(slot.task, nullptr);
  slot.used = false;
  // ~0 is never a generation: it marks the handle of an event that was refused.
  slot.generation = slot.generation == ~0U - 1 ? 0 : slot.generation + 1;
  free_.push_back(index);
  --live_;
  return task;
}

void Scheduler::Cancel(std::uint32_t slot, std::uint32_t generation) {
  if (!Live(Entry{now_, 0, slot, generation})) return;
  const base::Task task = Free(slot);
  if (heap_.size() > 2 * live_ + kStaleAllowance) DropStale();
}

void Scheduler::DropStale() {
  std::erase_if(heap_, [this](const Entry& entry) { return !Live(entry); });
  std::make_heap(heap_.begin(), heap_.end());
}

bool Scheduler::Step() {
  for (;;) {
    const bool due = !heap_.empty() && heap_.front().at <= now_;
    if (!due && StepLane()) return true;
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end());
    const Entry entry = heap_.back();
    heap_.pop_back();
    if (!Live(entry)) continue;
    Execute(entry);
    return true;
  }
}

void Scheduler::PruneLanes() {
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    auto& entries = lane->second;
    while (!entries.empty() && !Live(entries.front())) entries.pop_front();
    lane = entries.empty() ? lanes_.erase(lane) : std::next(lane);
  }
}

bool Scheduler::StepLane() {
  PruneLanes();
  if (lanes_.empty()) return false;
  std::vector<TraceEvent> pending;
  std::vector<std::uint64_t> lanes;
  for (const auto& [lane, entries] : lanes_) {
    const Slot& slot = slots_[entries.front().slot];
    pending.push_back({now_, slot.owner == nullptr ? 0 : slot.owner->id(), slot.info});
    lanes.push_back(lane);
  }
  auto& entries = lanes_[lanes[chooser_->Choose(pending)]];
  Entry entry = entries.front();
  entries.pop_front();
  entry.at = now_;
  Execute(entry);
  return true;
}

void Scheduler::Execute(Entry entry) {
  now_ = std::max(now_, entry.at);
  SimulatedExecutor* const owner = slots_[entry.slot].owner;
  if (owner != nullptr && owner->paused_) {
    owner->held_.push_back(entry);
    return;
  }
  const TraceEvent event{now_, owner == nullptr ? 0 : owner->id(), slots_[entry.slot].info};
  trace_hash_ = MixHash(trace_hash_, static_cast<std::uint64_t>(event.info.kind) << 32 | event.process);
  trace_hash_ = MixHash(trace_hash_, static_cast<std::uint64_t>(event.time.time_since_epoch().count()));
  trace_hash_ = MixHash(trace_hash_, event.info.detail);
  ++executed_;
  if (observer_) observer_(event);
  base::Task task = Free(entry.slot);
  task();
}

bool Scheduler::HasEventUntil(base::SteadyTime until) {
  PruneLanes();
  while (!heap_.empty() && !Live(heap_.front())) {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
  return !lanes_.empty() || (!heap_.empty() && heap_.front().at <= until);
}

void Scheduler::RunUntil(base::SteadyTime until) {
  while (HasEventUntil(until)) Step();
  now_ = std::max(now_, until);
}

bool Scheduler::RunUntilQuiescent(base::Duration limit) {
  return RunUntil([this] { return live_ == 0; }, limit);
}

bool Scheduler::RunUntil(const std::function<bool()>& reached, base::Duration limit) {
  const base::SteadyTime until = now_ + limit;
  while (!reached()) {
    if (!HasEventUntil(until)) {
      now_ = std::max(now_, until);
      return false;
    }
    Step();
  }
  return true;
}

void Scheduler::DropEventsOf(SimulatedExecutor* owner) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].used && slots_[slot].owner == owner) Free(slot);
  }
}

SimulatedExecutor::~SimulatedExecutor() { Crash(); }

void SimulatedExecutor::Post(base::Task task) {
  scheduler_.ScheduleDetached(scheduler_.Now(), this, {EventKind::kTask}, std::move(task));
}

base::Handle SimulatedExecutor::After(base::Duration delay, base::Task task) {
  return scheduler_.Schedule(scheduler_.Now() + delay, this, {EventKind::kTimer}, std::move(task));
}

base::WallTime SimulatedExecutor::WallNow() const { return kWallStart + (scheduler_.Now() - kStart) + wall_offset_; }

void SimulatedExecutor::Resume() {
  paused_ = false;
  for (const Scheduler::Entry& entry : std::exchange(held_, {})) {
    if (scheduler_.Live(entry)) scheduler_.Queue(entry);
  }
}

void SimulatedExecutor::Crash() {
  alive_ = false;
  held_.clear();
  scheduler_.DropEventsOf(this);
}

}  // namespace grapevine::simulation
