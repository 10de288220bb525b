// The command `grapevine`.
#include <google/protobuf/stubs/logging.h>

#include <iostream>

#include "app/command_line.h"

int main(int argc, char** argv) {
  // What hostile input makes the library say is not for people; the program's own errors are.
  google::protobuf::SetLogHandler(nullptr);
  return grapevine::app::RunCommandLine(
      {.version = GRAPEVINE_VERSION, .commit = GRAPEVINE_COMMIT, .demo_network = GRAPEVINE_DEMO_NETWORK},
      {argv + 1, argv + argc}, std::cout, std::cerr);
}
