#include "simulation/simulated_disk.h"

#include <algorithm>
#include <utility>

namespace grapevine::simulation {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

std::string Parent(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

// A file: what its users see now, and how to get back to what is durable.
struct SimulatedDisk::Content {
  struct Change {
    std::uint64_t offset = 0;
    std::string bytes;  // appended at offset, or cut off from offset on
    bool append = true;
  };

  std::string now;
  std::vector<Change> unsynced;

  void Append(base::ByteView data) {
    unsynced.push_back({now.size(), std::string(data), true});
    now.append(data);
  }
  void Truncate(std::uint64_t size) {
    if (size >= now.size()) return;
    unsynced.push_back({size, now.substr(size), false});
    now.resize(size);
  }

  void Survive(Unsynced fate, base::Random& random) {
    for (auto change = unsynced.rbegin(); change != unsynced.rend(); ++change) {
      now.resize(change->offset);
      if (!change->append) now += change->bytes;
    }
    if (fate == Unsynced::kScrambled) {
      for (const Change& change : unsynced) Scramble(change, random);
    }
    unsynced.clear();
  }

  void Scramble(const Change& change, base::Random& random) {
    if (random.Chance(1, 4)) return;  // lost as a whole
    if (!change.append) {
      if (change.offset < now.size()) now.resize(change.offset);
      return;
    }
    // The size may reach the disk before the bytes do; what is missing reads as zeros.
    const std::uint64_t length =
        random.Chance(1, 2) ? change.bytes.size() : random.Below(change.bytes.size() + std::uint64_t{1});
    if (now.size() < change.offset + length) now.resize(change.offset + length, '\0');
    for (std::uint64_t start = 0; start < length; start += kSectorBytes) {
      if (random.Chance(1, 4)) continue;
      const std::uint64_t count = std::min<std::uint64_t>(kSectorBytes, length - start);
      now.replace(change.offset + start, count, change.bytes, start, count);
    }
  }
};

struct SimulatedDisk::IndexContent {
  std::map<std::string, std::string, std::less<>> now;
  std::vector<base::IndexBatch> undo;  // of the unsynced batches, oldest first

  void Apply(const base::IndexBatch& batch) {
    base::IndexBatch before;
    for (const auto& [key, value] : batch.changes) {
      const auto old = now.find(key);
      before.changes.emplace_back(key, old == now.end() ? std::nullopt : std::optional(old->second));
      Set(key, value);
    }
    undo.push_back(std::move(before));
  }
  void Set(const std::string& key, const std::optional<std::string>& value) {
    if (value) {
      now[key] = *value;
    } else {
      now.erase(key);
    }
  }
  void Survive(Unsynced fate, base::Random& random) {
    std::size_t kept = 0;
    if (fate == Unsynced::kScrambled) kept = random.Below(undo.size() + std::uint64_t{1});
    for (; undo.size() > kept; undo.pop_back()) {
      auto& changes = undo.back().changes;
      for (auto change = changes.rbegin(); change != changes.rend(); ++change) Set(change->first, change->second);
    }
    undo.clear();
  }
};

// One step in a folder; a rename is two entries that survive together.
struct SimulatedDisk::NameChange {
  struct Entry {
    std::string path;
    std::shared_ptr<Content> before;
    std::shared_ptr<Content> after;
  };
  std::vector<Entry> entries;
};

class SimulatedDisk::OpenFile final : public base::File {
 public:
  OpenFile(SimulatedDisk& disk, std::string path, std::shared_ptr<Content> content, bool writable)
      : disk_(disk),
        path_(std::move(path)),
        content_(std::move(content)),
        writable_(writable),
        generation_(disk.generation_) {}

  Result<std::uint64_t> Size() const override {
    if (auto alive = disk_.CheckAlive(path_, generation_); !alive) return std::unexpected(alive.error());
    return content_->now.size();
  }
  Result<std::string> ReadAt(std::uint64_t offset, std::size_t length) const override {
    if (auto alive = disk_.CheckAlive(path_, generation_); !alive) return std::unexpected(alive.error());
    if (offset >= content_->now.size()) return std::string();
    return content_->now.substr(offset, length);
  }
  Result<void> Append(base::ByteView data) override {
    const auto course = Begin("append to");
    if (!course) return std::unexpected(course.error());
    std::size_t fits = *course == Course::kHalf ? data.size() / 2 : data.size();
    const char* reason = "input/output error";
    if (disk_.capacity_bytes_) {
      const std::uint64_t used = disk_.UsedBytes();
      const std::uint64_t free = *disk_.capacity_bytes_ - std::min(*disk_.capacity_bytes_, used);
      if (free < fits) {
        fits = static_cast<std::size_t>(free);
        reason = "no space left on device";
      }
    }
    content_->Append(data.substr(0, fits));
    if (fits == data.size() && *course == Course::kNormal) return {};
    return Fail(ErrorCode::kIo, "cannot append to '{}': {}", path_, reason);
  }
  Result<void> Truncate(std::uint64_t size) override {
    const auto course = Begin("truncate");
    if (!course) return std::unexpected(course.error());
    if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot truncate '{}': input/output error", path_);
    content_->Truncate(size);
    return {};
  }
  Result<void> Sync() override {
    const auto course = Begin("sync");
    if (!course) return std::unexpected(course.error());
    if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot sync '{}': input/output error", path_);
    content_->unsynced.clear();
    return {};
  }

 private:
  Result<Course> Begin(const char* what) {
    if (!writable_) return Fail(ErrorCode::kIo, "cannot {} '{}': opened for reading only", what, path_);
    return disk_.Begin(what, path_, generation_);
  }

  SimulatedDisk& disk_;
  std::string path_;
  std::shared_ptr<Content> content_;
  bool writable_;
  std::uint64_t generation_;
};

class SimulatedDisk::OpenIndexObject final : public base::KeyValueIndex {
 public:
  OpenIndexObject(SimulatedDisk& disk, std::string path, std::shared_ptr<IndexContent> content)
      : disk_(disk), path_(std::move(path)), content_(std::move(content)), generation_(disk.generation_) {}

  Result<std::optional<std::string>> Get(base::ByteView key) const override {
    if (auto alive = disk_.CheckAlive(path_, generation_); !alive) return std::unexpected(alive.error());
    const auto found = content_->now.find(key);
    if (found == content_->now.end()) return std::nullopt;
    return found->second;
  }
  Result<void> Scan(base::ByteView prefix,
                    const std::function<bool(base::ByteView key, base::ByteView value)>& visit) const override {
    if (auto alive = disk_.CheckAlive(path_, generation_); !alive) return alive;
    for (auto entry = content_->now.lower_bound(prefix); entry != content_->now.end(); ++entry) {
      if (!base::ByteView(entry->first).starts_with(prefix) || !visit(entry->first, entry->second)) break;
    }
    return {};
  }
  Result<void> Write(const base::IndexBatch& batch, bool sync) override {
    const auto course = disk_.Begin("write to", path_, generation_);
    if (!course) return std::unexpected(course.error());
    if (*course == Course::kHalf) {
      if (disk_.crashed_ || disk_.fail_applies_index_) content_->Apply(batch);
      return Fail(ErrorCode::kIo, "cannot write to the index '{}': input/output error", path_);
    }
    content_->Apply(batch);
    if (sync) content_->undo.clear();
    return {};
  }

 private:
  SimulatedDisk& disk_;
  std::string path_;
  std::shared_ptr<IndexContent> content_;
  std::uint64_t generation_;
};

class SimulatedDisk::Lock final : public base::FolderLock {
 public:
  Lock(SimulatedDisk& disk, std::string folder)
      : disk_(disk), folder_(std::move(folder)), generation_(disk.generation_) {}
  ~Lock() override {
    if (generation_ == disk_.generation_) disk_.locked_.erase(folder_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  SimulatedDisk& disk_;
  std::string folder_;
  std::uint64_t generation_;
};

SimulatedDisk::SimulatedDisk() : folders_{".", "/"} {}
SimulatedDisk::~SimulatedDisk() = default;

Result<void> SimulatedDisk::CheckAlive(const std::string& path, std::uint64_t generation) const {
  if (crashed_ || generation != generation_) return Fail(ErrorCode::kIo, "'{}': the machine has crashed", path);
  return {};
}

Result<SimulatedDisk::Course> SimulatedDisk::Begin(const char* what, const std::string& path,
                                                   std::uint64_t generation) {
  if (auto alive = CheckAlive(path, generation); !alive) return std::unexpected(alive.error());
  if (read_only_) return Fail(ErrorCode::kIo, "cannot {} '{}': read-only file system", what, path);
  ++operations_;
  if (operations_ == crash_at_) crashed_ = true;
  return operations_ == crash_at_ || operations_ == fail_at_ ? Course::kHalf : Course::kNormal;
}

std::uint64_t SimulatedDisk::UsedBytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, content] : files_) total += content->now.size();
  return total;
}

void SimulatedDisk::FailAt(std::uint64_t operation, bool index_applied) {
  fail_at_ = operation;
  fail_applies_index_ = index_applied;
}

void SimulatedDisk::ChangeNames(const std::string& folder, NameChange change) {
  for (const auto& entry : change.entries) {
    if (entry.after == nullptr) {
      files_.erase(entry.path);
    } else {
      files_[entry.path] = entry.after;
    }
  }
  unsynced_names_[folder].push_back(std::move(change));
}

Result<std::unique_ptr<base::File>> SimulatedDisk::OpenForAppend(const std::string& path) {
  if (auto alive = CheckAlive(path, generation_); !alive) return std::unexpected(alive.error());
  if (read_only_) return Fail(ErrorCode::kIo, "cannot open '{}' for appending: read-only file system", path);
  const auto found = files_.find(path);
  if (found != files_.end()) return std::make_unique<OpenFile>(*this, path, found->second, true);
  if (!folders_.contains(Parent(path))) {
    return Fail(ErrorCode::kNotFound, "cannot open '{}' for appending: no such folder", path);
  }
  const auto course = Begin("create", path, generation_);
  if (!course) return std::unexpected(course.error());
  auto content = std::make_shared<Content>();
  ChangeNames(Parent(path), {{{path, nullptr, content}}});
  if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot create '{}': input/output error", path);
  return std::make_unique<OpenFile>(*this, path, std::move(content), true);
}

Result<std::unique_ptr<base::File>> SimulatedDisk::OpenForRead(const std::string& path) {
  if (auto alive = CheckAlive(path, generation_); !alive) return std::unexpected(alive.error());
  const auto found = files_.find(path);
  if (found == files_.end()) return Fail(ErrorCode::kNotFound, "cannot open '{}': no such file", path);
  return std::make_unique<OpenFile>(*this, path, found->second, false);
}

Result<void> SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  const auto course = Begin("rename", from, generation_);
  if (!course) return std::unexpected(course.error());
  const auto found = files_.find(from);
  if (found == files_.end()) return Fail(ErrorCode::kNotFound, "cannot rename '{}': no such file", from);
  if (Parent(from) != Parent(to)) {
    return Fail(ErrorCode::kInvalid, "cannot rename '{}' to '{}': only within one folder", from, to);
  }
  if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot rename '{}': input/output error", from);
  const auto target = files_.find(to);
  auto replaced = target == files_.end() ? nullptr : target->second;
  auto moved = found->second;
  ChangeNames(Parent(to), {{{to, std::move(replaced), moved}, {from, moved, nullptr}}});
  return {};
}

