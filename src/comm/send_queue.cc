#include "comm/send_queue.h"

#include <algorithm>
#include <utility>

namespace grapevine::comm {

bool SendQueue::Fits(const OutgoingMessage& message) const {
  if (empty()) return true;
  const std::size_t places = message.deadline.has_value() ? 2 * capacity_ : capacity_;
  return size() < places && bytes_ + message.bytes.size() <= max_bytes_;
}

std::optional<OutgoingMessage> SendQueue::Push(OutgoingMessage message) {
  std::optional<OutgoingMessage> displaced;
  if (!Fits(message) && message.lane == Lane::kLiveness) {
    auto& bulk = lanes_[static_cast<std::size_t>(Lane::kBulk)];
    const auto newest = std::find_if(bulk.rbegin(), bulk.rend(), [](const auto& m) { return !m.deadline.has_value(); });
    if (newest != bulk.rend()) {
      displaced = std::move(*newest);
      bytes_ -= displaced->bytes.size();
      bulk.erase(std::next(newest).base());
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
    std::erase_if(lane, [&](OutgoingMessage& message) {
      if (!message.deadline.has_value() || *message.deadline > now) return false;
      bytes_ -= message.bytes.size();
      expired.push_back(std::move(message));
      return true;
    });
  }
  return expired;
}

std::vector<OutgoingMessage> SendQueue::TakeAll() {
  std::vector<OutgoingMessage> all;
  for (auto& lane : lanes_) {
    for (auto& message : lane) all.push_back(std::move(message));
    lane.clear();
  }
  bytes_ = 0;
  return all;
}

std::optional<base::SteadyTime> SendQueue::NextDeadline() const {
  std::optional<base::SteadyTime> next;
  for (const auto& lane : lanes_) {
    for (const auto& message : lane) {
      if (message.deadline.has_value() && (!next.has_value() || *message.deadline < *next)) next = message.deadline;
    }
  }
  return next;
}

void SendQueue::ForEach(const std::function<Step(OutgoingMessage&)>& offer) {
  for (auto& lane : lanes_) {
    for (auto message = lane.begin(); message != lane.end();) {
      const std::size_t size = message->bytes.size();
      const Step step = offer(*message);
      if (step == Step::kStop) return;
      if (step == Step::kSkip) {
        ++message;
        continue;
      }
      bytes_ -= size;
      message = lane.erase(message);
    }
  }
}

}  // namespace grapevine::comm
