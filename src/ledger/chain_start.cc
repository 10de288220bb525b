#include "ledger/chain_start.h"

#include "ledger/varint.h"
#include "wire/field_writer.h"

namespace grapevine::ledger {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr const char* kFileName = "bootstrappingSnapshot.info";
constexpr std::size_t kMaxInfoBytes = 4096;

}  // namespace

Result<ChainStart> ReadChainStart(base::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/" + kFileName;
  auto file = files.OpenForRead(path);
  if (!file && file.error().code == ErrorCode::kNotFound) return ChainStart{};
  if (!file) return std::unexpected(file.error());
  const auto content = (*file)->ReadAt(0, kMaxInfoBytes);
  if (!content) return std::unexpected(content.error());
  // BootstrappingSnapshotInfo: lastBlockNum 1, lastBlockHash 2, previousBlockHash 3.
  const base::ByteView hash = BytesField(*content, 2);
  if (hash.empty()) {
    return Fail(ErrorCode::kCorrupt, "'{}' does not decode: restore it from the snapshot that the channel began with",
                path);
  }
  return ChainStart{VarintField(*content, 1) + 1, std::string(hash)};
}

Result<void> WriteChainStart(base::FileSystem& files, const std::string& folder, const ChainStart& start) {
  if (start.first_block == 0) return {};
  const std::string content =
      wire::FieldWriter().Integer(1, start.first_block - 1).Bytes(2, start.previous_hash).Take();
  return WriteFileOnce(files, folder, kFileName, content);
}

Result<void> WriteFileOnce(base::FileSystem& files, const std::string& folder, const std::string& name,
                           base::ByteView content) {
  const std::string path = folder + "/" + name;
  const std::string draft = path + ".new";
  if (auto removed = files.Remove(draft); !removed && removed.error().code != ErrorCode::kNotFound) return removed;
  auto file = files.OpenForAppend(draft);
  if (!file) return std::unexpected(file.error());
  if (auto written = (*file)->Append(content); !written) return written;
  if (auto synced = (*file)->Sync(); !synced) return synced;
  if (auto renamed = files.Rename(draft, path); !renamed) return renamed;
  return files.SyncFolder(folder);
}

}  // namespace grapevine::ledger
