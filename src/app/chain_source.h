// A recorded chain, released block by block as an ordering service would.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/environment.h"
#include "base/files.h"
#include "ledger/block_files.h"

namespace grapevine::app {

// Reads one block file ahead of its release, on the workers. One executor.
class ChainSource {
 public:
  struct Block {
    std::uint64_t number = 0;
    base::Bytes block;  // serialised common.Block
  };

  // Opens `path`. Errors name it and what is wrong with its first record.
  static base::Result<std::unique_ptr<ChainSource>> Open(base::Workers& workers, base::FileSystem& files,
                                                         const std::string& path);

  // Header hash of the first block, which must be block 0.
  const std::string& first_hash() const { return first_hash_; }

  // The next block after the first; nothing at the end of the file. At most one Next may be pending.
  void Next(std::move_only_function<void(base::Result<std::optional<Block>>)> done);

 private:
  ChainSource(base::Workers& workers, std::string path, std::unique_ptr<ledger::RecordReader> reader,
              std::string first_hash);
  static base::Result<std::optional<Block>> Read(ledger::RecordReader& reader, const std::string& path);

  base::Workers& workers_;
  std::string path_;
  std::shared_ptr<ledger::RecordReader> reader_;
  std::string first_hash_;
  base::Handle reading_;
};

}  // namespace grapevine::app
