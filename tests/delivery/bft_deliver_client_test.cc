// The deliver client against ordering services that may lie (specification 22, section 7).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "delivery/deliver_client_world.h"

namespace grapevine::delivery {
namespace {

using simulation::ModelOrderer;
using simulation::OrdererBehaviour;

class BftDeliverClientTest : public ::testing::Test {
 protected:
  BftDeliverClientTest() { world_.consensus_type = "BFT"; }

  void AddOrderers(int count, const OrdererBehaviour& behaviour = {}) {
    for (int i = 0; i < count; ++i) world_.AddOrderer(behaviour);
  }
  // Starts, and waits until every orderer has a stream.
  void StartAll() {
    world_.Start();
    AwaitAllStreams();
  }
  void AwaitAllStreams() {
    ASSERT_TRUE(world_.RunUntil(
        [&] {
          return std::ranges::all_of(world_.orderers, [](const auto& orderer) { return orderer->streams() == 1; }) &&
                 !world_.client->state().endpoint.empty();
        },
        10s));
  }
  // The index of the orderer that gives blocks.
  std::size_t Source() const { return IndexOf(world_.client->state().endpoint); }
  std::size_t IndexOf(const base::Endpoint& endpoint) const {
    for (std::size_t i = 0; i < world_.hosts.size(); ++i) {
      if (world_.hosts[i]->endpoint() == endpoint) return i;
    }
    return world_.hosts.size();
  }
  std::uint64_t HeaderFailures(const std::string& reason) {
    return world_.host.metrics().CounterValue("grapevine_deliver_header_failures",
                                              {{"channel", kChannel}, {"reason", reason}});
  }

  DeliverClientWorld world_;
};

TEST_F(BftDeliverClientTest, BlocksFromOneHeadersFromTheOthers) {
  AddOrderers(4);
  world_.chain.Order(50, 10'000);
  StartAll();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 30s));
  world_.chain.Order(5, 10'000);
  world_.RunFor(1s);
  ASSERT_TRUE(world_.Complete());
  for (std::size_t i = 0; i < 4; ++i) {
    const ModelOrderer& orderer = *world_.orderers[i];
    ASSERT_EQ(orderer.requests().size(), 1U);
    EXPECT_EQ(orderer.requests()[0].seek.headers_only, i != Source());
    EXPECT_EQ(orderer.requests()[0].seek.start.number, 1U);
    EXPECT_EQ(orderer.blocks_sent(), i == Source() ? 55U : 0U);
    EXPECT_EQ(orderer.headers_sent(), i == Source() ? 0U : 55U);
  }
  world_.RunFor(1h);
  EXPECT_EQ(world_.client->state().failures, 0U);
  EXPECT_EQ(world_.client->state().last_failure, "");
}

// One orderer has nobody to watch it.
TEST_F(BftDeliverClientTest, ASingleOrdererIsEnough) {
  AddOrderers(1);
  world_.chain.Order(5, 100);
  world_.Start();
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 10s));
}

// The simple policy detects nothing and asks for no headers.
TEST_F(BftDeliverClientTest, TheSimplePolicyWatchesNobody) {
  AddOrderers(3, {.withholds_from = 1});
  world_.options.config.policy = DelivererPolicy::kSimple;
  world_.chain.Order();
  world_.Start();
  world_.RunFor(10min);
  EXPECT_EQ(world_.dialer.attempts.size(), 1U);
  EXPECT_EQ(world_.client->state().failures, 0U);
}

// A source that withholds is left 30 s after others have shown that there is more, looked at every 300 ms.
TEST_F(BftDeliverClientTest, AWithholdingSourceIsReplacedAfterTheTimeout) {
  AddOrderers(4);
  StartAll();
  world_.chain.Order(5, 100);
  ASSERT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 5s));
  const std::size_t censor = Source();
  world_.orderers[censor]->Behave({.withholds_from = 6});
  world_.RunFor(1h);
  const base::SteadyTime ordered = world_.Now();
  world_.chain.Order();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.client->state().failures > 0; }, 40s));
  EXPECT_GE(world_.Now() - ordered, 30s);
  EXPECT_LE(world_.Now() - ordered, 30s + 300ms + 5ms);
  EXPECT_EQ(world_.client->state().last_failure,
            world_.hosts[censor]->endpoint() + ": it does not send block 6, which others have");
  EXPECT_EQ(world_.Failures("censorship"), 1U);
  ASSERT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 1s));
  EXPECT_NE(Source(), censor);
  EXPECT_EQ(world_.client->state().failures, 0U);
  // The old source is watching now.
  ASSERT_EQ(world_.orderers[censor]->requests().size(), 2U);
  EXPECT_TRUE(world_.orderers[censor]->requests()[1].seek.headers_only);
}

