// Batches of emissions: specification 11.5.
#include "gossip/emitter.h"

#include <gtest/gtest.h>

#include "simulation/world.h"

namespace grapevine::gossip {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<std::uint64_t>;

using Batches =
    std::vector<std::pair<int, Numbers>>;  // milliseconds since the start, what the emissions have as channel

class EmitterTest : public ::testing::Test {
 protected:
  std::unique_ptr<Emitter> Make(EmitterConfig config = {}) {
    return std::make_unique<Emitter>(host_.environment(), config, [this](const std::vector<Emission>& emissions) {
      EXPECT_FALSE(adding_) << "never within Add";
      auto& [time, numbers] = batches_.emplace_back((world_.scheduler().Now() - start_) / 1ms, Numbers());
      for (const Emission& emission : emissions) numbers.push_back(std::stoull(emission.channel));
    });
  }
  void Add(Emitter& emitter, std::uint64_t first, std::uint64_t last) {
    adding_ = true;
    for (std::uint64_t number = first; number <= last; ++number) {
      emitter.Add({.kind = EmissionKind::kStateInfo, .channel = std::to_string(number)});
    }
    adding_ = false;
  }
  void AddPatient(Emitter& emitter, std::uint64_t number, base::Duration patience) {
    emitter.Add({.kind = EmissionKind::kAlive, .channel = std::to_string(number), .patience = patience});
  }
  void RunUntil(base::Duration time) { world_.scheduler().RunUntil(start_ + time); }

  simulation::World world_{1};
  simulation::Host& host_ = world_.AddHost("host");
  const base::SteadyTime start_ = world_.scheduler().Now();
  Batches batches_;
  bool adding_ = false;
};

TEST_F(EmitterTest, AFullBurstLeavesAtOnceAndAPartialOneAfterItsFirstHasWaited) {
  const auto emitter = Make();
  Add(*emitter, 1, 10);
  RunUntil(3ms);
  Add(*emitter, 11, 12);
  RunUntil(9ms);
  Add(*emitter, 13, 13);
  RunUntil(1s);
  EXPECT_EQ(batches_, (Batches{{0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, {13, {11, 12, 13}}}));
  EXPECT_EQ(emitter->pending(), 0u);
}

TEST_F(EmitterTest, ABurstThatFillsUpLeavesBeforeItsTime) {
  const auto emitter = Make();
  Add(*emitter, 1, 9);
  RunUntil(4ms);
  Add(*emitter, 10, 10);
  RunUntil(6ms);
  Add(*emitter, 11, 11);
  RunUntil(1s);
  EXPECT_EQ(batches_, (Batches{{4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, {16, {11}}}));
}

TEST_F(EmitterTest, EachFullBurstLeavesAtOnce) {
  const auto emitter = Make({.max_burst_size = 2});
  Add(*emitter, 1, 2);
  RunUntil(3ms);
  Add(*emitter, 3, 4);
  RunUntil(1s);
  EXPECT_EQ(batches_, (Batches{{0, {1, 2}}, {3, {3, 4}}}));
}

TEST_F(EmitterTest, WhatIsAddedInOneEventIsOneBatch) {
  const auto emitter = Make();
  Add(*emitter, 1, 12);
  RunUntil(1s);
  EXPECT_EQ(batches_, (Batches{{0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}}));
}

TEST_F(EmitterTest, AnIdleEmitterHasNoTimer) {
  const auto emitter = Make();
  EXPECT_EQ(world_.scheduler().pending(), 0u);
  Add(*emitter, 1, 1);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(1s));
  EXPECT_EQ(batches_.size(), 1u);
}

TEST_F(EmitterTest, EachEmissionIsPartOfAsManyBatchesAsIterations) {
  const auto emitter = Make({.propagate_iterations = 2});
  Add(*emitter, 1, 1);
  RunUntil(15ms);
  Add(*emitter, 2, 2);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(1s));
  EXPECT_EQ(batches_, (Batches{{10, {1}}, {20, {1, 2}}, {30, {2}}}));
}

TEST_F(EmitterTest, WithoutIterationsPushIsOff) {
  const auto emitter = Make({.propagate_iterations = 0});
  Add(*emitter, 1, 100);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(1s));
  EXPECT_TRUE(batches_.empty());
  EXPECT_EQ(emitter->pending(), 0u);
}

