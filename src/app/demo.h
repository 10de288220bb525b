// `grapevine demo`: a network of nodes on loopback that pulls a recorded chain from an ordering service and spreads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/log.h"
#include "base/result.h"

namespace grapevine::app {

// What happens to one peer while the demo runs. Times count from the moment at which the blocks begin to flow.
struct DemoFault {
  std::size_t peer = 0;       // its place in the table, from 0
  std::size_t leader_of = 0;  // not 0: whoever leads the organisation of this number then, instead of `peer`
  base::Duration at{};
  base::Duration lasts{};  // zero: for good
};

// "3@2.5+4": peer 3, after 2.5 s, for 4 s; without "+4" for good; "leader2@1": the leader of the second organisation.
// kInvalid, saying what is wrong.
base::Result<DemoFault> ParseDemoFault(const std::string& text);

struct DemoOptions {
  std::size_t peers = 8;  // in all, spread evenly over the organisations
  std::size_t orgs = 2;
  std::string network;  // folder with the networks' crypto material and genesis block, as `grapevine testnet` makes it
  std::string blocks;   // the chain that the ordering service replays: a block file, or a folder of them
  std::string ledgers;  // where the ledgers go; empty: a temporary folder that is removed at the end
  std::uint64_t rate = 40;       // blocks per second of the ordering service; 0: all at once
  std::size_t late = 0;          // of the last peers, who start 3 s after the blocks begin to flow
  std::vector<DemoFault> kills;  // die without a word; start again with their ledger if the fault ends
  std::vector<DemoFault> cuts;   // cannot reach anybody and cannot be reached
  base::Duration timeout = std::chrono::minutes(5);
  base::LogLevel log_level = base::LogLevel::kError;
  bool live = false;  // redraw the table in place
};

// Runs until every node that is up has stored the whole chain. Exit status: 0 if all chain hashes are equal, 1 with one
// sentence on `err` if something could not be set up, a block was refused or the time was over.
int RunDemo(const DemoOptions& options, std::ostream& out, std::ostream& err);

}  // namespace grapevine::app
