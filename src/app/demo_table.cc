#include "app/demo_table.h"

#include <fmt/format.h>

namespace grapevine::app {

namespace {

std::string Milliseconds(base::Duration duration) {
  return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(duration).count());
}

std::string Line(const DemoRow& row) {
  const bool has_latency = row.latency_p99 > base::Duration::zero();
  return fmt::format("{:<14} {:<8} {:>5} {:>7} {:>11} {:>9} {:>12} {:>12}", row.peer, row.state, row.alive, row.height,
                     row.advertised, row.blocks_per_second, has_latency ? Milliseconds(row.latency_p50) : "",
                     has_latency ? Milliseconds(row.latency_p99) : "");
}

}  // namespace

void DemoTable::Draw(const std::string& title, const std::vector<DemoRow>& rows) {
  std::string text;
  if (live_ && drawn_lines_ > 0) text += fmt::format("\x1b[{}A\x1b[J", drawn_lines_);
  text += title + "\n";
  text += fmt::format("{:<14} {:<8} {:>5} {:>7} {:>11} {:>9} {:>12} {:>12}\n", "peer", "", "alive", "height",
                      "advertised", "blocks/s", "latency p50", "p99");
  for (const DemoRow& row : rows) text += Line(row) + "\n";
  drawn_lines_ = rows.size() + 2;
  out_ << text << std::flush;
}

}  // namespace grapevine::app
