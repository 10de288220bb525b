// The requester (specification 20, sections 7, 9 and 14).
#include "statetransfer/state_transfer.h"

#include "statetransfer/transfer_world.h"
#include "support/seeds.h"

namespace grapevine::statetransfer {
namespace {

class StateTransferTest : public TransferWorld {};

TEST_F(StateTransferTest, AsksForTheRangesOfTheWorkedExample) {  // section 7: H = 5, M = 40
  Build(1);
  sink_->SetNext(5);
  StartTransfer();
  Advertise({40});
  ASSERT_TRUE(RunUntilHeight(40));
  EXPECT_EQ(server(0).Ranges(), (std::vector<BlockRange>{{5, 15}, {16, 26}, {27, 37}, {38, 39}}));
  EXPECT_EQ(transfer_->progress().target, 40U);
  EXPECT_EQ(transfer_->progress().requests, 0U);
  EXPECT_FALSE(transfer_->progress().active);
  for (const auto& request : server(0).requests) {
    EXPECT_EQ(request.message->message().tag, wire::Tag::kChannelOrOrg);  // section 2
    EXPECT_TRUE(request.message->envelope().signature().empty());
  }
}

TEST_F(StateTransferTest, FirstRequestLeavesAsSoonAsTheNodeKnows) {  // Fabric: up to 10 s later
  Build(1);
  StartTransfer();
  RunFor(60s);
  EXPECT_TRUE(server(0).requests.empty());
  Advertise({40});
  ASSERT_TRUE(RunUntil([&] { return !server(0).requests.empty(); }, 1s));
  EXPECT_EQ(server(0).requests[0].time, knew_ + kLinkLatency);
}

TEST_F(StateTransferTest, WhatIsKnownBeforeTheStartIsAskedForAtOnce) {
  Build(1);
  Advertise({40});
  const base::SteadyTime start = Now();
  StartTransfer();
  ASSERT_TRUE(RunUntil([&] { return !server(0).requests.empty(); }, 1s));
  EXPECT_EQ(server(0).requests[0].time, start + kLinkLatency);
}

TEST_F(StateTransferTest, SwitchedOffItAsksNobody) {
  Build(1);
  StartTransfer({});
  Advertise({40});
  RunFor(60s);
  EXPECT_TRUE(server(0).requests.empty());
}

TEST_F(StateTransferTest, SmallGapIsLeftToGossipForAWhile) {
  Build(1);
  StartTransfer();
  Advertise({11});
  ASSERT_TRUE(RunUntil([&] { return !server(0).requests.empty(); }, 5s));
  EXPECT_EQ(server(0).requests[0].time, knew_ + 1s + kLinkLatency);
}

TEST_F(StateTransferTest, SmallGapThatGossipClosesIsNotAskedFor) {
  Build(1);
  StartTransfer();
  Advertise({11});
  for (std::uint64_t next = 2; next <= 11; ++next) {  // slowly, but there is progress
    RunFor(900ms);
    sink_->SetNext(next);
  }
  RunFor(60s);
  EXPECT_TRUE(server(0).requests.empty());
}

TEST_F(StateTransferTest, SeveralServersShareTheLoad) {
  Build(2, 2);  // all organisations qualify
  Advertise({1000, 1000, 1000, 1000});
  StartTransfer();
  ASSERT_TRUE(RunUntilHeight(1000));
  std::uint64_t blocks = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_GE(server(i).requests.size(), 10U) << i;
    for (const BlockRange& range : server(i).Ranges()) blocks += range.size();
  }
  EXPECT_EQ(blocks, 999U);  // nothing twice
}

TEST_F(StateTransferTest, RequestsAreInFlightAtTheSameTimeAndBounded) {
  Build(1);
  server(0).play = [&](const Server::Request& request) {
    if (server(0).requests.size() == 1) Server::Serve(request);  // how large blocks are is known then
  };
  StartTransfer();
  Advertise({1000});
  ASSERT_TRUE(RunUntil([&] { return server(0).requests.size() == 5; }, 1s));
  RunFor(1s);
  EXPECT_EQ(server(0).Ranges(), (std::vector<BlockRange>{{1, 11}, {12, 22}, {23, 33}, {34, 44}, {45, 55}}));
  EXPECT_EQ(transfer_->progress().requests, 4U);
}

TEST_F(StateTransferTest, NothingAtOrAboveTheLimitOfTheSinkIsAskedFor) {
  Build(1);
  sink_->window = 15;
  sink_->held = true;
  StartTransfer();
  Advertise({1000});
  RunFor(2s);
  EXPECT_EQ(server(0).Ranges(), (std::vector<BlockRange>{{1, 11}, {12, 15}}));
  sink_->held = false;
  sink_->Advance();
  ASSERT_TRUE(RunUntilHeight(1000));
}

TEST_F(StateTransferTest, PartialAnswersAreGoneOnFrom) {  // section 7: normal, must be accepted
  Build(1);
  server(0).play = [](const Server::Request& request) {
    Server::Answer(request, {Server::Payload(request.range.first, BlockOf(request.range.first))});
  };
  StartTransfer();
  Advertise({30});
  ASSERT_TRUE(RunUntilHeight(30));
  EXPECT_EQ(server(0).requests[0].range, (BlockRange{1, 11}));
  EXPECT_EQ(Refused("hole"), 0U);
  EXPECT_EQ(Unanswered("timeout"), 0U);
}

TEST_F(StateTransferTest, APeerThatHasOnlyAPartIsAskedForThat) {
  Build(1, 1);
  StartTransfer();
  server(0).play = {};
  Advertise({6, 30});
  ASSERT_TRUE(RunUntilHeight(30));
  for (const BlockRange& range : server(0).Ranges()) EXPECT_LE(range.last, 5U);
}

TEST_F(StateTransferTest, EmptyAnswerSendsToOthersAndIsRemembered) {  // the peer began with a snapshot
  Build(2);
  server(0).play = [](const Server::Request& request) { Server::Answer(request, {}); };
  Advertise({300, 300});
  StartTransfer();
  ASSERT_TRUE(RunUntilHeight(300, 1s));  // nobody waits for a timeout
  EXPECT_EQ(Unanswered("timeout"), 0U);
  EXPECT_EQ(node_->host().metrics().CounterValue("gossip_statetransfer_empty_answers", {{"channel", kChannel}}),
            server(0).requests.size());
  EXPECT_GE(server(0).requests.size(), 1U);
  EXPECT_LE(server(0).requests.size(), 4U);
}

TEST_F(StateTransferTest, AnswerThatBeginsLaterIsTakenAndTheBeginningAskedOfOthers) {
  Build(2);
  server(0).play = [](const Server::Request& request) {  // has blocks from 8 on
    std::vector<wire::BlockPayload> payloads;
    for (std::uint64_t number = std::max<std::uint64_t>(request.range.first, 8); number <= request.range.last;
         ++number) {
      payloads.push_back(Server::Payload(number, BlockOf(number)));
    }
    Server::Answer(request, std::move(payloads));
  };
  Advertise({300, 300});
  StartTransfer();
  ASSERT_TRUE(RunUntilHeight(300, 1s));
  EXPECT_GE(server(0).requests.size(), 1U);
  EXPECT_EQ(Refused("hole"), 0U);
}

TEST_F(StateTransferTest, MemoryIsBoundedWithLargeBlocks) {
  Build(1);
  constexpr std::size_t kBlock = 8UL << 20;
  server(0).play = [](const Server::Request& request) {  // as a responder does: 64 MiB at most
    std::vector<wire::BlockPayload> payloads;
    for (std::uint64_t number = request.range.first; number <= std::min(request.range.last, request.range.first + 7);
         ++number) {
      payloads.push_back(Server::Payload(number, BlockOf(number, kBlock)));
    }
    Server::Answer(request, std::move(payloads));
  };
  const std::uint64_t height = testing::Quick() ? 20 : 60;
  StartTransfer();
  Advertise({height});
  ASSERT_TRUE(RunUntilHeight(height, 60s));
  EXPECT_LE(sink_->most_pending_bytes, 64UL << 20);
  for (std::size_t i = 1; i < server(0).requests.size(); ++i) {
    EXPECT_LE(server(0).requests[i].range.size(), 1U) << i;  // 64 MiB / 4 requests, and a block is a little over 8 MiB
  }
}

// Blocks 1 to 11 are small and all others large: four ranges are asked for as if they were small. The first of them,
// which the others wait for, gets no answer.
TEST_F(StateTransferTest, MoreThanItsMemoryThatWaitsForOneBlockDoesNotKeepThatBlockAway) {
  Build(1);
  std::size_t requests_for_12 = 0;
  server(0).play = [&](const Server::Request& request) {
    if (request.range.first <= 12 && 12 <= request.range.last && ++requests_for_12 == 1) return;
    Server::Serve(request, request.range.first < 12 ? 100 : 4UL << 20);
  };
  Advertise({60});
  StartTransfer();
  ASSERT_TRUE(RunUntil([&] { return sink_->pending_bytes() > 64UL << 20; }, 2s));
  EXPECT_EQ(sink_->next(), 12U);
  ASSERT_TRUE(RunUntilHeight(60, 60s));
}

TEST_F(StateTransferTest, ASlowSinkHoldsItUp) {
  Build(1);
  sink_->held = true;
  server(0).play = [](const Server::Request& request) { Server::Serve(request, 1UL << 20); };
  StartTransfer();
  const std::uint64_t height = testing::Quick() ? 80 : 200;
  Advertise({height});
  RunFor(10s);
  EXPECT_LE(sink_->most_pending_bytes, 64UL << 20);
  EXPECT_GE(sink_->most_pending_bytes, 48UL << 20);
  sink_->held = false;
  sink_->Advance();
  ASSERT_TRUE(RunUntilHeight(height));
}

TEST_F(StateTransferTest, WhatTheSinkDoesNotTakeIsOfferedAgainNotAskedFor) {
  Build(1);
  sink_->full = true;
  StartTransfer();
  Advertise({12});
  RunFor(1s);
  EXPECT_EQ(server(0).requests.size(), 1U);
  sink_->full = false;
  ASSERT_TRUE(RunUntilHeight(12, 1s));
  EXPECT_EQ(server(0).requests.size(), 1U);
  EXPECT_EQ(Refused("invalid"), 0U);
}

TEST_F(StateTransferTest, FollowsAChainThatGrows) {
  Build(1);
  StartTransfer();
  Advertise({40});
  ASSERT_TRUE(RunUntilHeight(40));
  Advertise({80});
  ASSERT_TRUE(RunUntilHeight(80, 1s));
}

TEST_F(StateTransferTest, DestroyedItStops) {
  Build(1);
  StartTransfer();
  server(0).play = [&](const Server::Request& request) {
    if (server(0).requests.size() == 2) transfer_.reset();  // with requests in flight and blocks in the sink
    Server::Serve(request);
  };
  Advertise({300});
  ASSERT_TRUE(RunUntil([&] { return transfer_ == nullptr; }, 5s));
  const std::size_t sent = server(0).requests.size();
  RunFor(60s);
  EXPECT_LE(server(0).requests.size(), sent + 3);  // those that were on their way
  EXPECT_LT(sink_->next(), 300U);
}

}  // namespace
}  // namespace grapevine::statetransfer
