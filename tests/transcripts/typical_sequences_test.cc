// The typical sequences of membership and dissemination, message by message (specification 10.13, 11): each run must
// give exactly the text of its file. README.md beside says how to read and renew them.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "simulation/gossip_network.h"
#include "simulation/transcript.h"
#include "transcripts/golden_file.h"

namespace grapevine::transcripts {
namespace {

using namespace std::chrono_literals;
using simulation::CrashKind;
using simulation::GossipNetwork;
using simulation::GossipNetworkOptions;
using simulation::Transcript;

constexpr std::uint64_t kSeed = 1;

const Transcript::Kinds kMembership = {"conn", "alive_msg", "mem_req", "mem_res"};
const Transcript::Kinds kIdentities = {"hello identity", "data_dig identity", "data_req identity",
                                       "data_update identity"};
const Transcript::Kinds kStateInfos = {"state_info", "state_info_pull_req", "state_snapshot"};
const Transcript::Kinds kBlocks = {"data_msg", "hello block", "data_dig block", "data_req block", "data_update block"};

// Organisations of so many peers on links of 1 ms, so that times can be followed by eye.
GossipNetworkOptions Options(std::vector<std::size_t> peers, const std::string& channel) {
  GossipNetworkOptions options;
  options.peers = std::move(peers);
  options.channel = channel;
  options.network.link.latency_min = 1ms;
  options.network.link.latency_max = 1ms;
  return options;
}

class TypicalSequence : public ::testing::Test {
 protected:
  void Given(const GossipNetworkOptions& options) {
    network_ = std::make_unique<GossipNetwork>(kSeed, options);
    transcript_ = std::make_unique<Transcript>(*network_);
  }
  // All peers have started and see each other; of how they got there only the decisions are shown.
  void GivenSettled(const GossipNetworkOptions& options) {
    Given(options);
    Section("the peers start", {});
    network().StartAll();
    network().RunFor(20s);
    ASSERT_TRUE(network().ViewsComplete());
  }
  void Section(const std::string& text, Transcript::Kinds kinds) {
    transcript_->Heading(text);
    transcript_->Show(std::move(kinds));
  }
  void ExpectMatches(const std::string& name) { EXPECT_TRUE(MatchesFile(name, transcript_->Finish())); }
  GossipNetwork& network() { return *network_; }
  Transcript& transcript() { return *transcript_; }