// A block does not wait, and takes along what does.
TEST_F(EmitterTest, ABlockLeavesAtOnce) {
  const auto emitter = Make();
  Add(*emitter, 1, 2);
  RunUntil(4ms);
  emitter->Add({.kind = EmissionKind::kBlock, .channel = "3"});
  RunUntil(1s);
  EXPECT_EQ(batches_, (Batches{{4, {1, 2, 3}}}));
}

TEST_F(EmitterTest, RoutineWaitsForOthersAndGoesWithWhateverLeavesBefore) {
  const auto emitter = Make();
  AddPatient(*emitter, 1, 1s);
  RunUntil(400ms);
  AddPatient(*emitter, 2, 1s);
  RunUntil(1500ms);
  AddPatient(*emitter, 3, 1s);
  RunUntil(1600ms);
  Add(*emitter, 4, 4);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(10s));
  EXPECT_EQ(batches_, (Batches{{1000, {1, 2}}, {1610, {3, 4}}}));
}

TEST_F(EmitterTest, TheLeastPatientDecidesAndNobodyWaitsLessThanABurst) {
  const auto emitter = Make();
  AddPatient(*emitter, 1, 1s);
  AddPatient(*emitter, 2, 100ms);
  RunUntil(500ms);
  AddPatient(*emitter, 3, 0s);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(10s));
  EXPECT_EQ(batches_, (Batches{{100, {1, 2}}, {510, {3}}}));
}

TEST_F(EmitterTest, BurstsOfRoutineHaveTheirOwnSize) {
  const auto emitter = Make({.max_burst_size = 2, .max_patient_burst = 3});
  for (std::uint64_t number = 1; number <= 2; ++number) AddPatient(*emitter, number, 1s);
  Add(*emitter, 3, 3);
  RunUntil(5ms);
  EXPECT_TRUE(batches_.empty()) << "neither burst is full";
  AddPatient(*emitter, 4, 1s);
  RunUntil(20ms);
  Add(*emitter, 5, 6);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(10s));
  EXPECT_EQ(batches_, (Batches{{5, {1, 2, 3, 4}}, {20, {5, 6}}}));
}

TEST_F(EmitterTest, RoutineThatMadeRoomNoLongerCounts) {
  const auto emitter = Make({.max_burst_size = 3, .max_pending = 2});
  for (std::uint64_t number = 1; number <= 3; ++number) AddPatient(*emitter, number, 1s);
  Add(*emitter, 4, 4);
  EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(10s));
  EXPECT_EQ(batches_, (Batches{{10, {3, 4}}}));
}

TEST_F(EmitterTest, BeyondTheBoundTheOldestMakesRoomAndIsCounted) {
  const auto emitter = Make({.max_pending = 3});
  Add(*emitter, 1, 5);
  EXPECT_EQ(emitter->pending(), 3u);
  RunUntil(1s);
  EXPECT_EQ(batches_, (Batches{{10, {3, 4, 5}}}));
  EXPECT_EQ(host_.metrics().CounterValue("gossip_emitter_dropped"), 2u);
}

TEST_F(EmitterTest, NothingLeavesADestroyedEmitter) {
  auto emitter = Make();
  Add(*emitter, 1, 10);
  emitter.reset();
  emitter = Make();
  Add(*emitter, 1, 1);
  emitter.reset();
  RunUntil(1s);
  EXPECT_TRUE(batches_.empty());
}

}  // namespace
}  // namespace grapevine::gossip
