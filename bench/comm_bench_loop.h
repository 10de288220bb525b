// What the servers on Grapevine's event loop share.
#pragma once

#include <string>

#include "base/transport.h"
#include "comm_bench.h"
#include "runtime/event_loop.h"

namespace grapevine::bench {

// Runs the loop of a server that listens at `address`. Commands are events of it like any other: no thread beside it.
inline void ServeCommands(runtime::EventLoop& loop, const base::Endpoint& address, Commands& commands) {
  auto input = loop.Watch(0, [&](base::IoReady) {
    if (!commands.Next()) loop.Stop();
  });
  input->SetInterest(true, false);
  commands.Ready(std::stoi(address.substr(address.rfind(':') + 1)));
  loop.Run();
}

}  // namespace grapevine::bench
