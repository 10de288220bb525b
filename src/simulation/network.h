// The network between simulated hosts: links with latency, bandwidth and loss, and the faults that a test injects.
//
// Connections are TCP-like: bytes of one direction arrive in order; loss costs time, never data; a broken path holds
// data back until it heals or until keepalive gives the connection up. All random decisions come from one seeded
// generator, in integer arithmetic.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "base/transport.h"
#include "simulation/host.h"
#include "simulation/scheduler.h"

namespace grapevine::simulation {

class SimulatedConnection;

// One direction between two hosts.
struct LinkModel {
  base::Duration latency_min = std::chrono::microseconds(200);
  base::Duration latency_max = std::chrono::microseconds(800);  // uniform between the two
  std::uint64_t bytes_per_second = 0;                           // 0: unlimited
  std::uint32_t loss_per_million = 0;                           // of packets; each loss costs one retransmission
  base::Duration retransmission = std::chrono::milliseconds(200);
};

struct NetworkConfig {
  LinkModel link;
  std::uint64_t window_bytes = 65535;                   // in flight per stream and direction before credit comes back
  std::uint64_t max_message_bytes = 100 * 1024 * 1024;  // 02, 2.2
  // gRPC's connection back-off: first pause and growth (8/5) between attempts of one dial.
  base::Duration dial_backoff = std::chrono::seconds(1);
  // How long a path may be dead before an end gives its connections up: keepalive interval plus timeout (02, 2.2).
  base::Duration client_keepalive = std::chrono::seconds(80);
  base::Duration server_keepalive = std::chrono::seconds(7220);
};

class Network {
 public:
  Network(Scheduler& scheduler, base::Random random, NetworkConfig config);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // The link from `from` to `to` (one direction); others keep NetworkConfig::link.
  void SetLink(const Host& from, const Host& to, LinkModel model);
  void SetDefaultLink(LinkModel model) { config_.link = model; }

  // Packets from `from` to `to` are held back (false) or pass again (true): what was held then arrives, in order.
  void SetPath(Host& from, Host& to, bool open);
  // Both directions between every host of `group` and every host outside of it.
  void Partition(const std::set<Host*>& group, bool open);
  // Whether `from` may open connections to `to`: firewalls and address translation. Open connections are not touched.
  void SetDialable(const Host& from, const Host& to, bool dialable);
  // Breaks every connection between the two, as a reset by a middlebox: both ends learn of it one latency later.
  void ResetConnections(Host& a, Host& b);

  // Called for each message of a stream as it leaves its sender, for transcripts. `arrives`: its receiver was there
  // then.
  using OnMessage = std::function<void(const Host& from, const Host& to, const base::Bytes& message, bool arrives)>;
  // One observer; empty: none.
  void Observe(OnMessage observer) { observer_ = std::move(observer); }

  // Connections with at least one living end.
  std::size_t connections() const { return connections_.size(); }
  // Messages (not control packets) handed to the network so far, and their bytes.
  std::uint64_t messages() const { return messages_; }
  std::uint64_t message_bytes() const { return message_bytes_; }

 private:
  friend class Host;
  friend class SimulatedTransport;
  friend class SimulatedConnection;
  using Pair = std::pair<std::uint32_t, std::uint32_t>;

  void AddHost(Host& host);
  void RemoveHost(Host& host);
  Host* Find(const base::Endpoint& endpoint) const;
  bool PathOpen(const Host& from, const Host& to) const { return !blocked_.contains({from.id(), to.id()}); }
  const LinkModel& Link(const Host& from, const Host& to) const;
  // Time that `bytes` handed over now need from one end to the other, without waiting for bandwidth.
  base::Duration Latency(const Host& from, const Host& to);
  // Null if a connection attempt succeeds now.
  const char* WhyNotConnect(const Host& from, const Host* to) const;
  void HostCrashed(Host& host, CrashKind kind);
  void HostReads(Host& host);
  template <typename Visit>
  void ForEachConnection(Visit visit);

  Scheduler& scheduler_;
  base::Random random_;
  NetworkConfig config_;
  std::map<base::Endpoint, Host*> hosts_;
  std::map<Pair, LinkModel> links_;
  std::set<Pair> blocked_;
  std::set<Pair> undialable_;
  std::map<std::uint64_t, std::weak_ptr<SimulatedConnection>> connections_;
  std::uint64_t next_connection_ = 1;
  std::uint64_t messages_ = 0;
  std::uint64_t message_bytes_ = 0;
  OnMessage observer_;
};

}  // namespace grapevine::simulation
