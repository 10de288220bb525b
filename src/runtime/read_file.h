// Whole files of the operating system, for start-up and for commands.
#pragma once

#include <string>

#include "base/result.h"
#include "msp/msp_folder.h"

namespace grapevine::runtime {

// A regular file, whole. The message of an error names `purpose` and the path; kNotFound if there is no such file.
base::Result<std::string> ReadFile(const std::string& path, const std::string& purpose);

// An MSP folder (specification 03, 4.1) with its subfolders, flat. kNotFound if the folder does not exist.
base::Result<msp::MspFolder> ReadMspFolder(const std::string& folder);

}  // namespace grapevine::runtime
