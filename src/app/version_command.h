// `grapevine version`.
#pragma once

#include "app/command_context.h"

namespace grapevine::app {

void AddVersionCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
