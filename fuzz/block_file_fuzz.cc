// Arbitrary bytes as a block file: reading, decoding and recovery are total, and recovery finds what it has left in
// order.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ledger/block.h"
#include "ledger/block_store.h"
#include "ledger/chain_verifier.h"
#include "simulation/simulated_disk.h"

using grapevine::ledger::BlockStore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string folder = "/chain";
  const grapevine::base::ByteView content(reinterpret_cast<const char*>(data), size);
  grapevine::simulation::SimulatedDisk disk;
  if (!disk.MakeFolder(folder)) std::abort();
  if (!disk.OpenForAppend(folder + "/blockfile_000000").value()->Append(content)) std::abort();

  if (const auto block = grapevine::ledger::ParseBlock(content)) (void)grapevine::ledger::LastConfigNumber(*block);
  if (!grapevine::ledger::VerifyChain(disk, folder)) std::abort();

  const auto index = disk.OpenIndex("/index").value();
  std::uint64_t height = 0;
  {
    const auto store = BlockStore::Open(disk, *index, {folder, "channel", {}, {}});
    if (!store) return 0;
    height = (*store)->height();
  }
  const auto again = BlockStore::Open(disk, *index, {folder, "channel", {}, {}});
  if (!again || (*again)->height() != height) std::abort();
  for (std::uint64_t number = 0; number < height; ++number) {
    if (!(*again)->reader().Read(number)) std::abort();
  }
  return 0;
}
