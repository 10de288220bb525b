// The time that blocks take by gossip, as operators see it.
#include "channel/dissemination_meter.h"

#include <gtest/gtest.h>

#include "channel/fabric_metrics.h"
#include "channel/state_info_world.h"

namespace grapevine::channel {
namespace {

using namespace std::chrono_literals;  // NOLINT

class DisseminationMeterTest : public ChannelWorld {
 protected:
  const base::Histogram& durations() {
    return node_.host.metrics().GetTimeHistogram("gossip_channel_dissemination_duration", "",
                                                 {{"channel", "measured"}});
  }
  std::uint64_t Milliseconds() { return durations().sum() / 1'000'000; }

  DisseminationMeter meter_{node_.host.environment(), "measured"};
};

TEST_F(DisseminationMeterTest, TimeBeginsWithTheFirstSignOfABlock) {
  meter_.Known(5);
  RunFor(100ms);
  meter_.Known(6);
  RunFor(50ms);
  meter_.Known(6);
  meter_.Arrived(5);
  EXPECT_EQ(durations().count(), 1U);
  EXPECT_EQ(Milliseconds(), 50U);
  meter_.Arrived(4);
  EXPECT_EQ(Milliseconds(), 50U + 150U);
}

TEST_F(DisseminationMeterTest, BlockThatIsItsOwnFirstSignTookNoTime) {
  meter_.Known(5);
  RunFor(1s);
  meter_.Arrived(7);
  EXPECT_EQ(durations().count(), 1U);
  EXPECT_EQ(Milliseconds(), 0U);
  // It is a sign of the two before it.
  RunFor(20ms);
  meter_.Arrived(6);
  meter_.Arrived(5);
  EXPECT_EQ(durations().count(), 3U);
  EXPECT_EQ(Milliseconds(), 40U);
}

TEST_F(DisseminationMeterTest, EachBlockCountsOnce) {
  meter_.Arrived(3);
  meter_.Arrived(3);
  EXPECT_EQ(durations().count(), 1U);
}

TEST_F(DisseminationMeterTest, OnlyTheNewestBlocksAreAwaited) {
  meter_.Known(1'000'000);
  RunFor(1s);
  meter_.Arrived(999'899);
  EXPECT_EQ(durations().count(), 0U);
  meter_.Arrived(999'900);
  EXPECT_EQ(durations().count(), 1U);
  meter_.Known(1'000'001);
  meter_.Arrived(999'901);
  EXPECT_EQ(durations().count(), 2U);
  EXPECT_EQ(Milliseconds(), 2000U);
}

// Dashboards made for Fabric find every name (13.4).
TEST_F(DisseminationMeterTest, PrivateDataHistogramsAreInSeconds) {
  RegisterPrivateDataMetrics(node_.host.metrics(), "measured");
  std::size_t count = 0;
  for (const auto& [name, family] : node_.host.metrics().histograms()) {
    if (!name.starts_with("gossip_privdata_")) continue;
    ++count;
    EXPECT_EQ(family.members.at({{"channel", "measured"}})->per_unit(), 1'000'000'000U) << name;
  }
  EXPECT_EQ(count, 9U);
}

}  // namespace
}  // namespace grapevine::channel
