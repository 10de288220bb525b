// What `grapevine demo` shows while it runs: a live table on a terminal, plain lines otherwise.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/executor.h"

namespace grapevine::app {

struct DemoRow {
  std::string peer;          // as peer0.org1
  std::string state;         // "leader", "late", "down", "cut off"; empty: an ordinary running peer
  std::size_t alive = 0;     // members that it sees alive
  std::uint64_t height = 0;  // of its ledger
  std::string advertised;    // the height that the others see it advertise: one number, or lowest and highest
  std::uint64_t blocks_per_second = 0;
  base::Duration latency_p50{};  // from the block's release by the orderer to its durable commit here
  base::Duration latency_p99{};
};

class DemoTable {
 public:
  // `live`: redraw in place with terminal escapes.
  DemoTable(std::ostream& out, bool live) : out_(out), live_(live) {}
  void Draw(const std::string& title, const std::vector<DemoRow>& rows);

 private:
  std::ostream& out_;
  bool live_;
  std::size_t drawn_lines_ = 0;
};

}  // namespace grapevine::app
