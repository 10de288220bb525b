// The clock of the simulated world: a discrete-event scheduler, and one executor per simulated process on top of it.
//
// One priority queue of (virtual time, sequence, event). Everything that happens in a simulated world is an event here,
// so the same seed gives the same run, bit for bit, and an empty queue proves that nothing more will happen (design,
// section 5). Single-threaded. The scheduler must outlive every executor and handle made from it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "base/executor.h"

namespace grapevine::simulation {

class SimulatedExecutor;

// Mixes `value` into the hash `state`; the same on every machine.
std::uint64_t MixHash(std::uint64_t state, std::uint64_t value);

enum class EventKind : std::uint8_t {
  kTask,      // Executor::Post
  kTimer,     // Executor::After
  kDelivery,  // a packet of a stream or connection arrives
  kCall,      // a packet of a unary call arrives
  kSent,      // a message has left
  kWork,      // a worker's job is done
  kDial,      // a connection is established
  kFault      // something that the scenario does
};

const char* ToString(EventKind kind);

// What an event is, for the trace. `lane` names a sequence of events that keep their order among themselves, but whose
// moment the world may choose freely: one direction of a connection, one worker. 0: not free, happens at its time.
struct EventInfo {
  EventKind kind = EventKind::kTask;
  std::uint64_t detail = 0;
  std::uint64_t lane = 0;
};

// One executed event, as the trace sees it.
struct TraceEvent {
  base::SteadyTime time;
  std::uint32_t process = 0;  // SimulatedExecutor::id, 0: the world itself
  EventInfo info;
};

// Decides what happens next when several lanes have an event pending: how a test explores interleavings.
class Chooser {
 public:
  virtual ~Chooser() = default;
  // An index below `pending.size()` (> 0). `pending` holds the first event of each lane, in order of lane.
  virtual std::size_t Choose(const std::vector<TraceEvent>& pending) = 0;
};

class Scheduler {
 public:
  Scheduler();
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  base::SteadyTime Now() const { return now_; }

  // Runs `task` at `at` (not before Now()) as an event of `owner`; null: of the world. Events of equal time run in the
  // order in which they were scheduled.
  base::Handle Schedule(base::SteadyTime at, SimulatedExecutor* owner, EventInfo info, base::Task task);
  // The same for an event that nobody cancels.
  void ScheduleDetached(base::SteadyTime at, SimulatedExecutor* owner, EventInfo info, base::Task task);

  // Executes the next event; false if there is none.
  bool Step();
  // Whether Step would execute an event without moving the clock beyond `until`.
  bool HasEventUntil(base::SteadyTime until);
  // Executes everything up to and including `until`, and sets the clock to it.
  void RunUntil(base::SteadyTime until);
  void RunFor(base::Duration duration) { RunUntil(now_ + duration); }
  // True if the queue became empty within `limit`: nothing more can happen. False: events remain (a periodic timer).
  bool RunUntilQuiescent(base::Duration limit);
  // Checks `reached` now and after every event. False if the queue became empty or `limit` passed without it.
  bool RunUntil(const std::function<bool()>& reached, base::Duration limit);

  // Events that will still run, those of paused processes included.
  std::size_t pending() const { return live_; }
  std::uint64_t executed() const { return executed_; }
  // Running hash of (kind, time, process, detail) of every executed event, and of MixIntoTrace: equal for equal runs on
  // every machine.
  std::uint64_t trace_hash() const { return trace_hash_; }
  // For what belongs to an event and is known only after it was scheduled.
  void MixIntoTrace(std::uint64_t detail) { trace_hash_ = MixHash(trace_hash_, detail); }
  // Called before each event, for transcripts. One observer.
  void OnEvent(std::function<void(const TraceEvent&)> observer) { observer_ = std::move(observer); }

  // From now on events with a lane happen when `chooser` says so, without virtual time passing; all other events that
  // are due come first, and time goes on only when no lane has anything pending. Null: time decides again. Set it
  // before the first event. Not owned.
  void SetChooser(Chooser* chooser) { chooser_ = chooser; }
  bool explores() const { return chooser_ != nullptr; }

 private:
  friend class SimulatedExecutor;

  struct Slot {
    base::Task task;
    SimulatedExecutor* owner = nullptr;
    EventInfo info;
    std::uint32_t generation = 0;
    bool used = false;
  };
  struct Entry {
    base::SteadyTime at;
    std::uint64_t sequence;
    std::uint32_t slot;
    std::uint32_t generation;
    // The standard heap keeps the greatest on top: the earliest event is the greatest.
    bool operator<(const Entry& other) const { return at != other.at ? at > other.at : sequence > other.sequence; }
  };

  Entry Insert(base::SteadyTime at, SimulatedExecutor* owner, EventInfo info, base::Task task);
  void Queue(const Entry& entry);
  bool Live(const Entry& entry) const;
  void Cancel(std::uint32_t slot, std::uint32_t generation);
  base::Task Free(std::uint32_t slot);
  void DropStale();
  void PruneLanes();
  bool StepLane();
  void Execute(Entry entry);
  void DropEventsOf(SimulatedExecutor* owner);

  base::SteadyTime now_;
  std::uint64_t next_sequence_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Entry> heap_;
  std::map<std::uint64_t, std::deque<Entry>> lanes_;
  std::size_t live_ = 0;
  std::uint64_t executed_ = 0;
  std::uint64_t trace_hash_;
  std::function<void(const TraceEvent&)> observer_;
  Chooser* chooser_ = nullptr;
};

// The executor of one simulated process.
class SimulatedExecutor final : public base::Executor {
 public:
  // `id` > 0 names the process in the trace.
  SimulatedExecutor(Scheduler& scheduler, std::uint32_t id) : scheduler_(scheduler), id_(id) {}
  ~SimulatedExecutor() override;
  SimulatedExecutor(const SimulatedExecutor&) = delete;
  SimulatedExecutor& operator=(const SimulatedExecutor&) = delete;

  void Post(base::Task task) override;
  base::Handle After(base::Duration delay, base::Task task) override;
  base::SteadyTime Now() const override { return scheduler_.Now(); }
  base::WallTime WallNow() const override;

  // Difference of this process's wall clock to the world's; setting another value is a clock jump.
  void SetWallOffset(base::Duration offset) { wall_offset_ = offset; }
  // While paused nothing runs; what became due runs at Resume, in its order.
  void Pause() { paused_ = true; }
  void Resume();
  // The process is gone: everything pending is dropped and nothing is accepted any more.
  void Crash();
  // A lane that nobody else uses. Its number depends only on what this process did before, not on other processes: so
  // it names the same thing in all runs that differ in the order of independent events.
  std::uint64_t NewLane() { return static_cast<std::uint64_t>(id_) << 32 | ++lanes_; }
  bool alive() const { return alive_; }
  bool paused() const { return paused_; }
  std::uint32_t id() const { return id_; }
  Scheduler& scheduler() { return scheduler_; }

 private:
  friend class Scheduler;
  Scheduler& scheduler_;
  std::uint32_t id_;
  std::uint32_t lanes_ = 0;
  base::Duration wall_offset_{};
  bool alive_ = true;
  bool paused_ = false;
  std::vector<Scheduler::Entry> held_;
};

}  // namespace grapevine::simulation
