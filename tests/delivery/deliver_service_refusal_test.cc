// Who and what the Deliver service refuses, and with which status (specification 22, section 3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "delivery/deliver_service_world.h"

namespace grapevine::delivery {
namespace {

using ::testing::ElementsAre;

// The status that a message is answered with, and the counter of its reason.
void ExpectRefused(ServiceWorld& world, const base::Bytes& message, const char* status, const char* reason) {
  const std::uint64_t before = world.Refused(reason);
  EXPECT_THAT(world.Answer(message), ElementsAre(status, "end OK")) << reason;
  EXPECT_EQ(world.Refused(reason), before + 1) << reason;
}

Ask Everything() { return From(Oldest(), Newest()); }

TEST(DeliverServiceRefusal, MalformedMessages) {
  ServiceWorld world;
  ExpectRefused(world, base::Bytes::Copy("\xff\xff"), "BAD_REQUEST", "malformed_envelope");
  ExpectRefused(world, base::Bytes(), "BAD_REQUEST", "no_header");
  ExpectRefused(world, world.Sign("\xff", world.member), "BAD_REQUEST", "malformed_payload");
  common::Payload payload = world.PayloadOf(Everything(), world.member);
  payload.mutable_header()->set_channel_header("\xff");
  ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.member), "BAD_REQUEST",
                "malformed_channel_header");
  payload = world.PayloadOf(Everything(), world.member);
  payload.mutable_header()->set_signature_header("\xff");
  ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.member), "BAD_REQUEST",
                "malformed_signature_header");
  payload = world.PayloadOf(Everything(), world.member);
  payload.mutable_header()->clear_channel_header();
  ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.member), "BAD_REQUEST", "no_timestamp");
  payload = world.PayloadOf(Everything(), world.member);
  payload.set_data("\xff");
  ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.member), "BAD_REQUEST", "malformed_seek_info");
}

TEST(DeliverServiceRefusal, PositionsThatAreMissing) {
  ServiceWorld world;
  ExpectRefused(world, world.Request(From({}, Newest())), "BAD_REQUEST", "no_start");
  ExpectRefused(world, world.Request(From(Oldest(), {})), "BAD_REQUEST", "no_stop");
  ExpectRefused(world, world.Request(From(Oldest(), NextCommit())), "BAD_REQUEST", "no_stop");
}

// |now - timestamp| <= 15 min.
TEST(DeliverServiceRefusal, TimestampsOutsideOfTheWindow) {
  ServiceWorld world;
  Ask ask = From(Newest(), Newest());
  for (const base::Duration offset : {base::Duration(-15min + 1s), base::Duration(15min)}) {
    ask.clock_offset = offset;
    EXPECT_THAT(world.Answer(ask), ElementsAre("block 4", "SUCCESS"));
  }
  for (const base::Duration offset :
       {base::Duration(-15min), base::Duration(15min + 1s)}) {  // the message takes some time to arrive
    ask.clock_offset = offset;
    ExpectRefused(world, world.Request(ask), "BAD_REQUEST", "timestamp_out_of_window");
  }
  for (const std::int64_t seconds : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                                     std::int64_t{0}, std::int64_t{253402300799}}) {
    common::Payload payload = world.PayloadOf(Everything(), world.member);
    common::ChannelHeader header;
    header.ParseFromString(payload.header().channel_header());
    header.mutable_timestamp()->set_seconds(seconds);
    payload.mutable_header()->set_channel_header(header.SerializeAsString());
    ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.member), "BAD_REQUEST",
                  "timestamp_out_of_window");
  }
}

TEST(DeliverServiceRefusal, NanosecondsThatAreNone) {
  ServiceWorld world;
  for (const std::int32_t nanoseconds : {-1, 1'000'000'000, std::numeric_limits<std::int32_t>::max()}) {
    common::Payload payload = world.PayloadOf(Everything(), world.member);
    common::ChannelHeader header;
    header.ParseFromString(payload.header().channel_header());
    header.mutable_timestamp()->set_nanos(nanoseconds);
    payload.mutable_header()->set_channel_header(header.SerializeAsString());
    ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.member), "BAD_REQUEST",
                  "timestamp_out_of_window");
  }
}

