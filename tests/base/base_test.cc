// The small building blocks of every room: bytes, randomness, handles, bounded queue, metrics.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "base/bytes.h"
#include "base/handle.h"
#include "base/metrics.h"
#include "base/random.h"

namespace grapevine::base {
namespace {

TEST(Bytes, SlicesShareTheBufferAndOutliveTheirSource) {
  Bytes whole(std::string(100, 'a') + "tail");
  const char* address = whole.data();
  Bytes tail = whole.Slice(100, 4);
  Bytes middle = whole.Slice(whole.view().substr(50, 10));
  whole = Bytes();
  EXPECT_EQ(tail.view(), "tail");
  EXPECT_EQ(tail.data(), address + 100);
  EXPECT_EQ(middle.data(), address + 50);
}

TEST(Bytes, HexRoundTripAndErrors) {
  EXPECT_EQ(ToHex(ByteView("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(FromHex("00FF10").value(), std::string("\x00\xff\x10", 3));
  EXPECT_EQ(FromHex("0").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(FromHex("0g").error().message, "not a hexadecimal digit at position 0");
}

TEST(Handle, DestructionCancelsOnceAndMovingTransfers) {
  int cancelled = 0;
  {
    Handle first([&] { ++cancelled; });
    Handle second = std::move(first);
    EXPECT_EQ(cancelled, 0);
    second.Reset();
    EXPECT_EQ(cancelled, 1);
  }
  EXPECT_EQ(cancelled, 1);
  {
    Handle detached([&] { ++cancelled; });
    detached.Detach();
  }
  EXPECT_EQ(cancelled, 1);
}

TEST(Handle, AssignmentCancelsWhatWasHeld) {
  std::string order;
  Handle handle([&] { order += "first "; });
  handle = Handle([&] { order += "second"; });
  EXPECT_EQ(order, "first ");
  handle.Reset();
  EXPECT_EQ(order, "first second");
}

TEST(Lifetime, GuardedCallsDoNothingAfterTheOwnerIsGone) {
  int calls = 0;
  auto lifetime = std::make_unique<Lifetime>();
  auto guarded = lifetime->Guard([&](int amount) { calls += amount; });
  guarded(2);
  lifetime.reset();
  guarded(40);
  EXPECT_EQ(calls, 2);
}

TEST(Random, SameSeedSameSequenceOnEveryMachine) {
  Random random(7);
  EXPECT_EQ(random.Next(), 12923355070828475994ULL);
  EXPECT_EQ(random.Next(), 5142052590334782674ULL);
  EXPECT_EQ(random.Below(1000), 638U);
}

TEST(Random, StaysInRangeAndReachesBothEnds) {
  Random random(1);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    const auto value = random.Between(-3, 3);
    ASSERT_GE(value, -3);
    ASSERT_LE(value, 3);
    low |= value == -3;
    high |= value == 3;
  }
  EXPECT_TRUE(low && high);
  EXPECT_EQ(random.Between(5, 5), 5);
}

TEST(BoundedQueue, RefusesTheNewestOrDropsTheOldest) {
  BoundedQueue<int> refusing(2, Overflow::kRefuseNewest);
  EXPECT_TRUE(refusing.Push(1));
  EXPECT_TRUE(refusing.Push(2));
  EXPECT_FALSE(refusing.Push(3));
  EXPECT_EQ(refusing.dropped(), 1U);
  EXPECT_EQ(refusing.Pop(), 1);

  BoundedQueue<int> dropping(2, Overflow::kDropOldest);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(dropping.Push(i));
  EXPECT_EQ(dropping.Pop(), 2);
  EXPECT_EQ(dropping.Pop(), 3);
  EXPECT_EQ(dropping.Pop(), std::nullopt);
}

TEST(BoundedQueue, PutsBackAtTheHead) {
  BoundedQueue<int> queue(1, Overflow::kRefuseNewest);
  queue.Push(1);
  const int taken = *queue.Pop();
  queue.Push(2);
  queue.PushFront(taken);
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
}

TEST(Metrics, CountsByNameAndLabels) {
  Metrics metrics;
  metrics.GetCounter("gossip_comm_messages_sent", "sent").Add(3);
  metrics.GetCounter("refused", "refused", {{"reason", "tag"}}).Add();
  metrics.GetGauge("height", "height").Set(203);
  EXPECT_EQ(metrics.CounterValue("gossip_comm_messages_sent"), 3U);
  EXPECT_EQ(metrics.CounterValue("refused", {{"reason", "other"}}), 0U);
  const std::map<std::string, std::int64_t> expected = {
      {"gossip_comm_messages_sent", 3}, {"height", 203}, {"refused{reason=\"tag\"}", 1}};
  EXPECT_EQ(metrics.Snapshot(), expected);
}

TEST(Metrics, QuantilesAreTheBoundBelowWhichTheyLie) {
  Histogram histogram({1, 10, 100});
  for (int i = 0; i < 98; ++i) histogram.Observe(5);
  histogram.Observe(50);
  histogram.Observe(5000);
  EXPECT_EQ(histogram.Quantile(500), 10U);
  EXPECT_EQ(histogram.Quantile(990), 100U);
  EXPECT_EQ(histogram.Quantile(1000), 100U);
  EXPECT_EQ(histogram.count(), 100U);
}

}  // namespace
}  // namespace grapevine::base
