// The replayed ordering service over real sockets and TLS, read by the real deliver client. Every wait has one generous
// deadline.
#include "app/replay_orderer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/commands.h"
#include "app/network_folder.h"
#include "base/metrics.h"
#include "base/random.h"
#include "delivery/deliver_client.h"
#include "delivery/orderer_endpoints.h"
#include "msp/block.h"
#include "msp/msp_message_crypto.h"
#include "msp/pem.h"
#include "runtime/event_loop.h"
#include "runtime/orderer_dialer.h"
#include "runtime/posix_files.h"
#include "runtime/worker_pool.h"
#include "support/fixtures.h"
#include "testnet/network.h"

namespace grapevine::app {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;  // NOLINT

constexpr std::uint64_t kHeight = 203;

const std::string kBlockFile = testing::FixturePath("blocks/orderer.blockfile_000000");

// Takes every block that follows the last.
class Taker final : public ledger::BlockSink {
 public:
  explicit Taker(base::Executor& executor) : executor_(executor) {}
  std::uint64_t next() const override { return blocks.size(); }
  std::uint64_t limit() const override { return blocks.size() + 100; }
  std::size_t pending_bytes() const override { return 0; }
  base::Handle Offer(std::uint64_t, base::Bytes block, ledger::BlockOrigin, Verdict done) override {
    blocks.push_back(std::move(block));
    return executor_.After(0s, [done = std::move(done)]() mutable { done({}); });
  }
  std::vector<base::Bytes> blocks;

 private:
  base::Executor& executor_;
};

class ReplayOrdererTest : public ::testing::Test {
 protected:
  base::Environment Environment() {
    return {.executor = loop, .workers = workers, .random = random, .metrics = metrics, .log = {}};
  }

  // With mutual TLS, unless changed.
  ReplayOrdererOptions Options() {
    const OrdererFiles orderer = ReadOrderer(kRecordedNetwork).value();
    ReplayOrdererOptions options;
    options.chain.path = kBlockFile;
    options.listen = "127.0.0.1:0";
    options.tls_certificate = orderer.tls_certificate;
    options.tls_key = orderer.tls_key;
    for (const auto& authority : config->application_tls_authorities()) {
      options.tls_client_authorities.push_back(msp::EncodePem("CERTIFICATE", authority->der()));
    }
    return options;
  }
  std::unique_ptr<ReplayOrderer> Start(const ReplayOrdererOptions& options) {
    return ReplayOrderer::Start(Environment(), loop, files, options).value();
  }
  std::string WhyNot(const ReplayOrdererOptions& options) {
    const auto started = ReplayOrderer::Start(Environment(), loop, files, options);
    return started ? "started" : started.error().message;
  }

  // Pulls as peer0 of Org1, or as somebody who says so.
  void Pull(const ReplayOrderer& orderer, msp::LocalMsp local, bool tls = true, bool shows_certificate = true) {
    const PeerFiles peer = ReadPeers(kRecordedNetwork, 1, 1).value().front();
    runtime::OrdererDialerOptions dialing;
    dialing.tls = tls;
    if (shows_certificate) {
      dialing.identity = [identity = rpc::TlsIdentity::FromPem(peer.tls_certificate, peer.tls_key).value()] {
        return identity;
      };
    }
    dialer = std::make_unique<runtime::OrdererDialer>(loop, workers, std::move(dialing));
    const base::Bytes identity = local.serialized_identity;
    crypto = std::make_unique<msp::MspMessageCrypto>(Environment(), std::move(local));
    delivery::OrdererSources sources = delivery::MakeOrdererSources(*config);
    for (auto& [name, organization] : sources.organizations) organization.addresses.clear();
    sources.addresses = {orderer.address()};
    client = std::make_unique<delivery::DeliverClient>(
        Environment(), delivery::DeliverParts{.dialer = *dialer, .crypto = *crypto, .blocks = taker},
        delivery::DeliverOptions{.channel = "mychannel",
                                 .identity = identity,
                                 .config = {},
                                 .overrides = {},
                                 .gives_up = false,
                                 .limits = {}},
        std::move(sources), [](const base::Error&) {});
  }
  msp::LocalMsp Member() {
    const PeerFiles peer = ReadPeers(kRecordedNetwork, 1, 1).value().front();
    return msp::LoadLocalMsp(peer.msp, "Org1MSP", msp::MspVersion::kV1_4_3, loop.WallNow()).value();
  }
  bool Wait(const std::function<bool()>& done) { return loop.RunUntil(done, 60s); }
  bool WaitForFailure(const std::string& words) {
    return Wait([&] { return client->state().last_failure.find(words) != std::string::npos; });
  }

