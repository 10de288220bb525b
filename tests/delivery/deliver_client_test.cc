// The deliver client against crash-fault-tolerant ordering services (specification 22, sections 3 to 6).
#include "delivery/deliver_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "delivery/deliver_client_world.h"
#include "simulation/authority.h"

namespace grapevine::delivery {
namespace {

using simulation::ModelOrderer;
using simulation::OrdererBehaviour;

// Section 3: what the orderer is asked for, and by whom.
TEST(DeliverClientTest, TheRequestIsTheSpecifications) {
  DeliverClientWorld world;
  ModelOrderer& orderer = world.AddOrderer();
  world.sink.Append(world.chain.block(0));  // so that block 2 is wanted
  world.chain.Order(3, 100);
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return !orderer.requests().empty(); }, 5s));

  const SeekEnvelope& envelope = orderer.requests()[0].envelope;
  EXPECT_EQ(envelope.channel, kChannel);
  EXPECT_EQ(envelope.identity, world.crypto.own_identity());
  EXPECT_TRUE(world.authority.CheckSignature(envelope.identity, envelope.signature, envelope.payload));
  EXPECT_EQ(envelope.nanoseconds, 0);
  EXPECT_EQ(std::chrono::seconds(envelope.seconds),
            std::chrono::floor<std::chrono::seconds>(world.host.executor().WallNow()).time_since_epoch());
  EXPECT_EQ(envelope.tls_cert_hash, crypto::Sha256(orderer.requests()[0].certificate).ToString());
  common::Payload payload;
  common::ChannelHeader channel_header;
  common::SignatureHeader signature_header;
  ASSERT_TRUE(payload.ParseFromString(envelope.payload.ToString()));
  ASSERT_TRUE(channel_header.ParseFromString(payload.header().channel_header()));
  ASSERT_TRUE(signature_header.ParseFromString(payload.header().signature_header()));
  EXPECT_EQ(channel_header.type(), common::DELIVER_SEEK_INFO);
  EXPECT_EQ(channel_header.version(), 0);
  EXPECT_EQ(channel_header.tx_id(), "");
  EXPECT_EQ(channel_header.epoch(), 0U);
  EXPECT_EQ(signature_header.nonce().size(), 24U);
  using Kind = SeekPosition::Kind;
  const SeekInfo expected{{Kind::kSpecified, 2}, {Kind::kSpecified, ~std::uint64_t{0}}, true, false};
  EXPECT_EQ(orderer.requests()[0].seek, expected);
}

TEST(DeliverClientTest, WithoutClientCertificateTheRequestHasNoHash) {
  DeliverClientWorld world;
  ModelOrderer& orderer = world.AddOrderer();
  simulation::HostTls tls;
  tls.presents_client_certificate = false;
  world.host.SetTls(tls);
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return !orderer.requests().empty(); }, 5s));
  EXPECT_EQ(orderer.requests()[0].envelope.tls_cert_hash, "");
}

TEST(DeliverClientTest, TheChainArrivesAndGoesOn) {
  DeliverClientWorld world;
  ModelOrderer& orderer = world.AddOrderer();
  world.chain.Order(300, 1000);
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete(); }, 60s));
  world.chain.Order(5, 10);
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete(); }, 1s));
  for (std::uint64_t i = 0; i < world.chain.height(); ++i) EXPECT_EQ(world.sink.chain[i], world.chain.block(i));
  EXPECT_EQ(orderer.requests().size(), 1U);
  EXPECT_EQ(orderer.blocks_sent(), 305U);
  EXPECT_EQ(world.client->state().endpoint, "orderer0:7051");
  EXPECT_EQ(world.client->state().failures, 0U);
  EXPECT_EQ(world.host.metrics().Snapshot().at("grapevine_deliver_connected{channel=\"mychannel\"}"), 1);
  EXPECT_EQ(world.host.metrics().CounterValue("grapevine_deliver_blocks_received", {{"channel", kChannel}}), 305U);
  world.client.reset();
  EXPECT_EQ(world.host.metrics().Snapshot().at("grapevine_deliver_connected{channel=\"mychannel\"}"), 0);
}

