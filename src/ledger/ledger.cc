#include "ledger/ledger.h"

#include <iterator>
#include <utility>

namespace grapevine::ledger {

using base::Bytes;
using base::ErrorCode;
using base::Fail;
using base::Handle;
using base::Result;

namespace {

void LogRecovery(const base::Logger& log, const std::string& channel, const RecoveryReport& report) {
  if (!report.cut_reason.empty()) {
    log.Warn("channel {}: cut {} bytes off the block files{}: {}", channel, report.cut_bytes,
             report.dropped_last ? ", the last block among them" : "", report.cut_reason);
  }
  if (report.indexed_blocks != 0) log.Info("channel {}: indexed {} blocks", channel, report.indexed_blocks);
}

}  // namespace

Result<std::optional<ConfigBlock>> FindConfigBlock(const BlockStore& store) {
  if (store.height() == store.first_block()) return std::nullopt;
  auto last = store.reader().Read(store.height() - 1);
  if (!last) return std::unexpected(last.error());
  const auto last_view = ParseBlock(*last);
  if (!last_view) return std::unexpected(last_view.error());
  const auto number = LastConfigNumber(*last_view);
  if (!number || *number < store.first_block()) return std::nullopt;
  if (*number == last_view->header.number) return ConfigBlock{*number, *last};
  auto block = store.reader().Read(*number);
  if (!block) return std::unexpected(block.error());
  const auto view = ParseBlock(*block);
  if (view && IsConfigBlock(*view)) return ConfigBlock{*number, *block};
  return Fail(ErrorCode::kCorrupt, "block {} names block {} as its configuration block, but that is none",
              last_view->header.number, *number);
}

Result<std::unique_ptr<Ledger>> Ledger::Open(base::Environment environment, base::FileSystem& files,
                                             base::KeyValueIndex& index, BlockStoreConfig store_config,
                                             LedgerConfig config) {
  const std::string channel = store_config.channel;
  auto store = BlockStore::Open(files, index, std::move(store_config));
  if (!store) return std::unexpected(store.error());
  LogRecovery(environment.log, channel, (*store)->recovery());
  auto config_block = FindConfigBlock(**store);
  if (!config_block) return std::unexpected(config_block.error());
  return std::unique_ptr<Ledger>(
      new Ledger(std::move(environment), std::move(*store), std::move(*config_block), channel, config));
}

Ledger::Ledger(base::Environment environment, std::unique_ptr<BlockStore> store,
               std::optional<ConfigBlock> config_block, const std::string& channel, LedgerConfig config)
    : environment_(std::move(environment)),
      config_(config),
      store_(std::move(store)),
      reader_(store_->reader()),
      first_block_(store_->first_block()),
      height_(store_->height()),
      current_hash_(store_->current_hash()),
      config_block_(std::move(config_block)),
      height_gauge_(environment_.metrics.GetGauge("ledger_blockchain_height", "Number of blocks, all durable.",
                                                  {{"channel", channel}})) {
  height_gauge_.Set(static_cast<std::int64_t>(height_));
}

Ledger::~Ledger() = default;

Handle Ledger::Commit(Bytes block, Done<void> done) {
  auto shared_done = std::make_shared<Done<void>>(std::move(done));
  Handle handle([shared_done] { *shared_done = nullptr; });
  if (waiting_.size() + writing_.size() >= config_.max_pending_commits) {
    environment_.executor.Post(lifetime_.Guard([shared_done, bound = config_.max_pending_commits] {
      if (*shared_done) (*shared_done)(Fail(ErrorCode::kExhausted, "{} commits are pending already", bound));
    }));
    return handle;
  }
  waiting_.push_back({std::move(block), std::move(shared_done)});
  WriteNext();
  return handle;
}

void Ledger::WriteNext() {
  if (!writing_.empty() || waiting_.empty()) return;
  std::vector<Bytes> blocks;
  std::size_t bytes = 0;
  while (!waiting_.empty() && blocks.size() < config_.max_group_blocks) {
    bytes += waiting_.front().block.size();
    if (!blocks.empty() && bytes > config_.max_group_bytes) break;
    blocks.push_back(waiting_.front().block);
    writing_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  write_job_ = environment_.workers.Run(
      base::WorkKind::kDisk, [store = store_, blocks = std::move(blocks)] { return Append(*store, blocks); },
      [this](CommitResult result) { Written(std::move(result)); });
}

Ledger::CommitResult Ledger::Append(BlockStore& store, const std::vector<Bytes>& blocks) {
  CommitResult result;
  result.outcome = store.Append(blocks);
  result.height = store.height();
  result.current_hash = store.current_hash();
  for (std::size_t i = result.outcome.appended; i-- > 0;) {
    const auto view = ParseBlock(blocks[i]);
    if (!view || !IsConfigBlock(*view)) continue;
    result.config_block = ConfigBlock{view->header.number, blocks[i]};
    break;
  }
  return result;
}

void Ledger::Written(CommitResult result) {
  height_ = result.height;
  current_hash_ = std::move(result.current_hash);
  if (result.config_block) config_block_ = std::move(result.config_block);
  height_gauge_.Set(static_cast<std::int64_t>(height_));

  std::vector<PendingCommit> finished = std::exchange(writing_, {});
  // What follows a refused block has not had its turn.
  const std::size_t ended = result.outcome.appended + (result.outcome.error ? 1 : 0);
  waiting_.insert(waiting_.begin(), std::make_move_iterator(finished.begin() + static_cast<std::ptrdiff_t>(ended)),
                  std::make_move_iterator(finished.end()));
  finished.resize(ended);
  WriteNext();
  const auto alive = lifetime_.Watch();
  for (std::size_t i = 0; i < finished.size() && !alive.expired(); ++i) {
    Done<void> done = std::exchange(*finished[i].done, nullptr);
    if (!done) continue;
    if (i < result.outcome.appended) {
      done({});
    } else {
      done(std::unexpected(*result.outcome.error));
    }
  }
}

Handle Ledger::ReadBlock(std::uint64_t number, Done<Bytes> done) const {
  return environment_.workers.Run(
      base::WorkKind::kDisk,
      [reader = reader_, number, height = height_]() -> Result<Bytes> {
        if (number < height) return reader.Read(number);
        return Fail(ErrorCode::kNotFound, "block {} does not exist yet, the height is {}", number, height);
      },
      std::move(done));
}

Handle Ledger::ReadBlocks(std::uint64_t first, std::uint64_t last, std::size_t max_bytes,
                          Done<std::vector<Bytes>> done) const {
  return environment_.workers.Run(
      base::WorkKind::kDisk,
      [reader = reader_, first, last, max_bytes, height = height_]() -> Result<std::vector<Bytes>> {
        if (first >= height) {
          return Fail(ErrorCode::kNotFound, "block {} does not exist yet, the height is {}", first, height);
        }
        std::vector<Bytes> blocks;
        std::size_t bytes = 0;
        for (std::uint64_t number = first; number <= last && number < height; ++number) {
          auto block = reader.Read(number);
          if (!block && !blocks.empty()) break;  // whoever asks for it next is told
          if (!block) return std::unexpected(block.error());
          bytes += block->size();
          if (!blocks.empty() && bytes > max_bytes) break;
          blocks.push_back(std::move(*block));
        }
        return blocks;
      },
      std::move(done));
}

Handle Ledger::ReadBlockByHash(std::string header_hash, Done<Bytes> done) const {
  return environment_.workers.Run(
      base::WorkKind::kDisk,
      [reader = reader_, header_hash = std::move(header_hash)] { return reader.ReadByHash(header_hash); },
      std::move(done));
}

Handle Ledger::ReadBlockByTransactionId(std::string id, Done<Bytes> done) const {
  return environment_.workers.Run(
      base::WorkKind::kDisk,
      [reader = reader_, id = std::move(id), height = height_] { return reader.ReadByTransactionId(id, height); },
      std::move(done));
}

}  // namespace grapevine::ledger
