#include "runtime/event_loop.h"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace grapevine::runtime {

using base::Duration;
using base::Handle;
using base::IoReady;
using base::SteadyTime;
using base::Task;

namespace {

constexpr std::uint64_t kWakeId = 0;
constexpr std::size_t kEventsPerWait = 128;
// After a wait shorter than kBusy and a turn shorter than kShortTurn the loop looks for events for kLookAgain before it
// sleeps; less often when that is in vain.
constexpr base::Duration kBusy = std::chrono::microseconds(200);
constexpr base::Duration kShortTurn = std::chrono::microseconds(20);
constexpr base::Duration kLookAgain = std::chrono::microseconds(50);
constexpr int kMaxLooksToSkip = 63;

SteadyTime ReadSteadyClock() { return SteadyTime(std::chrono::steady_clock::now().time_since_epoch()); }

[[noreturn]] void Die(const char* what) {
  fmt::print(stderr, "event loop: {}: {}\n", what, std::strerror(errno));
  std::abort();
}

std::uint32_t Interest(bool readable, bool writable) { return (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U); }

}  // namespace

// Shared with handles and watches, so that they may outlive the loop.
class EventLoop::State {
 public:
  using TimerKey = std::pair<SteadyTime, std::uint64_t>;  // deadline, order of setting

  State() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (epoll_ < 0 || wake_ < 0) Die("cannot create an epoll or event descriptor");
    Control(EPOLL_CTL_ADD, wake_, EPOLLIN, kWakeId);
  }
  ~State() {
    close(wake_);
    close(epoll_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void Control(int operation, int descriptor, std::uint32_t events, std::uint64_t id) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (epoll_ctl(epoll_, operation, descriptor, &event) != 0 && operation != EPOLL_CTL_DEL) Die("epoll_ctl");
  }

  void Post(Task task) {
    bool wake = false;
    {
      std::lock_guard lock(mutex_);
      // The loop looks at the queue before it waits: only the first task since then, from another thread, must wake it.
      wake = posted_.empty() && std::this_thread::get_id() != thread_.load(std::memory_order_relaxed);
      posted_.push_back(std::move(task));
    }
    if (wake) Wake();
  }
  void Stop() {
    stopped_ = true;
    Wake();
  }
  void Wake() const {
    const std::uint64_t one = 1;
    // Fails only when the counter is full: then the loop is awake anyway.
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof(one));
  }

  // Outside of events, before Run, nobody refreshes the time.
  SteadyTime Now() {
    if (thread_.load(std::memory_order_relaxed) == std::thread::id()) now_ = ReadSteadyClock();
    return now_;
  }

  // One round: what is ready now, then BeforeWait tasks. Waits first when nothing is due, at most until `limit`.
  void Turn(SteadyTime limit) {
    WaitForDescriptors(limit);
    RunTimers();
    RunPosted();
    RunBeforeWait();
  }

  // Drops every task without running it. Their destructors may post or cancel: repeated until nothing is left.
  void Clear() {
    closed_ = true;
    for (;;) {
      auto timers = std::exchange(timers_, {});
      auto before_wait = std::exchange(before_wait_, {});
      auto watches = std::exchange(watches_, {});
      std::vector<Task> posted;
      {
        std::lock_guard lock(mutex_);
        posted.swap(posted_);
      }
      if (timers.empty() && before_wait.empty() && watches.empty() && posted.empty()) return;
    }
  }

  struct Watched {
    int descriptor;
    std::shared_ptr<std::function<void(IoReady)>> ready;
  };

  bool closed_ = false;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::thread::id> thread_{};
  std::uint64_t next_id_ = kWakeId + 1;
  std::map<TimerKey, Task> timers_;
  std::map<std::uint64_t, Task> before_wait_;
  std::unordered_map<std::uint64_t, Watched> watches_;  // looked up only

 private:
  void RunBeforeWait() {
    // What a task adds runs in the same pass: an id is never given twice, so this ends when nobody adds more.
    while (!before_wait_.empty()) {
      Task task = std::move(before_wait_.begin()->second);
      before_wait_.erase(before_wait_.begin());
      now_ = ReadSteadyClock();
      task();
    }
  }

  int WaitMilliseconds(SteadyTime limit) {
    if (!before_wait_.empty()) return 0;  // set outside of Run
    {
      std::lock_guard lock(mutex_);
      if (!posted_.empty() || stopped_) return 0;
    }
    SteadyTime until = limit;
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first.first);
    if (until == SteadyTime::max()) return -1;
    const Duration left = until - ReadSteadyClock();
    if (left <= Duration::zero()) return 0;
    // Rounded up: waking early would spin until the deadline.
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::min<std::int64_t>(rounded, 3600 * 1000));
  }

  // Waking a thread that sleeps takes longer than handling a small message. While short messages go to and fro, the
  // loop therefore looks again for a moment before it sleeps. Looking in vain makes it look less often, so that it
  // costs next to nothing where it does not help; a loop that is idle or moves bulk does not look at all.
  int Wait(std::array<epoll_event, kEventsPerWait>& events, int milliseconds) {
    const auto size = static_cast<int>(events.size());
    if (milliseconds == 0) return epoll_wait(epoll_, events.data(), size, 0);
    const SteadyTime start = ReadSteadyClock();
    SteadyTime end = start;
    int count = 0;
    const bool quick_exchange = last_wait_ < kBusy && start - woken_ < kShortTurn;
    if (quick_exchange && looks_to_skip_-- == 0) {
      while (count == 0 && end - start < kLookAgain) {
        count = epoll_wait(epoll_, events.data(), size, 0);
        end = ReadSteadyClock();
      }
      looks_in_vain_ = count != 0 ? 0 : std::min(2 * looks_in_vain_ + 1, kMaxLooksToSkip);
      looks_to_skip_ = looks_in_vain_;
    }
    if (count == 0) {
      count = epoll_wait(epoll_, events.data(), size, milliseconds);
      end = ReadSteadyClock();
    }
    last_wait_ = end - start;
    woken_ = end;
    return count;
  }

  void WaitForDescriptors(SteadyTime limit) {
    std::array<epoll_event, kEventsPerWait> events;
    const int count = Wait(events, WaitMilliseconds(limit));
    if (count < 0 && errno != EINTR) Die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event event = events[static_cast<std::size_t>(i)];
      const std::uint64_t id = event.data.u64;  // a copy: epoll_event is packed, nothing may refer to its parts
      if (id == kWakeId) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const auto size = read(wake_, &ignored, sizeof(ignored));
        continue;
      }
      const auto found = watches_.find(id);  // an earlier event may have destroyed the watch
      if (found == watches_.end()) continue;
      const auto ready = found->second.ready;  // keeps the function alive while it destroys its own watch
      now_ = ReadSteadyClock();
      (*ready)({.readable = (event.events & EPOLLIN) != 0,
                .writable = (event.events & EPOLLOUT) != 0,
                .failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0});
    }
  }

  void RunTimers() {
    if (timers_.empty()) return;
    // Timers that these timers set belong to the next turn.
    const TimerKey end{ReadSteadyClock(), next_id_};
    while (!timers_.empty() && timers_.begin()->first < end) {
      Task task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      now_ = ReadSteadyClock();
      task();
    }
  }

  void RunPosted() {
    std::vector<Task> tasks;
    {
      std::lock_guard lock(mutex_);
      tasks.swap(posted_);
    }
    for (auto& task : tasks) {
      now_ = ReadSteadyClock();
      std::exchange(task, nullptr)();
    }
  }

  SteadyTime now_ = ReadSteadyClock();
  base::Duration last_wait_ = base::Duration::max();
  SteadyTime woken_{};
  int looks_to_skip_ = 0;
  int looks_in_vain_ = 0;  // how many looks the next failure makes it skip, about
  int epoll_;
  int wake_;
  std::mutex mutex_;
  std::vector<Task> posted_;
};

