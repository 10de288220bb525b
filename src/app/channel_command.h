// `grapevine channel join | list | getinfo | fetch | leave`, as `peer channel` of Fabric.
#pragma once

#include "app/command_context.h"

namespace grapevine::app {

void AddChannelCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
