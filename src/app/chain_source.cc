#include "app/chain_source.h"

#include <utility>

#include "ledger/block.h"
#include "msp/block.h"

namespace grapevine::app {

using base::ErrorCode;
using ledger::ReadState;

base::Result<std::unique_ptr<ChainSource>> ChainSource::Open(base::Workers& workers, base::FileSystem& files,
                                                             const std::string& path) {
  auto file = files.OpenForRead(path);
  if (!file) return base::Wrap(file.error(), "the block file of the chain");
  auto reader =
      std::make_unique<ledger::RecordReader>(std::move(*file), 0, ledger::BlockFilesLimits{}.max_record_bytes);
  const auto first = Read(*reader, path);
  if (!first) return std::unexpected(first.error());
  if (!*first || (*first)->number != 0) {
    return base::Fail(ErrorCode::kInvalid,
                      "the block file '{}' does not begin with block 0: name the first file of a chain", path);
  }
  const auto block = msp::ParseBlock((*first)->block);
  if (!block) return base::Wrap(block.error(), "block 0 of '{}'", path);
  const auto hash = block->header.Hash();
  return std::unique_ptr<ChainSource>(new ChainSource(workers, path, std::move(reader), hash.ToString()));
}

ChainSource::ChainSource(base::Workers& workers, std::string path, std::unique_ptr<ledger::RecordReader> reader,
                         std::string first_hash)
    : workers_(workers), path_(std::move(path)), reader_(std::move(reader)), first_hash_(std::move(first_hash)) {}

base::Result<std::optional<ChainSource::Block>> ChainSource::Read(ledger::RecordReader& reader,
                                                                  const std::string& path) {
  auto record = reader.Next();
  if (!record) return std::unexpected(record.error());
  switch (record->state) {
    case ReadState::kRecord:
      return Block{.number = record->block.header.number, .block = base::Bytes(ledger::SerializeBlock(record->block))};
    case ReadState::kEnd:
      return std::nullopt;
    case ReadState::kIncomplete:
    case ReadState::kMalformed:
      break;
  }
  return base::Fail(ErrorCode::kCorrupt, "the block file '{}' is damaged at offset {}: {}", path, record->offset,
                    record->problem);
}

void ChainSource::Next(std::move_only_function<void(base::Result<std::optional<Block>>)> done) {
  reading_ = workers_.Run(
      base::WorkKind::kDisk, [reader = reader_, path = path_] { return Read(*reader, path); }, std::move(done));
}

}  // namespace grapevine::app
