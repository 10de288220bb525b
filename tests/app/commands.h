// What the tests of the commands share.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace grapevine::app {

inline const std::filesystem::path kRecordedNetwork = std::filesystem::path(GRAPEVINE_TEST_DATA) / "fabric-2.5.5";

// What a command returned and printed.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

inline std::string ContentOf(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return std::move(text).str();
}

// A folder for one test.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "grapevine-test-XXXXXX").string();
    path_ = mkdtemp(path.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace grapevine::app
