// `grapevine demo` end to end: real sockets, TLS, disks and the recorded chain.
#include "app/demo.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "app/commands.h"

namespace grapevine::app {
namespace {

namespace fs = std::filesystem;

Outcome RunWith(const DemoOptions& options) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = RunDemo(options, out, err);
  return {.status = status, .out = out.str(), .err = err.str()};
}

DemoOptions SmallDemo() {
  DemoOptions options;
  options.peers = 4;
  options.network = kRecordedNetwork.string();
  options.rate = 0;
  return options;
}

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// A copy of the recorded network that a test may damage.
void CopyNetwork(const fs::path& to) {
  fs::create_directories(to / "crypto");
  for (const char* kind : {"peerOrganizations", "ordererOrganizations"}) {
    fs::copy(kRecordedNetwork / "crypto" / kind, to / "crypto" / kind, fs::copy_options::recursive);
  }
  fs::copy(kRecordedNetwork / "mychannel.genesis.block", to / "mychannel.genesis.block");
  fs::create_directories(to / "blocks");
  fs::copy(kRecordedNetwork / "blocks" / "orderer.blockfile_000000", to / "blocks" / "orderer.blockfile_000000");
}

fs::path FolderOfPeer(const fs::path& network, const std::string& peer, const std::string& organization) {
  return network / "crypto" / "peerOrganizations" / (organization + ".example.com") / "peers" /
         (peer + "." + organization + ".example.com");
}

void ExpectRefused(const fs::path& network, const std::vector<std::string>& words) {
  DemoOptions options = SmallDemo();
  options.network = network.string();
  const Outcome outcome = RunWith(options);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(CountOf(outcome.err, "\n"), 1U) << outcome.err;
  for (const auto& word : words) EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " in " << outcome.err;
}

TEST(Demo, SpreadsTheRecordedChainToEveryPeer) {
  std::ifstream file(kRecordedNetwork / "chain.json");
  const auto chain = nlohmann::json::parse(file);

  const Outcome outcome = RunWith(SmallDemo());

  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string expected = "height 203 chain hash " + chain["current_block_hash"].get<std::string>();
  EXPECT_EQ(CountOf(outcome.out, expected), 4U) << outcome.out;
  EXPECT_NE(outcome.out.find("all 4 ledgers are equal"), std::string::npos);
}

// Whoever was late, dead or cut off gets what it missed from the others.
TEST(Demo, LateKilledAndCutOffPeersCatchUp) {
  DemoOptions options = SmallDemo();
  options.peers = 8;
  options.rate = 200;
  options.late = 1;
  options.kills = {ParseDemoFault("1@0.2+1").value()};
  options.cuts = {ParseDemoFault("2@0.2+1").value()};
  const Outcome outcome = RunWith(options);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("all 8 ledgers are equal"), std::string::npos) << outcome.out;
}

TEST(Demo, PeersThatStayAwayAreLeftOut) {
  DemoOptions options = SmallDemo();
  options.peers = 6;
  options.rate = 200;
  options.kills = {ParseDemoFault("1@0.2").value()};
  options.cuts = {ParseDemoFault("5@0.2").value()};
  const Outcome outcome = RunWith(options);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(CountOf(outcome.out, "(away)"), 2U) << outcome.out;
  EXPECT_NE(outcome.out.find("all 4 ledgers are equal"), std::string::npos) << outcome.out;
}

// Whoever leads pulls the blocks; when it dies, another one of its organisation goes on.
TEST(Demo, AKilledLeaderIsFollowedByAnother) {
  DemoOptions options = SmallDemo();
  options.rate = 30;
  options.kills = {ParseDemoFault("leader1@0.5+7").value()};
  const Outcome outcome = RunWith(options);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("all 4 ledgers are equal"), std::string::npos) << outcome.out;
  for (const char* row : {"peer0.org1     leader", "peer1.org1     leader"}) {
    EXPECT_NE(outcome.out.find(row), std::string::npos) << row << " in " << outcome.out;
  }
}

TEST(Demo, RefusesFaultsOfPeersThatDoNotExist) {
  DemoOptions options = SmallDemo();
  options.kills = {ParseDemoFault("4@0").value()};
  EXPECT_NE(RunWith(options).err.find("there is no peer 4: they are numbered 0 to 3"), std::string::npos);
  options.kills = {ParseDemoFault("leader3@0").value()};
  EXPECT_NE(RunWith(options).err.find("there is no organisation 3: they are numbered 1 to 2"), std::string::npos);
  options.kills.clear();
  options.late = 3;
  EXPECT_NE(RunWith(options).err.find("at most 2 can be late"), std::string::npos);
}

