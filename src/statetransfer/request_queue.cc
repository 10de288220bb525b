#include "statetransfer/request_queue.h"

#include <algorithm>
#include <utility>

namespace grapevine::statetransfer {

using comm::ReceivedMessagePtr;

std::optional<ReceivedMessagePtr> RequestQueue::Push(ReceivedMessagePtr request) {
  const wire::PkiId peer = request->connection().pki_id;
  const auto own = queues_.find(peer);
  const std::size_t own_size = own == queues_.end() ? 0 : own->second.size();
  if (own_size >= capacity_per_peer_) return request;
  std::optional<ReceivedMessagePtr> displaced;
  if (size_ >= capacity_) {
    const auto longest = std::ranges::max_element(queues_, {}, [](const auto& queue) { return queue.second.size(); });
    if (longest == queues_.end() || longest->second.size() <= own_size + 1) return request;
    displaced = std::move(longest->second.back());
    longest->second.pop_back();
    --size_;
  }
  queues_[peer].push_back(std::move(request));
  ++size_;
  return displaced;
}

std::optional<ReceivedMessagePtr> RequestQueue::Pop(const std::function<bool(const wire::PkiId&)>& may_have_turn) {
  auto turn = queues_.upper_bound(last_);
  for (std::size_t i = 0; i < queues_.size(); ++i, ++turn) {
    if (turn == queues_.end()) turn = queues_.begin();
    if (!may_have_turn(turn->first)) continue;
    last_ = turn->first;
    ReceivedMessagePtr request = std::move(turn->second.front());
    turn->second.pop_front();
    --size_;
    if (turn->second.empty()) queues_.erase(turn);
    return request;
  }
  return std::nullopt;
}

}  // namespace grapevine::statetransfer