// A channel without transactions is no failure.
TEST(DeliverClientTest, SilenceIsNormal) {
  DeliverClientWorld world;
  ModelOrderer& orderer = world.AddOrderer();
  world.Start();
  world.RunFor(24h);
  EXPECT_EQ(world.client->state().endpoint, "orderer0:7051");
  EXPECT_EQ(world.client->state().last_failure, "");
  world.chain.Order();
  EXPECT_TRUE(world.RunUntil([&] { return world.Complete(); }, 1s));
  EXPECT_EQ(orderer.requests().size(), 1U);
}

// Section 5, exactly.
TEST(DeliverClientTest, PausesGrowByAFifth) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.dialer.refuses = true;
  world.Start();
  world.RunFor(5s);
  const std::vector<std::int64_t> pauses = world.Pauses();
  const std::vector<std::int64_t> expected = {100, 120, 144, 172, 207, 248, 298, 358, 429, 515, 619, 743};
  ASSERT_GE(pauses.size(), expected.size());
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), pauses.begin()));
  EXPECT_EQ(world.dialer.attempts[0].timeout, 3s);
  EXPECT_EQ(world.client->state().failures, world.dialer.attempts.size());
  EXPECT_EQ(world.client->state().last_failure, "orderer0:7051: cannot connect: nobody is there");
  EXPECT_EQ(world.Failures("dial"), world.dialer.attempts.size());
}

// The default thresholds: an elected leader gives up at its 49th failure.
TEST(DeliverClientTest, AnElectedLeaderGivesUp) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.dialer.refuses = true;
  world.options.gives_up = true;
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return !world.ended.empty(); }, 2h));
  EXPECT_EQ(world.dialer.attempts.size(), 49U);
  EXPECT_EQ(world.ended[0].code, base::ErrorCode::kTimeout);
  EXPECT_EQ(world.ended[0].message,
            "channel 'mychannel': gave up after 49 failures to reach the ordering service, the last: orderer0:7051: "
            "cannot connect: nobody is there");
  world.client->SetSources({});
  EXPECT_TRUE(world.world.scheduler().RunUntilQuiescent(24h));
  EXPECT_EQ(world.dialer.attempts.size(), 49U);
  EXPECT_EQ(world.ended.size(), 1U);
}

// What a client had to say does not reach whoever leads after its destruction.
TEST(DeliverClientTest, D15_NoWordFromADestroyedClient) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.dialer.refuses = true;
  world.options.gives_up = true;
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().failures == 49; }, 2h));
  ASSERT_TRUE(world.ended.empty());
  world.client.reset();
  EXPECT_TRUE(world.world.scheduler().RunUntilQuiescent(1h));
  EXPECT_TRUE(world.ended.empty());
}

TEST(DeliverClientTest, AStaticLeaderNeverGivesUp) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.dialer.refuses = true;
  world.Start();
  world.RunFor(100h);
  EXPECT_TRUE(world.ended.empty());
  ASSERT_GT(world.dialer.attempts.size(), 100U);
  // 100 ms x 1.2^57 is the last pause below the cap of an hour.
  EXPECT_EQ(world.Pauses()[57], 3260851);
  EXPECT_EQ(world.Pauses()[58], 3600000);
  EXPECT_EQ(world.Pauses()[99], 3600000);
  world.dialer.refuses = false;
  world.chain.Order();
  EXPECT_TRUE(world.RunUntil([&] { return world.Complete(); }, 1h + 10s));
}

// A block begins the count and the total anew; Fabric 2.4 and 2.5 go on with the total.
TEST(DeliverClientTest, ABlockResetsCountAndTotal) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.dialer.refuses = true;
  world.options.gives_up = true;
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().failures == 48; }, 2h));
  world.dialer.refuses = false;
  world.chain.Order();
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete() && world.client->state().failures == 0; }, 1h));
  world.dialer.refuses = true;
  world.world.network().ResetConnections(world.host, *world.hosts[0]);
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().failures == 48; }, 2h));
  EXPECT_TRUE(world.ended.empty());
  EXPECT_TRUE(world.RunUntil([&] { return !world.ended.empty(); }, 1h));
  EXPECT_EQ(world.client->state().failures, 49U);
}

