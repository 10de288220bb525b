// The election algorithm (specification 12.5 to 12.8, as docs/election.md refines it), without messages and modes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/environment.h"
#include "election/config.h"
#include "wire/pki_id.h"

namespace grapevine::election {

// Another member of the own organisation in the channel: alive, not left.
struct Candidate {
  wire::PkiId pki_id;
  std::uint64_t height = 0;  // blocks in its ledger, as it last said
};

// What an election knows of its surroundings and does to them. Implemented by LeaderElection, and by tests.
class Surroundings {
 public:
  virtual ~Surroundings() = default;

  // The view: in order of PKI-ID, without this node.
  virtual std::vector<Candidate> View() const = 0;
  // Somebody else of the own organisation is alive, in the channel or not: a view may follow.
  virtual bool OrganizationIsAlive() const = 0;
  virtual std::uint64_t OwnHeight() const = 0;
  // Whether connections to the peer can be made. `done` as an event of its own.
  virtual base::Handle Reach(const wire::PkiId& peer, std::move_only_function<void(bool reachable)> done) = 0;

  virtual void SendProposal() = 0;
  virtual void SendDeclaration() = 0;
  // This node leads from now on, or no longer. Must not call back into the elector.
  virtual void Gained() = 0;
  virtual void Lost() = 0;
};

// Dynamic election of one node in one channel. One executor; events and timers only. Destroying it ends it without a
// word.
class Elector {
 public:
  // `surroundings` is borrowed.
  Elector(base::Environment environment, Surroundings& surroundings, wire::PkiId self, ElectionConfig config);
  Elector(const Elector&) = delete;
  Elector& operator=(const Elector&) = delete;

  // Messages of members of the view.
  void HandleProposal(const wire::PkiId& from);
  void HandleDeclaration(const wire::PkiId& from);
  // The leader gives up, and does not stand again for the yield period unless somebody else has led meanwhile.
  void Yield();

  bool is_leader() const { return state_ == State::kLeading; }
  // Whose declaration was heard last and is not overdue, or this node; empty: unknown.
  const wire::PkiId& leader() const { return leader_; }

 private:
  enum class State { kStabilizing, kFollowing, kElecting, kLeading };

  void Sample();
  void Follow(const wire::PkiId& leader);
  void DeclarationIsLate();
  void LeaderIsGone();
  void Stand();
  void StandAside(base::Duration left);
  void Propose();
  void DecideEarly();
  void Decide();
  void Lead();
  void LeadNow();
  void Declare();
  void DeclareSoon();
  void StepDown();

  // More blocks than permitted are missing here of what `height` blocks are.
  bool IsFarBehind(std::uint64_t height) const;
  // ... of what a member of the view has.
  bool IsFarBehindView() const;
  // When somebody in the view last made a proposal that still may become a declaration; `better`: smaller PKI-IDs only.
  std::optional<base::SteadyTime> LatestProposal(bool better) const;
  // The view without the leader that is gone.
  std::vector<Candidate> Rivals() const;
  // Long enough in the others' views to have heard a leader.
  bool HasListened() const;

  base::Environment environment_;
  Surroundings& surroundings_;
  wire::PkiId self_;
  ElectionConfig config_;

  State state_ = State::kStabilizing;
  wire::PkiId leader_;
  wire::PkiId gone_;  // the leader whose absence made this node stand, until it is heard again
  base::SteadyTime started_;
  std::size_t sampled_ = 0;                            // members at the last sample
  std::optional<base::SteadyTime> first_view_;         // when the view was first seen not empty
  base::SteadyTime silent_since_;                      // the last declaration, or what comes instead of it
  base::SteadyTime declared_;                          // own last declaration
  base::SteadyTime election_began_;                    // with a proposal
  base::SteadyTime proposed_;                          // own last proposal
  std::map<wire::PkiId, base::SteadyTime> proposals_;  // of others, when
  bool yielding_ = false;
  bool stands_in_ = false;  // leads although it is far behind, because nobody else did

  base::Handle timer_;   // what the state waits for
  base::Handle answer_;  // electing: nobody has objected at once
  base::Handle late_;    // following: looks whether the leader is still there
  base::Handle reach_;
  base::Handle yield_timer_;
};

}  // namespace grapevine::election
