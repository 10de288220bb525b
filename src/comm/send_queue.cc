#include "comm/send_queue.h"

#include <algorithm>
#include <utility>

namespace grapevine::comm {

bool SendQueue::Fits(const OutgoingMessage& message) const {
  if (empty()) return true;
  const std::size_t places = message.terms != nullptr ? 2 * capacity_ : capacity_;
  return size() < places && bytes_ + message.bytes.size() <= max_bytes_;
}

std::optional<OutgoingMessage> SendQueue::Push(OutgoingMessage message) {
  std::optional<OutgoingMessage> displaced;
  if (!Fits(message) && message.lane == Lane::kLiveness) {
    auto& bulk = lanes_[static_cast<std::size_t>(Lane::kBulk)];
    std::size_t newest = bulk.size();
    while (newest > 0 && bulk[newest - 1].terms != nullptr) --newest;
    if (newest > 0) {
      displaced = std::move(bulk[newest - 1]);
      bytes_ -= displaced->bytes.size();
      bulk.erase(newest - 1);
    }
  }
  if (!displaced.has_value() && !Fits(message)) return message;
  bytes_ += message.bytes.size();
  LaneOf(message).push_back(std::move(message));
  return displaced;
}

void SendQueue::PutBack(std::vector<OutgoingMessage> messages) {
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    bytes_ += message->bytes.size();
    LaneOf(*message).push_front(std::move(*message));
  }
}

std::vector<OutgoingMessage> SendQueue::Expire(base::SteadyTime now) {
  std::vector<OutgoingMessage> expired;
  for (auto& lane : lanes_) {
    for (std::size_t i = 0; i < lane.size();) {
      if (lane[i].terms == nullptr || lane[i].terms->deadline > now) {
        ++i;
        continue;
      }
      bytes_ -= lane[i].bytes.size();
      expired.push_back(std::move(lane[i]));
      lane.erase(i);
    }
  }
  return expired;
}

std::vector<OutgoingMessage> SendQueue::TakeAll() {
  std::vector<OutgoingMessage> all;
  for (auto& lane : lanes_) {
    for (; !lane.empty(); lane.pop_front()) all.push_back(std::move(lane.front()));
  }
  bytes_ = 0;
  return all;
}

std::optional<base::SteadyTime> SendQueue::NextDeadline() const {
  std::optional<base::SteadyTime> next;
  for (const auto& lane : lanes_) {
    for (std::size_t i = 0; i < lane.size(); ++i) {
      if (lane[i].terms != nullptr) next = std::min(next.value_or(base::SteadyTime::max()), lane[i].terms->deadline);
    }
  }
  return next;
}

void SendQueue::ForEach(const std::function<Step(OutgoingMessage&)>& offer) {
  for (auto& lane : lanes_) {
    for (std::size_t i = 0; i < lane.size();) {
      const std::size_t size = lane[i].bytes.size();
      const Step step = offer(lane[i]);
      if (step == Step::kStop) return;
      if (step == Step::kSkip) {
        ++i;
        continue;
      }
      bytes_ -= size;
      lane.erase(i);
    }
  }
}

}  // namespace grapevine::comm
