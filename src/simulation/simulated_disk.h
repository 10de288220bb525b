// A disk in memory that fails as real ones do: crashes between any two operations, torn and reordered unsynced writes,
// no space left, read-only, single errors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"

namespace grapevine::simulation {

// What a power failure does to writes and names that were not synced.
enum class Unsynced {
  kLost,      // nothing survives
  kKept,      // everything survives, still unsynced: the process died, the machine did not
  kScrambled  // each sector of each write survives or not, sizes and names likewise; index batches as a random prefix
};

// The disk of one simulated node; implements base/files.h for it, and outlives the node: after a crash `Restart` gives
// the next incarnation what survived. Must outlive all objects that it hands out. One thread only.
//
// Every operation that changes something (creating, appending, truncating, syncing, renaming, removing, writing an
// index) has a number, counted from 1: a test runs once to count them and then once per number with a fault there.
class SimulatedDisk final : public base::FileSystem {
 public:
  static constexpr std::size_t kSectorBytes = 512;

  SimulatedDisk();
  ~SimulatedDisk() override;

  base::Result<std::unique_ptr<base::File>> OpenForAppend(const std::string& path) override;
  base::Result<std::unique_ptr<base::File>> OpenForRead(const std::string& path) override;
  base::Result<void> Rename(const std::string& from, const std::string& to) override;
  base::Result<void> Remove(const std::string& path) override;
  base::Result<std::vector<std::string>> List(const std::string& folder) override;
  base::Result<void> MakeFolder(const std::string& folder) override;
  base::Result<void> SyncFolder(const std::string& folder) override;
  base::Result<std::unique_ptr<base::FolderLock>> LockFolder(const std::string& folder) override;

  // An index on this disk. Several objects of one path share its content.
  base::Result<std::unique_ptr<base::KeyValueIndex>> OpenIndex(const std::string& path);
  // As deleting the index's folder by hand.
  void RemoveIndex(const std::string& path);

  std::uint64_t operations() const { return operations_; }
  // Power failure in the middle of operation number `operation`: an append is half done, a sync has not happened.
  void CrashAt(std::uint64_t operation) { crash_at_ = operation; }
  // Power failure now. Everything fails until Restart.
  void Crash() { crashed_ = true; }
  bool crashed() const { return crashed_; }
  // Power on again: keeps what was synced and of the rest what `fate` says. Objects handed out before stay dead.
  void Restart(Unsynced fate, base::Random& random);
  // Operation number `operation` fails once, without a crash: an append is half done; a write of an index has taken
  // effect if `index_applied`.
  void FailAt(std::uint64_t operation, bool index_applied = false);
  // Total size of all files; appending beyond it writes what fits and fails. The index is not counted.
  void SetCapacity(std::uint64_t bytes) { capacity_bytes_ = bytes; }
  void SetReadOnly(bool read_only) { read_only_ = read_only; }

 private:
  class OpenFile;
  class OpenIndexObject;
  class Lock;
  struct Content;
  struct IndexContent;
  struct NameChange;

  // Whether and how the next changing operation happens.
  enum class Course { kNormal, kHalf };
  base::Result<Course> Begin(const char* what, const std::string& path, std::uint64_t generation);
  base::Result<void> CheckAlive(const std::string& path, std::uint64_t generation) const;
  std::uint64_t UsedBytes() const;
  void LoseUnsynced(Unsynced fate, base::Random& random);
  void ChangeNames(const std::string& folder, NameChange change);

  std::map<std::string, std::shared_ptr<Content>> files_;
  std::map<std::string, std::vector<NameChange>> unsynced_names_;  // folder -> changes, oldest first
  std::map<std::string, std::shared_ptr<IndexContent>> indexes_;
  std::set<std::string> folders_;
  std::set<std::string> locked_;
  std::uint64_t operations_ = 0;
  std::uint64_t generation_ = 0;  // number of restarts
  std::optional<std::uint64_t> crash_at_;
  std::optional<std::uint64_t> fail_at_;
  bool fail_applies_index_ = false;
  std::optional<std::uint64_t> capacity_bytes_;
  bool read_only_ = false;
  bool crashed_ = false;
};

}  // namespace grapevine::simulation
