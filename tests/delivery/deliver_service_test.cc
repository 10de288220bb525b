// The Deliver service (specification 22, sections 3, 4 and 10): what it serves, in which order and at whose pace.
#include "delivery/deliver_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery/deliver_service_world.h"

namespace grapevine::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Heard = std::vector<std::string>;

TEST(DeliverService, ServesFromStartToStopAndSaysSuccess) {
  ServiceWorld world;
  EXPECT_THAT(world.Answer(From(Specified(1), Specified(3))), ElementsAre("block 1", "block 2", "block 3", "SUCCESS"));
  EXPECT_THAT(world.Answer(From(Oldest(), Specified(1))), ElementsAre("block 0", "block 1", "SUCCESS"));
  EXPECT_THAT(world.Answer(From(Specified(3), Newest())), ElementsAre("block 3", "block 4", "SUCCESS"));
  EXPECT_THAT(world.Answer(From(Newest(), Newest())), ElementsAre("block 4", "SUCCESS"));
  EXPECT_THAT(world.Answer(From(Specified(2), Oldest())), ElementsAre("block 2", "SUCCESS"));
  EXPECT_EQ(world.server.metrics().CounterValue(
                "deliver_requests_completed",
                {{"channel", kChannel}, {"data_type", "block"}, {"filtered", "false"}, {"success", "true"}}),
            5U);
  EXPECT_EQ(world.server.metrics().CounterValue("deliver_blocks_sent",
                                                {{"channel", kChannel}, {"data_type", "block"}, {"filtered", "false"}}),
            9U);
}

TEST(DeliverService, BlocksAreTheChainsBytes) {
  ServiceWorld world;
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Oldest(), Specified(4))));
  world.Settle();
  ASSERT_EQ(client->blocks().size(), 5U);
  for (std::uint64_t number = 0; number < 5; ++number) {
    EXPECT_EQ(client->blocks()[number], world.chain.block(number)) << number;
  }
}

TEST(DeliverService, TheHeightItselfIsWaitedFor) {
  ServiceWorld world;
  for (const auto& start : {Specified(5), NextCommit()}) {
    const std::uint64_t next = world.chain.height();
    const auto client = world.Open();
    client->stream().Send(world.Request(From(start.has_specified() ? Specified(next) : start, Specified(next + 1))));
    world.Settle();
    EXPECT_THAT(client->heard(), IsEmpty());
    world.AddBlock({"a"});
    world.Settle();
    EXPECT_THAT(client->heard(), ElementsAre("block " + std::to_string(next)));
    world.AddBlock({"b"});
    world.Settle();
    EXPECT_THAT(client->heard(),
                ElementsAre("block " + std::to_string(next), "block " + std::to_string(next + 1), "SUCCESS"));
  }
}

TEST(DeliverService, AnEndlessSeekFollowsTheChain) {
  ServiceWorld world;
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Specified(4), Specified(~std::uint64_t{0}))));
  world.Settle();
  world.AddBlock({"a"});
  world.Settle();
  world.AddBlock({"b"});
  world.Settle();
  EXPECT_THAT(client->heard(), ElementsAre("block 4", "block 5", "block 6"));
}

TEST(DeliverService, StartAboveTheHeightIsNotFound) {
  ServiceWorld world;
  EXPECT_THAT(world.Answer(From(Specified(6), Specified(9))), ElementsAre("NOT_FOUND", "end OK"));
  EXPECT_THAT(world.Answer(From(Specified(~std::uint64_t{0}), Specified(~std::uint64_t{0}))),
              ElementsAre("NOT_FOUND", "end OK"));
  EXPECT_EQ(world.Refused("start_above_height"), 2U);
}

TEST(DeliverService, FailIfNotReadyDoesNotWait) {
  ServiceWorld world;
  Ask ask = From(Specified(4), Specified(5));
  ask.behavior = orderer::SeekInfo::FAIL_IF_NOT_READY;
  EXPECT_THAT(world.Answer(ask), ElementsAre("block 4", "NOT_FOUND", "end OK"));
  ask.start = NextCommit();
  EXPECT_THAT(world.Answer(ask), ElementsAre("NOT_FOUND", "end OK"));
  EXPECT_EQ(world.Refused("not_ready"), 2U);
}

