// Reports that files have changed: certificates and keys are renewed while the peer runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/io_loop.h"
#include "base/result.h"

namespace grapevine::runtime {

// Watches files, and folders with their subfolders (one level, as MSP folders have them), by inotify. Files may be
// written in place, replaced by renaming, reached by symbolic links that are switched, removed and made anew.
// Everything happens on the loop; destroying it ends the watch, also inside its callback.
class FileWatch {
 public:
  // So long nothing must happen before a change is reported: a certificate and its key are two files.
  static constexpr base::Duration kQuiet = std::chrono::milliseconds(500);

  // `changed` runs once for changes that follow each other within `quiet` (10 times that at most), and only if a file
  // differs from what it was at the last report by name, inode, size or time of change. Missing paths are watched for
  // too. kIo: the operating system gives no more watches.
  static base::Result<std::unique_ptr<FileWatch>> Start(base::IoLoop& loop, std::vector<std::string> paths,
                                                        std::function<void()> changed, base::Duration quiet = kQuiet);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  // What tells one state of the files from another, by path.
  using Fingerprint = std::map<std::string, std::string>;

  FileWatch(base::IoLoop& loop, std::vector<std::string> paths, std::function<void()> changed, base::Duration quiet,
            int descriptor);
  base::Result<void> AddWatches();
  base::Result<void> AddWatch(const std::string& folder);
  void OnEvents();
  void OnQuiet();
  Fingerprint TakeFingerprint() const;

  base::IoLoop& loop_;
  const std::vector<std::string> paths_;
  const std::function<void()> changed_;
  const base::Duration quiet_;
  const int descriptor_;
  Fingerprint reported_;
  std::optional<base::SteadyTime> first_event_;  // since the last look at the files
  std::unique_ptr<base::IoWatch> watch_;
  base::Handle timer_;
};

}  // namespace grapevine::runtime
