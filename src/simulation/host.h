// A simulated machine: its name in the network and the process that runs on it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/environment.h"
#include "base/transport.h"
#include "simulation/scheduler.h"
#include "simulation/workers.h"

namespace grapevine::simulation {

class Network;
class SimulatedServer;
class SimulatedTransport;

// TLS of a host. The network verifies nothing: certificates are arbitrary bytes that the other side gets to see.
struct HostTls {
  bool enabled = true;
  std::string server_certificate;  // DER; empty: made from the host's name
  std::string client_certificate;  // DER; empty: made from the host's name, another one than the server's
  bool presents_server_certificate = true;
  bool presents_client_certificate = true;
};

struct HostOptions {
  std::size_t workers = 2;
  WorkCosts costs;
  HostTls tls;
  base::Duration wall_offset{};
  base::LogSink* log = nullptr;  // not owned
};

enum class CrashKind {
  kProcess,  // the operating system lives on and resets the connections
  kMachine,  // silence: the others notice by keepalive, or when the machine is back and answers with a reset
};

// Owned by World. Everything that a node on it uses (environment, transport, server) belongs to its process and is
// valid until Restart; destroy the node's objects before. All calls from outside of events or from events of the world.
class Host {
 public:
  Host(Scheduler& scheduler, Network& network, std::uint32_t id, std::string name, base::Random random,
       HostOptions options);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const std::string& name() const { return name_; }
  std::uint32_t id() const { return id_; }
  const HostOptions& options() const { return options_; }

  base::Environment environment();
  SimulatedExecutor& executor();
  SimulatedWorkers& workers();
  base::Random& random();
  base::Metrics& metrics();
  base::Transport& transport();
  base::Server& server();
  // name:7051, where the server is dialled.
  const base::Endpoint& endpoint() const { return endpoint_; }

  // The process stops at once: its events are dropped and its objects become inert (calls to them do nothing).
  void Crash(CrashKind kind);
  // A new process on the same machine, with a fresh executor, metrics and transport. Only after Crash, and after
  // everything that used the old process has been destroyed.
  void Restart();
  bool process_up() const { return process_up_; }
  bool machine_up() const { return machine_up_; }
  // Whether the operating system lets others connect. False: dials are refused, connections stay.
  void SetListening(bool listening) { listening_ = listening; }
  bool listening() const { return listening_; }

  // Replaces the certificates: connections from now on use the new ones, those that exist keep theirs.
  void SetTls(HostTls tls) { options_.tls = std::move(tls); }

  // Where the process logs from the next start of its node on. Not owned.
  void SetLog(base::LogSink* log) { options_.log = log; }

  // What the process takes from its streams: one message per `interval` and stream at most; zero (at first): no limit.
  void SetReadInterval(base::Duration interval);
  // Reads nothing at all until SetReadInterval.
  void StopReading() { SetReadInterval(base::Duration::max()); }
  base::Duration read_interval() const { return read_interval_; }

  // For the network only: the accepting side of the running process.
  SimulatedServer& accepting();

 private:
  struct Process;

  Scheduler& scheduler_;
  Network& network_;
  std::uint32_t id_;
  std::string name_;
  base::Endpoint endpoint_;
  base::Random random_;
  HostOptions options_;
  std::unique_ptr<Process> process_;
  bool machine_up_ = true;
  bool process_up_ = true;
  bool listening_ = true;
  base::Duration read_interval_{};
};

}  // namespace grapevine::simulation