TEST(DeliverService, StopBeforeStartIsABadRequest) {
  ServiceWorld world;
  EXPECT_THAT(world.Answer(From(Specified(3), Specified(2))), ElementsAre("BAD_REQUEST", "end OK"));
  EXPECT_THAT(world.Answer(From(NextCommit(), Newest())), ElementsAre("BAD_REQUEST", "end OK"));
  EXPECT_EQ(world.Refused("stop_before_start"), 2U);
}

TEST(DeliverService, AnEmptyChainIsWaitedFor) {
  ServiceWorld world({}, 0);
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Oldest(), Specified(0))));
  world.Settle();
  EXPECT_THAT(client->heard(), IsEmpty());
  world.AddBlock({"a"});
  world.Settle();
  EXPECT_THAT(client->heard(), ElementsAre("block 0", "SUCCESS"));
}

TEST(DeliverService, HeadersComeWithoutDataExceptOfConfigurationBlocks) {
  ServiceWorld world;
  world.AddBlock({ServiceWorld::ConfigTransaction()});
  world.AddBlock({"a"});
  Ask ask = From(Specified(4), Specified(6));
  ask.headers_only = true;
  const auto client = world.Open();
  client->stream().Send(world.Request(ask));
  world.Settle();
  EXPECT_THAT(client->heard(), ElementsAre("header 4", "block 5", "header 6", "SUCCESS"));
  const auto header = msp::ParseBlock(client->blocks()[0]).value();
  const auto whole = msp::ParseBlock(world.chain.block(4)).value();
  EXPECT_EQ(header.header.Hash(), whole.header.Hash());
  EXPECT_EQ(header.metadata, whole.metadata);
}

// Requests of one stream are answered one after the other, whenever they were sent.
TEST(DeliverService, SeveralRequestsFollowEachOther) {
  ServiceWorld world;
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Specified(3), Specified(4))));
  client->stream().Send(world.Request(From(Specified(0), Specified(1))));
  world.Settle();
  client->stream().Send(world.Request(From(Newest(), Newest())));
  world.Settle();
  EXPECT_THAT(client->heard(),
              ElementsAre("block 3", "block 4", "SUCCESS", "block 0", "block 1", "SUCCESS", "block 4", "SUCCESS"));
  EXPECT_FALSE(client->over());
}

TEST(DeliverService, TheStreamEndsWhenTheClientHasNoMoreRequests) {
  ServiceWorld world;
  const auto idle = world.Open();
  idle->stream().HalfClose();
  const auto busy = world.Open();
  busy->stream().Send(world.Request(From(Specified(4), Specified(5))));
  busy->stream().HalfClose();
  world.Settle();
  EXPECT_THAT(idle->heard(), ElementsAre("end OK"));
  EXPECT_THAT(busy->heard(), ElementsAre("block 4"));
  world.AddBlock({"a"});
  world.Settle();
  EXPECT_THAT(busy->heard(), ElementsAre("block 4", "block 5", "SUCCESS", "end OK"));
}

TEST(DeliverService, AClientThatGoesAwayIsForgotten) {
  ServiceWorld world;
  const auto waiting = world.Open();
  waiting->stream().Send(world.Request(From(NextCommit(), Specified(100))));
  const auto idle = world.Open();
  world.Settle();
  EXPECT_EQ(world.server.metrics().CounterValue("deliver_streams_opened"), 2U);
  waiting->Close();
  idle->Close();
  world.Settle();
  EXPECT_EQ(world.server.metrics().CounterValue("deliver_streams_closed"), 2U);
  world.AddBlock({"a"});
  world.Settle();
  EXPECT_EQ(world.chain.reads(), 0U);
}

