// When a node asks others for what it may have missed, and whom (specification 10.9, 11.8, 11.11).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/environment.h"

namespace grapevine::gossip {

// The rounds of everything that a node pulls regularly: members, identities, a channel's state infos and blocks.
//
// While the view of the network is in motion each has its own moments, because one needs what another brings: a
// member's identity before its alive message is believed, both before its state info is. In a settled view those with
// the same interval have common moments, up to sixteen of them, and equal generators, so that they draw the same
// partners of many (SelectPeers). What goes to one partner then leaves together and is answered together, instead of
// waking both nodes once for each kind. And in a quiet round who has no reason of its own to think that something was
// missed asks one partner only, because nearly every answer is known: most of what an idle node does would be to look
// at it.
//
// One executor.
class Rounds {
 public:
  // Asks others, chosen with `random`. `quiet`: the view has settled, this is not the participant's first round, and
  // nobody has called Suspect since its last one. May join, may end any handle, and may destroy the Rounds.
  using Round = std::function<void(base::Random& random, bool quiet)>;

  // `view_unchanged_since`: PeerView::UnchangedSince.
  Rounds(base::Environment environment, std::function<base::SteadyTime()> view_unchanged_since);
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  // Calls `round` once per `interval` (> 0) until the handle is destroyed, which may be after this; the first time
  // after a random part of the interval, so that nodes which are started together are not in step. When the view
  // settles or begins to move, one pause is between a half and one and a half.
  base::Handle Join(base::Duration interval, Round round);
  // Something shows that this node misses what others have: nobody's next round is quiet.
  void Suspect();

 private:
  // Moments are those at which the time is a whole number of intervals and a phase.
  struct Participant {
    base::Duration interval{};
    base::Duration phase{};         // its own
    base::Duration common_phase{};  // of its group
    Round round;
    bool suspicious = true;  // its next round is not quiet
    base::Handle timer;
  };

  bool IsSettled() const;
  void Schedule(std::uint64_t id);
  void Begin(std::uint64_t id, base::SteadyTime common_moment);

  base::Environment environment_;
  std::function<base::SteadyTime()> view_unchanged_since_;
  std::uint64_t secret_;  // others cannot know whom this node will ask
  std::map<std::uint64_t, Participant> participants_;
  std::uint64_t next_id_ = 0;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::gossip
