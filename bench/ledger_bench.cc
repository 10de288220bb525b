// What the disk costs: appending, reading and opening a chain on the file system that holds the temporary folder.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ledger/block.h"
#include "ledger/block_store.h"
#include "runtime/leveldb_index.h"
#include "runtime/posix_files.h"

namespace grapevine::ledger {
namespace {

// Forgets syncs, to show what they cost.
class UnsyncedFile final : public base::File {
 public:
  explicit UnsyncedFile(std::unique_ptr<base::File> file) : file_(std::move(file)) {}
  base::Result<std::uint64_t> Size() const override { return file_->Size(); }
  base::Result<std::string> ReadAt(std::uint64_t offset, std::size_t length) const override {
    return file_->ReadAt(offset, length);
  }
  base::Result<void> Append(base::ByteView data) override { return file_->Append(data); }
  base::Result<void> Truncate(std::uint64_t size) override { return file_->Truncate(size); }
  base::Result<void> Sync() override { return {}; }

 private:
  std::unique_ptr<base::File> file_;
};

class UnsyncedFiles final : public base::FileSystem {
 public:
  base::Result<std::unique_ptr<base::File>> OpenForAppend(const std::string& path) override {
    auto file = files_.OpenForAppend(path);
    if (!file) return file;
    return std::make_unique<UnsyncedFile>(std::move(*file));
  }
  base::Result<std::unique_ptr<base::File>> OpenForRead(const std::string& path) override {
    return files_.OpenForRead(path);
  }
  base::Result<void> Rename(const std::string& from, const std::string& to) override { return files_.Rename(from, to); }
  base::Result<void> Remove(const std::string& path) override { return files_.Remove(path); }
  base::Result<std::vector<std::string>> List(const std::string& folder) override { return files_.List(folder); }
  base::Result<void> MakeFolder(const std::string& folder) override { return files_.MakeFolder(folder); }
  base::Result<void> SyncFolder(const std::string&) override { return {}; }
  base::Result<std::unique_ptr<base::FolderLock>> LockFolder(const std::string& folder) override {
    return files_.LockFolder(folder);
  }

 private:
  runtime::PosixFileSystem files_;
};

class UnsyncedIndex final : public base::KeyValueIndex {
 public:
  explicit UnsyncedIndex(base::KeyValueIndex& index) : index_(index) {}
  base::Result<std::optional<std::string>> Get(base::ByteView key) const override { return index_.Get(key); }
  base::Result<void> Scan(base::ByteView prefix,
                          const std::function<bool(base::ByteView, base::ByteView)>& visit) const override {
    return index_.Scan(prefix, visit);
  }
  base::Result<void> Write(const base::IndexBatch& batch, bool) override { return index_.Write(batch, false); }

 private:
  base::KeyValueIndex& index_;
};

// Blocks of ten transactions of 4 KB that continue one another.
class ChainMaker {
 public:
  base::Bytes Next() {
    const std::string transaction(4096, static_cast<char>('a' + number_ % 26));
    BlockView block;
    block.header.number = number_++;
    block.header.previous_hash = previous_hash_;
    block.transactions.assign(10, transaction);
    const crypto::Digest data_hash = block.DataHash();
    block.header.data_hash = data_hash.view();
    block.metadata.assign(5, {});
    base::Bytes serialized(SerializeBlock(block));
    previous_hash_ = block.header.Hash().ToString();
    return serialized;
  }

 private:
  std::uint64_t number_ = 0;
  std::string previous_hash_;
};

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ledger-bench-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string chain() const { return path_ + "/chain"; }
  std::string index() const { return path_ + "/index"; }

 private:
  std::string path_;
};

void Append(benchmark::State& state, base::FileSystem& files, bool synced) {
  const Folder folder;
  const auto index = runtime::LevelDbIndex::Open(folder.index()).value();
  UnsyncedIndex unsynced(*index);
  base::KeyValueIndex& used = synced ? static_cast<base::KeyValueIndex&>(*index) : unsynced;
  const auto store = BlockStore::Open(files, used, {folder.chain(), "channel", {}, {}}).value();
  ChainMaker chain;
  std::int64_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    std::vector<base::Bytes> group;
    for (std::int64_t i = 0; i < state.range(0); ++i) group.push_back(chain.Next());
    bytes += static_cast<std::int64_t>(group[0].size()) * state.range(0);
    state.ResumeTiming();
    if (const auto outcome = store->Append(group); outcome.error) state.SkipWithError(outcome.error->message.c_str());
  }
  state.SetBytesProcessed(bytes);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void AppendSynced(benchmark::State& state) {
  runtime::PosixFileSystem files;
  Append(state, files, true);
}
void AppendUnsynced(benchmark::State& state) {
  UnsyncedFiles files;
  Append(state, files, false);
}
// Blocks per append, which share one sync.
BENCHMARK(AppendSynced)->Arg(1)->Arg(16)->UseRealTime();
BENCHMARK(AppendUnsynced)->Arg(1)->Arg(16)->UseRealTime();

constexpr int kStoredBlocks = 1000;

void Fill(const Folder& folder, base::KeyValueIndex& index) {
  UnsyncedFiles files;
  UnsyncedIndex unsynced(index);
  const auto store = BlockStore::Open(files, unsynced, {folder.chain(), "channel", {}, {}}).value();
  ChainMaker chain;
  for (int i = 0; i < kStoredBlocks; ++i) (void)store->Append(std::vector{chain.Next()});
}

void ReadByNumber(benchmark::State& state) {
  const Folder folder;
  runtime::PosixFileSystem files;
  const auto index = runtime::LevelDbIndex::Open(folder.index()).value();
  Fill(folder, *index);
  const BlockReader reader(files, *index, {folder.chain(), "channel", {}, {}});
  std::uint64_t number = 0;
  std::int64_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    number = (number + 617) % kStoredBlocks;
    bytes += static_cast<std::int64_t>(reader.Read(number).value().size());
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK(ReadByNumber);

// Argument 1: the index is gone and is rebuilt from the files.
void Open(benchmark::State& state) {
  const Folder folder;
  runtime::PosixFileSystem files;
  Fill(folder, *runtime::LevelDbIndex::Open(folder.index()).value());
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    if (state.range(0) == 1) std::filesystem::remove_all(folder.index());
    state.ResumeTiming();
    const auto index = runtime::LevelDbIndex::Open(folder.index()).value();
    benchmark::DoNotOptimize(BlockStore::Open(files, *index, {folder.chain(), "channel", {}, {}}).value()->height());
  }
}
BENCHMARK(Open)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace grapevine::ledger

BENCHMARK_MAIN();
