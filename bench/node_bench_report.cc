#include "node_bench_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace grapevine::bench {

void Report::Add(std::string what, double value, std::string unit, std::optional<double> at_most) {
  rows_.push_back({part_, std::move(what), value, std::move(unit), at_most});
}

void Report::Print() const {
  std::string json;
  std::string part;
  fmt::print("\n{} nodes\n", nodes_);
  for (const Row& row : rows_) {
    if (part != row.part) fmt::print("  {}\n", part = row.part);
    const std::string wanted =
        row.at_most ? fmt::format("wanted <= {:g}: {}", *row.at_most, row.value <= *row.at_most ? "met" : "MISSED")
                    : "";
    fmt::print("    {:<52} {:>12.3f} {:<18} {}\n", row.what, row.value, row.unit, wanted);
    json += fmt::format(R"({}{{"part":"{}","what":"{}","value":{:.4f},"unit":"{}")", json.empty() ? "" : ",", row.part,
                        row.what, row.value, row.unit);
    json += row.at_most ? fmt::format(R"(,"wanted_at_most":{:g}}})", *row.at_most) : "}";
  }
  fmt::print("{{\"bench\":\"node\",\"nodes\":{},\"figures\":[{}]}}\n", nodes_, json);
  std::fflush(stdout);
}

double Quantile(const std::vector<double>& sorted, std::size_t permille) {
  if (sorted.empty()) return 0;
  const std::size_t rank = (sorted.size() * permille + 999) / 1000;
  return sorted[std::min(sorted.size() - 1, rank == 0 ? 0 : rank - 1)];
}

}  // namespace grapevine::bench
