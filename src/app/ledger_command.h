// `grapevine ledger`: looks at block files of Grapevine, Fabric peers and Fabric orderers, without changing anything.
#pragma once

#include <ostream>
#include <string>

#include "app/command_context.h"

namespace grapevine::app {

struct LedgerOptions {
  // A channel's block folder, a peer's `ledgersData` or an orderer's ledger folder; with several channels all of them.
  std::string folder;
  bool json = false;  // one JSON array, an object per channel
};

// Checks every record, hash and orderer signature, from block 0 as trust anchor, and names each problem with file and
// offset. Returns the exit status: 0, or 1 if anything is wrong or cannot be read.
int RunLedgerVerify(const LedgerOptions& options, std::ostream& out, std::ostream& err);

// Shows height, sizes and configuration blocks. Returns 0, or 1 if the files cannot be read to their end.
int RunLedgerInfo(const LedgerOptions& options, std::ostream& out, std::ostream& err);

void AddLedgerCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
