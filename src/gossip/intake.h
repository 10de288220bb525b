// How received messages get in: one event each, and only so many in work at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "comm/comm.h"

namespace grapevine::gossip {

// A message's place among those in work. Whoever goes on with the message later (a verification is under way) keeps a
// copy; when the last copy is gone, the place is free.
using Ticket = std::shared_ptr<const void>;

// Takes messages from a subscription while fewer than `max_in_work` tickets are out. What is not taken waits in comm's
// bounded queues, whose credit in turn slows down the sender: the work of one node is bounded, whatever it receives.
// One executor. Destroying it unsubscribes; tickets may outlive it.
class Intake {
 public:
  using Handler = std::function<void(const comm::ReceivedMessagePtr&, const Ticket&)>;

  Intake(comm::AcceptedMessages messages, std::size_t max_in_work, Handler handler);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  std::size_t in_work() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::gossip