 private:
  std::unique_ptr<GossipNetwork> network_;
  std::unique_ptr<Transcript> transcript_;
};

TEST_F(TypicalSequence, IsolatedStart) {
  Given(Options({2}, ""));
  network().peer(0).host().SetListening(false);
  Section("peer1 starts; nobody is at its bootstrap endpoint", kMembership);
  network().peer(1).Start();
  network().RunFor(10s);
  Section("the bootstrap peer starts", kMembership);
  network().peer(0).host().SetListening(true);
  network().peer(0).Start();
  network().RunFor(11s);
  ASSERT_TRUE(network().ViewsComplete());
  Section("a quiet minute", {});
  network().RunFor(60s);
  ExpectMatches("isolated-start");
}

TEST_F(TypicalSequence, ThirdPeerJoins) {
  GivenSettled(Options({2}, ""));
  Section("peer2 joins; its bootstrap peer is peer0", kMembership);
  transcript().Watch(network().AddPeer(0));
  network().peer(2).Start();
  network().RunFor(6s);
  EXPECT_TRUE(network().ViewsComplete());
  ExpectMatches("third-peer-joins");
}

TEST_F(TypicalSequence, CrashAndDeath) {
  GivenSettled(Options({3}, ""));
  Section("the machine of peer2 fails: no connection is closed", {"conn"});
  network().peer(2).Crash(CrashKind::kMachine);
  network().RunFor(60s);
  Section("nobody hears of it again, until it is forgotten", {});
  network().RunFor(550s);
  ExpectMatches("crash-and-death");
}

TEST_F(TypicalSequence, ReturnWithTheSameKey) {
  GivenSettled(Options({3}, ""));
  Section("the process of peer2 ends: connections are reset", {});
  network().peer(2).Crash(CrashKind::kProcess);
  network().RunFor(40s);
  Section("it returns", kMembership);
  network().peer(2).Restart();
  network().RunFor(6s);
  EXPECT_TRUE(network().ViewsComplete());
  ExpectMatches("return-with-the-same-key");
}

TEST_F(TypicalSequence, ReturnWithANewCertificate) {
  GivenSettled(Options({3}, ""));
  Section("peer2 stops and returns at once with a renewed certificate", kMembership);
  network().peer(2).Stop();
  network().peer(2).SetIdentity(
      network().authority().Issue("Org1MSP", "peer2", base::WallTime(std::chrono::seconds(1861833600))));
  network().peer(2).Restart();
  network().RunFor(2s);
  Section("what becomes of the old identity", {});
  network().RunFor(60s);
  ExpectMatches("return-with-a-new-certificate");
}

TEST_F(TypicalSequence, TwoOrganizationsMeetThroughAnchors) {
  GossipNetworkOptions options = Options({2, 2}, "mychannel");
  options.hidden = {3};
  Given(options);
  Section("peer0 and peer1 of Org1MSP start; the anchor peer of Org2MSP is not there", kMembership);
  network().peer(2).host().SetListening(false);
  for (std::size_t i : {0, 1}) {
    network().peer(i).Join("mychannel", network().join());
    network().peer(i).Start();
  }
  network().RunFor(3s);
  Section("peer2 and peer3 of Org2MSP start; peer3 has no external endpoint", kMembership);
  network().peer(2).host().SetListening(true);
  for (std::size_t i : {2, 3}) {
    network().peer(i).Join("mychannel", network().join());
    network().peer(i).Start();
  }
  network().RunFor(4s);
  ExpectMatches("two-organizations-meet");
}

TEST_F(TypicalSequence, IdentityPull) {
  GivenSettled(Options({2}, ""));
  Section("peer2 joins when alive messages no longer carry identities", kIdentities);
  transcript().Watch(network().AddPeer(0));
  network().peer(2).Start();
  network().RunFor(10s);
  EXPECT_TRUE(network().ViewsComplete());
  ExpectMatches("identity-pull");
}

TEST_F(TypicalSequence, StateInfos) {
  GivenSettled(Options({2}, "mychannel"));
  Section("peer0 gets a block from the ordering service", kStateInfos);
  network().PublishAt(0);
  network().RunFor(4s);
  Section("peer2 joins the network and the channel", kStateInfos);
  transcript().Watch(network().AddPeer(0));
  network().peer(2).Join("mychannel", network().join());
  network().peer(2).Start();
  network().RunFor(6s);
  EXPECT_TRUE(network().ChannelViewsComplete());
  Section("peer1 leaves the channel", {"state_info"});
  network().peer(1).gossip().LeaveChannel("mychannel");
  network().RunFor(8s);
  ExpectMatches("state-infos");
}

TEST_F(TypicalSequence, BlockPush) {
  GivenSettled(Options({5}, "mychannel"));
  for (int i = 0; i < 2; ++i) {
    Section("peer0 gets a block from the ordering service", {"data_msg"});
    network().PublishAt(0);
    network().RunFor(1s);
  }
  EXPECT_TRUE(network().AllHave(3));
  ExpectMatches("block-push");
}

TEST_F(TypicalSequence, BlockPull) {
  GossipNetworkOptions options = Options({3}, "mychannel");
  options.gossip.channel.repair_attempts = 0;
  Given(options);
  Section("peer0 and peer1 start, and blocks 1 to 3 come", {});
  for (std::size_t i : {0, 1}) {
    network().peer(i).Join("mychannel", network().join());
    network().peer(i).Start();
  }
  network().RunFor(10s);
  for (int i = 0; i < 3; ++i) network().PublishAt(0);
  network().RunFor(10s);
  Section("peer2 starts late; repair is off", kBlocks);
  network().peer(2).Join("mychannel", network().join());
  network().peer(2).Start();
  network().RunFor(12s);
  EXPECT_TRUE(network().AllHave(4));
  ExpectMatches("block-pull");
}

TEST_F(TypicalSequence, BlockRepair) {
  GivenSettled(Options({4}, "mychannel"));
  Section("while peer3 is away for a moment, blocks 1 and 2 come", {"data_msg"});
  network().peer(3).Stop();
  network().PublishAt(0);
  network().PublishAt(0);
  network().RunFor(1s);
  Section("peer3 returns and learns of them from state infos", kBlocks);
  network().peer(3).Restart();
  network().RunFor(5s);
  EXPECT_TRUE(network().AllHave(3));
  ExpectMatches("block-repair");
}

// Given texts that differ in one line, the difference shows that line of both and its surroundings only.
TEST(GoldenFile, ADifferenceIsReadable) {
  EXPECT_EQ(Difference("a\nb\nc\n", "a\nb\nc\n"), "");
  EXPECT_EQ(Difference("1\n2\n3\n4\nold\n6\n7\n8\n9\n", "1\n2\n3\n4\nnew\n6\n7\n8\n9\n", 1),
            "  4\n- old\n+ new\n  6\n...\n");
  EXPECT_EQ(Difference("a\n", "a\nb\n"), "  a\n+ b\n");
}

}  // namespace
}  // namespace grapevine::transcripts
