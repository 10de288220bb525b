// The one bounded send queue of a peer (specification 02, 14.3; D-18, D-27). Internal to the room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/handle.h"
#include "base/result.h"
#include "base/ring_queue.h"
#include "comm/demultiplexer.h"
#include "comm/depth_token.h"
#include "comm/message_kind.h"

namespace grapevine::comm {

// What replies and acknowledged sends have besides.
struct Terms {
  base::SteadyTime deadline{};  // they wait for room until then
  std::uint64_t stream = 0;     // a reply: the stream of the request, while it is open
  // Acknowledged sends: told, once, why the message will not be sent. May be empty.
  std::move_only_function<void(const base::Error&)> dropped{};
  base::Handle on_its_way{};  // until it has left for the operating system or is dropped: whoever answers may count
};

struct OutgoingMessage {
  base::Bytes bytes;  // encoded envelope
  MessageKind kind = 0;
  Lane lane = Lane::kBulk;
  bool returned = false;         // was already put back once from a stream that broke
  DepthToken depth;              // until it has left for the operating system or is dropped
  std::unique_ptr<Terms> terms;  // null: dropped when the queue is full

  std::uint64_t stream() const { return terms == nullptr ? 0 : terms->stream; }
};

// Liveness messages first, then in the order of Push. When `capacity` messages or `max_bytes` are queued, a liveness
// message takes the place of the newest bulk message that has no deadline, and others are refused. Messages with a
// deadline (Terms) may fill the queue to twice its capacity.
class SendQueue {
 public:
  SendQueue(std::size_t capacity, std::size_t max_bytes) : capacity_(capacity), max_bytes_(max_bytes) {}

  // What did not fit: `message` itself or the one that it displaced.
  std::optional<OutgoingMessage> Push(OutgoingMessage message);
  // Back to the head: messages of a stream that broke, oldest first. May exceed the bound by what was taken out.
  void PutBack(std::vector<OutgoingMessage> messages);
  // Removes and returns what has waited beyond its deadline.
  std::vector<OutgoingMessage> Expire(base::SteadyTime now);
  // Removes and returns everything.
  std::vector<OutgoingMessage> TakeAll();
  std::optional<base::SteadyTime> NextDeadline() const;

  enum class Step { kTaken, kSkip, kStop };
  // Offers the messages in order; `offer` moves the ones that it takes out.
  void ForEach(const std::function<Step(OutgoingMessage&)>& offer);

  std::size_t size() const { return lanes_[0].size() + lanes_[1].size(); }
  bool empty() const { return size() == 0; }

 private:
  base::RingQueue<OutgoingMessage>& LaneOf(const OutgoingMessage& message) {
    return lanes_[static_cast<std::size_t>(message.lane)];
  }
  bool Fits(const OutgoingMessage& message) const;

  std::size_t capacity_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::array<base::RingQueue<OutgoingMessage>, 2> lanes_;  // by Lane
};

}  // namespace grapevine::comm
