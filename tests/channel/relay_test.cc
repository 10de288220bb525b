// State infos of channels that the node is not in (specification 11.4 step 4; D-6, D-16).
#include "channel/relay.h"

#include <gtest/gtest.h>

#include <string>

#include "channel/state_info_world.h"

namespace grapevine::channel {
namespace {

class RelayTest : public ChannelWorld {
 protected:
  wire::Envelope About(const OtherPeer& peer, const std::string& channel, std::uint64_t time = 1) const {
    return Sign(peer, wire::NewMessage(Content(peer, {1, time}, 5, channel)));
  }
  void Handle(const wire::Envelope& state_info) {
    relay_.Handle(From(sender_, state_info), std::make_shared<int>(0));
    RunFor(1s);
  }

  StateInfoRelay relay_{node_.host.environment(),
                        node_.emitter,
                        node_.verifier,
                        {.time_to_live = 400s, .capacity = 100, .max_channels_of_subject = 3}};
  OtherPeer sender_ = AddPeer("sender", kOrg1);
  OtherPeer alice_ = AddPeer("alice", kOrg1);
  OtherPeer bob_ = AddPeer("bob", kOrg1);
};

TEST_F(RelayTest, D6_ACopyIsRecognisedBeforeItsSignatureIsChecked) {
  Handle(About(alice_, "one", 2));
  Handle(About(alice_, "one", 2));
  Handle(Forge(About(alice_, "one", 1)));
  EXPECT_EQ(node_.emitted.size(), 1U);
  EXPECT_EQ(node_.crypto.verifications, 1U);
  EXPECT_EQ(node_.Count("gossip_channel_relay_duplicates"), 2U);
  Handle(Forge(About(alice_, "one", 3)));
  EXPECT_EQ(node_.Refused("state_info", "relayed_signature"), 1U);
  EXPECT_EQ(node_.emitted.size(), 1U);
}

// A member can sign state infos with any number of MACs; only so many are remembered and passed on.
TEST_F(RelayTest, ASignerThatMakesUpChannelsIsBounded) {
  for (int i = 0; i < 10; ++i) Handle(About(alice_, "made up " + std::to_string(i)));
  EXPECT_EQ(node_.emitted.size(), 3U);
  EXPECT_EQ(relay_.size(), 3U);
  EXPECT_EQ(node_.crypto.verifications, 3U);
  EXPECT_EQ(node_.Refused("state_info", "relayed_too_many_channels"), 7U);

  // Those that are known go on, and others are not concerned.
  Handle(About(alice_, "made up 0", 2));
  Handle(About(bob_, "one"));
  EXPECT_EQ(node_.emitted.size(), 5U);

  // They count for as long as they are remembered: twice the time to live.
  RunFor(801s);
  Handle(About(bob_, "one", 2));  // so far nothing has come that would have made anybody look
  Handle(About(alice_, "made up 9"));
  EXPECT_EQ(node_.emitted.size(), 7U);
}

// Also when they come at once, before the first verdict.
TEST_F(RelayTest, ABurstOfMadeUpChannelsIsBounded) {
  for (int i = 0; i < 10; ++i) {
    relay_.Handle(From(sender_, About(alice_, "made up " + std::to_string(i))), std::make_shared<int>(0));
  }
  RunFor(1s);
  EXPECT_EQ(node_.emitted.size(), 3U);
  EXPECT_EQ(relay_.size(), 3U);
}

TEST_F(RelayTest, AMacOfAnotherLengthIsRefused) {
  wire::StateInfo info = Content(alice_, {1, 1});
  info.channel_mac = base::Bytes::Copy("short");
  Handle(Sign(alice_, wire::NewMessage(info)));
  EXPECT_EQ(node_.Refused("state_info", "relayed_mac"), 1U);
  EXPECT_TRUE(node_.emitted.empty());
}

}  // namespace
}  // namespace grapevine::channel