TEST_F(BftDeliverClientTest, ASourceThatNeverAnswersIsReplaced) {
  AddOrderers(4);
  world_.chain.Order(3, 100);
  for (auto& orderer : world_.orderers) orderer->Behave({.withholds_from = 0});
  StartAll();
  const std::size_t staller = Source();
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != staller) world_.orderers[i]->Behave({});
  }
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 31s));
  EXPECT_NE(Source(), staller);
}

// A trickle below the speed of the chain is censorship as well: what was known at the time must come within the
// timeout.
TEST_F(BftDeliverClientTest, ATrickleIsNotEnough) {
  AddOrderers(4);
  StartAll();
  const std::size_t source = Source();
  std::uint64_t given = 1;
  world_.orderers[source]->Behave({.withholds_from = given});
  // 10 blocks in a second; the source gives one in 20 s.
  for (int second = 0; second < 100 && world_.Failures("censorship") == 0; ++second) {
    world_.chain.Order(10, 10);
    if (second % 20 == 19) world_.orderers[source]->Behave({.withholds_from = ++given});
    world_.RunFor(1s);
  }
  EXPECT_EQ(world_.Failures("censorship"), 1U);
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 10s));
}

// Only the ordering service's signature makes a header count.
TEST_F(BftDeliverClientTest, AForgedHeaderTriggersNothing) {
  AddOrderers(4);
  StartAll();
  const std::size_t source = Source();
  const base::Bytes forged = world_.chain.ForgedBlock(1);
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != source) world_.orderers[i]->Behave({.lies = {{1, forged}}});
  }
  world_.orderers[source]->Behave({.withholds_from = 1});
  world_.chain.Order();
  world_.RunFor(10min);
  EXPECT_EQ(world_.client->state().failures, 0U);
  EXPECT_EQ(Source(), source);
  EXPECT_GT(HeaderFailures("header_refused"), 3U);
  // Each of the three asks again after 100, 200, 400, ... ms: 12 pauses make 409.5 s.
  EXPECT_LE(HeaderFailures("header_refused"), 3U * 13U);
  EXPECT_LE(world_.orderers[(source + 1) % 4]->requests().size(), 14U);
}

TEST_F(BftDeliverClientTest, HeaderStreamsComeBackWithGrowingPauses) {
  AddOrderers(2);
  StartAll();
  const std::size_t watcher = 1 - Source();
  const std::size_t before = world_.dialer.attempts.size();
  world_.orderers[watcher]->Behave({.status = DeliverStatus::kServiceUnavailable});
  world_.world.network().ResetConnections(world_.host, *world_.hosts[watcher]);
  world_.RunFor(10s);
  std::vector<std::int64_t> pauses;
  for (std::size_t i = before + 1; i < world_.dialer.attempts.size(); ++i) {
    const base::Duration pause = world_.dialer.attempts[i].at - world_.dialer.attempts[i - 1].at;
    pauses.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(pause).count() / 100 * 100);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{200, 400, 800, 1600, 3200}));
  EXPECT_EQ(world_.client->state().failures, 0U);

  world_.orderers[watcher]->Behave({});
  ASSERT_TRUE(world_.RunUntil([&] { return world_.orderers[watcher]->streams() == 1; }, 10s));
  world_.RunFor(1s);
  EXPECT_EQ(world_.orderers[watcher]->streams(), 1U);
}

// Sections 5 and 7: the pause doubles after each round through all sources.
TEST_F(BftDeliverClientTest, PausesDoubleWithEachRound) {
  AddOrderers(3);
  world_.dialer.refuses = true;
  world_.options.gives_up = true;
  world_.options.limits.max_header_streams = 0;
  world_.Start();
  world_.RunFor(10s);
  const std::vector<std::int64_t> expected = {100, 100, 200, 200, 200, 400, 400, 400, 800, 800, 800, 1600};
  const std::vector<std::int64_t> pauses = world_.Pauses();
  ASSERT_GE(pauses.size(), expected.size());
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), pauses.begin()));
  // In turn.
  const auto& attempts = world_.dialer.attempts;
  for (std::size_t i = 3; i < attempts.size(); ++i) {
    EXPECT_EQ(attempts[i].address.endpoint, attempts[i - 3].address.endpoint);
  }
  EXPECT_EQ((std::set{attempts[0].address.endpoint, attempts[1].address.endpoint, attempts[2].address.endpoint}).size(),
            3U);
  // For ever, an elected leader too.
  world_.RunFor(48h);
  EXPECT_TRUE(world_.ended.empty());
  const std::size_t so_far = world_.dialer.attempts.size();
  world_.RunFor(10h);
  EXPECT_EQ(world_.dialer.attempts.size(), so_far + 10);
}

