// `grapevine demo` on the command line.
#pragma once

#include "app/command_context.h"

namespace grapevine::app {

void AddDemoCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
