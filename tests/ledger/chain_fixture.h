// The recorded chain and small made-up chains, for the tests of this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ledger/block_store.h"
#include "simulation/simulated_disk.h"

namespace grapevine::ledger {

inline constexpr const char* kFolder = "/ledger/chains/mychannel";
inline constexpr const char* kIndex = "/ledger/index";

// Recorded at a peer; slot 2 has one code per transaction.
const std::string& PeerFile();
const std::string& OrdererFile();
// chain.json.
const nlohmann::json& RecordedChain();
// The peer's blocks, each as a serialised common.Block.
const std::vector<base::Bytes>& RecordedBlocks();

// A chain of `count` blocks of one transaction of `bytes` random-looking bytes each, without signatures.
std::vector<base::Bytes> MakeChain(std::size_t count, std::size_t bytes);
// The record that the store keeps of a serialised block.
std::string StoredRecord(const base::Bytes& block);

// A disk with a store on it that can be opened again and again.
class StoreOnDisk {
 public:
  StoreOnDisk() = default;
  explicit StoreOnDisk(BlockFilesLimits limits) : limits_(limits) {}

  // Closes the store that is open and opens it anew.
  base::Result<void> Open();
  void Close();
  BlockStore& store() { return *store_; }
  simulation::SimulatedDisk& disk() { return disk_; }
  base::KeyValueIndex& index() { return *index_; }

  // Content of a file of the folder, and replacing it behind the store's back.
  std::string Content(std::uint64_t file = 0);
  void SetContent(const std::string& content, std::uint64_t file = 0);

 private:
  BlockFilesLimits limits_;
  simulation::SimulatedDisk disk_;
  std::unique_ptr<base::KeyValueIndex> index_;
  std::unique_ptr<BlockStore> store_;
};

// The error's message, or "ok".
template <typename T>
std::string Message(const base::Result<T>& result) {
  return result ? "ok" : result.error().message;
}

}  // namespace grapevine::ledger
