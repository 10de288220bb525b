// Between one stream and the subscribers: the bounded receive queue (specification 02, sections 8 and 14.4; D-18).
// Internal to the room.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "base/handle.h"
#include "base/ring_queue.h"
#include "comm/context.h"
#include "comm/demultiplexer.h"
#include "comm/depth_token.h"
#include "comm/received_message.h"

namespace grapevine::comm {

// Publishes the messages of one stream, in order per lane, one at a time: while a subscriber is full the lane waits and
// so does the stream's credit. Bounded by the credit that the stream has granted. When a message has waited for
// `publish_patience`, it and those behind it are dropped for the subscribers that have no room, until one finds room:
// the liveness messages behind them must come through before anybody takes the peer for dead.
class Inbox {
 public:
  // `consumed` is called for every message that has left; it may be called within Push.
  Inbox(const Context& context, Demultiplexer<ReceivedMessagePtr>& demultiplexer,
        std::shared_ptr<const ReceivedMessage::Responder> responder, std::function<void()> consumed)
      : context_(context),
        demultiplexer_(demultiplexer),
        responder_(std::move(responder)),
        consumed_(std::move(consumed)) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  void Push(ReceivedMessagePtr message, Lane lane);
  // The stream is over: what is here is still published, then `consumed` runs as before.
  void SetConsumed(std::function<void()> consumed) { consumed_ = std::move(consumed); }
  // What the stream's messages answer with.
  const std::shared_ptr<const ReceivedMessage::Responder>& responder() const { return responder_; }
  std::size_t size() const;
  bool empty() const { return size() == 0; }

 private:
  struct Waiting {
    ReceivedMessagePtr message;
    DepthToken depth;
  };
  struct LaneState {
    base::RingQueue<Waiting> messages;  // the first one is being published while `waiting`
    bool waiting = false;
    bool impatient = false;  // the last message waited in vain
    base::Handle publication;
    base::Handle patience;
  };
  void Pump(Lane lane);
  void Next(Lane lane);
  LaneState& StateOf(Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }

  const Context& context_;
  Demultiplexer<ReceivedMessagePtr>& demultiplexer_;
  std::shared_ptr<const ReceivedMessage::Responder> responder_;
  std::function<void()> consumed_;
  std::array<LaneState, 2> lanes_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm
