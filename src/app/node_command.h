// `grapevine node start | check | status`.
#pragma once

#include "app/command_context.h"

namespace grapevine::app {

void AddNodeCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
