// The files of one channel and the records in them (specification 23, section 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"
#include "base/result.h"
#include "ledger/block.h"

namespace grapevine::ledger {

struct BlockFilesLimits {
  // Roll-over: a record that would make the file larger starts the next one.
  std::uint64_t max_file_bytes = 64 * 1024 * 1024;
  // Larger records are refused when writing and taken for damage when reading. Orderers allow 99 MiB at most.
  std::uint64_t max_record_bytes = 256 * 1024 * 1024;
};

// folder/blockfile_NNNNNN
std::string BlockFilePath(const std::string& folder, std::uint64_t file);
// Numbers of the block files in `folder`, ascending; other names are ignored. kCorrupt if one is missing in between.
base::Result<std::vector<std::uint64_t>> ListBlockFiles(base::FileSystem& files, const std::string& folder);

enum class ReadState {
  kRecord,      // a complete record that decodes
  kEnd,         // the file ends here
  kIncomplete,  // the file ends within the record
  kMalformed    // no record
};

// One attempt to read a record. The views borrow from the reader and die with the next call.
struct ReadRecord {
  ReadState state = ReadState::kEnd;
  std::uint64_t offset = 0;  // of its length
  base::ByteView record;     // with its length, when kRecord
  BlockView block;           // when kRecord
  std::string problem;       // when kIncomplete or kMalformed
  // When kIncomplete: what is there may be the beginning of a record. False: its parts end before its length says, so
  // that not the record is cut off, but its length is damaged.
  bool plausible = false;
  DecodedBody part;  // when kIncomplete: the parts that are there
};

// Reads the records of one file from an offset on. Reading any file is safe. One thread.
class RecordReader {
 public:
  static constexpr std::size_t kSequentialBytes = 1024 * 1024;
  static constexpr std::size_t kSingleBytes = 16 * 1024;

  // Reads pieces of at least `read_bytes`: many records, or a single one.
  RecordReader(std::unique_ptr<base::File> file, std::uint64_t offset, std::uint64_t max_record_bytes,
               std::size_t read_bytes = kSequentialBytes)
      : file_(std::move(file)), offset_(offset), max_record_bytes_(max_record_bytes), read_bytes_(read_bytes) {}

  // The next record. After kIncomplete and kMalformed the reader stays where it is. An error: the file cannot be read.
  base::Result<ReadRecord> Next();
  std::uint64_t offset() const { return offset_; }

 private:
  // Makes bytes from offset_ on available, at least `count` unless the file ends before.
  base::Result<base::ByteView> Peek(std::uint64_t count);

  std::unique_ptr<base::File> file_;
  std::uint64_t offset_;
  std::uint64_t max_record_bytes_;
  std::size_t read_bytes_;
  std::string buffer_;
  std::uint64_t buffer_offset_ = 0;  // in the file
};

}  // namespace grapevine::ledger
