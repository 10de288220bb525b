// Prometheus' text format 0.0.4.
#include "runtime/operations_text.h"

#include <gtest/gtest.h>

namespace grapevine::runtime {
namespace {

using namespace std::chrono_literals;  // NOLINT

TEST(PrometheusTextTest, NothingIsEmpty) { EXPECT_EQ(PrometheusText({}), ""); }

TEST(PrometheusTextTest, CountersAndGaugesWithLabels) {
  base::Metrics metrics;
  metrics.GetCounter("gossip_comm_messages_sent", "Messages sent").Add(7);
  metrics.GetGauge("gossip_state_height", "Height", {{"channel", "b"}}).Set(-3);
  metrics.GetGauge("gossip_state_height", "Height", {{"channel", "a"}, {"x", "y"}}).Set(5);
  EXPECT_EQ(PrometheusText(metrics),
            "# HELP gossip_comm_messages_sent Messages sent\n"
            "# TYPE gossip_comm_messages_sent counter\n"
            "gossip_comm_messages_sent 7\n"
            "# HELP gossip_state_height Height\n"
            "# TYPE gossip_state_height gauge\n"
            "gossip_state_height{channel=\"a\",x=\"y\"} 5\n"
            "gossip_state_height{channel=\"b\"} -3\n");
}

TEST(PrometheusTextTest, EscapesHelpAndValues) {
  base::Metrics metrics;
  metrics.GetCounter("a", "back\\slash \"quoted\"\nline", {{"l", "back\\slash \"quoted\"\nline \xff"}}).Add();
  EXPECT_EQ(PrometheusText(metrics),
            "# HELP a back\\\\slash \"quoted\"\\nline\n"
            "# TYPE a counter\n"
            "a{l=\"back\\\\slash \\\"quoted\\\"\\nline ?\"} 1\n");
}

TEST(PrometheusTextTest, HistogramsHaveCumulativeBuckets) {
  base::Metrics metrics;
  auto& sizes = metrics.GetHistogram("sizes", "Sizes", {10, 100}, {{"channel", "c"}});
  for (const std::uint64_t size : {1, 10, 50, 5000}) sizes.Observe(size);
  EXPECT_EQ(PrometheusText(metrics),
            "# HELP sizes Sizes\n"
            "# TYPE sizes histogram\n"
            "sizes_bucket{channel=\"c\",le=\"10\"} 2\n"
            "sizes_bucket{channel=\"c\",le=\"100\"} 3\n"
            "sizes_bucket{channel=\"c\",le=\"+Inf\"} 4\n"
            "sizes_sum{channel=\"c\"} 5061\n"
            "sizes_count{channel=\"c\"} 4\n");
}

TEST(PrometheusTextTest, TimesAreInSeconds) {
  base::Metrics metrics;
  auto& times = metrics.GetTimeHistogram("commit_duration", "Time to commit");
  times.Observe(5ms);
  times.Observe(1250ms);
  times.Observe(-1ms);
  const std::string text = PrometheusText(metrics);
  EXPECT_EQ(text.substr(text.find("commit_duration_bucket")),
            "commit_duration_bucket{le=\"0.005\"} 2\n"
            "commit_duration_bucket{le=\"0.01\"} 2\n"
            "commit_duration_bucket{le=\"0.025\"} 2\n"
            "commit_duration_bucket{le=\"0.05\"} 2\n"
            "commit_duration_bucket{le=\"0.1\"} 2\n"
            "commit_duration_bucket{le=\"0.25\"} 2\n"
            "commit_duration_bucket{le=\"0.5\"} 2\n"
            "commit_duration_bucket{le=\"1\"} 2\n"
            "commit_duration_bucket{le=\"2.5\"} 3\n"
            "commit_duration_bucket{le=\"5\"} 3\n"
            "commit_duration_bucket{le=\"10\"} 3\n"
            "commit_duration_bucket{le=\"+Inf\"} 3\n"
            "commit_duration_sum 1.255\n"
            "commit_duration_count 3\n");
}

}  // namespace
}  // namespace grapevine::runtime
