// The small building blocks of every room: bytes, randomness, handles, queues, metrics.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/handle.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/ring_queue.h"

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

TEST(RingQueue, IsFirstInFirstOutWhileItGrowsAndWraps) {
  RingQueue<std::unique_ptr<int>> queue;
  int next_in = 0;
  int next_out = 0;
  for (int round = 1; round <= 20; ++round) {
    for (int i = 0; i < round; ++i) queue.push_back(std::make_unique<int>(next_in++));
    EXPECT_EQ(*queue.back(), next_in - 1);
    for (int i = 0; i < round / 2; ++i) {
      EXPECT_EQ(*queue.front(), next_out++);
      queue.pop_front();
    }
  }
  EXPECT_EQ(queue.size(), static_cast<std::size_t>(next_in - next_out));
  for (std::size_t i = 0; i < queue.size(); ++i) EXPECT_EQ(*queue[i], next_out + static_cast<int>(i));
  RingQueue<std::unique_ptr<int>> other(std::move(queue));
  EXPECT_EQ(*other.front(), next_out);
  other.clear();
  EXPECT_TRUE(other.empty());
}

TEST(RingQueue, PutsBackAtTheHeadAndRemovesInTheMiddle) {
  RingQueue<std::string> queue;
  for (const char* element : {"b", "c", "d"}) queue.push_back(element);
  queue.push_front("a");
  queue.erase(2);
  EXPECT_EQ(queue[0] + queue[1] + queue[2], "abd");
  queue.erase(2);
  queue.erase(0);
  EXPECT_EQ(queue.front(), "b");
  EXPECT_EQ(queue.size(), 1U);
}

TEST(RingQueue, IsWithoutTheElementWhenThatIsDestroyed) {
  struct Refill {
    RingQueue<Refill>* queue = nullptr;
    Handle handle{};
  };
  RingQueue<Refill> queue;
  std::size_t size_seen = 99;
  queue.push_back({&queue, Handle([&] {
                     size_seen = queue.size();
                     queue.push_back({&queue, {}});
                   })});
  queue.pop_front();
  EXPECT_EQ(size_seen, 0U);
  EXPECT_EQ(queue.size(), 1U);
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
