// Where each defect of the catalogue (14.3) is tested. The hostile sequences themselves are in the tests named here;
// those of whole nodes are in adversary_scenarios_test.cc and bad_input_test.cc, and here if nowhere else.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "simulation/adversary.h"
#include "simulation/gossip_network.h"
#include "support/seeds.h"

namespace grapevine::scenarios {
namespace {

using namespace std::chrono_literals;
using simulation::Adversary;
using simulation::GossipNetwork;

constexpr std::size_t kSeeds = 3;

// A test as its source names it: file below tests/, and "suite, test" in the brackets of TEST or TEST_F.
struct Evidence {
  const char* defect;
  const char* file;
  const char* test;
};

const std::vector<Evidence> kCatalogue = {
    // D-1: parts that are missing crash the process.
    {"D-1", "membership/discovery_alive_test.cc", "AliveTest, D1_MissingPartsAreRefusedByDecoding"},
    {"D-1", "channel/block_pull_test.cc", "BlockPullTest, D1_AnUpdateWithAnElementThatDoesNotBelongIsDropped"},
    {"D-1", "scenarios/bad_input_test.cc", "BadInput, EveryMessageIsRefusedForTheReasonInTheTable"},
    // D-2: a dead list with anything else crashes the process.
    {"D-2", "membership/discovery_response_test.cc", "ResponseTest, D2_EachElementIsJudgedByItself"},
    {"D-2", "scenarios/adversary_scenarios_test.cc",
     "AdversaryScenario, D2_D3_ListsOfTheDeadFullOfRubbishAndOfStrangers"},
    // D-3: dead members learned by responses are never forgotten.
    {"D-3", "membership/discovery_response_test.cc", "ResponseTest, D3_MembersLearnedByResponsesAreForgotten"},
    {"D-3", "membership/discovery_response_test.cc", "ResponseTest, D3_OldDeadEntriesAreNotAdopted"},
    {"D-3", "membership/discovery_table_test.cc", "MemberTableTest, D3_TheClockRunsHoweverTheMemberWasLearned"},
    // D-4: one connection that is not read stops the node.
    {"D-4", "scenarios/adversary_scenarios_test.cc", "AdversaryScenario, D4_APeerThatAsksAndNeverReadsStopsNobody"},
    {"D-4", "gossip/pull_engine_test.cc", "PullEngineTest, D4_HellosOfAPeerThatNeverReadsStopNobody"},
    {"D-4", "channel/block_pull_test.cc", "BlockPullTest, D4_APeerThatNeverReadsDoesNotStopTheOthers"},
    // D-5: purging an identity while views are exchanged locks the node up.
    {"D-5", "scenarios/catalogue_test.cc", "Catalogue, D5_IdentitiesArePurgedWhileViewsAreExchanged"},
    // D-6: signatures are checked before duplicates are recognised.
    {"D-6", "channel/state_info_accept_test.cc",
     "StateInfoAcceptTest, D6_DuplicatesAreRecognisedBeforeTheirSignatureIsChecked"},
    {"D-6", "channel/block_push_test.cc", "BlockPushTest, D6_DuplicatesAreRecognisedBeforeVerification"},
    {"D-6", "gossip/envelope_verifier_test.cc", "EnvelopeVerifierTest, D6_EqualOnesUnderWayAreVerifiedOnce"},
    // D-7: random sources shared by threads.
    {"D-7", "scenarios/catalogue_test.cc", "Catalogue, D7_OneSeedIsOneRun"},
    // D-8: a purge between check and use.
    {"D-8", "membership/discovery_alive_test.cc", "AliveTest, D8_APurgeWhileTheMessageIsBeingChecked"},
    // D-9: replays revive the dead.
    {"D-9", "scenarios/adversary_scenarios_test.cc", "AdversaryScenario, D9_RecordedAliveMessagesReviveNobody"},
    {"D-9", "membership/discovery_alive_test.cc", "AliveTest, D9_ReplayAfterForgetting"},
    {"D-9", "membership/discovery_table_test.cc", "MemberTableTest, D9_ATombstoneKeepsReplaysOut"},
    // D-10: a member that was refreshed in the last moment is declared dead.
    {"D-10", "membership/discovery_expiry_test.cc", "ExpiryTest, D10_AMemberRefreshedInTheLastMomentStaysAlive"},
    // D-11: connecting to bootstrap and anchor peers ends.
    {"D-11", "membership/connector_test.cc",
     "ConnectorTest, D11_AnUnreachableEndpointIsTriedForEverWithGrowingJitteredPauses"},
    {"D-11", "membership/connector_test.cc", "ConnectorTest, D11_ObsoleteEndpointsAreNotTriedAnyMore"},
    // D-12: a restart with an earlier clock is ignored.
    {"D-12", "membership/discovery_heartbeat_test.cc",
     "HeartbeatTest, D12_TheIncarnationIsGreaterThanTheLastOneAlsoIfTheClockIsNot"},
    {"D-12", "membership/discovery_heartbeat_test.cc", "HeartbeatTest, D12_AnOwnMessageOfALaterIncarnationIsOutranked"},
    {"D-12", "channel/state_info_publish_test.cc",
     "StateInfoPublishTest, D12_AnOwnStateInfoOfALaterIncarnationIsOutranked"},
    {"D-12", "scenarios/catalogue_test.cc", "Catalogue, D12_TheHeightOfAPeerWhoseClockWentBackIsSeen"},
    // D-13: two structures for one state info.
    {"D-13", "channel/state_info_accept_test.cc", "StateInfoAcceptTest, D13_ARecordIsReplacedAsAWhole"},
    // D-14: who cannot deliver keeps leading.
    {"D-14", "election/leader_election_test.cc", "LeaderElection, D14_ALeaderThatCannotDeliverYields"},
    {"D-14", "delivery/deliver_client_test.cc", "DeliverClientTest, D14_WhoCannotSignSaysSo"},
    {"D-14", "delivery/deliver_client_test.cc", "DeliverClientTest, D14_AStaticLeaderThatCannotSignTriesAgain"},
    // D-15: the end of an earlier delivery ends a later leadership.
    {"D-15", "election/leader_election_test.cc", "LeaderElection, D15_AnEarlierTermCannotYieldALaterOne"},
    {"D-15", "delivery/deliver_client_test.cc", "DeliverClientTest, D15_NoWordFromADestroyedClient"},
    // D-16: of a peer in several unknown channels only one is relayed.
    {"D-16", "scenarios/catalogue_test.cc", "Catalogue, D16_StateInfosOfSeveralUnknownChannelsAreRelayed"},
    // D-17: an unknown organisation gets the internal endpoint.
    {"D-17", "gossip/router_test.cc", "RouterTest, D17_PeersOfUnknownOrganizationGetNothingAndNothingOfTheirsIsPushed"},
    {"D-17", "membership/discovery_request_test.cc",
     "RequestTest, D17_RequestsCarryTheInternalEndpointInTheOwnOrganisationOnly"},
    // D-18: a slow consumer delays heartbeats.
    {"D-18", "comm/sending_test.cc", "SendingTest, LivenessOvertakesQueuedBulk"},
    {"D-18", "comm/sending_test.cc", "SendingTest, AConsumerThatStandsStillDelaysLivenessOnceAndNotPerMessage"},
    {"D-18", "comm/demultiplexer_test.cc", "DemultiplexerTest, LivenessDoesNotWaitBehindAFullBulkQueue"},
    // D-19: who has left a channel still gets its blocks.
    {"D-19", "gossip/router_test.cc", "RouterTest, D19_PeersThatHaveLeftTheChannelGetNeitherBlocksNorLeadership"},
    {"D-19", "channel/state_info_accept_test.cc",
     "StateInfoAcceptTest, D19_APeerThatLeftIsNotEligibleAndItsStateInfoIsRelayed"},
    // D-20: one failed signature ends the heartbeat.
    {"D-20", "membership/discovery_heartbeat_test.cc",
     "HeartbeatTest, D20_AFailedSignatureIsTriedAgainAtTheNextInterval"},
    {"D-20", "channel/state_info_publish_test.cc", "StateInfoPublishTest, D20_AFailedSignatureIsTriedAgain"},
    {"D-20", "membership/identity_exchange_test.cc", "IdentityExchangeTest, D20_SigningIsRepeatedUntilItSucceeds"},
    // D-21: nonces are not bound to peers.
    {"D-21", "gossip/pull_engine_test.cc", "PullEngineTest, D21_ADigestAfterTheEndOfItsRoundIsAttributedToNobody"},
    {"D-21", "gossip/pull_engine_test.cc", "PullEngineTest, D21_ANonceLearnedByAnotherPeerIsUselessAtTheInitiator"},
    {"D-21", "gossip/pull_engine_test.cc", "PullEngineTest, D21_ANonceLearnedByAnotherPeerIsUselessAtTheResponder"},
    // D-22: the queue of a stopped election stops the node.
    {"D-22", "election/leader_election_test.cc", "LeaderElection, D22_NoQueueOfAnElectionCanStallTheNode"},
    // D-23: a send ends with the first failure.
    {"D-23", "comm/sending_test.cc", "AckedSendTest, MinAckZeroWaitsForAllAlthoughTheFirstFails"},
    // D-24: what came by a response is verified again.
    {"D-24", "membership/discovery_response_test.cc", "ResponseTest, D24_WhatCameByAResponseIsNotVerifiedAgain"},
    // D-25: configuration that is replaced silently.
    {"D-25", "node/configuration_check_test.cc", "ConfigCheckTest, D25_NothingIsDisabledOrReplacedSilently"},
    // D-26: changes of policies are not applied to what is cached.
    {"D-26", "channel/state_info_accept_test.cc",
     "StateInfoAcceptTest, D26_EveryConfigurationVerifiesWhatIsCachedAnew"},
    {"D-26", "channel/channel_test.cc", "ChannelTest, D26_TheOwnOrganisationsRemovalIsHonoured"},
    // D-27: a task and a dial for every send.
    {"D-27", "comm/record_test.cc", "RecordTest, R6DialsAreSingleFlight"},
    {"D-27", "comm/sending_test.cc", "SendingTest, ConcurrentDialsAreBounded"},
    // D-28: pull requests are thought to teach identities.
    {"D-28", "membership/identity_exchange_test.cc", "IdentityExchangeTest, D28_RequestsTeachNothing"},
    // D-29: two foreign organisations are thought to meet by a third one.
    {"D-29", "membership/discovery_connect_test.cc", "ConnectTest, NothingIsRelayedBetweenForeignOrganisations"},
    // D-30: an empty view counts as stable, a late joiner leads, and the gauge does not tell.
    {"D-30", "election/elector_test.cc", "ElectorTest, D30_AnEmptyViewIsNotStableWhileTheOrganisationIsAlive"},
    {"D-30", "election/elector_test.cc", "ElectorTest, D30_TheGracePeriodBoundsAnEmptyView"},
    {"D-30", "scenarios/election_scenarios_test.cc", "ElectionScenario, D30_ALateJoinerFollowsTheLeader"},
    {"D-30", "election/leader_election_test.cc", "LeaderElection, D30_AStaticLeaderLeadsAtOnceAndTheGaugeSaysSo"},
};

std::string ContentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A test that is renamed or deleted takes its row with it.
TEST(Catalogue, EveryTestNamedHereExists) {
  for (const Evidence& evidence : kCatalogue) {
    const auto content = ContentOf(std::filesystem::path(GRAPEVINE_SOURCE_DIR) / "tests" / evidence.file);
    EXPECT_NE(content.find("(" + std::string(evidence.test) + ")"), std::string::npos)
        << evidence.defect << ": " << evidence.test << " is not in " << evidence.file;
  }
}

// A node has one generator, which its one executor uses: with the same seed every nonce and every choice is the same,
// and with another one it is not.
TEST(Catalogue, D7_OneSeedIsOneRun) {
  const auto trace = [](std::uint64_t seed) {
    GossipNetwork network(seed, {.peers = {5, 3}});
    network.StartAll();
    network.RunFor(15s);
    network.PublishAt(0);
    network.RunFor(15s);
    return network.scheduler().trace_hash();
  };
  for (const std::uint64_t seed : testing::Seeds(kSeeds)) {
    EXPECT_EQ(trace(seed), trace(seed)) << "seed " << seed;
    EXPECT_NE(trace(seed), trace(seed + 1000)) << "seed " << seed;
  }
}

// Given a peer in two channels that sends its state infos to a node in none of them, that node passes both on to a
// third, which is in both. (By lot: on the ring a node only passes on to those whose parent it is.)
TEST(Catalogue, D16_StateInfosOfSeveralUnknownChannelsAreRelayed) {
  for (const std::uint64_t seed : testing::Seeds(kSeeds)) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    simulation::GossipNetworkOptions options{.peers = {2}, .channel = ""};
    options.gossip.router.push = gossip::PushKind::kRandom;
    GossipNetwork network(seed, options);
    channel::JoinMessage join;
    join.organizations = {"Org1MSP"};
    for (const std::string channel : {"apples", "pears"}) {
      network.authority().SetReaders(channel, {"Org1MSP"});
      network.peer(1).Join(channel, join);
    }
    Adversary member(network.world(), network.authority(), "member", network.authority().Issue("Org1MSP", "member"));
    network.StartAll();
    network.RunFor(10s);
    const auto now =
        static_cast<std::uint64_t>(member.host().environment().executor.WallNow().time_since_epoch().count());
    wire::AliveMessage alive = member.Alive(now, 1);
    alive.identity = member.identity();
    member.Send(network.peer(0), member.Signed(wire::NewMessage(alive)));
    network.RunFor(5s);
    ASSERT_EQ(network.peer(1).gossip().Peers().size(), 2U);
    for (const std::string channel : {"apples", "pears"}) {
      member.Send(network.peer(0), member.Signed(wire::NewMessage(member.StateInfo(channel, now, 1, 1))));
    }
    network.RunFor(5s);
    EXPECT_EQ(network.peer(1).gossip().PeersOfChannel("apples").size(), 1U);
    EXPECT_EQ(network.peer(1).gossip().PeersOfChannel("pears").size(), 1U);
  }
}

// Given a peer that was restarted with a clock an hour behind, when its ledger grows, then the others see its height:
// what it said of itself before does not outrank what it says now.
TEST(Catalogue, D12_TheHeightOfAPeerWhoseClockWentBackIsSeen) {
  for (const std::uint64_t seed : testing::Seeds(kSeeds)) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    GossipNetwork network(seed, {.peers = {4}});
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete() && network.ChannelViewsComplete(); }, 60s));
    network.PublishAt(0);
    network.RunFor(10s);
    network.peer(3).Crash(simulation::CrashKind::kProcess);
    network.peer(3).host().executor().SetWallOffset(-1h);
    network.peer(3).Restart(/*with_disk=*/true);
    network.PublishAt(0);
    const auto seen_everywhere = [&] {
      for (std::size_t i = 0; i < 3; ++i) {
        const auto* seen = network.peer(i)
                               .gossip()
                               .FindChannel(network.channel())
                               ->state_infos()
                               .Find(network.peer(3).gossip().Self().pki_id);
        if (seen == nullptr || seen->properties.ledger_height != network.chain_height()) return false;
      }
      return true;
    };
    EXPECT_TRUE(network.RunUntil(seen_everywhere, 30s));
  }
}

// Given nodes that exchange views all the time and validate every identity anew ten times a second, when one is revoked
// then it is gone at once, and the others never miss one another.
TEST(Catalogue, D5_IdentitiesArePurgedWhileViewsAreExchanged) {
  for (const std::uint64_t seed : testing::Seeds(kSeeds)) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    simulation::GossipNetworkOptions options;
    options.peers = {4};
    options.gossip.membership.sync_interval = 50ms;
    GossipNetwork network(seed, options);
    network.StartAll();
    ASSERT_TRUE(network.RunUntil([&] { return network.ViewsComplete(); }, 30s));
    for (int round = 0; round < 100; ++round) {
      if (round == 20) network.authority().Revoke(network.peer(3).identity());
      for (std::size_t i = 0; i < 3; ++i) network.peer(i).gossip().SuspectPeers([] {});
      network.RunFor(100ms);
      for (std::size_t i = 0; i < 3; ++i) {
        std::set<std::size_t> expected = {0, 1, 2};
        if (round < 20) expected.insert(3);
        expected.erase(i);
        EXPECT_EQ(network.AliveAt(i), expected) << "peer " << i << " in round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace grapevine::scenarios
