// How received messages get in: a few in one event, and only so many in work at a time, of each peer and of all.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/metrics.h"
#include "comm/comm.h"

namespace grapevine::gossip {

// A message's place among those in work. Whoever goes on with the message later (a verification is under way) keeps a
// copy; when the last copy is gone, the place is free.
using Ticket = std::shared_ptr<const void>;

struct IntakeConfig {
  std::size_t max_in_work = 256;  // messages whose tickets are out
  // Of these from one PKI-ID; its further messages are dropped and counted, so that nobody can take all places.
  std::size_t max_in_work_per_peer = 128;
};

// Takes messages from a subscription while there are places. What is not taken waits in comm's bounded queues, whose
// credit in turn slows down the sender: the work of one node is bounded, whatever it receives. Drops are counted in
// gossip_intake_refused{type=...,reason="too_many_of_peer"}. One executor. Destroying it unsubscribes; tickets may
// outlive it.
class Intake {
 public:
  using Handler = std::function<void(const comm::ReceivedMessagePtr&, const Ticket&)>;

  // `metrics` is borrowed.
  Intake(base::Metrics& metrics, comm::AcceptedMessages messages, IntakeConfig config, Handler handler);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  std::size_t in_work() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::gossip
