// Implementation of comm/demultiplexer.h; include that.
#pragma once

#include <algorithm>
#include <chrono>

#include "comm/demultiplexer.h"

namespace grapevine::comm {

// A message on its way to subscribers that were full when it was published.
template <typename T>
struct PendingPublication : std::enable_shared_from_this<PendingPublication<T>> {
  PendingPublication(base::Executor& on, T what) : executor(on), message(std::move(what)) {}

  base::Executor& executor;
  T message;
  std::move_only_function<void(bool open)> resumed;       // null until Publish has seen all subscribers
  std::vector<std::weak_ptr<SubscriberQueue<T>>> queues;  // where it waits or has waited
  std::size_t waiting_for = 1;                            // of these, and Publish while it runs
  base::Handle complaint;

  // One subscriber has taken the message or has gone.
  void Release() {
    if (--waiting_for == 0) Settle(true);
  }
  void Settle(bool open) {
    complaint.Reset();
    executor.Post([self = this->shared_from_this(), open] {
      if (auto done = std::exchange(self->resumed, nullptr)) done(open);
    });
  }
};

// Few, so that nobody else waits long.
inline constexpr std::size_t kMessagesPerEvent = 8;

template <typename T>
struct SubscriberQueue : std::enable_shared_from_this<SubscriberQueue<T>> {
  struct LaneQueue {
    base::RingQueue<T> messages;
    base::RingQueue<std::shared_ptr<PendingPublication<T>>> waiting;  // not empty only while `messages` is full

    // The place of `publication` among `waiting`, or their number.
    std::size_t PlaceOf(const std::shared_ptr<PendingPublication<T>>& publication) const {
      std::size_t place = 0;
      while (place < waiting.size() && waiting[place] != publication) ++place;
      return place;
    }
  };

  SubscriberQueue(base::Executor& on, std::string called, std::function<bool(const T&)> matching, std::size_t bound)
      : executor(on),
        name(std::move(called)),
        predicate(std::move(matching)),
        capacity(std::max<std::size_t>(bound, 1)) {}

  base::Executor& executor;
  std::string name;
  std::function<bool(const T&)> predicate;
  std::size_t capacity;
  std::array<LaneQueue, 2> lanes;  // by Lane
  bool open = true;                // false: nothing more is enqueued
  bool waking = false;             // an event that serves `receiver` is under way
  std::move_only_function<void(std::optional<T>)> receiver;

  LaneQueue& lane(Lane which) { return lanes[static_cast<std::size_t>(which)]; }
  std::size_t queued() const { return lanes[0].messages.size() + lanes[1].messages.size(); }

  bool KeepsWaiting(const std::shared_ptr<PendingPublication<T>>& publication) const {
    return std::any_of(lanes.begin(), lanes.end(),
                       [&](const LaneQueue& queue) { return queue.PlaceOf(publication) < queue.waiting.size(); });
  }

  std::optional<T> Take() {
    for (LaneQueue& queue : lanes) {
      if (queue.messages.empty()) continue;
      std::optional<T> message(std::move(queue.messages.front()));
      queue.messages.pop_front();
      if (!queue.waiting.empty()) {
        auto publication = std::move(queue.waiting.front());
        queue.waiting.pop_front();
        queue.messages.push_back(publication->message);
        publication->Release();
      }
      return message;
    }
    return std::nullopt;
  }

  // Gives the receiver, if there is one, what there is or the end.
  void Wake() {
    if (receiver == nullptr || waking || (open && queued() == 0)) return;
    waking = true;
    executor.Post([weak = this->weak_from_this()] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      for (std::size_t i = 0; i < kMessagesPerEvent; ++i) {
        if (self->receiver == nullptr || (self->open && self->queued() == 0)) break;
        auto done = std::exchange(self->receiver, nullptr);
        done(self->Take());
      }
      self->waking = false;
      self->Wake();
    });
  }

  void Cancel() {
    open = false;
    for (LaneQueue& queue : lanes) {
      queue.messages.clear();
      for (auto waiting = std::exchange(queue.waiting, {}); !waiting.empty(); waiting.pop_front()) {
        waiting.front()->Release();
      }
    }
    Wake();
  }

  void Close() {
    open = false;
    for (LaneQueue& queue : lanes) {
      for (auto waiting = std::exchange(queue.waiting, {}); !waiting.empty(); waiting.pop_front()) {
        if (std::exchange(waiting.front()->waiting_for, 0) > 0) waiting.front()->Settle(false);
      }
    }
    Wake();
  }
};

template <typename T>
struct DemultiplexerState {
  base::Environment environment;
  bool closed = false;
  // In order of subscription. Immutable: who publishes looks at one state of it, whatever its predicates do.
  using Subscribers = std::vector<std::weak_ptr<SubscriberQueue<T>>>;
  std::shared_ptr<const Subscribers> subscribers = std::make_shared<const Subscribers>();

  bool Matches(const SubscriberQueue<T>& queue, const T& message) const {
    try {
      return queue.predicate == nullptr || queue.predicate(message);
    } catch (const std::exception& error) {
      environment.log.Error("predicate of subscriber '{}' failed, taken as no match: {}", queue.name, error.what());
    } catch (...) {
      environment.log.Error("predicate of subscriber '{}' failed, taken as no match", queue.name);
    }
    return false;
  }

