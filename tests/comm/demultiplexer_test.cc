// The contract of specification 02, 14.4, row by row.
#include "comm/demultiplexer.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "simulation/world.h"

namespace grapevine::comm {
namespace {

using namespace std::chrono_literals;  // NOLINT
using Ints = std::vector<int>;

struct RecordedLog final : base::LogSink {
  bool Enabled(base::LogLevel, std::string_view) const override { return true; }
  void Write(base::LogLevel level, std::string_view, std::string_view line) override {
    lines.push_back(std::string(base::ToString(level)) + ": " + std::string(line));
  }
  std::vector<std::string> lines;
};

class DemultiplexerTest : public ::testing::Test {
 protected:
  static bool Any(const int&) { return true; }
  void Settle() { world.scheduler().RunFor(0ns); }
  // Publishes and reports in `outcomes` what became of it: 'd'one, 'c'losed, 'p'ending, later 't'rue or 'f'alse.
  void Publish(int message, Lane lane = Lane::kBulk) {
    base::Handle withdraw;
    const Published published =
        demultiplexer->Publish(message, lane, [this](bool open) { outcomes += open ? 't' : 'f'; }, &withdraw);
    outcomes += published == Published::kDone ? 'd' : published == Published::kClosed ? 'c' : 'p';
    withdrawals.push_back(std::move(withdraw));
  }
  void Collect(Subscription<int>& subscription, Ints& into) {
    subscription.ReceiveAll([&into](int message) { into.push_back(message); });
  }

