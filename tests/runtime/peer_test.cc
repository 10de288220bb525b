// runtime::Peer with real sockets, disks and certificates.
#include "runtime/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "msp/block.h"
#include "peer_world.h"

namespace grapevine::runtime {
namespace {

using base::ErrorCode;
using test::kDeadline;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PeerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Peer> StartFirst() { return world_.Start(world_.Options(0, 0, "first")); }

  std::string IncarnationFile() const { return (world_.folder / "first/grapevine/incarnation").string(); }
  std::uint64_t StoredIncarnation() const {
    std::uint64_t incarnation = 0;
    std::ifstream(IncarnationFile()) >> incarnation;
    return incarnation;
  }

  test::PeerWorld world_;
};

TEST_F(PeerTest, JoinsByTheGenesisBlockAndGoesOnAfterARestart) {
  auto peer = StartFirst();
  ASSERT_EQ(world_.Join(*peer, world_.blocks.genesis()), "mychannel");
  EXPECT_THAT(peer->Channels(), ElementsAre("mychannel"));
  world_.Offer(*peer, 1, world_.blocks.Next());
  ASSERT_TRUE(world_.Reaches(*peer, 2));
  const std::string hash = peer->FindLedger("mychannel")->current_hash();
  peer.reset();

  peer = StartFirst();
  ASSERT_THAT(peer->Channels(), ElementsAre("mychannel"));
  EXPECT_EQ(peer->FindLedger("mychannel")->height(), 2U);
  EXPECT_EQ(peer->FindLedger("mychannel")->current_hash(), hash);
  world_.Offer(*peer, 2, world_.blocks.Next());
  EXPECT_TRUE(world_.Reaches(*peer, 3));
}

TEST_F(PeerTest, GivesBlocksToTheOtherPeersOfItsOrganisation) {
  auto first = StartFirst();
  auto options = world_.Options(0, 1, "second");
  options.configuration.gossip.bootstrap = {first->endpoint()};
  auto second = world_.Start(std::move(options));
  ASSERT_TRUE(world_.Join(*first, world_.blocks.genesis()));
  ASSERT_TRUE(world_.Join(*second, world_.blocks.genesis()));
  for (std::uint64_t number = 1; number <= 5; ++number) world_.Offer(*first, number, world_.blocks.Next());
  ASSERT_TRUE(world_.Reaches(*second, 6));
  EXPECT_EQ(second->FindLedger("mychannel")->current_hash(), first->FindLedger("mychannel")->current_hash());
}

// 02, 2.1: peer.tls.enabled is false.
TEST_F(PeerTest, WorksWithoutTls) {
  const auto plain = [&](std::size_t index, const std::string& name) {
    auto options = world_.Options(0, index, name);
    options.configuration.tls = {};
    options.files.tls = {};
    return options;
  };
  auto first = world_.Start(plain(0, "first"));
  auto options = plain(1, "second");
  options.configuration.gossip.bootstrap = {first->endpoint()};
  auto second = world_.Start(std::move(options));
  ASSERT_TRUE(world_.Join(*first, world_.blocks.genesis()));
  ASSERT_TRUE(world_.Join(*second, world_.blocks.genesis()));
  world_.Offer(*first, 1, world_.blocks.Next());
  EXPECT_TRUE(world_.Reaches(*second, 2));
}

TEST_F(PeerTest, MayLeaveAChannelWhenABlockIsCommitted) {
  auto options = world_.Options(0, 0, "first");
  std::unique_ptr<Peer> peer;
  std::string left;
  options.hooks.committed = [&](const std::string& channel, std::uint64_t number) {
    if (number != 1) return;
    EXPECT_TRUE(peer->LeaveChannel(channel));
    left = channel;
  };
  peer = world_.Start(std::move(options));
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  world_.Offer(*peer, 1, world_.blocks.Next());
  ASSERT_TRUE(world_.loop.RunUntil([&] { return !left.empty(); }, kDeadline));
  EXPECT_EQ(left, "mychannel");
  EXPECT_THAT(peer->Channels(), IsEmpty());
}

TEST_F(PeerTest, LeavesForGoodUntilItJoinsAgainWithItsLedger) {
  auto peer = StartFirst();
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  world_.Offer(*peer, 1, world_.blocks.Next());
  ASSERT_TRUE(world_.Reaches(*peer, 2));
  ASSERT_TRUE(peer->LeaveChannel("mychannel"));
  EXPECT_THAT(peer->Channels(), IsEmpty());
  EXPECT_EQ(peer->FindLedger("mychannel"), nullptr);
  EXPECT_EQ(peer->LeaveChannel("mychannel").error().code, ErrorCode::kNotFound);
  peer.reset();

  peer = StartFirst();
  EXPECT_THAT(peer->Channels(), IsEmpty());
  const auto joined = world_.Join(*peer, world_.blocks.genesis());
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(peer->FindLedger("mychannel")->height(), 2U);
  peer.reset();

  peer = StartFirst();
  EXPECT_THAT(peer->Channels(), ElementsAre("mychannel"));
}

// 23, section 4: an extension of a node that does not validate.
TEST_F(PeerTest, JoinsByALaterConfigurationBlock) {
  world_.blocks.Next();
  const std::string config = world_.blocks.NextConfig({{{"Orderer"}, "BatchSize", testnet::BatchSizeValue(20)}});
  auto peer = StartFirst();
  ASSERT_EQ(world_.Join(*peer, config), "mychannel");
  EXPECT_EQ(peer->FindLedger("mychannel")->first_block(), 2U);
  EXPECT_EQ(peer->FindLedger("mychannel")->height(), 3U);
  world_.Offer(*peer, 3, world_.blocks.Next());
  ASSERT_TRUE(world_.Reaches(*peer, 4));
  peer.reset();

  peer = StartFirst();
  EXPECT_EQ(peer->FindLedger("mychannel")->height(), 4U);
}

TEST_F(PeerTest, RefusesToJoinByWhatIsNoConfigurationBlockOfItsOrganisation) {
  auto peer = StartFirst();
  EXPECT_EQ(world_.Join(*peer, "no block").error().code, ErrorCode::kInvalid);
  EXPECT_THAT(world_.Join(*peer, world_.blocks.Next()).error().message, HasSubstr("configuration block"));
  const testnet::Network larger({.organizations = 3});
  auto stranger = world_.Options(0, 0, "stranger");
  stranger.configuration.organization = "Org3MSP";
  stranger.files = world_.Files(larger.organizations()[2], larger.peer(2, 0));
  const auto joined = world_.Join(*world_.Start(std::move(stranger)), world_.blocks.genesis());
  EXPECT_THAT(joined.error().message, HasSubstr("'Org3MSP' (peer.localMspId) is not in channel 'mychannel'"));
  EXPECT_THAT(joined.error().message, HasSubstr("Org1MSP, Org2MSP"));
  EXPECT_THAT(peer->Channels(), IsEmpty());
}

TEST_F(PeerTest, SaysThatTheChannelDoesNotKnowItsCertificateAuthority) {
  const testnet::Network others({.seed = 2});
  auto stranger = world_.Options(0, 0, "stranger");
  stranger.files = world_.Files(others.organizations()[0], others.peer(0, 0));
  const auto peer = world_.Start(std::move(stranger));
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis())) << "a later configuration may know it";
  EXPECT_THAT(world_.log.lines, Contains(AllOf(HasSubstr("channel mychannel"), HasSubstr("peer.mspConfigPath"),
                                               HasSubstr("no member of 'Org1MSP'"))));
}

