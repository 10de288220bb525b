#include "runtime/file_watch.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

namespace grapevine::runtime {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::uint32_t kEvents =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::size_t kMaxFiles = 10'000;  // far above any MSP

constexpr int kMaxQuiets = 10;  // a change is reported after so many at the latest

// `path` itself if it is no folder; else what is in it and in its subfolders.
std::vector<fs::path> FilesBelow(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry.depth() >= 1) entry.disable_recursion_pending();
    if (files.size() < kMaxFiles) files.push_back(entry->path());
  }
  return files;
}

}  // namespace

Result<std::unique_ptr<FileWatch>> FileWatch::Start(base::IoLoop& loop, std::vector<std::string> paths,
                                                    std::function<void()> changed, base::Duration quiet) {
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return Fail(ErrorCode::kIo, "cannot watch files: {}", std::strerror(errno));
  std::unique_ptr<FileWatch> watch(new FileWatch(loop, std::move(paths), std::move(changed), quiet, descriptor));
  if (auto added = watch->AddWatches(); !added) return std::unexpected(added.error());
  return watch;
}

FileWatch::FileWatch(base::IoLoop& loop, std::vector<std::string> paths, std::function<void()> changed,
                     base::Duration quiet, int descriptor)
    : loop_(loop), paths_(std::move(paths)), changed_(std::move(changed)), quiet_(quiet), descriptor_(descriptor) {
  reported_ = TakeFingerprint();
  watch_ = loop_.Watch(descriptor_, [this](base::IoReady) { OnEvents(); });
  watch_->SetInterest(true, false);
}

FileWatch::~FileWatch() {
  watch_.reset();
  close(descriptor_);
}

// Folders are watched rather than files, since a file that is replaced is another one. Adding a watch again does
// nothing, so that this also finds the folders that are new.
Result<void> FileWatch::AddWatches() {
  std::set<std::string> folders;
  for (const fs::path path : paths_) {
    std::error_code error;
    folders.insert(path.parent_path().string());
    if (!fs::is_directory(path, error)) continue;
    folders.insert(path.string());
    for (const fs::path& entry : FilesBelow(path)) {
      if (fs::is_directory(entry, error)) folders.insert(entry.string());
    }
  }
  for (const std::string& folder : folders) {
    if (auto added = AddWatch(folder.empty() ? "." : folder); !added) return added;
  }
  return {};
}

Result<void> FileWatch::AddWatch(const std::string& folder) {
  if (inotify_add_watch(descriptor_, folder.c_str(), kEvents) >= 0) return {};
  // The folder above tells when it is made.
  const std::string parent = fs::path(folder).parent_path().string();
  if ((errno == ENOENT || errno == ENOTDIR) && !parent.empty() && parent != folder) return AddWatch(parent);
  return Fail(ErrorCode::kIo, "cannot watch '{}': {}", folder, std::strerror(errno));
}

void FileWatch::OnEvents() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  while (read(descriptor_, buffer.data(), buffer.size()) > 0) {
  }
  // A folder with other files may never be quiet.
  if (!first_event_) first_event_ = loop_.Now();
  const base::Duration left = *first_event_ + kMaxQuiets * quiet_ - loop_.Now();
  timer_ = loop_.After(std::min(quiet_, left), [this] { OnQuiet(); });
}

void FileWatch::OnQuiet() {
  first_event_.reset();
  (void)AddWatches();  // without the new ones the old ones still tell something
  Fingerprint now = TakeFingerprint();
  if (now == reported_) return;
  reported_ = std::move(now);
  const auto changed = changed_;  // it may destroy this
  changed();
}

FileWatch::Fingerprint FileWatch::TakeFingerprint() const {
  Fingerprint fingerprint;
  for (const std::string& path : paths_) {
    for (const fs::path& file : FilesBelow(path)) {
      struct stat state{};
      if (stat(file.c_str(), &state) != 0 || S_ISDIR(state.st_mode)) continue;
      fingerprint[file.string()] =
          fmt::format("{}:{}:{}.{}", state.st_ino, state.st_size, state.st_mtim.tv_sec, state.st_mtim.tv_nsec);
    }
  }
  return fingerprint;
}

}  // namespace grapevine::runtime