TEST(DeliverClientTest, TheOneThatFailedIsNotTheNext) {
  DeliverClientWorld world;
  for (int i = 0; i < 3; ++i) world.AddOrderer();
  world.dialer.refuses = true;
  world.Start();
  world.RunFor(1h);
  std::map<std::string, int> dialled;
  const auto& attempts = world.dialer.attempts;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    ++dialled[attempts[i].address.endpoint];
    if (i == 0) continue;
    EXPECT_NE(attempts[i].address.endpoint, attempts[i - 1].address.endpoint);
  }
  ASSERT_EQ(dialled.size(), 3U);
  for (const auto& [endpoint, count] : dialled) EXPECT_GE(count, 5) << endpoint;
}

// What an orderer may answer instead of the block that was asked for.
struct Misbehaviour {
  const char* reason;  // label
  const char* message;
  std::function<OrdererBehaviour(DeliverClientWorld&)> behaviour;
};

class MisbehaviourTest : public ::testing::TestWithParam<int> {
 protected:
  static std::vector<Misbehaviour> All() {
    const auto status = [](DeliverStatus answer) {
      return [answer](DeliverClientWorld&) { return OrdererBehaviour{.status = answer}; };
    };
    return {
        {"status", "it ended the delivery with status SUCCESS", status(DeliverStatus::kSuccess)},
        {"status", "it ended the delivery with status BAD_REQUEST", status(DeliverStatus::kBadRequest)},
        {"status", "it ended the delivery with status FORBIDDEN", status(DeliverStatus::kForbidden)},
        {"status", "it ended the delivery with status NOT_FOUND", status(DeliverStatus::kNotFound)},
        {"status", "it ended the delivery with status SERVICE_UNAVAILABLE", status(DeliverStatus::kServiceUnavailable)},
        {"malformed", "3 bytes that are no DeliverResponse",
         [](DeliverClientWorld&) { return OrdererBehaviour{.garbage = base::Bytes("\xff\xff\xff")}; }},
        {"malformed", "a DeliverResponse with neither block nor status",
         [](DeliverClientWorld&) { return OrdererBehaviour{.garbage = base::Bytes()}; }},
        {"malformed", "it sent a block without header",
         [](DeliverClientWorld&) { return OrdererBehaviour{.garbage = BlockResponse("")}; }},
        {"wrong_number", "it sent block 4 instead of 3",
         [](DeliverClientWorld& world) { return OrdererBehaviour{.lies = {{3, world.chain.block(4)}}}; }},
        {"wrong_number", "it sent block 2 instead of 3",
         [](DeliverClientWorld& world) { return OrdererBehaviour{.lies = {{3, world.chain.block(2)}}}; }},
        {"block_refused", "block 3 is not signed by a member of OrdererMSP",
         [](DeliverClientWorld& world) { return OrdererBehaviour{.lies = {{3, world.chain.ForgedBlock(3)}}}; }},
        {"stream_ended", "the stream ended: UNAVAILABLE the orderer stops",
         [](DeliverClientWorld&) { return OrdererBehaviour{.drops_after = 3}; }},
    };
  }
};

TEST_P(MisbehaviourTest, CostsAFailureAndAnotherOrderer) {
  const Misbehaviour misbehaviour = All().at(GetParam());
  DeliverClientWorld world;
  world.chain.Order(10, 100);
  world.AddOrderer(misbehaviour.behaviour(world));
  // The liar is alone at first.
  const OrdererSources liar = world.Sources();
  world.AddOrderer();
  OrdererSources both = world.Sources();
  world.hosts[1]->SetListening(false);
  world.Start(liar);
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().failures > 0; }, 10s));
  EXPECT_EQ(world.client->state().last_failure, std::string("orderer0:7051: ") + misbehaviour.message);
  EXPECT_EQ(world.client->state().endpoint, "");
  EXPECT_EQ(world.Failures(misbehaviour.reason), 1U);
  EXPECT_FALSE(world.Complete());

  world.hosts[1]->SetListening(true);
  world.client->SetSources(both);
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete(); }, 30s));
  EXPECT_EQ(world.client->state().endpoint, "orderer1:7051");
}

INSTANTIATE_TEST_SUITE_P(All, MisbehaviourTest, ::testing::Range(0, 12));

