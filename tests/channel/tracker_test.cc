// What operators see of a channel's members (specification 11.12).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "channel/membership_tracker.h"
#include "channel/state_info_world.h"

namespace grapevine::channel {
namespace {

struct Lines final : base::LogSink {
  bool Enabled(base::LogLevel level, std::string_view) const override { return level >= base::LogLevel::kInfo; }
  void Write(base::LogLevel, std::string_view, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class TrackerTest : public ChannelWorld {
 protected:
  ChannelMember Member(const std::string& name) {
    const auto peer = Stranger(name, kOrg1);
    return {.peer = {.pki_id = peer.pki_id, .endpoint = name + ":7051", .external_endpoint = {}, .organization = kOrg1},
            .properties = {},
            .timestamp = {},
            .state_info = {}};
  }
  std::int64_t Gauge() {
    return node_.host.metrics().Snapshot().at("gossip_membership_total_peers_known{channel=\"mychannel\"}");
  }

  Lines sink_;
  std::vector<ChannelMember> members_;
  std::size_t asked_ = 0;
  MembershipTracker tracker_{[this] {
                               base::Environment environment = node_.host.environment();
                               environment.log = base::Logger(&sink_, "gossip.channel");
                               return environment;
                             }(),
                             kMyChannel, 5s,
                             [this] {
                               ++asked_;
                               return members_;
                             }};
};

TEST_F(TrackerTest, WhoCameAndWhoWentIsLoggedOncePerInterval) {
  members_ = {Member("alice")};
  tracker_.Changed();
  tracker_.Changed();
  RunFor(5s);
  EXPECT_EQ(asked_, 1U);
  EXPECT_EQ(Gauge(), 1);
  EXPECT_EQ(sink_.lines, std::vector<std::string>{
                             "channel mychannel: membership view has changed: online: [alice:7051], offline: []; 1 "
                             "peers now"});
  members_ = {Member("bob")};
  tracker_.Changed();
  RunFor(5s);
  ASSERT_EQ(sink_.lines.size(), 2U);
  EXPECT_EQ(sink_.lines[1],
            "channel mychannel: membership view has changed: online: [bob:7051], offline: [alice:7051]; 1 peers now");
}

TEST_F(TrackerTest, NothingHappensWithoutAChangeAndNothingIsLoggedIfTheSetIsTheSame) {
  RunFor(60s);
  EXPECT_EQ(asked_, 0U);
  members_ = {Member("alice")};
  tracker_.Changed();
  RunFor(60s);
  tracker_.Changed();
  RunFor(60s);
  EXPECT_EQ(asked_, 2U);
  EXPECT_EQ(sink_.lines.size(), 1U);
}

TEST_F(TrackerTest, ALineNamesNotMoreThanTwentyPeers) {
  for (int i = 0; i < 1000; ++i) members_.push_back(Member("peer" + std::to_string(i)));
  tracker_.Changed();
  RunFor(5s);
  EXPECT_EQ(Gauge(), 1000);
  ASSERT_EQ(sink_.lines.size(), 1U);
  EXPECT_NE(sink_.lines[0].find(" and 980 more], offline: []; 1000 peers now"), std::string::npos);
}

}  // namespace
}  // namespace grapevine::channel
