// One elector in surroundings that the test gives, on virtual time.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "election/elector.h"
#include "simulation/world.h"

namespace grapevine::election {

using namespace std::chrono_literals;  // NOLINT

// PKI-IDs in the order of their numbers.
inline wire::PkiId Peer(int number) {
  std::string bytes(wire::PkiId::kSize, '\0');
  bytes.front() = static_cast<char>(number);
  return *wire::PkiId::From(bytes);
}

class ElectorTest : public ::testing::Test, public Surroundings {
 protected:
  ElectorTest() : host_(world_.AddHost("node")) {}

  // This node is peer 5.
  void StartElector(ElectionConfig config = {}) {
    start_ = world_.scheduler().Now();
    Surroundings& surroundings = *this;
    elector_ = std::make_unique<Elector>(host_.environment(), surroundings, Peer(5), config);
  }
  // Follows peer `leader` since this moment.
  void StartFollowing(int leader) {
    StartElector();
    Declaration(leader);
    log_.clear();
  }
  // Elected in an empty view, which then has members.
  void StartLeading(const std::vector<int>& members) {
    StartElector();
    RunTo(6s);
    ASSERT_TRUE(elector_->is_leader());
    for (const int member : members) Add(member);
    log_.clear();
  }
  void Add(int peer, std::uint64_t height = 1) { view_[peer] = height; }
  void Declaration(int from) { elector_->HandleDeclaration(Peer(from)); }
  void Proposal(int from) { elector_->HandleProposal(Peer(from)); }
  // Since the start of the elector.
  void RunTo(base::Duration time) { world_.scheduler().RunFor(start_ + time - world_.scheduler().Now()); }
  // "6000 gained": what happened so far, with milliseconds since the start; forgets it.
  std::vector<std::string> TakeLog() { return std::exchange(log_, {}); }

  std::map<int, std::uint64_t> view_;  // heights by number
  bool organization_is_alive_ = false;
  std::uint64_t own_height_ = 1;
  bool reachable_ = true;
  base::Duration reach_time_ = 10ms;

 private:
  std::vector<Candidate> View() const override {
    std::vector<Candidate> view;
    for (const auto& [number, height] : view_) view.push_back({Peer(number), height});
    return view;
  }
  bool OrganizationIsAlive() const override { return organization_is_alive_ || !view_.empty(); }
  std::uint64_t OwnHeight() const override { return own_height_; }
  base::Handle Reach(const wire::PkiId&, std::move_only_function<void(bool)> done) override {
    Record("reach");
    return host_.executor().After(reach_time_, [this, done = std::move(done)]() mutable { done(reachable_); });
  }
  void SendProposal() override { Record("proposal"); }
  void SendDeclaration() override { Record("declaration"); }
  void Gained() override { Record("gained"); }
  void Lost() override { Record("lost"); }
  void Record(const std::string& what) {
    log_.push_back(std::to_string((world_.scheduler().Now() - start_) / 1ms) + " " + what);
  }

  simulation::World world_{1};
  simulation::Host& host_;
  base::SteadyTime start_;
  std::vector<std::string> log_;

 protected:
  std::unique_ptr<Elector> elector_;  // goes before the world
};

}  // namespace grapevine::election