// The chain is read only as fast as the client takes: a slow reader costs max_unsent blocks.
TEST(DeliverService, ReadsTheChainOnlyAsTheStreamDrains) {
  DeliverServiceConfig config;
  config.max_unsent = 3;
  ServiceWorld world(config, 0);
  for (int i = 0; i < 100; ++i) world.AddBlock({std::string(40000, 'x')});
  world.reader.StopReading();
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Oldest(), Specified(99))));
  world.Settle();
  // Two blocks fill the window of 65535 bytes; three wait behind them.
  EXPECT_EQ(world.chain.reads(), 5U);
  world.reader.SetReadInterval(0s);
  world.Settle();
  EXPECT_EQ(world.chain.reads(), 100U);
  EXPECT_EQ(client->heard().size(), 101U);
  EXPECT_EQ(client->heard().back(), "SUCCESS");
}

TEST(DeliverService, BoundsTheUnsentBytes) {
  DeliverServiceConfig config;
  config.max_unsent = 100;
  config.max_unsent_bytes = 100000;
  ServiceWorld world(config, 0);
  for (int i = 0; i < 20; ++i) world.AddBlock({std::string(80000, 'x')});
  world.reader.StopReading();
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Oldest(), Specified(19))));
  world.Settle();
  EXPECT_EQ(world.chain.reads(), 3U);  // one in the window, two queued: 80000 bytes leave room for one more
  world.reader.SetReadInterval(0s);
  world.Settle();
  EXPECT_EQ(client->heard().back(), "SUCCESS");
}

TEST(DeliverService, BoundsTheStreams) {
  DeliverServiceConfig config;
  config.max_streams = 2;
  ServiceWorld world(config);
  auto first = world.Open();
  const auto second = world.Open();
  const auto third = world.Open();
  world.Settle();
  EXPECT_THAT(third->heard(), ElementsAre("end RESOURCE_EXHAUSTED"));
  EXPECT_EQ(world.Refused("too_many", "stream"), 1U);
  first->Close();
  world.Settle();
  EXPECT_THAT(world.Answer(From(Newest(), Newest())), ElementsAre("block 4", "SUCCESS"));
}

TEST(DeliverService, AClientThatDoesNotReadItsStatusIsCutOff) {
  DeliverServiceConfig config;
  config.finish_timeout = 10s;
  ServiceWorld world(config, 0);
  for (int i = 0; i < 4; ++i) world.AddBlock({std::string(40000, 'x')});
  world.reader.StopReading();
  const auto client = world.Open();
  Ask ask = From(Oldest(), Specified(4));
  ask.behavior = orderer::SeekInfo::FAIL_IF_NOT_READY;
  client->stream().Send(world.Request(ask));
  world.Settle();
  EXPECT_EQ(world.Refused("not_ready"), 1U);
  EXPECT_EQ(world.server.metrics().CounterValue("deliver_streams_closed"), 0U);
  world.world.scheduler().RunFor(10s);
  EXPECT_EQ(world.server.metrics().CounterValue("deliver_streams_closed"), 1U);
}

TEST(DeliverService, SaysNotFoundForABlockThatIsNotThere) {
  ServiceWorld world;
  world.chain.Fail(base::ErrorCode::kNotFound);
  EXPECT_THAT(world.Answer(From(Oldest(), Newest())), ElementsAre("NOT_FOUND", "end OK"));
  EXPECT_EQ(world.Refused("block_not_available"), 1U);
  world.chain.Fail(base::ErrorCode::kIo);
  EXPECT_THAT(world.Answer(From(Oldest(), Newest())), ElementsAre("SERVICE_UNAVAILABLE", "end OK"));
  EXPECT_EQ(world.Refused("block_not_read"), 1U);
}

TEST(DeliverService, EndsWithItsStreams) {
  ServiceWorld world;
  const auto client = world.Open();
  client->stream().Send(world.Request(From(NextCommit(), Specified(100))));
  world.Settle();
  world.service.reset();
  world.Settle();
  EXPECT_TRUE(client->over());
  world.AddBlock({"a"});
  world.Settle();
  EXPECT_THAT(world.Answer(From(Newest(), Newest())), ElementsAre("end UNIMPLEMENTED"));
}

}  // namespace
}  // namespace grapevine::delivery