TEST_F(PeerTest, SaysNothingOfAValidIdentity) {
  auto peer = StartFirst();
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  EXPECT_THAT(world_.log.lines, IsEmpty());
}

TEST_F(PeerTest, RefusesToJoinTwice) {
  auto peer = StartFirst();
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  const auto again = world_.Join(*peer, world_.blocks.genesis());
  EXPECT_EQ(again.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(again.error().message, HasSubstr("in channel 'mychannel' already"));
}

TEST_F(PeerTest, RefusesAnotherChainOnTheLedgerOfAChannelThatItLeft) {
  auto peer = StartFirst();
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  ASSERT_TRUE(peer->LeaveChannel("mychannel"));
  testnet::ChannelOptions other = testnet::LoopbackChannel(world_.network, 18050);
  const auto joined = world_.Join(*peer, testnet::BlockMaker(world_.network, other).genesis());
  EXPECT_EQ(joined.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(joined.error().message, HasSubstr("not of this chain"));
  EXPECT_THAT(peer->Channels(), IsEmpty());
}

TEST_F(PeerTest, BeginsAnewWhenTheLedgerOfAChannelThatItLeftIsRemoved) {
  auto peer = StartFirst();
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  world_.Offer(*peer, 1, world_.blocks.Next());
  ASSERT_TRUE(world_.Reaches(*peer, 2));
  ASSERT_TRUE(peer->LeaveChannel("mychannel"));
  peer.reset();
  std::filesystem::remove_all(world_.folder / "first/ledgersData/chains/chains/mychannel");

  peer = StartFirst();
  const std::string config = world_.blocks.NextConfig({{{"Orderer"}, "BatchSize", testnet::BatchSizeValue(20)}});
  const auto joined = world_.Join(*peer, config);
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(peer->FindLedger("mychannel")->first_block(), 2U);
}

TEST_F(PeerTest, RefusesADataFolderThatIsInUse) {
  const auto peer = StartFirst();
  const auto second = world_.TryOpen(world_.Options(0, 1, "first"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
}

TEST_F(PeerTest, RefusesTheDataFolderOfAFabricPeer) {
  std::filesystem::create_directories(world_.folder / "first/ledgersData/ledgerProvider");
  const auto peer = world_.TryOpen(world_.Options(0, 0, "first"));
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(peer.error().message, HasSubstr("of a Fabric peer"));
}

TEST_F(PeerTest, KeepsOthersOutOfItsOwnFolder) {
  const auto peer = StartFirst();
  EXPECT_EQ(std::filesystem::status(world_.folder / "first/grapevine").permissions(),
            std::filesystem::perms::owner_all);
}

// A clock that was set back must not make a restarted peer unheard (10.3).
TEST_F(PeerTest, D12_UsesALargerIncarnationAtEachStartWhateverTheClockSays) {
  auto peer = StartFirst();
  const std::uint64_t first = peer->node()->gossip().membership().incarnation();
  EXPECT_EQ(StoredIncarnation(), first);
  peer.reset();
  const std::uint64_t future = first + 1'000'000'000'000'000'000;
  std::ofstream(IncarnationFile()) << future << "\n";
  peer = StartFirst();
  EXPECT_EQ(peer->node()->gossip().membership().incarnation(), future + 1);
  EXPECT_EQ(StoredIncarnation(), future + 1);
}

TEST_F(PeerTest, RefusesADamagedIncarnation) {
  StartFirst().reset();
  std::ofstream(IncarnationFile()) << "12x\n";
  const auto peer = world_.TryOpen(world_.Options(0, 0, "first"));
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(peer.error().message, HasSubstr(IncarnationFile()));
}

TEST_F(PeerTest, ComesBackAtTheSameAddressAfterAKillAndAfterAStop) {
  auto first = StartFirst();
  auto options = world_.Options(0, 1, "second");
  options.configuration.gossip.bootstrap = {first->endpoint()};
  auto second = world_.Start(std::move(options));
  const auto sees = [&] { return second->node()->gossip().Peers().size() == 1; };
  ASSERT_TRUE(world_.loop.RunUntil(sees, kDeadline));
  const auto endpoint = first->endpoint();
  const auto incarnation_seen = [&] {
    return second->node()->gossip().membership().Lookup(first->pki_id())->timestamp.incarnation;
  };
  const auto before = incarnation_seen();
  first->Kill();
  EXPECT_FALSE(first->running());
  ASSERT_TRUE(first->Start());
  EXPECT_EQ(first->endpoint(), endpoint);
  ASSERT_TRUE(world_.loop.RunUntil([&] { return incarnation_seen() > before; }, kDeadline));

  bool stopped = false;
  first->Stop([&] { stopped = true; });
  ASSERT_TRUE(world_.loop.RunUntil([&] { return stopped; }, kDeadline));
  EXPECT_FALSE(first->running());
  ASSERT_TRUE(first->Start());
  EXPECT_EQ(first->endpoint(), endpoint);
}

TEST_F(PeerTest, TakesUpARenewedIdentityWithoutANewStart) {
  auto peer = StartFirst();
  ASSERT_TRUE(world_.Join(*peer, world_.blocks.genesis()));
  const auto& organization = world_.network.organizations()[0];
  const auto before = peer->pki_id();
  const auto endpoint = peer->endpoint();
  ASSERT_TRUE(
      peer->Reload(world_.Files(organization, world_.network.Issue(organization, testnet::Role::kPeer, "renewed"))));
  EXPECT_NE(peer->pki_id(), before);
  EXPECT_EQ(peer->endpoint(), endpoint);
  ASSERT_NE(peer->node()->FindChannel("mychannel"), nullptr);
  world_.Offer(*peer, 1, world_.blocks.Next());
  EXPECT_TRUE(world_.Reaches(*peer, 2));
}

TEST_F(PeerTest, ServesTheConnectionsFromNowOnWithARenewedTlsCertificate) {
  auto first = StartFirst();
  const auto& organization = world_.network.organizations()[0];
  auto files = world_.Files(organization, world_.network.peer(0, 0));
  const auto renewed = world_.network.Issue(organization, testnet::Role::kPeer, "renewed");
  files.tls.server = rpc::TlsIdentity::FromPem(renewed.tls_certificate, renewed.tls_key.PrivatePem()).value();
  node::Node* const node = first->node();
  ASSERT_TRUE(first->Reload(files));
  EXPECT_EQ(first->node(), node);

  PeerTls tls;
  ASSERT_TRUE(tls.SetMaterial(files.tls));
  rpc::ClientOptions client;
  client.tls = tls.ForClient();
  rpc::GrpcTransport transport(world_.loop, world_.workers, client);
  std::optional<base::Result<std::unique_ptr<base::Connection>>> outcome;
  const auto dial = transport.Dial(first->endpoint(), kDeadline, [&](auto result) { outcome = std::move(result); });
  ASSERT_TRUE(world_.loop.RunUntil([&] { return outcome.has_value(); }, kDeadline));
  ASSERT_TRUE(*outcome) << outcome->error().message;
  EXPECT_EQ((**outcome)->peer().certificate, files.tls.server->certificate());
}

TEST_F(PeerTest, KeepsItsIdentityWhenTheRenewedOneIsWrong) {
  auto peer = StartFirst();
  const auto before = peer->pki_id();
  auto files = world_.Files(world_.network.organizations()[0], world_.network.peer(0, 0));
  files.msp.erase("signcerts");
  const auto reloaded = peer->Reload(files);
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error().message, HasSubstr("peer.mspConfigPath"));
  EXPECT_EQ(peer->pki_id(), before);
  EXPECT_TRUE(peer->running());
}

}  // namespace
}  // namespace grapevine::runtime