TEST(DeliverServiceRefusal, MutualTlsBindsARequestToItsConnection) {
  ServiceWorld world;
  Ask ask = Everything();
  ask.tls_cert_hash = "";
  ExpectRefused(world, world.Request(ask), "BAD_REQUEST", "tls_cert_hash");
  ask.tls_cert_hash = crypto::Sha256("another certificate").ToString();
  ExpectRefused(world, world.Request(ask), "BAD_REQUEST", "tls_cert_hash");

  DeliverServiceConfig config;
  config.mutual_tls = false;
  ServiceWorld open(config);
  EXPECT_EQ(open.Answer(ask).back(), "SUCCESS");
}

TEST(DeliverServiceRefusal, UnknownChannels) {
  ServiceWorld world;
  Ask ask = Everything();
  ask.channel = "another";
  ExpectRefused(world, world.Request(ask), "NOT_FOUND", "unknown_channel");
}

TEST(DeliverServiceRefusal, WhoMayNotRead) {
  ServiceWorld world;
  ExpectRefused(world, world.Request(Everything(), world.stranger), "FORBIDDEN", "access_denied");
  // Signed by somebody else than it says.
  const common::Payload payload = world.PayloadOf(Everything(), world.member);
  ExpectRefused(world, world.Sign(payload.SerializeAsString(), world.stranger), "FORBIDDEN", "access_denied");
  world.chain.FailChecks(base::ErrorCode::kExhausted);
  ExpectRefused(world, world.Request(Everything()), "SERVICE_UNAVAILABLE", "access_not_checked");
}

// The policy is evaluated anew when the configuration has changed.
TEST(DeliverServiceRefusal, AccessIsJudgedAgainUnderANewConfiguration) {
  ServiceWorld world;
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Specified(4), Specified(100))));
  world.Settle();
  world.authority.SetReaders(kChannel, {"Org2MSP"});
  world.AddBlock({"under the verdict that was given"});
  world.Settle();
  world.chain.SetSequence(1);
  world.AddBlock({"under the new configuration"});
  world.Settle();
  EXPECT_THAT(client->heard(), ElementsAre("block 4", "block 5", "FORBIDDEN", "end OK"));
  EXPECT_EQ(world.Refused("access_denied"), 1U);
}

// Expiry is looked at before each block.
TEST(DeliverServiceRefusal, AnIdentityThatExpiresMeanwhile) {
  ServiceWorld world;
  world.chain.SetExpiry(world.server.executor().WallNow() + 7s);
  const auto client = world.Open();
  client->stream().Send(world.Request(From(Specified(4), Specified(100))));
  world.Settle();
  world.AddBlock({"in time"});
  world.Settle();
  world.AddBlock({"too late"});
  world.Settle();
  EXPECT_THAT(client->heard(), ElementsAre("block 4", "block 5", "FORBIDDEN", "end OK"));
  EXPECT_EQ(world.Refused("identity_expired"), 1U);
}

TEST(DeliverServiceRefusal, RequestsThatAreTooLarge) {
  ServiceWorld world;
  EXPECT_THAT(world.Answer(base::Bytes(std::string((1 << 20) + 1, 'x'))), ElementsAre("end RESOURCE_EXHAUSTED"));
}

// Whatever a client sends, it is told, and the next client is served.
TEST(DeliverServiceRefusal, DamagedRequestsNeverHarm) {
  ServiceWorld world;
  const std::string good = world.Request(From(Newest(), Newest())).ToString();
  base::Random random(1);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = good.substr(0, good.size() - random.Below(3) * random.Below(good.size()));
    for (std::uint64_t flips = random.Below(4); flips > 0 && !damaged.empty(); --flips) {
      damaged[random.Below(damaged.size())] ^= static_cast<char>(1 << random.Below(8));
    }
    const auto client = world.Open();
    client->stream().Send(base::Bytes(damaged));
    world.world.scheduler().RunFor(50ms);
    if (damaged == good) {
      EXPECT_THAT(client->heard(), ElementsAre("block 4", "SUCCESS"));
    } else {
      EXPECT_FALSE(client->heard().empty()) << i;
    }
  }
  EXPECT_THAT(world.Answer(From(Newest(), Newest())), ElementsAre("block 4", "SUCCESS"));
}

}  // namespace
}  // namespace grapevine::delivery
