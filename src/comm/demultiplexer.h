// One source of messages, many subscribers, none of which can hurt the others (specification 02, 14.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/handle.h"
#include "base/ring_queue.h"

namespace grapevine::comm {

// Liveness messages (alive, membership request and response) never wait behind others (D-18): each subscription keeps
// the two apart, each with the full capacity.
enum class Lane : std::uint8_t { kLiveness, kBulk };

// What stands behind the two classes below; see demultiplexer_impl.h.
template <typename T>
struct SubscriberQueue;
template <typename T>
struct DemultiplexerState;

// A subscriber's queue. Move-only; destroying or cancelling it unsubscribes, and publishers that wait for it go on.
// One executor, the demultiplexer's; may outlive the demultiplexer. Default-constructed: at its end.
template <typename T>
class Subscription {
 public:
  Subscription() = default;
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

  // Calls `done` once, never within this call, with the next message, or with nothing at the end: after close, when
  // everything queued has been delivered, and after Cancel. Liveness messages come first. At most one Receive may be
  // pending: a second one replaces it. Not called any more once the subscription is destroyed.
  void Receive(std::move_only_function<void(std::optional<T>)> done);
  // Receive for ever: `handler` gets one message after the other until the end, a few in one event.
  void ReceiveAll(std::function<void(T)> handler);
  // The next message now, if one is queued.
  std::optional<T> TryReceive();
  // Drops what is queued; idempotent.
  void Cancel();

  // Closed or cancelled, and nothing is queued.
  bool at_end() const;
  std::size_t queued() const;

 private:
  template <typename>
  friend class Demultiplexer;
  explicit Subscription(std::shared_ptr<SubscriberQueue<T>> queue) : queue_(std::move(queue)) {}
  std::shared_ptr<SubscriberQueue<T>> queue_;
};

enum class Published : std::uint8_t {
  kDone,     // every matching subscriber has it
  kPending,  // a matching subscriber is full; `resumed` will run
  kClosed,   // nobody will get it
};

// All calls are allowed at any time, repeatedly, from inside predicates and consumers. One executor. Destroying it
// closes it.
template <typename T>
class Demultiplexer {
 public:
  using Predicate = std::function<bool(const T&)>;

  explicit Demultiplexer(base::Environment environment);
  ~Demultiplexer() { Close(); }
  Demultiplexer(const Demultiplexer&) = delete;
  Demultiplexer& operator=(const Demultiplexer&) = delete;

  // `name` is for logs. A predicate that throws counts as "no match" and is logged. After Close: a subscription at its
  // end.
  Subscription<T> Subscribe(std::string name, Predicate predicate, std::size_t capacity = 10);

  // Gives `message` to every subscriber that matches now. When kPending is returned, `resumed` runs later as an event
  // with true when every subscriber has taken it or has gone, with false when the demultiplexer closed meanwhile.
  // Destroying `*withdraw`, which is set when kPending is returned, takes the message back from the subscribers that
  // still have no room, and `resumed` does not run. A publisher that waits for `resumed` before it publishes again is
  // received in order. A wait of more than a second is logged with the subscriber's name.
  // It has its own `message`: a predicate may destroy the caller's.
  // NOLINTNEXTLINE(performance-unnecessary-value-param)
  Published Publish(T message, Lane lane, std::move_only_function<void(bool open)> resumed, base::Handle* withdraw);

  // Idempotent. Nothing is enqueued afterwards; queued messages stay readable.
  void Close();
  bool closed() const;

 private:
  std::shared_ptr<DemultiplexerState<T>> state_;
};

}  // namespace grapevine::comm

#include "comm/demultiplexer_impl.h"  // IWYU pragma: export