  simulation::World world{1};
  RecordedLog log;
  simulation::Host& host = world.AddHost("host", {.costs = {}, .tls = {}, .log = &log});
  std::vector<base::Handle> withdrawals;
  std::unique_ptr<Demultiplexer<int>> demultiplexer = std::make_unique<Demultiplexer<int>>(host.environment());
  std::string outcomes;
};

TEST_F(DemultiplexerTest, SubscribersReceiveWhatMatchesInOrder) {
  auto odd = demultiplexer->Subscribe("odd", [](const int& message) { return message % 2 == 1; });
  auto all = demultiplexer->Subscribe("all", Any);
  for (int i = 1; i <= 5; ++i) Publish(i);
  Ints odd_received, all_received;
  Collect(odd, odd_received);
  Collect(all, all_received);
  EXPECT_TRUE(odd_received.empty()) << "nothing is delivered inside a call";
  Settle();
  EXPECT_EQ(odd_received, (Ints{1, 3, 5}));
  EXPECT_EQ(all_received, (Ints{1, 2, 3, 4, 5}));
  EXPECT_EQ(outcomes, "ddddd");
}

TEST_F(DemultiplexerTest, SubscribeAfterCloseIsAtItsEnd) {
  demultiplexer->Close();
  auto subscription = demultiplexer->Subscribe("late", Any);
  EXPECT_TRUE(subscription.at_end());
  bool ended = false;
  subscription.Receive([&](std::optional<int> message) { ended = !message.has_value(); });
  Settle();
  EXPECT_TRUE(ended);
}

TEST_F(DemultiplexerTest, QueuedMessagesAreDeliveredBeforeTheEnd) {
  auto subscription = demultiplexer->Subscribe("s", Any);
  Publish(1);
  Publish(2);
  demultiplexer->Close();
  EXPECT_FALSE(subscription.at_end());
  EXPECT_EQ(subscription.TryReceive(), 1);
  Ints received;
  bool ended = false;
  subscription.Receive([&](std::optional<int> message) { received.push_back(message.value_or(-1)); });
  Settle();
  subscription.Receive([&](std::optional<int> message) { ended = !message.has_value(); });
  Settle();
  EXPECT_EQ(received, Ints{2});
  EXPECT_TRUE(ended);
}

TEST_F(DemultiplexerTest, PublishWaitsForAFullSubscriberUntilThereIsRoom) {
  auto subscription = demultiplexer->Subscribe("slow", Any, 2);
  Publish(1);
  Publish(2);
  Publish(3);
  Settle();
  EXPECT_EQ(outcomes, "ddp");
  EXPECT_EQ(subscription.queued(), 2u) << "never more than the capacity";
  EXPECT_EQ(subscription.TryReceive(), 1);
  EXPECT_EQ(outcomes, "ddp") << "told by an event, not inside the call";
  Settle();
  EXPECT_EQ(outcomes, "ddpt");
  EXPECT_EQ(subscription.TryReceive(), 2);
  EXPECT_EQ(subscription.TryReceive(), 3);
}

TEST_F(DemultiplexerTest, AWaitOfMoreThanASecondIsLoggedOnceWithTheSubscribersName) {
  auto slow = demultiplexer->Subscribe("slow", Any, 1);
  auto fast = demultiplexer->Subscribe("fast", Any, 1);
  Publish(1);
  Publish(2);
  EXPECT_EQ(fast.TryReceive(), 1);  // takes the second message after a moment; the slow one never does
  world.scheduler().RunFor(999ms);
  EXPECT_TRUE(log.lines.empty());
  world.scheduler().RunFor(1min);
  const std::string line = std::string(base::ToString(base::LogLevel::kWarn)) +
                           ": a message has waited 1 s for subscriber 'slow', whose 1 places are full";
  EXPECT_EQ(log.lines, std::vector{line});
}

TEST_F(DemultiplexerTest, AWaitThatEndsWithinASecondIsNotLogged) {
  auto subscription = demultiplexer->Subscribe("s", Any, 1);
  Publish(1);
  Publish(2);
  Publish(3);
  world.scheduler().RunFor(999ms);
  EXPECT_EQ(subscription.TryReceive(), 1);
  EXPECT_EQ(subscription.TryReceive(), 2);
  world.scheduler().RunFor(1min);
  EXPECT_EQ(outcomes, "dpptt");
  EXPECT_EQ(log.lines, std::vector<std::string>{});
}

TEST_F(DemultiplexerTest, OneSlowSubscriberDoesNotKeepTheMessageFromOthers) {
  auto slow = demultiplexer->Subscribe("slow", Any, 1);
  auto fast = demultiplexer->Subscribe("fast", Any, 10);
  Publish(1);
  Publish(2);
  EXPECT_EQ(outcomes, "dp");
  EXPECT_EQ(fast.queued(), 2u);
}

TEST_F(DemultiplexerTest, LivenessDoesNotWaitBehindAFullBulkQueue) {
  auto subscription = demultiplexer->Subscribe("s", Any, 1);
  Publish(1);
  Publish(2);
  Publish(3, Lane::kLiveness);
  EXPECT_EQ(outcomes, "dpd");
  EXPECT_EQ(subscription.TryReceive(), 3) << "liveness first";
  EXPECT_EQ(subscription.TryReceive(), 1);
}

TEST_F(DemultiplexerTest, CancelReleasesBlockedPublishersAndIsIdempotent) {
  auto subscription = demultiplexer->Subscribe("s", Any, 1);
  Publish(1);
  Publish(2);
  subscription.Cancel();
  subscription.Cancel();
  Settle();
  EXPECT_EQ(outcomes, "dpt");
  EXPECT_TRUE(subscription.at_end());
  Publish(3);
  EXPECT_EQ(outcomes, "dptd") << "nobody subscribes any more";
}

TEST_F(DemultiplexerTest, DestroyingASubscriptionReleasesBlockedPublishers) {
  auto subscription = std::make_optional(demultiplexer->Subscribe("s", Any, 1));
  Publish(1);
  Publish(2);
  subscription.reset();
  Settle();
  EXPECT_EQ(outcomes, "dpt");
}

TEST_F(DemultiplexerTest, CloseWakesPublishersAndReceiversWithoutWaitingAndTwice) {
  auto full = demultiplexer->Subscribe("full", Any, 1);
  auto idle = demultiplexer->Subscribe("idle", [](const int&) { return false; });
  bool ended = false;
  idle.Receive([&](std::optional<int> message) { ended = !message.has_value(); });
  Publish(1);
  Publish(2);
  demultiplexer->Close();
  demultiplexer->Close();
  Settle();
  EXPECT_TRUE(demultiplexer->closed());
  EXPECT_TRUE(ended);
  EXPECT_EQ(outcomes, "dpf");
  EXPECT_EQ(full.queued(), 1u) << "no message is enqueued after close";
  Publish(3);
  EXPECT_EQ(outcomes, "dpfc");
}

TEST_F(DemultiplexerTest, PredicatesMayCallBack) {
  Subscription<int> inner;
  auto outer = demultiplexer->Subscribe("outer", [&](const int& message) {
    if (message == 1) {
      inner = demultiplexer->Subscribe("inner", Any);
      base::Handle unused;
      demultiplexer->Publish(7, Lane::kBulk, [](bool) {}, &unused);
    }
    return true;
  });
  Publish(1);
  EXPECT_EQ(outer.TryReceive(), 7);
  EXPECT_EQ(outer.TryReceive(), 1);
  EXPECT_EQ(inner.TryReceive(), 7);
}

TEST_F(DemultiplexerTest, PredicateMayClose) {
  auto subscription = demultiplexer->Subscribe("s", [&](const int&) {
    demultiplexer->Close();
    return true;
  });
  auto second = demultiplexer->Subscribe("second", Any);
  Publish(1);
  EXPECT_EQ(outcomes, "c");
  EXPECT_EQ(subscription.queued(), 0u);
  EXPECT_EQ(second.queued(), 0u);
}

TEST_F(DemultiplexerTest, PredicateThatThrowsCountsAsNoMatch) {
  auto bad = demultiplexer->Subscribe("bad", [](const int&) -> bool { throw std::runtime_error("defect"); });
  auto good = demultiplexer->Subscribe("good", Any);
  Publish(1);
  EXPECT_EQ(outcomes, "d");
  EXPECT_EQ(bad.queued(), 0u);
  EXPECT_EQ(good.queued(), 1u);
}

TEST_F(DemultiplexerTest, ConsumersMayDoAnything) {
  Ints received;
  auto subscription = std::make_unique<Subscription<int>>(demultiplexer->Subscribe("s", Any));
  subscription->ReceiveAll([&](int message) {
    received.push_back(message);
    if (message == 1) Publish(2);
    if (message == 2) subscription.reset();
  });
  Publish(1);
  Settle();
  Publish(3);
  Settle();
  EXPECT_EQ(received, (Ints{1, 2}));
}

TEST_F(DemultiplexerTest, ASubscriptionMayEndWhileMessagesAreQueued) {
  Ints received;
  auto subscription = std::make_unique<Subscription<int>>(demultiplexer->Subscribe("s", Any));
  subscription->ReceiveAll([&](int message) {
    received.push_back(message);
    if (message == 2) subscription.reset();
  });
  for (int i = 1; i <= 5; ++i) Publish(i);
  Settle();
  EXPECT_EQ(received, (Ints{1, 2}));
}

TEST_F(DemultiplexerTest, AWithdrawnPublicationIsNeitherDeliveredNorReported) {
  auto subscription = demultiplexer->Subscribe("s", Any, 1);
  Publish(1);
  Publish(2);
  withdrawals.back().Reset();
  EXPECT_EQ(subscription.TryReceive(), 1);
  EXPECT_EQ(subscription.TryReceive(), std::nullopt);
  Settle();
  EXPECT_EQ(outcomes, "dp");
}

TEST_F(DemultiplexerTest, WithdrawingAfterRoomWasMadeSuppressesTheReport) {
  auto subscription = demultiplexer->Subscribe("s", Any, 1);
  Publish(1);
  Publish(2);
  subscription.TryReceive();
  withdrawals.back().Reset();
  Settle();
  EXPECT_EQ(outcomes, "dp");
}

TEST_F(DemultiplexerTest, SubscriptionsOutliveTheDemultiplexer) {
  auto subscription = demultiplexer->Subscribe("s", Any);
  Publish(1);
  demultiplexer.reset();
  EXPECT_EQ(subscription.TryReceive(), 1);
  EXPECT_TRUE(subscription.at_end());
}

TEST_F(DemultiplexerTest, PublishersThatWaitAreServedInOrder) {
  auto subscription = demultiplexer->Subscribe("s", Any, 1);
  for (int i = 1; i <= 4; ++i) Publish(i);
  Ints received;
  Collect(subscription, received);
  Settle();
  EXPECT_EQ(received, (Ints{1, 2, 3, 4}));
  EXPECT_EQ(outcomes, "dpppttt");
}

}  // namespace
}  // namespace grapevine::comm