// The stream's end is a failure only after the verdicts on the blocks that it brought: they reset the count.
TEST(DeliverClientTest, BlocksBeforeTheEndOfTheStreamCount) {
  DeliverClientWorld world;
  world.AddOrderer({.drops_after = 2});
  world.chain.Order(2, 100);
  world.sink.delay = 1s;
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().failures > 0; }, 10s));
  EXPECT_TRUE(world.Complete());
  EXPECT_EQ(world.client->state().failures, 1U);
  EXPECT_EQ(world.orderers[0]->requests().size(), 1U);
  // The next request asks for what is missing.
  ASSERT_TRUE(world.RunUntil([&] { return world.orderers[0]->requests().size() == 2; }, 1s));
  EXPECT_EQ(world.orderers[0]->requests()[1].seek.start.number, 3U);
}

// Section 6: a changed list reconnects at once, without a failure; an unchanged one changes nothing.
TEST(DeliverClientTest, ChangedSourcesReconnectAtOnce) {
  DeliverClientWorld world;
  world.AddOrderer();
  const OrdererSources before = world.Sources();
  world.Start(before);
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().endpoint == "orderer0:7051"; }, 5s));
  OrdererSources same = before;
  same.addresses = {"global:7050"};  // of no interest while an organisation has addresses
  world.client->SetSources(same);
  world.RunFor(10s);
  EXPECT_EQ(world.dialer.attempts.size(), 1U);

  OrdererSources renewed = before;
  renewed.organizations["OrdererOrg"].tls_authorities = {"renewed CA"};
  const base::SteadyTime changed = world.Now();
  world.client->SetSources(renewed);
  world.RunFor(1s);
  ASSERT_EQ(world.dialer.attempts.size(), 2U);
  EXPECT_EQ(world.dialer.attempts[1].at, changed);
  EXPECT_EQ(world.dialer.attempts[1].address, (OrdererAddress{"orderer0:7051", {"renewed CA"}}));
  EXPECT_EQ(world.client->state().failures, 0U);
  EXPECT_EQ(world.client->state().last_failure, "");

  world.AddOrderer();
  OrdererSources moved = world.Sources();
  moved.organizations["OrdererOrg"].addresses = {"orderer1:7051"};
  world.client->SetSources(moved);
  ASSERT_TRUE(world.RunUntil([&] { return world.client->state().endpoint == "orderer1:7051"; }, 1s));
  world.chain.Order();
  EXPECT_TRUE(world.RunUntil([&] { return world.Complete(); }, 1s));
}

TEST(DeliverClientTest, ChangedSourcesEndAPause) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.AddOrderer();
  world.dialer.refuses = true;
  OrdererSources first = world.Sources();
  first.organizations["OrdererOrg"].addresses = {"orderer0:7051"};
  world.Start(first);
  world.RunFor(1h);
  world.dialer.refuses = false;
  world.client->SetSources(world.Sources());
  EXPECT_TRUE(world.RunUntil([&] { return !world.client->state().endpoint.empty(); }, 1s));
}

TEST(DeliverClientTest, NoEndpointsIsAFailureLikeOthers) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.options.gives_up = true;
  world.Start({});
  world.RunFor(250ms);
  EXPECT_EQ(world.client->state().failures, 3U);  // at 0, 100 and 220 ms
  EXPECT_EQ(world.client->state().last_failure, "the channel's configuration names no orderer");
  EXPECT_EQ(world.Failures("no_endpoints"), 3U);
  world.client->SetSources(world.Sources());
  EXPECT_TRUE(world.RunUntil([&] { return !world.client->state().endpoint.empty(); }, 1s));
}

TEST(DeliverClientTest, OverridesAreDialled) {
  DeliverClientWorld world;
  world.AddOrderer();
  OrdererSources sources;
  sources.addresses = {"elsewhere:7050"};
  sources.organizations["A"].tls_authorities = {"CA of A"};
  world.options.overrides = {{"elsewhere:7050", {"orderer0:7051", {"own CA"}}}};
  world.Start(sources);
  ASSERT_TRUE(world.RunUntil([&] { return !world.client->state().endpoint.empty(); }, 1s));
  EXPECT_EQ(world.dialer.attempts[0].address, (OrdererAddress{"orderer0:7051", {"own CA"}}));
}

