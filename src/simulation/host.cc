#include "simulation/host.h"

#include <utility>

#include "simulation/network.h"
#include "simulation/transport.h"

namespace grapevine::simulation {

// Destroyed from the bottom up: nothing outlives the executor.
struct Host::Process {
  Process(Scheduler& scheduler, Network& network, Host& host)
      : executor(scheduler, host.id_),
        workers(executor, host.options_.workers, host.options_.costs),
        random(host.random_.Split()),
        transport(network, host),
        server(host) {
    executor.SetWallOffset(host.options_.wall_offset);
  }

  SimulatedExecutor executor;
  SimulatedWorkers workers;
  base::Random random;
  base::Metrics metrics;
  SimulatedTransport transport;
  SimulatedServer server;
};

Host::Host(Scheduler& scheduler, Network& network, std::uint32_t id, std::string name, base::Random random,
           HostOptions options)
    : scheduler_(scheduler),
      network_(network),
      id_(id),
      name_(std::move(name)),
      endpoint_(name_ + ":7051"),
      random_(random),
      options_(std::move(options)),
      process_(std::make_unique<Process>(scheduler, network, *this)) {
  network_.AddHost(*this);
}

Host::~Host() {
  if (process_up_) Crash(CrashKind::kMachine);
  network_.RemoveHost(*this);
}

base::Environment Host::environment() {
  return {process_->executor, process_->workers, process_->random, process_->metrics,
          base::Logger(options_.log, "gossip")};
}

SimulatedExecutor& Host::executor() { return process_->executor; }
SimulatedWorkers& Host::workers() { return process_->workers; }
base::Random& Host::random() { return process_->random; }
base::Metrics& Host::metrics() { return process_->metrics; }
base::Transport& Host::transport() { return process_->transport; }
base::Server& Host::server() { return process_->server; }
SimulatedServer& Host::accepting() { return process_->server; }

void Host::Crash(CrashKind kind) {
  process_up_ = false;
  machine_up_ = kind == CrashKind::kProcess;
  network_.HostCrashed(*this, kind);
  process_->executor.Crash();
}

void Host::Restart() {
  process_.reset();
  process_ = std::make_unique<Process>(scheduler_, network_, *this);
  process_up_ = true;
  machine_up_ = true;
}

void Host::SetReadInterval(base::Duration interval) {
  read_interval_ = interval;
  network_.HostReads(*this);
}

}  // namespace grapevine::simulation