// Two of them keep blocks back and tell on each other.
TEST_F(BftDeliverClientTest, AllBadUntilOneIsHonest) {
  AddOrderers(5);
  world_.chain.Order(10, 100);
  world_.orderers[0]->Behave({.withholds_from = 3});
  world_.orderers[1]->Behave({.lies = {{3, world_.chain.ForgedBlock(3)}}});
  world_.orderers[2]->Behave({.status = DeliverStatus::kForbidden});
  world_.orderers[3]->Behave({.lies = {{3, world_.chain.block(2)}}});
  world_.orderers[4]->Behave({.withholds_from = 1});
  world_.Start();
  world_.RunFor(10min);
  EXPECT_EQ(world_.sink.next(), 3U);
  for (const char* reason : {"censorship", "block_refused", "status", "wrong_number"}) {
    EXPECT_GT(world_.Failures(reason), 0U) << reason;
  }
  world_.orderers[2]->Behave({});
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 1h));
}

// New endpoints: all streams are made anew, in a new order.
TEST_F(BftDeliverClientTest, ARefreshReconnectsEverywhere) {
  AddOrderers(4);
  StartAll();
  AddOrderers(2);
  world_.client->SetSources(world_.Sources());
  AwaitAllStreams();
  EXPECT_EQ(world_.dialer.attempts.size(), 4U + 6U);
  EXPECT_EQ(world_.client->state().failures, 0U);
  world_.chain.Order(5, 100);
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 1s));
}

// A change of the ordering service's kind changes the deliverer.
TEST_F(BftDeliverClientTest, MigrationFromRaft) {
  world_.consensus_type = "etcdraft";
  AddOrderers(4);
  world_.Start();
  world_.RunFor(10s);
  EXPECT_EQ(world_.dialer.attempts.size(), 1U);
  world_.consensus_type = "BFT";
  world_.client->SetSources(world_.Sources());
  AwaitAllStreams();
  EXPECT_EQ(world_.dialer.attempts.size(), 1U + 4U);
}

// A peer that has no room cannot blame the source.
TEST_F(BftDeliverClientTest, AFullSinkIsNoCensorship) {
  AddOrderers(4);
  world_.options.limits.max_unverified_blocks = 5;
  world_.sink.room = 0;
  world_.chain.Order(100, 20'000);
  StartAll();
  world_.RunFor(1h);
  EXPECT_EQ(world_.client->state().failures, 0U);
  world_.sink.room = 1000;
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 30s));
  EXPECT_EQ(world_.client->state().last_failure, "");
}

// Headers are read no further ahead of the blocks than the limit; a censor is found all the same.
TEST_F(BftDeliverClientTest, HeadersAheadAreBounded) {
  AddOrderers(4);
  world_.options.limits.max_header_lead = 20;
  world_.chain.Order(2000, 10);
  for (auto& orderer : world_.orderers) orderer->Behave({.withholds_from = 1});
  world_.Start();
  world_.RunFor(20s);
  EXPECT_EQ(world_.host.metrics().CounterValue("grapevine_deliver_headers_received", {{"channel", kChannel}}),
            3U * 20U);
  world_.RunFor(15s);
  EXPECT_EQ(world_.Failures("censorship"), 1U);
  for (auto& orderer : world_.orderers) orderer->Behave({});
  EXPECT_TRUE(world_.RunUntil([&] { return world_.Complete(); }, 60s));
  EXPECT_LE(world_.Failures("censorship"), 1U);
}

TEST_F(BftDeliverClientTest, OversizedHeadersAreRefused) {
  AddOrderers(2);
  world_.options.limits.max_header_bytes = 100;
  world_.chain.Order();
  world_.Start();
  world_.RunFor(5s);
  EXPECT_TRUE(world_.Complete());
  EXPECT_GT(HeaderFailures("stream_ended"), 0U);
}

TEST_F(BftDeliverClientTest, HeaderStreamsAreBounded) {
  AddOrderers(10);
  world_.options.limits.max_header_streams = 3;
  world_.Start();
  world_.RunFor(10s);
  std::size_t streams = 0;
  for (const auto& orderer : world_.orderers) streams += orderer->streams();
  EXPECT_EQ(streams, 4U);
}

}  // namespace
}  // namespace grapevine::delivery
