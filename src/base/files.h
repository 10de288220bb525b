// Files and the ordered index: the only way to the disk for rooms that must not reach it by themselves.
//
// Real: runtime::PosixFileSystem and runtime::LevelDbIndex. Simulated: simulation::SimulatedDisk (crashes, torn writes,
// full disks). All calls are synchronous and may take long: call them from a worker job (base::Workers), or at start
// before the executor runs; never in an event. Paths are absolute or relative to the process, separated by '/'.
// Errors: kNotFound names a missing file or folder, everything else that the operating system refuses is kIo; messages
// name the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace grapevine::base {

// One open file; destroying it closes it without a sync. Used by one thread at a time; several File objects may be open
// on the same file, and a reader sees what a writer has appended.
class File {
 public:
  virtual ~File() = default;

  virtual Result<std::uint64_t> Size() const = 0;
  // The bytes [offset, offset + length), fewer only where the file ends.
  virtual Result<std::string> ReadAt(std::uint64_t offset, std::size_t length) const = 0;
  // Writes at the end. On an error any part of `data` may have been written: truncate before going on.
  // After a crash any subset of the unsynced bytes may be there, in any order, zeros or old bytes between them.
  virtual Result<void> Append(ByteView data) = 0;
  // Shortens the file to `size` bytes; survives a crash only after Sync.
  virtual Result<void> Truncate(std::uint64_t size) = 0;
  // On success the content and size survive a crash (the name does after FileSystem::SyncFolder). After a failure it is
  // unknown which bytes are durable; calling again must not be taken as a proof: truncate and write anew.
  virtual Result<void> Sync() = 0;
};

// Holds a folder against other processes and other holders in this one; destroying it gives the folder back. A crash of
// the process gives it back too.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

// The names and contents of files. Callable from any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // For reading and appending. Creates a missing file with mode 0660; the folder must exist.
  virtual Result<std::unique_ptr<File>> OpenForAppend(const std::string& path) = 0;
  // For reading only: Append, Truncate and Sync fail.
  virtual Result<std::unique_ptr<File>> OpenForRead(const std::string& path) = 0;
  // Replaces an existing file of the new name in one step: after a crash the new name holds either content.
  virtual Result<void> Rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> Remove(const std::string& path) = 0;
  // Names of files and folders directly below `folder`, sorted bytewise.
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;
  // With all missing parents, each durable; an existing folder is no error.
  virtual Result<void> MakeFolder(const std::string& folder) = 0;
  // On success names created, renamed and removed in `folder` before survive a crash. Without it they may or may not.
  virtual Result<void> SyncFolder(const std::string& folder) = 0;
  // kUnavailable if somebody else holds it.
  virtual Result<std::unique_ptr<FolderLock>> LockFolder(const std::string& folder) = 0;
};

// Changes of an index that take effect together.
struct IndexBatch {
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;  // key, value; no value: delete the key

  void Put(std::string key, std::string value) { changes.emplace_back(std::move(key), std::move(value)); }
  void Delete(std::string key) { changes.emplace_back(std::move(key), std::nullopt); }
};

// An ordered map of byte strings. Callable from any thread; each call sees a batch completely or not at all.
class KeyValueIndex {
 public:
  virtual ~KeyValueIndex() = default;

  // No value if the key does not exist.
  virtual Result<std::optional<std::string>> Get(ByteView key) const = 0;
  // Calls `visit` for each key that begins with `prefix`, in bytewise order of the keys, until it returns false.
  // `visit` must not use the index.
  virtual Result<void> Scan(ByteView prefix, const std::function<bool(ByteView key, ByteView value)>& visit) const = 0;
  // Applies the batch. A crash keeps or loses it as a whole, and keeps it only if it keeps all batches before it. With
  // `sync` it survives a crash once the call has succeeded, and so do all batches before it. After an error it is
  // unknown whether the batch took effect.
  virtual Result<void> Write(const IndexBatch& batch, bool sync) = 0;
};

}  // namespace grapevine::base