  runtime::EventLoop loop;
  runtime::PosixFileSystem files;
  base::Metrics metrics;
  base::Random random{1};
  runtime::WorkerPool workers{loop, 2};
  msp::ChannelConfigPtr config = msp::ChannelConfig::FromBlock(testing::ReadFixture("mychannel.genesis.block")).value();
  Taker taker{loop};
  std::unique_ptr<runtime::OrdererDialer> dialer;
  std::unique_ptr<msp::MspMessageCrypto> crypto;
  std::unique_ptr<delivery::DeliverClient> client;
};

TEST_F(ReplayOrdererTest, TheDeliverClientPullsTheRecordedChainOverMutualTls) {
  const auto orderer = Start(Options());
  EXPECT_EQ(orderer->chain().recorded().channel(), "mychannel");
  EXPECT_EQ(orderer->chain().height(), 1U);
  Pull(*orderer, Member());
  ASSERT_TRUE(Wait([&] { return taker.blocks.size() == 1; }));
  orderer->chain().Grow(0);
  ASSERT_TRUE(Wait([&] { return taker.blocks.size() == kHeight; })) << client->state().last_failure;
  EXPECT_TRUE(orderer->chain().complete());
  const auto expected = testing::ReadFixtureBlocks("blocks/orderer.blockfile_000000");
  for (std::uint64_t number = 0; number < kHeight; ++number) {
    ASSERT_EQ(taker.blocks[number].view(), expected[number]) << number;
  }
  EXPECT_EQ(client->state().failures, 0U);
}

TEST_F(ReplayOrdererTest, TheChainGrowsAtItsRate) {
  ReplayOrdererOptions options = Options();
  options.start_height = 103;
  const auto orderer = Start(options);
  EXPECT_EQ(orderer->chain().height(), 103U);
  std::vector<std::uint64_t> heights;
  const auto growth = orderer->chain().OnGrowth([&] { heights.push_back(orderer->chain().height()); });
  const auto begin = loop.Now();
  orderer->chain().Grow(200);
  ASSERT_TRUE(Wait([&] { return orderer->chain().complete() && heights.size() > 1 && heights.back() == kHeight; }));
  EXPECT_GE(loop.Now() - begin, 500ms);  // 100 blocks
  EXPECT_TRUE(std::ranges::is_sorted(heights));
}

// Three configuration blocks follow the genesis block: each is in force when it has been passed.
TEST_F(ReplayOrdererTest, ConfigurationsTakeEffectAsTheyArePassed) {
  ReplayOrdererOptions options = Options();
  options.start_height = 60;
  const auto orderer = Start(options);
  const std::uint64_t before = orderer->chain().config_sequence();
  orderer->chain().Grow(0);
  ASSERT_TRUE(Wait([&] { return orderer->chain().complete(); }));
  EXPECT_EQ(orderer->chain().config_sequence(), before + 3);
  options.start_height = 1000;
  EXPECT_EQ(Start(options)->chain().config_sequence(), before + 3);
}

TEST_F(ReplayOrdererTest, PlainTlsAndPlaintextAskForNoCertificate) {
  ReplayOrdererOptions options = Options();
  options.tls_client_authorities.clear();
  options.start_height = 3;
  const auto secure = Start(options);
  Pull(*secure, Member(), true, false);
  EXPECT_TRUE(Wait([&] { return taker.blocks.size() == 3; })) << client->state().last_failure;

  options.tls_certificate.clear();
  options.tls_key.clear();
  taker.blocks.clear();
  const auto plain = Start(options);
  Pull(*plain, Member(), false, false);
  EXPECT_TRUE(Wait([&] { return taker.blocks.size() == 3; })) << client->state().last_failure;
}

TEST_F(ReplayOrdererTest, WhoShowsNoCertificateIsNotLetIn) {
  const auto orderer = Start(Options());
  Pull(*orderer, Member(), true, false);
  EXPECT_TRUE(Wait([&] { return client->state().failures > 1; }));
  EXPECT_TRUE(taker.blocks.empty());
}

// /Channel/Readers: a member of another network's Org1MSP.
TEST_F(ReplayOrdererTest, AStrangerIsForbidden) {
  const auto orderer = Start(Options());
  const testnet::Network other{{}};
  Pull(*orderer, msp::LoadLocalMsp(testnet::LocalMspFolder(other.organizations()[0], other.peer(0, 0)), "Org1MSP",
                                   msp::MspVersion::kV1_4_3, loop.WallNow())
                     .value());
  EXPECT_TRUE(WaitForFailure("FORBIDDEN"));
  EXPECT_TRUE(taker.blocks.empty());
}

TEST_F(ReplayOrdererTest, FindsTheChainInFoldersOfOrderersAndPeers) {
  for (const char* layout : {".", "chains", "chains/chains", "ledgersData/chains/chains"}) {
    ScratchFolder scratch;
    const fs::path folder = scratch.path() / layout / "mychannel";
    fs::create_directories(folder);
    fs::copy(kBlockFile, folder / "blockfile_000000");
    ReplayOrdererOptions options = Options();
    options.chain.path = scratch.path().string();
    EXPECT_EQ(Start(options)->chain().recorded().height(), kHeight) << layout;
    options.chain.channel = "another";
    EXPECT_NE(WhyNot(options).find("no block files of channel 'another'"), std::string::npos);
    fs::create_directories(scratch.path() / layout / "other");
    fs::copy(kBlockFile, scratch.path() / layout / "other" / "blockfile_000000");
    options.chain.channel.clear();
    EXPECT_NE(WhyNot(options).find("name one of these folders"), std::string::npos);
  }
}

TEST_F(ReplayOrdererTest, SaysWhatIsWrongWithTheFiles) {
  ScratchFolder scratch;
  const std::string path = (scratch.path() / "blockfile").string();
  ReplayOrdererOptions options = Options();
  options.chain.path = path;
  EXPECT_NE(WhyNot(options).find(path), std::string::npos);

  fs::copy(kBlockFile, path);
  fs::resize_file(path, fs::file_size(path) - 5);
  EXPECT_NE(WhyNot(options).find("'" + path + "' is damaged at offset"), std::string::npos) << WhyNot(options);

  std::ofstream(path, std::ios::trunc).close();
  EXPECT_NE(WhyNot(options).find("there is no block in '" + path + "'"), std::string::npos) << WhyNot(options);

  options.chain.path = kBlockFile;
  options.chain.genesis = base::Bytes(testing::ReadFixture("blocks/5.block"));
  EXPECT_NE(WhyNot(options).find("the genesis block is not a block 0"), std::string::npos) << WhyNot(options);

  options.chain.genesis = {};
  options.tls_key = "no key";
  EXPECT_NE(WhyNot(options).find("the TLS certificate and key"), std::string::npos) << WhyNot(options);
}

// A chain whose files begin with block 1, as after a join by the genesis block.
TEST_F(ReplayOrdererTest, TheGenesisBlockMayComeFromElsewhere) {
  ScratchFolder scratch;
  const std::string whole = testing::ReadFixture("blocks/orderer.blockfile_000000");
  const auto index = testing::ReadFixtureJson("chain.json");
  const auto second = index["blocks"][1]["orderer_file_offset"].get<std::size_t>();
  std::ofstream(scratch.path() / "blockfile", std::ios::binary) << whole.substr(second);
  ReplayOrdererOptions options = Options();
  options.chain.path = (scratch.path() / "blockfile").string();
  EXPECT_NE(WhyNot(options).find("has block 1 at offset 0 where block 0 should be"), std::string::npos)
      << WhyNot(options);
  options.chain.genesis = base::Bytes(testing::ReadFixture("mychannel.genesis.block"));
  EXPECT_EQ(Start(options)->chain().recorded().height(), kHeight);
}

}  // namespace
}  // namespace grapevine::app