class EventLoop::DescriptorWatch final : public base::IoWatch {
 public:
  DescriptorWatch(const std::shared_ptr<State>& state, int descriptor, std::function<void(IoReady)> ready)
      : state_(state), descriptor_(descriptor), id_(state->next_id_++) {
    state->watches_.emplace(
        id_, State::Watched{descriptor, std::make_shared<std::function<void(IoReady)>>(std::move(ready))});
    state->Control(EPOLL_CTL_ADD, descriptor_, 0, id_);
  }
  ~DescriptorWatch() override {
    const auto state = state_.lock();
    if (!state || state->closed_) return;
    state->Control(EPOLL_CTL_DEL, descriptor_, 0, id_);
    state->watches_.erase(id_);
  }
  void SetInterest(bool readable, bool writable) override {
    const auto state = state_.lock();
    if (!state || state->closed_) return;
    state->Control(EPOLL_CTL_MOD, descriptor_, Interest(readable, writable), id_);
  }

 private:
  std::weak_ptr<State> state_;
  int descriptor_;
  std::uint64_t id_;
};

EventLoop::EventLoop() : state_(std::make_shared<State>()) {}

EventLoop::~EventLoop() { state_->Clear(); }

void EventLoop::Run() {
  state_->thread_ = std::this_thread::get_id();
  while (!state_->stopped_) state_->Turn(SteadyTime::max());
  state_->stopped_ = false;
  state_->thread_ = std::thread::id();
}

bool EventLoop::RunUntil(const std::function<bool()>& done, Duration limit) {
  state_->thread_ = std::this_thread::get_id();
  const SteadyTime end = ReadSteadyClock() + limit;
  bool reached = done();
  while (!reached && !state_->stopped_ && ReadSteadyClock() < end) {
    state_->Turn(end);
    reached = done();
  }
  state_->stopped_ = false;
  state_->thread_ = std::thread::id();
  return reached;
}

void EventLoop::Stop() { state_->Stop(); }

void EventLoop::Post(Task task) { state_->Post(std::move(task)); }

Handle EventLoop::After(Duration delay, Task task) {
  const State::TimerKey key{state_->Now() + std::max(delay, Duration::zero()), state_->next_id_++};
  state_->timers_.emplace(key, std::move(task));
  return Handle([weak = std::weak_ptr(state_), key] {
    if (const auto state = weak.lock()) {
      // Extracted first: the task's destructor may cancel or set other timers.
      const auto cancelled = state->timers_.extract(key);
    }
  });
}

SteadyTime EventLoop::Now() const { return state_->Now(); }

base::WallTime EventLoop::WallNow() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

std::unique_ptr<base::IoWatch> EventLoop::Watch(int descriptor, std::function<void(IoReady)> ready) {
  return std::make_unique<DescriptorWatch>(state_, descriptor, std::move(ready));
}

Handle EventLoop::BeforeWait(Task task) {
  const std::uint64_t id = state_->next_id_++;
  state_->before_wait_.emplace(id, std::move(task));
  return Handle([weak = std::weak_ptr(state_), id] {
    if (const auto state = weak.lock()) {
      const auto cancelled = state->before_wait_.extract(id);
    }
  });
}

}  // namespace grapevine::runtime
