// The table of metrics in docs/operations.md: complete, and Fabric's names as Fabric has them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace grapevine::runtime {
namespace {

struct Described {
  std::string type;
  std::string labels;
};

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::map<std::string, Described> Table() {
  std::map<std::string, Described> table;
  const std::regex row(R"(\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([a-z_, -]+) \| .+ \|)");
  std::istringstream lines(Read(std::filesystem::path(GRAPEVINE_SOURCE_DIR) / "docs/operations.md"));
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    EXPECT_TRUE(table.emplace(match[1], Described{match[2], match[3]}).second) << match[1] << " is there twice";
  }
  return table;
}

// Names of metrics in the source, and the type where the call that makes it is right before it, else empty.
std::map<std::string, std::string> NamesInSource() {
  std::map<std::string, std::string> names;
  const std::regex literal(
      "(Get(Counter|Gauge|Histogram|TimeHistogram)\\(\\s*)?"
      "\"((gossip|grapevine|deliver|ledger|rpc|worker|operations)_[a-z_]+)\"");
  const std::map<std::string, std::string> types = {
      {"", ""}, {"Counter", "counter"}, {"Gauge", "gauge"}, {"Histogram", "histogram"}, {"TimeHistogram", "histogram"}};
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(GRAPEVINE_SOURCE_DIR) / "src")) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".cc") && !path.ends_with(".h")) continue;
    if (path.contains("/src/simulation/") || path.contains("/src/app/")) continue;
    const std::string text = Read(path);
    if (!text.contains("Metrics") && !text.contains("metrics")) continue;
    for (std::sregex_iterator match(text.begin(), text.end(), literal), end; match != end; ++match) {
      std::string& type = names[(*match)[3]];
      if (type.empty()) type = types.at((*match)[2]);
    }
  }
  return names;
}

TEST(MetricsTableTest, DescribesEveryMetricAndNoOther) {
  const auto table = Table();
  const auto names = NamesInSource();
  EXPECT_GT(names.size(), 80U) << "the source was not found";
  for (const auto& [name, type] : names) {
    const auto row = table.find(name);
    if (row == table.end()) {
      ADD_FAILURE() << name << " lacks a row in the table of docs/operations.md";
    } else if (!type.empty()) {
      EXPECT_EQ(row->second.type, type) << name;
    }
  }
  for (const auto& [name, row] : table) EXPECT_TRUE(names.contains(name)) << name << " is in the table only";
}

// 13.4.
TEST(MetricsTableTest, HasFabricsSeventeenGossipMetrics) {
  const auto table = Table();
  std::map<std::string, Described> fabric = {{"gossip_state_height", {"gauge", "channel"}},
                                             {"gossip_state_commit_duration", {"histogram", "channel"}},
                                             {"gossip_payload_buffer_size", {"gauge", "channel"}},
                                             {"gossip_leader_election_leader", {"gauge", "channel"}},
                                             {"gossip_comm_messages_sent", {"counter", "-"}},
                                             {"gossip_comm_overflow_count", {"counter", "-"}},
                                             {"gossip_comm_messages_received", {"counter", "-"}},
                                             {"gossip_membership_total_peers_known", {"gauge", "channel"}}};
  for (const char* part :
       {"validation", "list_missing", "fetch", "commit_block", "purge", "send", "reconciliation", "pull", "retrieve"}) {
    fabric[std::string("gossip_privdata_") + part + "_duration"] = {"histogram", "channel"};
  }
  EXPECT_EQ(fabric.size(), 17U);
  for (const auto& [name, expected] : fabric) {
    ASSERT_TRUE(table.contains(name)) << name;
    EXPECT_EQ(table.at(name).type, expected.type) << name;
    EXPECT_EQ(table.at(name).labels, expected.labels) << name;
  }
}

}  // namespace
}  // namespace grapevine::runtime