  void WatchForDelay(const std::shared_ptr<PendingPublication<T>>& publication) {
    publication->complaint =
        environment.executor.After(std::chrono::seconds(1), [log = environment.log, weak = std::weak_ptr(publication)] {
          const auto held = weak.lock();
          if (held == nullptr) return;
          for (const auto& waiting_in : held->queues) {
            const auto queue = waiting_in.lock();
            if (queue == nullptr || !queue->KeepsWaiting(held)) continue;
            log.Warn("a message has waited 1 s for subscriber '{}', whose {} places are full", queue->name,
                     queue->capacity);
          }
        });
  }
};

template <typename T>
Subscription<T>& Subscription<T>::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Subscription gone(std::move(queue_));
    queue_ = std::move(other.queue_);
  }
  return *this;
}

template <typename T>
Subscription<T>::~Subscription() {
  if (queue_ == nullptr) return;
  queue_->receiver = nullptr;
  queue_->Cancel();
}

template <typename T>
void Subscription<T>::Receive(std::move_only_function<void(std::optional<T>)> done) {
  if (queue_ == nullptr) return;
  queue_->receiver = std::move(done);
  queue_->Wake();
}

template <typename T>
void Subscription<T>::ReceiveAll(std::function<void(T)> handler) {
  Receive([weak = std::weak_ptr(queue_), handler = std::move(handler)](std::optional<T> message) mutable {
    if (!message.has_value()) return;
    handler(std::move(*message));
    if (const auto queue = weak.lock()) {
      // Borrows the queue for the next round; the handler may have destroyed the subscription meanwhile.
      Subscription next(queue);
      next.ReceiveAll(std::move(handler));
      next.queue_ = nullptr;
    }
  });
}

template <typename T>
std::optional<T> Subscription<T>::TryReceive() {
  return queue_ == nullptr ? std::nullopt : queue_->Take();
}

template <typename T>
void Subscription<T>::Cancel() {
  if (queue_ != nullptr) queue_->Cancel();
}

template <typename T>
bool Subscription<T>::at_end() const {
  return queue_ == nullptr || (!queue_->open && queue_->queued() == 0);
}

template <typename T>
std::size_t Subscription<T>::queued() const {
  return queue_ == nullptr ? 0 : queue_->queued();
}

template <typename T>
Demultiplexer<T>::Demultiplexer(base::Environment environment)
    : state_(std::make_shared<DemultiplexerState<T>>(DemultiplexerState<T>{std::move(environment)})) {}

template <typename T>
Subscription<T> Demultiplexer<T>::Subscribe(std::string name, Predicate predicate, std::size_t capacity) {
  auto queue = std::make_shared<SubscriberQueue<T>>(state_->environment.executor, std::move(name), std::move(predicate),
                                                    capacity);
  queue->open = !state_->closed;
  auto subscribers = *state_->subscribers;
  std::erase_if(subscribers, [](const auto& weak) { return weak.expired(); });
  if (queue->open) subscribers.push_back(queue);
  state_->subscribers = std::make_shared<const typename DemultiplexerState<T>::Subscribers>(std::move(subscribers));
  return Subscription<T>(std::move(queue));
}

template <typename T>
Published Demultiplexer<T>::Publish(T message, Lane lane, std::move_only_function<void(bool open)> resumed,
                                    base::Handle* withdraw) {
  const auto state = state_;  // a predicate may destroy the demultiplexer
  if (state->closed) return Published::kClosed;
  std::shared_ptr<PendingPublication<T>> pending;
  const auto snapshot = state->subscribers;
  for (const auto& weak : *snapshot) {
    const auto queue = weak.lock();
    if (queue == nullptr || !queue->open || !state->Matches(*queue, message)) continue;
    if (!queue->open) continue;  // the predicate cancelled it or closed everything
    auto& places = queue->lane(lane);
    if (places.messages.size() < queue->capacity) {
      places.messages.push_back(message);
      queue->Wake();
      continue;
    }
    if (pending == nullptr) {
      pending = std::make_shared<PendingPublication<T>>(state->environment.executor, message);
    }
    pending->queues.push_back(queue);
    places.waiting.push_back(pending);
    ++pending->waiting_for;
  }
  if (state->closed) return Published::kClosed;
  if (pending == nullptr || --pending->waiting_for == 0) return Published::kDone;
  pending->resumed = std::move(resumed);
  state->WatchForDelay(pending);
  *withdraw = base::Handle([pending] {
    pending->resumed = nullptr;
    for (const auto& weak : pending->queues) {
      const auto queue = weak.lock();
      if (queue == nullptr) continue;
      for (auto& places : queue->lanes) {
        const std::size_t place = places.PlaceOf(pending);
        if (place < places.waiting.size()) places.waiting.erase(place);
      }
    }
    pending->complaint.Reset();
  });
  return Published::kPending;
}

template <typename T>
void Demultiplexer<T>::Close() {
  const auto state = state_;
  if (std::exchange(state->closed, true)) return;
  const auto subscribers =
      std::exchange(state->subscribers, std::make_shared<const typename DemultiplexerState<T>::Subscribers>());
  for (const auto& weak : *subscribers) {
    if (const auto queue = weak.lock()) queue->Close();
  }
}

template <typename T>
bool Demultiplexer<T>::closed() const {
  return state_->closed;
}

}  // namespace grapevine::comm
