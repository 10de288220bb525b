// Requests that wait for an answer, in fair turns. Internal to the room.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "comm/received_message.h"

namespace grapevine::statetransfer {

// One queue per peer; each peer has one turn after the other. When all places are taken, the newest request of the peer
// with most of them makes room for one with fewer. A pure data structure.
class RequestQueue {
 public:
  RequestQueue(std::size_t capacity, std::size_t capacity_per_peer)
      : capacity_(capacity), capacity_per_peer_(capacity_per_peer) {}

  // The request that did not fit, this or another one; nothing if all did.
  std::optional<comm::ReceivedMessagePtr> Push(comm::ReceivedMessagePtr request);
  // The oldest request of the peer whose turn it is, of those that `may_have_turn` accepts.
  std::optional<comm::ReceivedMessagePtr> Pop(const std::function<bool(const wire::PkiId&)>& may_have_turn);
  bool empty() const { return size_ == 0; }

 private:
  using Queues = std::map<wire::PkiId, std::deque<comm::ReceivedMessagePtr>>;  // none is empty

  std::size_t capacity_;
  std::size_t capacity_per_peer_;
  Queues queues_;
  std::size_t size_ = 0;
  wire::PkiId last_;  // who had the last turn
};

}  // namespace grapevine::statetransfer
