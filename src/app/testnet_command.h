// `grapevine testnet`: writes what a test network needs, for Grapevine's peers and Fabric's alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>

#include "app/command_context.h"

namespace grapevine::app {

struct TestnetOptions {
  std::string folder;  // is created; must not hold a network yet
  std::uint64_t seed = 1;
  std::string channel = "mychannel";
  std::size_t organizations = 2;
  std::size_t peers = 2;  // per organisation
  std::size_t users = 1;  // per organisation, besides the admin
  std::size_t orderers = 1;
  std::uint16_t base_port = 17050;  // ten ports per node: orderers, then peers by organisation
  std::uint64_t blocks = 0;         // of endorser transactions, after the genesis block
  std::uint64_t config_every = 0;   // every how many of them a configuration block stands in between; 0: never
  std::uint64_t updates = 0;        // configuration updates that go on from there, for a running ordering service
  std::size_t transactions = 1;     // per block
  std::size_t value_bytes = 1000;   // written by each transaction
  std::uint64_t block_file_bytes = 64 << 20;  // a block file that would be larger is followed by another, as in Fabric
};

// Writes below options.folder
//   crypto/                 the tree that Fabric's cryptogen makes
//   CHANNEL.block           the genesis block
//   chain/blockfile_000000  the chain as Fabric's block files hold it
//   updates/N.tx            envelopes of type CONFIG_UPDATE, to be submitted in order from 1 on
//   endpoints.txt           one line per node: name, MSP id, endpoint
// Returns the exit status: 0, or 1 after a message on `err`.
int RunTestnet(const TestnetOptions& options, std::ostream& out, std::ostream& err);

void AddTestnetCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
