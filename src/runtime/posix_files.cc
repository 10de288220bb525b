#include "runtime/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace grapevine::runtime {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr mode_t kFileMode = 0660;
constexpr mode_t kFolderMode = 0755;

std::unexpected<base::Error> Refused(const char* what, const std::string& path) {
  const int error = errno;
  return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, "cannot {} '{}': {}", what, path,
              std::generic_category().message(error));
}

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

Result<Descriptor> Open(const char* what, const std::string& path, int flags) {
  int value = -1;
  do value = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  while (value < 0 && errno == EINTR);
  if (value < 0) return Refused(what, path);
  return Descriptor(value);
}

class PosixFile final : public base::File {
 public:
  PosixFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::uint64_t> Size() const override {
    struct stat status{};
    if (::fstat(descriptor_.value(), &status) != 0) return Refused("get the size of", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<std::string> ReadAt(std::uint64_t offset, std::size_t length) const override {
    // The length may come from damaged data: never allocate more than the file holds.
    const auto size = Size();
    if (!size) return std::unexpected(size.error());
    if (offset >= *size) return std::string();
    std::string content(static_cast<std::size_t>(std::min<std::uint64_t>(length, *size - offset)), '\0');
    std::size_t done = 0;
    while (done < content.size()) {
      const ssize_t count =
          ::pread(descriptor_.value(), content.data() + done, content.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Refused("read", path_);
      if (count == 0) break;  // shortened meanwhile
      done += static_cast<std::size_t>(count);
    }
    content.resize(done);
    return content;
  }

  Result<void> Append(base::ByteView data) override {
    while (!data.empty()) {
      const ssize_t count = ::write(descriptor_.value(), data.data(), data.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Refused("append to", path_);
      data.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<void> Truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_.value(), static_cast<off_t>(size)) != 0) return Refused("truncate", path_);
    return {};
  }

  Result<void> Sync() override {
    if (::fdatasync(descriptor_.value()) != 0) return Refused("sync", path_);
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixFolderLock final : public base::FolderLock {
 public:
  explicit PosixFolderLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

std::string Parent(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<base::File>> PosixFileSystem::OpenForAppend(const std::string& path) {
  auto descriptor = Open("open for appending", path, O_RDWR | O_APPEND | O_CREAT);
  if (!descriptor) return std::unexpected(descriptor.error());
  return std::make_unique<PosixFile>(std::move(*descriptor), path);
}

Result<std::unique_ptr<base::File>> PosixFileSystem::OpenForRead(const std::string& path) {
  auto descriptor = Open("open", path, O_RDONLY);
  if (!descriptor) return std::unexpected(descriptor.error());
  return std::make_unique<PosixFile>(std::move(*descriptor), path);
}

Result<void> PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return Refused("rename", from);
  return {};
}

Result<void> PosixFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Refused("remove", path);
  return {};
}

Result<std::vector<std::string>> PosixFileSystem::List(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (stream == nullptr) return Refused("list", folder);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) return Refused("list", folder);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> PosixFileSystem::MakeFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), kFolderMode) == 0) return SyncFolder(Parent(folder));
  if (errno == EEXIST) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return Fail(ErrorCode::kIo, "cannot make the folder '{}': a file of this name exists", folder);
  }
  if (errno != ENOENT || Parent(folder) == folder || Parent(folder) == ".") return Refused("make the folder", folder);
  if (auto made = MakeFolder(Parent(folder)); !made) return made;
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) return Refused("make the folder", folder);
  return SyncFolder(Parent(folder));
}

Result<void> PosixFileSystem::SyncFolder(const std::string& folder) {
  const auto descriptor = Open("open the folder", folder, O_RDONLY | O_DIRECTORY);
  if (!descriptor) return std::unexpected(descriptor.error());
  if (::fsync(descriptor->value()) != 0) return Refused("sync the folder", folder);
  return {};
}

Result<std::unique_ptr<base::FolderLock>> PosixFileSystem::LockFolder(const std::string& folder) {
  auto descriptor = Open("open the folder", folder, O_RDONLY | O_DIRECTORY);
  if (!descriptor) return std::unexpected(descriptor.error());
  if (::flock(descriptor->value(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Fail(ErrorCode::kUnavailable, "'{}' is in use by another process: stop it, or choose another folder",
                  folder);
    }
    return Refused("lock the folder", folder);
  }
  return std::make_unique<PosixFolderLock>(std::move(*descriptor));
}

}  // namespace grapevine::runtime