// Flow control: no more than max_unverified_blocks are taken from a stream whose blocks find no room.
TEST(DeliverClientTest, ASinkThatIsFullStopsTheStream) {
  DeliverClientWorld world;
  ModelOrderer& orderer = world.AddOrderer();
  world.options.limits.max_unverified_blocks = 10;
  world.sink.room = 0;
  world.chain.Order(1000, 5000);
  world.Start();
  world.RunFor(1h);
  EXPECT_EQ(world.sink.next(), 1U);
  EXPECT_EQ(world.host.metrics().CounterValue("grapevine_deliver_blocks_received", {{"channel", kChannel}}), 10U);
  // The rest waits in the 64 KiB of the transport's window and in the orderer's queue.
  EXPECT_LE(orderer.blocks_sent(), 10U + 14U + 4U);
  EXPECT_EQ(world.client->state().failures, 0U);
  EXPECT_EQ(world.client->state().endpoint, "orderer0:7051");
  world.sink.room = 3;
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete(); }, 300s));
  EXPECT_EQ(orderer.requests().size(), 1U);
  EXPECT_EQ(orderer.blocks_sent(), 1000U);
}

TEST(DeliverClientTest, BytesAreBoundedToo) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.options.limits.max_unverified_bytes = 30'000;
  world.sink.room = 0;
  world.chain.Order(100, 10'000);
  world.Start();
  world.RunFor(10s);
  EXPECT_EQ(world.host.metrics().CounterValue("grapevine_deliver_blocks_received", {{"channel", kChannel}}), 3U);
  world.sink.room = 1000;
  EXPECT_TRUE(world.RunUntil([&] { return world.Complete(); }, 60s));
}

// kExhausted is about memory here, not about the block: it is kept and offered again.
TEST(DeliverClientTest, ABlockWithoutRoomIsOfferedAgain) {
  DeliverClientWorld world;
  ModelOrderer& orderer = world.AddOrderer();
  world.sink.refuse_as_full = 25;
  world.chain.Order(20, 100);
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete(); }, 60s));
  EXPECT_EQ(orderer.requests().size(), 1U);
  EXPECT_EQ(orderer.blocks_sent(), 20U);
  EXPECT_EQ(world.sink.offers, 45U);
  EXPECT_EQ(world.client->state().failures, 0U);
}

// Blocks that came another way are not asked for again.
TEST(DeliverClientTest, ANewStreamStartsWhereTheSinkIs) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.chain.Order(10, 100);
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return world.Complete(); }, 10s));
  world.hosts[0]->SetListening(false);
  world.world.network().ResetConnections(world.host, *world.hosts[0]);
  world.chain.Order(5, 100);
  for (std::uint64_t i = 11; i < 16; ++i) world.sink.Append(world.chain.block(i));
  world.RunFor(10s);
  EXPECT_GT(world.client->state().failures, 0U);
  world.hosts[0]->SetListening(true);
  ASSERT_TRUE(world.RunUntil([&] { return world.orderers[0]->requests().size() == 2; }, 60s));
  EXPECT_EQ(world.orderers[0]->requests()[1].seek.start.number, 16U);
}

// The machine of the orderer disappears: the transport's keepalive notices.
TEST(DeliverClientTest, ADeadOrdererIsLeft) {
  DeliverClientWorld world;
  world.AddOrderer();
  world.Start();
  ASSERT_TRUE(world.RunUntil([&] { return !world.client->state().endpoint.empty(); }, 5s));
  world.AddOrderer();
  OrdererSources both = world.Sources();
  world.orderers[0].reset();
  world.hosts[0]->Crash(simulation::CrashKind::kMachine);
  world.chain.Order();
  ASSERT_TRUE(world.RunUntil([&] { return world.Failures("stream_ended") == 1; }, 90s));
  world.client->SetSources(both);
  EXPECT_TRUE(world.RunUntil([&] { return world.Complete(); }, 60s));
}

// Signing is refused for ever.
class LockedKey final : public msp::MessageCrypto {
 public:
  LockedKey(base::Executor& executor, msp::MessageCrypto& real) : executor_(executor), real_(real) {}

