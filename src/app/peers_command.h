// `grapevine peers`: whom a running node sees.
#pragma once

#include "app/command_context.h"

namespace grapevine::app {

void AddPeersCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
