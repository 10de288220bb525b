#include "statetransfer/block_plan.h"

#include <gtest/gtest.h>

namespace grapevine::statetransfer {
namespace {

TEST(BlockPlan, HandsOutRangesOfTheWorkedExample) {  // section 7: H = 5, M = 40
  BlockPlan plan;
  plan.Restart(5);
  for (const BlockRange& expected : {BlockRange{5, 15}, BlockRange{16, 26}, BlockRange{27, 37}, BlockRange{38, 39}}) {
    const auto range = plan.Next(40, 11);
    ASSERT_TRUE(range);
    EXPECT_EQ(*range, expected);
    plan.Take(*range);
  }
  EXPECT_FALSE(plan.Next(40, 11));
}

TEST(BlockPlan, HandsOutAgainWhatCameBackFirst) {
  BlockPlan plan;
  plan.Restart(1);
  plan.Take({1, 11});
  plan.Return(3);
  plan.Return(4);
  plan.Return(7);
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{3, 4}));
  plan.Take({3, 4});
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{7, 7}));
  plan.Take({7, 7});
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{12, 22}));
}

TEST(BlockPlan, SkipsWhatIsNotWantedAnyMore) {
  BlockPlan plan;
  plan.Restart(1);
  plan.Take({1, 11});
  plan.Return(3);
  plan.Return(9);
  plan.Advance(8);
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{9, 9}));
  plan.Advance(20);
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{20, 30}));
  plan.Return(8);  // below: nobody wants it
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{20, 30}));
}

TEST(BlockPlan, TakesAShorterRangeThanItHasOffered) {
  BlockPlan plan;
  plan.Restart(1);
  ASSERT_EQ(plan.Next(40, 11), (BlockRange{1, 11}));
  plan.Take({1, 4});
  EXPECT_EQ(plan.Next(40, 11), (BlockRange{5, 15}));
}

TEST(BlockPlan, StaysBelowTheEnd) {
  BlockPlan plan;
  plan.Restart(1);
  EXPECT_EQ(plan.Next(3, 11), (BlockRange{1, 2}));
  EXPECT_FALSE(plan.Next(1, 11));
  plan.Take({1, 11});
  plan.Return(9);
  plan.Return(10);
  EXPECT_EQ(plan.Next(10, 11), (BlockRange{9, 9}));
  EXPECT_FALSE(plan.Next(9, 11));
}

}  // namespace
}  // namespace grapevine::statetransfer