Result<void> SimulatedDisk::Remove(const std::string& path) {
  const auto course = Begin("remove", path, generation_);
  if (!course) return std::unexpected(course.error());
  const auto found = files_.find(path);
  if (found == files_.end()) return Fail(ErrorCode::kNotFound, "cannot remove '{}': no such file", path);
  if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot remove '{}': input/output error", path);
  auto removed = found->second;
  ChangeNames(Parent(path), {{{path, std::move(removed), nullptr}}});
  return {};
}

Result<std::vector<std::string>> SimulatedDisk::List(const std::string& folder) {
  if (auto alive = CheckAlive(folder, generation_); !alive) return std::unexpected(alive.error());
  if (!folders_.contains(folder)) return Fail(ErrorCode::kNotFound, "cannot list '{}': no such folder", folder);
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (path != folder && Parent(path) == folder) names.push_back(path.substr(path.find_last_of('/') + 1));
  };
  for (const auto& [path, content] : files_) add(path);
  for (const auto& path : folders_) add(path);
  for (const auto& [path, content] : indexes_) add(path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> SimulatedDisk::MakeFolder(const std::string& folder) {
  if (folders_.contains(folder)) return CheckAlive(folder, generation_);
  if (auto parent = MakeFolder(Parent(folder)); !parent) return parent;
  const auto course = Begin("make the folder", folder, generation_);
  if (!course) return std::unexpected(course.error());
  if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot make '{}': input/output error", folder);
  folders_.insert(folder);
  return {};
}

Result<void> SimulatedDisk::SyncFolder(const std::string& folder) {
  const auto course = Begin("sync the folder", folder, generation_);
  if (!course) return std::unexpected(course.error());
  if (*course == Course::kHalf) return Fail(ErrorCode::kIo, "cannot sync the folder '{}': input/output error", folder);
  unsynced_names_.erase(folder);
  return {};
}

Result<std::unique_ptr<base::FolderLock>> SimulatedDisk::LockFolder(const std::string& folder) {
  if (auto alive = CheckAlive(folder, generation_); !alive) return std::unexpected(alive.error());
  if (!folders_.contains(folder)) return Fail(ErrorCode::kNotFound, "cannot lock '{}': no such folder", folder);
  if (!locked_.insert(folder).second) {
    return Fail(ErrorCode::kUnavailable, "'{}' is in use by another process: stop it, or choose another folder",
                folder);
  }
  return std::make_unique<Lock>(*this, folder);
}

Result<std::unique_ptr<base::KeyValueIndex>> SimulatedDisk::OpenIndex(const std::string& path) {
  if (auto alive = CheckAlive(path, generation_); !alive) return std::unexpected(alive.error());
  auto& content = indexes_[path];
  if (content == nullptr) content = std::make_shared<IndexContent>();
  return std::make_unique<OpenIndexObject>(*this, path, content);
}

void SimulatedDisk::RemoveIndex(const std::string& path) { indexes_.erase(path); }

void SimulatedDisk::Restart(Unsynced fate, base::Random& random) {
  if (fate != Unsynced::kKept) LoseUnsynced(fate, random);
  locked_.clear();
  crash_at_.reset();
  fail_at_.reset();
  crashed_ = false;
  ++generation_;
}

void SimulatedDisk::LoseUnsynced(Unsynced fate, base::Random& random) {
  for (auto& [path, content] : indexes_) content->Survive(fate, random);
  // Contents first: a file whose name is lost keeps nothing anyway, and one whose removal is lost comes back whole.
  std::set<std::shared_ptr<Content>> contents;
  std::vector<std::shared_ptr<Content>> in_order;
  const auto collect = [&](const std::shared_ptr<Content>& content) {
    if (content != nullptr && contents.insert(content).second) in_order.push_back(content);
  };
  for (auto& [path, content] : files_) collect(content);
  for (auto& [folder, changes] : unsynced_names_) {
    for (auto& change : changes) {
      for (auto& entry : change.entries) collect(entry.before);
    }
  }
  for (auto& content : in_order) content->Survive(fate, random);
  for (auto& [folder, changes] : unsynced_names_) {
    std::size_t kept = 0;
    if (fate == Unsynced::kScrambled) kept = random.Below(changes.size() + std::uint64_t{1});
    for (; changes.size() > kept; changes.pop_back()) {
      auto& entries = changes.back().entries;
      for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        if (entry->before == nullptr) {
          files_.erase(entry->path);
        } else {
          files_[entry->path] = entry->before;
        }
      }
    }
  }
  unsynced_names_.clear();
}

}  // namespace grapevine::simulation
