// Answers that do not come, lie, or come from somebody else (specification 20, sections 9 and 12).
#include "statetransfer/transfer_world.h"
#include "support/seeds.h"

namespace grapevine::statetransfer {
namespace {

class StateTransferFaults : public TransferWorld {
 protected:
  // Server 0 misbehaves as `play` says, server 1 is honest: the node gets all blocks nevertheless.
  void CatchUpBeside(Server::Play play, base::Duration limit = 1s) {
    Build(2);
    server(0).play = std::move(play);
    Advertise({200, 200});
    StartTransfer();
    ASSERT_TRUE(RunUntilHeight(200, limit));
    ASSERT_FALSE(server(0).requests.empty());
  }
};

TEST_F(StateTransferFaults, AnswerWithAnotherNonceIsNone) {
  CatchUpBeside([](const Server::Request& request) { Server::Answer(request, {}, request.nonce() + 1); }, 10s);
  EXPECT_GE(Refused("nonce"), 1U);
  EXPECT_GE(Unanswered("timeout"), 1U);
}

TEST_F(StateTransferFaults, AnswerFromAnotherPeerThanTheAskedOneIsNone) {  // section 9
  Build(2);
  std::optional<Server::Request> asked;
  server(0).play = [&](const Server::Request& request) {
    if (asked) return;
    asked = request;
    // Server 1 has heard of the nonce, and answers with a forged block.
    server(1).peer.gossip().Send(
        wire::NewMessage(
            wire::StateResponse{{Server::Payload(request.range.first, base::Bytes(std::string("forged")))}}, kChannel,
            request.nonce()),
        {{.endpoint = node_->endpoint(), .pki_id = node_->pki_id()}});
  };
  StartTransfer();
  Advertise({40, 1});
  ASSERT_TRUE(RunUntil([&] { return Refused("sender") == 1; }, 5s));
  EXPECT_TRUE(sink_->offers.empty());
  ASSERT_TRUE(asked);
  Server::Serve(*asked);  // the true answer still counts
  ASSERT_TRUE(RunUntil([&] { return sink_->next() == 12; }, 1s));
}

TEST_F(StateTransferFaults, BlocksOutsideOfTheRangeAreDropped) {  // section 9
  CatchUpBeside([](const Server::Request& request) {
    Server::Answer(request, {Server::Payload(request.range.first - 1, BlockOf(request.range.first - 1)),
                             Server::Payload(request.range.last + 1, BlockOf(request.range.last + 1)),
                             Server::Payload(~0ULL, BlockOf(~0ULL))});
  });
  EXPECT_EQ(Refused("out_of_range"), 3 * server(0).requests.size());
  EXPECT_TRUE(std::ranges::all_of(sink_->offers, [](std::uint64_t number) { return number < 200; }));
  EXPECT_EQ(sink_->offers.size(), 199U);
}

TEST_F(StateTransferFaults, InvalidBlockIsAskedForElsewhereAtOnce) {
  CatchUpBeside([](const Server::Request& request) {
    std::vector<wire::BlockPayload> payloads;
    for (std::uint64_t number = request.range.first; number <= request.range.last; ++number) {
      payloads.push_back(Server::Payload(number, base::Bytes(std::string("forged"))));
    }
    Server::Answer(request, std::move(payloads));
  });
  EXPECT_GE(Refused("invalid"), 1U);
  EXPECT_EQ(Unanswered("timeout"), 0U);
  EXPECT_LE(server(0).requests.size(), 4U);  // left alone from the first verdict on
}

TEST_F(StateTransferFaults, HolesAreAskedForElsewhereAtOnce) {  // Fabric: in a later round, after the others
  CatchUpBeside([](const Server::Request& request) {
    Server::Answer(request, {Server::Payload(request.range.first, BlockOf(request.range.first)),
                             Server::Payload(request.range.last, BlockOf(request.range.last))});
  });
  EXPECT_GE(Refused("hole"), 1U);
  EXPECT_EQ(Unanswered("timeout"), 0U);
}

TEST_F(StateTransferFaults, BlocksWithoutContentAndTwiceTheSameAreCounted) {
  CatchUpBeside([](const Server::Request& request) {
    const auto payload = Server::Payload(request.range.first, BlockOf(request.range.first));
    Server::Answer(request, {Server::Payload(request.range.last, {}), payload, payload});
  });
  EXPECT_EQ(Refused("no_block"), server(0).requests.size());
  EXPECT_EQ(Refused("duplicate_block"), server(0).requests.size());
}

TEST_F(StateTransferFaults, SecondAnswerToOneRequestIsNone) {
  CatchUpBeside([](const Server::Request& request) {
    Server::Serve(request);
    Server::Answer(request, {Server::Payload(request.range.first, base::Bytes(std::string("forged")))});
  });
  EXPECT_EQ(Refused("duplicate") + Refused("nonce"), server(0).requests.size());
  EXPECT_EQ(Refused("invalid"), 0U);
}

TEST_F(StateTransferFaults, AnswererThatIsNoReaderIsNotBelieved) {  // section 3
  Build(1, 1);
  Advertise({1, 40});
  authority_.SetReaders(kChannel, {kOrg1});  // it is still among the members that the node knows
  StartTransfer();
  RunFor(2s);
  EXPECT_EQ(server(1).requests.size(), 1U);
  EXPECT_EQ(Refused("not_reader"), 1U);
  EXPECT_EQ(Unanswered("not_reader"), 1U);
  EXPECT_TRUE(sink_->offers.empty());
}

TEST_F(StateTransferFaults, PeerThatDiesInTheMiddleIsReplaced) {
  Build(2);
  server(0).play = [&](const Server::Request& request) {
    if (server(0).requests.size() <= 2) Server::Serve(request);  // silent from then on
  };
  Advertise({400, 400});
  StartTransfer();
  ASSERT_TRUE(RunUntilHeight(400, 10s));
  EXPECT_GE(Unanswered("timeout"), 1U);
  EXPECT_LE(Unanswered("timeout"), 4U);
}

TEST_F(StateTransferFaults, ALinkTooSlowForElevenBlocksIsAskedForFewer) {  // of 8 MB each, say
  Build(1);
  std::map<std::uint64_t, base::Handle> answers;
  server(0).play = [&](const Server::Request& request) {
    answers[request.nonce()] = server(0).peer.host().executor().After(
        base::Duration(4s) * static_cast<int>(request.range.size()), [request] { Server::Serve(request); });
  };
  Advertise({40});
  StartTransfer();
  ASSERT_TRUE(RunUntilHeight(40, 600s));  // eleven would take 44 s, and 24 s are the most that an answer may take
  EXPECT_EQ(server(0).requests.front().range, (BlockRange{1, 11}));
}

TEST_F(StateTransferFaults, PeerThatLeavesTheViewIsNotWaitedFor) {
  Build(2);
  server(0).play = {};
  Advertise({400, 400});
  StartTransfer({.enabled = true, .response_timeout = 600s});
  ASSERT_TRUE(RunUntil([&] { return !server(0).requests.empty(); }, 1s));
  server(0).peer.Crash(simulation::CrashKind::kProcess);
  ASSERT_TRUE(RunUntilHeight(400, 60s));  // when membership has noticed: 25 s at most
  EXPECT_GE(Unanswered("gone"), 1U);
  EXPECT_EQ(Unanswered("timeout"), 0U);
}

TEST_F(StateTransferFaults, WhenAllRefuseItRestsAndTriesAgain) {  // section 12: 4 tries, then the next round
  Build(5);
  for (std::size_t i = 0; i < 5; ++i) server(i).play = {};
  Advertise({40, 40, 40, 40, 40});
  StartTransfer();
  std::vector<base::SteadyTime> times;
  const auto collect = [&] {
    times.clear();
    for (std::size_t i = 0; i < 5; ++i) {
      for (const auto& request : server(i).requests) times.push_back(request.time);
    }
    std::ranges::sort(times);
    return times.size();
  };
  ASSERT_TRUE(RunUntil([&] { return collect() == 4; }, 60s));
  EXPECT_EQ(times[1] - times[0], 3s);  // response_timeout
  EXPECT_EQ(times[2] - times[0], 6s);
  EXPECT_EQ(times[3] - times[0], 9s);
  EXPECT_TRUE(std::ranges::all_of(servers_, [](const auto& server) { return server->requests.size() <= 1; }));
  const base::SteadyTime given_up = times[3] + 3s;
  ASSERT_TRUE(RunUntil([&] { return collect() == 5; }, 60s));
  EXPECT_GT(times[4], given_up);
  EXPECT_LE(times[4], given_up + 10s + kLinkLatency);  // check_interval
  for (std::size_t i = 0; i < 5; ++i) {
    server(i).play = [](const Server::Request& request) { Server::Serve(request); };
  }
  ASSERT_TRUE(RunUntilHeight(40, 120s));
}

TEST_F(StateTransferFaults, BlocksOfGossipMeanwhileAreNotAskedFor) {
  Build(1);
  server(0).play = {};
  StartTransfer();
  Advertise({40});
  ASSERT_TRUE(RunUntil([&] { return server(0).requests.size() == 1; }, 1s));
  sink_->SetNext(40);
  RunFor(120s);
  EXPECT_EQ(server(0).requests.size(), 1U);
  EXPECT_FALSE(transfer_->progress().active);
}

TEST_F(StateTransferFaults, UnaskedAnswersAreCountedAndDropped) {
  Build(1);
  StartTransfer();
  server(0).peer.gossip().Send(wire::NewMessage(wire::StateResponse{{Server::Payload(1, BlockOf(1))}}, kChannel, 7),
                               {{.endpoint = node_->endpoint(), .pki_id = node_->pki_id()}});
  ASSERT_TRUE(RunUntil([&] { return Refused("nonce") == 1; }, 5s));
  EXPECT_TRUE(sink_->offers.empty());
}

TEST_F(StateTransferFaults, WhateverIsAnsweredTheNodeCatchesUp) {
  Build(2);
  for (const std::uint64_t seed : testing::Seeds(20)) {
    SCOPED_TRACE(seed);
    base::Random random(seed);
    server(0).play = [&](const Server::Request& request) {
      if (random.Chance(1, 8)) return;
      std::vector<wire::BlockPayload> payloads;
      for (std::uint64_t i = random.Below(24); i > 0; --i) {
        const std::uint64_t number =
            random.Chance(1, 16) ? random.Next() : request.range.first - 2 + random.Below(request.range.size() + 4);
        base::Bytes block = BlockOf(number);
        if (random.Chance(1, 8)) block = base::Bytes(std::string(random.Below(100), 'x'));
        payloads.push_back(Server::Payload(number, block));
      }
      Server::Answer(request, std::move(payloads), random.Chance(1, 8) ? std::optional(random.Next()) : std::nullopt);
    };
    const std::uint64_t goal = sink_->next() + 300;
    StartTransfer();
    Advertise({goal, goal});
    ASSERT_TRUE(RunUntilHeight(goal, 120s));
    transfer_.reset();
  }
}

}  // namespace
}  // namespace grapevine::statetransfer