  base::Result<wire::PkiId> PkiIdOf(base::ByteView identity) const override { return real_.PkiIdOf(identity); }
  base::Handle Validate(base::Bytes identity, msp::Done<msp::IdentityInfo> done) override {
    return real_.Validate(std::move(identity), std::move(done));
  }
  base::Handle OrganizationOf(base::Bytes identity, msp::Done<std::string> done) override {
    return real_.OrganizationOf(std::move(identity), std::move(done));
  }
  base::Handle Verify(base::Bytes identity, base::Bytes signature, base::Bytes message, msp::Done<void> done) override {
    return real_.Verify(std::move(identity), std::move(signature), std::move(message), std::move(done));
  }
  base::Handle VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature, base::Bytes message,
                               msp::Done<void> done) override {
    return real_.VerifyByChannel(std::move(channel), std::move(identity), std::move(signature), std::move(message),
                                 std::move(done));
  }
  base::Handle Sign(base::Bytes, msp::Done<base::Bytes> done) override {
    return executor_.After(1ms, [done = std::move(done)]() mutable {
      done(base::Fail(base::ErrorCode::kUnavailable, "the key is locked"));
    });
  }
  base::Handle VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block,
                           msp::Done<void> done) override {
    return real_.VerifyBlock(std::move(channel), number, std::move(block), std::move(done));
  }
  base::Handle VerifyBlockAttestation(std::string channel, base::Bytes block, msp::Done<void> done) override {
    return real_.VerifyBlockAttestation(std::move(channel), std::move(block), std::move(done));
  }

 private:
  base::Executor& executor_;
  msp::MessageCrypto& real_;
};

// The leader learns that nothing will be delivered, and can step down.
TEST(DeliverClientTest, D14_WhoCannotSignSaysSo) {
  for (const char* type : {"etcdraft", "BFT"}) {
    DeliverClientWorld world;
    world.AddOrderer();
    world.AddOrderer();
    world.consensus_type = type;
    LockedKey key(world.host.executor(), world.crypto);
    world.signer = &key;
    world.options.gives_up = true;
    world.destroy_when_ended = true;
    world.Start();
    ASSERT_TRUE(world.RunUntil([&] { return !world.ended.empty(); }, 5s));
    EXPECT_NE(world.ended[0].message.find("the request cannot be signed: the key is locked"), std::string::npos);
    EXPECT_EQ(world.client, nullptr);
    world.RunFor(1h);
    EXPECT_EQ(world.ended.size(), 1U);
  }
}

// D-14: nobody else would lead instead of a static leader.
TEST(DeliverClientTest, D14_AStaticLeaderThatCannotSignTriesAgain) {
  for (const char* type : {"etcdraft", "BFT"}) {
    DeliverClientWorld world;
    world.AddOrderer();
    world.consensus_type = type;
    LockedKey key(world.host.executor(), world.crypto);
    world.signer = &key;
    world.Start();
    world.RunFor(5s);
    EXPECT_GE(world.client->state().failures, 3U);
    EXPECT_TRUE(world.ended.empty());
  }
}

// After its destruction, at whatever moment, nothing happens any more.
TEST(DeliverClientTest, DestructionAtEveryEvent) {
  for (const char* type : {"etcdraft", "BFT"}) {
    bool complete = false;
    for (int events = 0; !complete; ++events) {
      SCOPED_TRACE(events);
      DeliverClientWorld world;
      world.consensus_type = type;
      world.AddOrderer({.drops_after = 2});
      world.AddOrderer();
      world.chain.Order(3, 100);
      world.sink.refuse_as_full = 1;
      world.Start();
      for (int i = 0; i < events; ++i) world.world.scheduler().Step();
      complete = world.Complete();
      world.client.reset();
      const std::size_t offers = world.sink.offers;
      const std::size_t dials = world.dialer.attempts.size();
      world.RunFor(10s);
      ASSERT_EQ(world.sink.offers, offers);
      ASSERT_EQ(world.dialer.attempts.size(), dials);
      ASSERT_EQ(world.world.network().connections(), 0U);
    }
  }
}

}  // namespace
}  // namespace grapevine::delivery
