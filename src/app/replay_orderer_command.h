// `grapevine replay-orderer`: an ordering service that serves a recorded chain, for demos and tests.
#pragma once

#include "app/command_context.h"

namespace grapevine::app {

void AddReplayOrdererCommand(CLI::App& app, CommandContext& context);

}  // namespace grapevine::app
