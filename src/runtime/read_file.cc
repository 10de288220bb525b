#include "runtime/read_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace grapevine::runtime {

namespace fs = std::filesystem;
using base::ErrorCode;

base::Result<std::string> ReadFile(const std::string& path, const std::string& purpose) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return base::Fail(ErrorCode::kIo, "{} '{}' is a folder; a file is wanted", purpose, path);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const auto code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    return base::Fail(code, "cannot read {} '{}': {}", purpose, path, std::strerror(errno));
  }
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return base::Fail(ErrorCode::kIo, "cannot read {} '{}': {}", purpose, path, std::strerror(errno));
  return content;
}

base::Result<msp::MspFolder> ReadMspFolder(const std::string& folder) {
  msp::MspFolder content;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry.depth() > 1 || !entry->is_regular_file()) continue;
    const auto text = ReadFile(entry->path().string(), "MSP file");
    if (!text) return std::unexpected(text.error());
    const std::string subfolder = entry.depth() == 0 ? "" : entry->path().parent_path().filename().string();
    content[subfolder][entry->path().filename().string()] = *text;
  }
  if (error) {
    const auto code = error == std::errc::no_such_file_or_directory ? ErrorCode::kNotFound : ErrorCode::kIo;
    return base::Fail(code, "cannot read the MSP folder '{}': {}", folder, error.message());
  }
  return content;
}

}  // namespace grapevine::runtime
