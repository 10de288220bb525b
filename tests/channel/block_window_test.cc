#include "channel/block_window.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace grapevine::channel {
namespace {

using namespace std::chrono_literals;  // NOLINT

constexpr base::SteadyTime kStart{};

HeldBlock Held() { return {wire::Envelope::Make("payload"), base::Bytes::Copy("hash")}; }

// 11.7: at most eleven consecutive numbers for a window of 10, and the newest block moves them up.
TEST(BlockWindowTest, HoldsTheNewestNumbersAndMovesUpWithTheGreatest) {
  BlockWindow window(10, 0, 400s);
  for (std::uint64_t number = 0; number < 30; ++number) {
    ASSERT_TRUE(window.WouldAccept(number));
    window.Add(number, Held(), kStart);
  }
  std::vector<std::uint64_t> expected;
  for (std::uint64_t number = 19; number < 30; ++number) expected.push_back(number);
  EXPECT_EQ(window.Numbers(), expected);
  EXPECT_FALSE(window.WouldAccept(18));
  EXPECT_FALSE(window.WouldAccept(25));
  EXPECT_TRUE(window.WouldAccept(30));
  window.Add(45, Held(), kStart);
  EXPECT_EQ(window.Numbers(), (std::vector<std::uint64_t>{45}));
  EXPECT_EQ(window.begin(), 35U);
  EXPECT_TRUE(window.WouldAccept(35));
  EXPECT_FALSE(window.WouldAccept(34));
}

// A burst that arrives out of order loses nothing while the ledger is not far behind.
TEST(BlockWindowTest, ReachesDownToALedgerThatIsNotFarBehind) {
  BlockWindow window(10, 30, 400s);
  window.SetHeight(5);
  window.Add(34, Held(), kStart);
  EXPECT_TRUE(window.WouldAccept(5));
  window.Add(5, Held(), kStart);
  EXPECT_EQ(window.next(), 6U);
  window.SetHeight(6);
  EXPECT_EQ(window.Numbers(), (std::vector<std::uint64_t>{34}));
  window.Add(36, Held(), kStart);  // 31 blocks behind
  EXPECT_FALSE(window.WouldAccept(6));
  EXPECT_FALSE(window.WouldAccept(25));
  EXPECT_TRUE(window.WouldAccept(26));
}

TEST(BlockWindowTest, RefusesWhatIsInTheLedger) {
  BlockWindow window(10, 0, 400s);
  window.SetHeight(5);
  EXPECT_FALSE(window.WouldAccept(4));
  EXPECT_TRUE(window.WouldAccept(5));
  EXPECT_TRUE(window.Fits(4));
  window.SetHeight(3);  // heights never fall
  EXPECT_FALSE(window.WouldAccept(4));
}

TEST(BlockWindowTest, NextIsTheFirstNumberThatWasNotDelivered) {
  BlockWindow window(10, 0, 400s);
  window.SetHeight(3);
  EXPECT_EQ(window.next(), 3U);
  window.Add(4, Held(), kStart);
  EXPECT_EQ(window.next(), 3U);
  window.Add(3, Held(), kStart);
  EXPECT_EQ(window.next(), 5U);
  window.Expire(kStart + 400s);
  EXPECT_EQ(window.next(), 5U);
  window.SetHeight(7);
  EXPECT_EQ(window.next(), 7U);
}

TEST(BlockWindowTest, BlocksExpire) {
  BlockWindow window(10, 0, 400s);
  EXPECT_FALSE(window.NextExpiry());
  window.Add(8, Held(), kStart + 1s);
  window.Add(7, Held(), kStart + 5s);
  EXPECT_EQ(window.NextExpiry(), kStart + 401s);
  window.Expire(kStart + 400s);
  EXPECT_EQ(window.size(), 2U);
  window.Expire(kStart + 401s);
  EXPECT_EQ(window.Numbers(), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(window.NextExpiry(), kStart + 405s);
}

TEST(BlockWindowTest, PassesABlockOnOnce) {
  BlockWindow window(10, 0, 400s);
  window.Add(1, Held(), kStart);
  EXPECT_NE(window.PassOn(1), nullptr);
  EXPECT_EQ(window.PassOn(1), nullptr);
  EXPECT_EQ(window.PassOn(2), nullptr);
}

TEST(BlockWindowTest, ADiscardedBlockIsMissingAgain) {
  BlockWindow window(10, 0, 400s);
  for (const std::uint64_t number : {0, 1, 2}) window.Add(number, Held(), kStart);
  EXPECT_EQ(window.next(), 3U);
  window.Discard(7);
  EXPECT_EQ(window.next(), 3U);
  window.Discard(1);
  EXPECT_EQ(window.next(), 1U);
  EXPECT_TRUE(window.WouldAccept(1));
  window.Add(1, Held(), kStart);
  EXPECT_EQ(window.next(), 3U);
}

TEST(BlockWindowTest, TheGreatestNumberOfAllNeverFits) {
  const BlockWindow window(10, 0, 400s);
  EXPECT_FALSE(window.WouldAccept(UINT64_MAX));
  EXPECT_TRUE(window.WouldAccept(UINT64_MAX - 1));
}

// 11.11: ids are decimal numbers; one number has one id.
TEST(BlockIdTest, IsDecimalWithoutSignSpaceOrLeadingZero) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1234567890}, UINT64_MAX}) {
    EXPECT_EQ(ParseBlockId(EncodeBlockId(number)), number);
  }
  EXPECT_EQ(EncodeBlockId(10).view(), "10");
  for (const char* id : {"", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1.0", "one", "18446744073709551616",
                         "100000000000000000000000000000000000000"}) {
    EXPECT_FALSE(ParseBlockId(id)) << id;
  }
  EXPECT_FALSE(ParseBlockId(std::string("1\0", 2)));
}

}  // namespace
}  // namespace grapevine::channel
