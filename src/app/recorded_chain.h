// A recorded chain on disk: the block files of a Fabric orderer or peer, or of Grapevine, or one such file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"
#include "base/result.h"

namespace grapevine::app {

// Where to find a chain.
struct RecordedChainFiles {
  // The first block file of a chain, a channel's folder of block files, a peer's `ledgersData` or an orderer's folder.
  std::string path;
  std::string channel;  // which of the channels in the folder; empty: the only one
  base::Bytes genesis;  // serialised block 0; empty: the files begin with it. If they do, too, it must be theirs.
};

// Knows the place of each block. Immutable once opened, but for the files: they must not change. Any thread.
class RecordedChain {
 public:
  // Reads all files once, in about the time of copying them. Errors name the file, and the offset of what is damaged.
  static base::Result<std::shared_ptr<const RecordedChain>> Open(base::FileSystem& files,
                                                                 const RecordedChainFiles& where);

  // As block 0 says.
  const std::string& channel() const { return channel_; }
  std::uint64_t height() const { return places_.size(); }
  // Header hash of block 0, raw.
  const std::string& first_hash() const { return first_hash_; }
  bool IsConfigBlock(std::uint64_t number) const { return places_[number].configuration; }

  // A serialised common.Block. Precondition: below the height. Blocks on the disk.
  base::Result<base::Bytes> Read(std::uint64_t number) const;

 private:
  static constexpr std::uint32_t kGenesisFile = ~std::uint32_t{0};  // block 0 is `genesis_`

  struct Place {
    std::uint64_t offset = 0;
    std::uint32_t file = 0;  // index of paths_
    bool configuration = false;
  };

  explicit RecordedChain(base::FileSystem& files) : files_(files) {}
  base::Result<void> Index(const std::vector<std::string>& paths, const base::Bytes& genesis);
  base::Result<void> IndexFile(std::uint32_t file);
  base::Result<void> InspectFirst();

  base::FileSystem& files_;
  base::Bytes genesis_;  // as given
  std::vector<std::string> paths_;
  std::vector<Place> places_;  // by block number
  std::string channel_;
  std::string first_hash_;
};

}  // namespace grapevine::app
