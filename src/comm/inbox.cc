#include "comm/inbox.h"

#include <utility>

namespace grapevine::comm {

void Inbox::Push(ReceivedMessagePtr message, Lane lane) {
  StateOf(lane).messages.push_back(
      {.message = std::move(message), .depth = DepthToken(context_.metrics.receive_queue)});
  Pump(lane);
}

std::size_t Inbox::size() const { return lanes_[0].messages.size() + lanes_[1].messages.size(); }

void Inbox::Pump(Lane lane) {
  LaneState& state = StateOf(lane);
  const auto alive = lifetime_.Watch();
  while (!state.messages.empty() && !state.waiting) {
    const ReceivedMessagePtr message = state.messages.front().message;
    const Published published =
        demultiplexer_.Publish(message, lane, [this, lane](bool) { Next(lane); }, &state.publication);
    if (alive.expired()) return;  // a predicate closed the stream
    if (published == Published::kPending && !state.impatient) {
      state.waiting = true;
      if (context_.config.publish_patience > base::Duration::zero()) {
        state.patience = context_.executor().After(context_.config.publish_patience, [this, lane] {
          context_.metrics.DroppedReceive("subscriber_full");
          StateOf(lane).impatient = true;
          Next(lane);
        });
      }
      return;
    }
    if (published == Published::kPending) {
      context_.metrics.DroppedReceive("subscriber_full");
      state.publication.Reset();
    } else {
      state.impatient = false;
    }
    if (published == Published::kClosed) context_.metrics.DroppedReceive("closed");
    state.messages.pop_front();
    consumed_();
    if (alive.expired()) return;
  }
}

void Inbox::Next(Lane lane) {
  LaneState& state = StateOf(lane);
  state.waiting = false;
  state.publication.Reset();
  state.patience.Reset();
  state.messages.pop_front();
  const auto alive = lifetime_.Watch();
  consumed_();
  if (!alive.expired()) Pump(lane);
}

}  // namespace grapevine::comm
