#include "app/recorded_chain.h"

#include <fmt/ranges.h>

#include <utility>

#include "app/block_folders.h"
#include "ledger/block.h"
#include "ledger/block_files.h"
#include "msp/block.h"

namespace grapevine::app {

using base::ErrorCode;
using ledger::ReadState;

namespace {

std::string LastName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// The block files that `where` means, in order.
base::Result<std::vector<std::string>> FindFiles(base::FileSystem& files, const RecordedChainFiles& where) {
  if (!files.List(where.path)) return std::vector{where.path};
  std::vector<std::string> folders = FindBlockFolders(files, where.path);
  if (!where.channel.empty()) std::erase_if(folders, [&](const auto& path) { return LastName(path) != where.channel; });
  if (folders.empty()) {
    return base::Fail(ErrorCode::kNotFound,
                      "no block files{} in '{}': name a block file, a channel's folder, a peer's ledgersData or an "
                      "orderer's folder",
                      where.channel.empty() ? "" : " of channel '" + where.channel + "'", where.path);
  }
  if (folders.size() > 1) {
    return base::Fail(ErrorCode::kInvalid, "'{}' has the channels of {}: name one of these folders", where.path,
                      fmt::join(folders, ", "));
  }
  const auto numbers = ledger::ListBlockFiles(files, folders.front());
  if (!numbers) return std::unexpected(numbers.error());
  std::vector<std::string> paths;
  for (const std::uint64_t number : *numbers) paths.push_back(ledger::BlockFilePath(folders.front(), number));
  return paths;
}

}  // namespace

base::Result<std::shared_ptr<const RecordedChain>> RecordedChain::Open(base::FileSystem& files,
                                                                       const RecordedChainFiles& where) {
  const auto paths = FindFiles(files, where);
  if (!paths) return std::unexpected(paths.error());
  std::shared_ptr<RecordedChain> chain(new RecordedChain(files));
  if (auto indexed = chain->Index(*paths, where.genesis); !indexed) return std::unexpected(indexed.error());
  return chain;
}

base::Result<void> RecordedChain::Index(const std::vector<std::string>& paths, const base::Bytes& genesis) {
  paths_ = paths;
  if (!genesis.empty()) {
    const auto block = msp::ParseBlock(genesis);
    if (!block || !block->has_header || block->header.number != 0) {
      return base::Fail(ErrorCode::kInvalid, "the genesis block is not a block 0");
    }
    first_hash_ = block->header.Hash().ToString();
  }
  genesis_ = genesis;
  for (std::uint32_t file = 0; file < paths_.size(); ++file) {
    if (auto indexed = IndexFile(file); !indexed) return indexed;
  }
  return InspectFirst();
}

base::Result<void> RecordedChain::IndexFile(std::uint32_t file) {
  const std::string& path = paths_[file];
  auto opened = files_.OpenForRead(path);
  if (!opened) return base::Wrap(opened.error(), "the block file of the chain");
  ledger::RecordReader reader(std::move(*opened), 0, ledger::BlockFilesLimits{}.max_record_bytes);
  for (;;) {
    const auto record = reader.Next();
    if (!record) return std::unexpected(record.error());
    if (record->state == ReadState::kEnd) return {};
    if (record->state != ReadState::kRecord) {
      return base::Fail(ErrorCode::kCorrupt, "the block file '{}' is damaged at offset {}: {}", path, record->offset,
                        record->problem);
    }
    const std::uint64_t number = record->block.header.number;
    if (places_.empty() && number == 1 && !genesis_.empty()) {
      places_.push_back({.offset = 0, .file = kGenesisFile, .configuration = true});
    }
    if (number != places_.size()) {
      return base::Fail(ErrorCode::kInvalid, "the block file '{}' has block {} at offset {} where block {} should be{}",
                        path, number, record->offset, places_.size(),
                        places_.empty() ? ": name the first file of a chain" : "");
    }
    places_.push_back({.offset = record->offset, .file = file, .configuration = ledger::IsConfigBlock(record->block)});
  }
}

base::Result<void> RecordedChain::InspectFirst() {
  if (places_.empty()) return base::Fail(ErrorCode::kInvalid, "there is no block in '{}'", paths_.front());
  const auto first = Read(0);
  if (!first) return std::unexpected(first.error());
  const auto block = msp::ParseBlock(*first);
  if (!block) return base::Wrap(block.error(), "block 0 of '{}'", paths_.front());
  const std::string hash = block->header.Hash().ToString();
  if (!first_hash_.empty() && hash != first_hash_) {
    return base::Fail(ErrorCode::kInvalid,
                      "'{}' is not the chain of this channel: its block 0 is not the genesis block", paths_.front());
  }
  first_hash_ = hash;
  if (block->transactions.empty()) {
    return base::Fail(ErrorCode::kInvalid, "block 0 of '{}' has no transaction", paths_.front());
  }
  const auto transaction = msp::InspectTransaction(block->transactions.front());
  if (!transaction) return base::Wrap(transaction.error(), "block 0 of '{}'", paths_.front());
  channel_ = transaction->channel_id;
  return {};
}

base::Result<base::Bytes> RecordedChain::Read(std::uint64_t number) const {
  const Place& place = places_[number];
  if (place.file == kGenesisFile) return genesis_;
  auto file = files_.OpenForRead(paths_[place.file]);
  if (!file) return std::unexpected(file.error());
  ledger::RecordReader reader(std::move(*file), place.offset, ledger::BlockFilesLimits{}.max_record_bytes,
                              ledger::RecordReader::kSingleBytes);
  const auto record = reader.Next();
  if (!record) return std::unexpected(record.error());
  if (record->state != ReadState::kRecord || record->block.header.number != number) {
    return base::Fail(ErrorCode::kCorrupt, "the block file '{}' was changed: block {} is no longer at offset {}",
                      paths_[place.file], number, place.offset);
  }
  return base::Bytes(ledger::SerializeBlock(record->block));
}

}  // namespace grapevine::app
