// Explores every order in which a simulated world's free events can happen, by replaying the world from its start.
//
// Events of different processes commute (each touches its own state and appends to its own lanes), so of all orders
// that differ only in swapping such events one is explored: sleep sets, as in partial-order model checking.
//
//   InterleavingExplorer explorer;
//   while (explorer.Next()) {
//     World world(1);
//     world.scheduler().SetChooser(&explorer);
//     ... run ...
//     if (!explorer.redundant()) outcomes.insert(...);
//   }
#pragma once

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "simulation/scheduler.h"

namespace grapevine::scenarios {

class InterleavingExplorer final : public simulation::Chooser {
 public:
  // Events of `eager` kinds happen as soon as they can: only for kinds whose moment cannot matter.
  explicit InterleavingExplorer(std::set<simulation::EventKind> eager = {}) : eager_(std::move(eager)) {}

  // Prepares the next run; false when all orders have been explored.
  bool Next() {
    ++runs_;
    depth_ = 0;
    redundant_ = false;
    if (runs_ == 1) return true;
    while (!path_.empty()) {
      Decision& last = path_.back();
      last.asleep.insert(last.chosen);
      if (PickAwake(last)) return true;
      path_.pop_back();
    }
    return false;
  }

  std::size_t Choose(const std::vector<simulation::TraceEvent>& pending) override {
    if (redundant_) return 0;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (eager_.contains(pending[i].info.kind)) return i;
    }
    if (depth_ == path_.size() && !Extend(pending)) {
      redundant_ = true;
      return 0;
    }
    const Decision& decision = path_[depth_++];
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (pending[i].info.lane == decision.chosen) return i;
    }
    diverged_ = true;
    return 0;
  }

  // This run has become equal to one explored before: its outcome is known.
  bool redundant() const { return redundant_; }
  // A replay met another choice than before: the world is not deterministic.
  bool diverged() const { return diverged_; }
  std::size_t runs() const { return runs_; }

 private:
  struct Candidate {
    std::uint64_t lane;
    std::uint32_t process;
  };
  struct Decision {
    std::vector<Candidate> pending;
    std::set<std::uint64_t> asleep;
    std::uint64_t chosen = 0;
  };

  static bool PickAwake(Decision& decision) {
    for (const Candidate& candidate : decision.pending) {
      if (decision.asleep.contains(candidate.lane)) continue;
      decision.chosen = candidate.lane;
      return true;
    }
    return false;
  }

  bool Extend(const std::vector<simulation::TraceEvent>& pending) {
    Decision next;
    for (const simulation::TraceEvent& event : pending) next.pending.push_back({event.info.lane, event.process});
    if (!path_.empty()) InheritSleepers(path_.back(), next);
    if (!PickAwake(next)) return false;
    path_.push_back(std::move(next));
    return true;
  }

  // What sleeps before an event still sleeps after it, if the two commute.
  static void InheritSleepers(const Decision& previous, Decision& next) {
    std::uint32_t executed = 0;
    for (const Candidate& candidate : previous.pending) {
      if (candidate.lane == previous.chosen) executed = candidate.process;
    }
    for (const Candidate& candidate : previous.pending) {
      if (previous.asleep.contains(candidate.lane) && candidate.process != executed) next.asleep.insert(candidate.lane);
    }
  }

  std::set<simulation::EventKind> eager_;
  std::vector<Decision> path_;
  std::size_t depth_ = 0;
  std::size_t runs_ = 0;
  bool redundant_ = false;
  bool diverged_ = false;
};

}  // namespace grapevine::scenarios