TEST(Demo, ReadsFaults) {
  using std::chrono::milliseconds;
  const auto fault = ParseDemoFault("3@2.5+4").value();
  EXPECT_EQ(fault.peer, 3U);
  EXPECT_EQ(fault.at, milliseconds(2500));
  EXPECT_EQ(fault.lasts, milliseconds(4000));
  EXPECT_EQ(fault.leader_of, 0U);
  EXPECT_EQ(ParseDemoFault("3@2").value().lasts, base::Duration::zero());
  EXPECT_EQ(ParseDemoFault("leader2@1").value().leader_of, 2U);
  for (const char* wrong : {"", "3", "@2", "x@2", "3@", "3@x", "3@2+", "3@2+0", "3@-1", "3@2+4x", "-1@2", "3@nan",
                            "leader@1", "leader0@1", "leader-1@1"}) {
    const auto refused = ParseDemoFault(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(refused.error().message.find("as 3@2 or 3@2+4.5"), std::string::npos);
  }
}

TEST(Demo, KeepsTheLedgersWhereAskedAndRefusesToMixThem) {
  ScratchFolder scratch;
  DemoOptions options = SmallDemo();
  options.peers = 2;
  options.ledgers = scratch.path().string();
  EXPECT_EQ(RunWith(options).status, 0);
  EXPECT_TRUE(fs::exists(scratch.path() / "peer0.org1" / "ledgersData" / "chains" / "chains" / "mychannel" /
                         "blockfile_000000"));

  const Outcome again = RunWith(options);
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.err.find("peer0.org1"), std::string::npos);
  EXPECT_NE(again.err.find("name an empty folder"), std::string::npos) << again.err;
}

TEST(Demo, SaysWhatIsMissingInTheNetworkFolder) {
  ScratchFolder scratch;
  ExpectRefused(scratch.path(), {"genesis block", "mychannel.genesis.block", "No such file"});

  DemoOptions many = SmallDemo();
  many.peers = 40;
  const Outcome outcome = RunWith(many);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("has 8 peers, 20 are wanted"), std::string::npos) << outcome.err;
}

TEST(Demo, NamesTheFileOfAKeyThatDoesNotMatchItsCertificate) {
  ScratchFolder scratch;
  CopyNetwork(scratch.path());
  fs::copy_file(FolderOfPeer(scratch.path(), "peer3", "org1") / "tls" / "server.key",
                FolderOfPeer(scratch.path(), "peer0", "org1") / "tls" / "server.key",
                fs::copy_options::overwrite_existing);
  ExpectRefused(scratch.path(), {"peer0.org1", "/tls", "server.key", "match"});
}

TEST(Demo, NamesTheFolderWithoutSigningKey) {
  ScratchFolder scratch;
  CopyNetwork(scratch.path());
  fs::remove_all(FolderOfPeer(scratch.path(), "peer1", "org1") / "msp" / "keystore");
  ExpectRefused(scratch.path(), {"peer1.org1", "/msp", "keystore"});
}

TEST(Demo, RefusesAnIdentityOfAnotherNetwork) {
  ScratchFolder scratch;
  CopyNetwork(scratch.path());
  const auto signcerts = FolderOfPeer(scratch.path(), "peer0", "org1") / "msp" / "signcerts";
  const auto foreign = FolderOfPeer(kRecordedNetwork, "peer0", "org1") / "tls" / "server.crt";
  for (const auto& entry : fs::directory_iterator(signcerts)) {
    fs::copy_file(foreign, entry.path(), fs::copy_options::overwrite_existing);
  }
  ExpectRefused(scratch.path(), {"peer0.org1", "signcerts", "same network"});
}

TEST(Demo, NamesTheDamagedBlockFileAndItsOffset) {
  ScratchFolder scratch;
  CopyNetwork(scratch.path());
  const auto path = scratch.path() / "blocks" / "orderer.blockfile_000000";
  fs::resize_file(path, fs::file_size(path) - 5);
  ExpectRefused(scratch.path(), {path.string(), "damaged at offset"});
}

TEST(Demo, RefusesAForgedBlockAndSaysSo) {
  // Given a chain in which one bit of a transaction of block 1 differs
  ScratchFolder scratch;
  CopyNetwork(scratch.path());
  std::ifstream file(kRecordedNetwork / "chain.json");
  const auto block = nlohmann::json::parse(file)["blocks"][1];
  const auto path = scratch.path() / "blocks" / "orderer.blockfile_000000";
  std::fstream chain(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle =
      block["orderer_file_offset"].get<std::streamoff>() + block["orderer_record_length"].get<std::streamoff>() / 2;
  chain.seekg(middle);
  const char original = static_cast<char>(chain.get());
  chain.seekp(middle);
  chain.put(static_cast<char>(original ^ 1));
  chain.close();
  // When the demo runs, then it ends and names the refused block
  ExpectRefused(scratch.path(), {"block 1", "refused"});
}

}  // namespace
}  // namespace grapevine::app
