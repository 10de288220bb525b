#include "app/demo_table.h"

#include <fmt/format.h>

namespace grapevine::app {

namespace {

std::string Milliseconds(base::Duration duration) {
  return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(duration).count());
}

std::string Line(const DemoRow& row) {
  const std::string latency =
      row.source ? fmt::format("{:>12} {:>12}", "source", "")
                 : fmt::format("{:>12} {:>12}", Milliseconds(row.latency_p50), Milliseconds(row.latency_p99));
  return fmt::format("{:<14} {:>11} {:>8} {:>9} {} {:>11}", row.peer, row.connections, row.height,
                     row.blocks_per_second, latency, row.duplicates);
}

}  // namespace

void DemoTable::Draw(const std::string& title, const std::vector<DemoRow>& rows) {
  std::string text;
  if (live_ && drawn_lines_ > 0) text += fmt::format("\x1b[{}A\x1b[J", drawn_lines_);
  text += title + "\n";
  text += fmt::format("{:<14} {:>11} {:>8} {:>9} {:>12} {:>12} {:>11}\n", "peer", "connections", "height", "blocks/s",
                      "latency p50", "p99", "duplicates");
  for (const DemoRow& row : rows) text += Line(row) + "\n";
  drawn_lines_ = rows.size() + 2;
  out_ << text << std::flush;
}

}  // namespace grapevine::app
