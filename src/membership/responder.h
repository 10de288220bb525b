// Answers to membership requests, and what other peers answer (specification 10.5, 10.9; D-2, D-3). Internal to the
// room.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/environment.h"
#include "comm/comm.h"
#include "gossip/intake.h"
#include "membership/alive_admission.h"

namespace grapevine::membership {

// One executor; references are borrowed. Tickets are kept until a message is done with. What one peer can make this
// node do is bounded (D-4): an answer costs as much as there are members, and reading a response as much as it holds.
class Responder {
 public:
  static constexpr std::size_t kAnswersPerPeer = 16;  // per kBudgetPeriod; an honest peer asks once per sync_interval
  static constexpr base::Duration kBudgetPeriod = std::chrono::seconds(1);

  // What became of an alive message about `subject` that was worth a look at its signature.
  using OnAdmitted = std::function<void(const wire::PkiId& subject, Admission admission)>;

  Responder(const base::Environment& environment, comm::Comm& comm, const gossip::Peer& self, const Roster& roster,
            AliveAdmission& admission, OwnAlive& own, Refusals& refusals, OnAdmitted on_admitted);

  void HandleRequest(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void HandleResponse(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);

 private:
  // A response whose elements are looked at in slices, so that a huge one does not hold the node.
  struct Reading {
    comm::ReceivedMessagePtr message;
    gossip::Ticket ticket;
    std::size_t next = 0;      // alive entries, then dead ones
    wire::PkiId last{};        // of the element before; all zero: none yet
    std::size_t checking = 0;  // whose signatures are being checked
    bool posted = false;       // an event that goes on is under way
  };

  // False if the peer has had its answers of this period.
  bool TakeFromBudget(const wire::PkiId& requester);
  void Answer(const comm::ReceivedMessagePtr& message, const gossip::Peer& requester, const gossip::Ticket& ticket);
  void Respond(const comm::ReceivedMessage& message, const gossip::Peer& requester,
               const base::Result<wire::Envelope>& self);
  void Read(const std::shared_ptr<Reading>& reading);
  // Whether its signature is being checked.
  bool ReadElement(const std::shared_ptr<Reading>& reading, Source source, const wire::Envelope& envelope);

  const base::Environment& environment_;
  comm::Comm& comm_;
  const gossip::Peer& self_;
  const Roster& roster_;
  AliveAdmission& admission_;
  OwnAlive& own_;
  Refusals& refusals_;
  OnAdmitted on_admitted_;
  std::set<wire::PkiId> read_from_;              // peers one of whose responses is being read
  std::map<wire::PkiId, std::size_t> answered_;  // requests of each peer since period_start_
  base::SteadyTime period_start_{};
  base::Lifetime lifetime_;
};

}  // namespace grapevine::membership
