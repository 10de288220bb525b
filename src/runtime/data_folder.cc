#include "runtime/data_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/leveldb_index.h"

namespace grapevine::runtime {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

// In the folder of a channel's blocks.
constexpr const char* kLeftMark = "grapevine_left";
constexpr const char* kLeftText =
    "The peer has left this channel on request. Its blocks stay; joining the channel again goes on with them.\n";
constexpr const char* kIncarnationFile = "incarnation";
constexpr std::size_t kMaxIncarnationBytes = 32;
constexpr std::size_t kMaxChannelName = 249;
constexpr std::size_t kMaxDeletions = 10'000;  // from the index at a time

// Fabric's rule for names of channels; what passes is the name of a folder too.
bool IsChannelName(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= kMaxChannelName && is_letter(name.front()) &&
         std::ranges::all_of(name,
                             [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

Result<bool> Contains(base::FileSystem& files, const std::string& folder, std::string_view name) {
  const auto names = files.List(folder);
  if (!names && names.error().code == ErrorCode::kNotFound) return false;
  if (!names) return std::unexpected(names.error());
  return std::ranges::binary_search(*names, name);
}

}  // namespace

Result<std::unique_ptr<DataFolder>> DataFolder::Open(base::FileSystem& files, const std::string& folder) {
  if (folder.empty()) return Fail(ErrorCode::kInvalid, "peer.fileSystemPath is not set: name a folder for the ledgers");
  auto data = std::unique_ptr<DataFolder>(new DataFolder(files, folder));
  if (auto prepared = data->Prepare(); !prepared) return std::unexpected(prepared.error());
  return data;
}

Result<void> DataFolder::Prepare() {
  // A Fabric peer notes its channels there, and validates what it stores: neither of us can go on with the other's.
  const auto foreign = Contains(files_, folder_ + "/ledgersData", "ledgerProvider");
  if (!foreign) return std::unexpected(foreign.error());
  if (*foreign) {
    return Fail(ErrorCode::kInvalid,
                "'{}' holds the ledgers of a Fabric peer (ledgersData/ledgerProvider): name another folder in "
                "peer.fileSystemPath, and join the channels there",
                folder_);
  }
  for (const std::string& needed : {own_folder(), chains_folder()}) {
    if (auto made = files_.MakeFolder(needed); !made) return made;
  }
  std::error_code error;
  fs::permissions(own_folder(), fs::perms::owner_all, error);
  if (error) {
    return Fail(ErrorCode::kIo, "cannot keep others out of the folder '{}': {}", own_folder(), error.message());
  }
  auto lock = files_.LockFolder(own_folder());
  if (!lock && lock.error().code == ErrorCode::kUnavailable) {
    return Fail(ErrorCode::kUnavailable,
                "'{}' is in use by another process: stop the node that runs there, or name another folder in "
                "peer.fileSystemPath",
                folder_);
  }
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::move(*lock);
  auto index = LevelDbIndex::Open(folder_ + "/ledgersData/chains/index");
  if (!index) return std::unexpected(index.error());
  discarded_index_ = (*index)->discarded();
  index_ = std::move(*index);
  return {};
}

std::string DataFolder::LedgerFolder(const std::string& channel) const { return chains_folder() + "/" + channel; }

Result<std::vector<std::string>> DataFolder::Channels() const {
  const auto names = files_.List(chains_folder());
  if (!names) return std::unexpected(names.error());
  std::vector<std::string> channels;
  for (const std::string& name : *names) {
    if (!IsChannelName(name)) continue;
    const auto left = Contains(files_, LedgerFolder(name), kLeftMark);
    if (!left) return std::unexpected(left.error());
    if (!*left) channels.push_back(name);
  }
  return channels;
}

bool DataFolder::HasLedger(const std::string& channel) const {
  return Contains(files_, chains_folder(), channel).value_or(false);
}

Result<std::unique_ptr<ledger::Ledger>> DataFolder::OpenLedger(base::Environment environment,
                                                               const std::string& channel, ledger::ChainStart start) {
  if (!IsChannelName(channel)) {
    return Fail(ErrorCode::kInvalid,
                "'{}' is no name of a channel: a lower-case letter first, then such letters, digits, dots and dashes",
                channel);
  }
  if (!HasLedger(channel)) {
    if (auto forgotten = ForgetIndex(channel); !forgotten) return std::unexpected(forgotten.error());
  }
  return ledger::Ledger::Open(
      std::move(environment), files_, *index_,
      {.folder = LedgerFolder(channel), .channel = channel, .limits = {}, .start = std::move(start)});
}

// What the index knows of blocks whose folder an administrator has removed, to begin anew.
Result<void> DataFolder::ForgetIndex(const std::string& channel) {
  const std::string prefix = channel + '\0';
  for (;;) {
    base::IndexBatch batch;
    const auto scanned = index_->Scan(prefix, [&](base::ByteView key, base::ByteView) {
      batch.Delete(std::string(key));
      return batch.changes.size() < kMaxDeletions;
    });
    if (!scanned) return scanned;
    if (batch.changes.empty()) return {};
    if (auto written = index_->Write(batch, true); !written) return written;
  }
}

Result<void> DataFolder::MarkLeft(const std::string& channel) {
  return ledger::WriteFileOnce(files_, LedgerFolder(channel), kLeftMark, kLeftText);
}

Result<void> DataFolder::UnmarkLeft(const std::string& channel) {
  auto removed = files_.Remove(LedgerFolder(channel) + "/" + kLeftMark);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  if (!removed) return removed;
  return files_.SyncFolder(LedgerFolder(channel));
}

Result<std::uint64_t> DataFolder::ReadIncarnation() const {
  const std::string path = own_folder() + "/" + kIncarnationFile;
  auto file = files_.OpenForRead(path);
  if (!file && file.error().code == ErrorCode::kNotFound) return 0;
  if (!file) return std::unexpected(file.error());
  const auto text = (*file)->ReadAt(0, kMaxIncarnationBytes);
  if (!text) return std::unexpected(text.error());
  std::uint64_t incarnation = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), incarnation);
  if (error != std::errc() || std::string_view(end, text->data() + text->size()) != "\n") {
    return Fail(ErrorCode::kCorrupt,
                "'{}' holds no number: remove it; if the clock is right, the peer's next start is newer all the same",
                path);
  }
  return incarnation;
}

Result<void> DataFolder::WriteIncarnation(std::uint64_t incarnation) {
  return ledger::WriteFileOnce(files_, own_folder(), kIncarnationFile, fmt::format("{}\n", incarnation));
}

}  // namespace grapevine::runtime
