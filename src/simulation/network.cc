#include "simulation/network.h"

#include <utility>
#include <vector>

#include "simulation/connection.h"

namespace grapevine::simulation {

Network::Network(Scheduler& scheduler, base::Random random, NetworkConfig config)
    : scheduler_(scheduler), random_(random), config_(config) {}

Network::~Network() = default;

void Network::AddHost(Host& host) { hosts_[host.endpoint()] = &host; }

void Network::RemoveHost(Host& host) { hosts_.erase(host.endpoint()); }

Host* Network::Find(const base::Endpoint& endpoint) const {
  const auto found = hosts_.find(endpoint);
  return found == hosts_.end() ? nullptr : found->second;
}

// A visit may end connections, also the visited one.
template <typename Visit>
void Network::ForEachConnection(Visit visit) {
  std::vector<std::shared_ptr<SimulatedConnection>> all;
  all.reserve(connections_.size());
  for (const auto& [id, weak] : connections_) {
    if (auto connection = weak.lock()) all.push_back(std::move(connection));
  }
  for (const auto& connection : all) visit(*connection);
}

const LinkModel& Network::Link(const Host& from, const Host& to) const {
  const auto found = links_.find({from.id(), to.id()});
  return found == links_.end() ? config_.link : found->second;
}

base::Duration Network::Latency(const Host& from, const Host& to) {
  constexpr std::uint64_t kMillion = 1'000'000;
  const LinkModel& link = Link(from, to);
  base::Duration latency = random_.Between(link.latency_min, link.latency_max);
  while (link.loss_per_million > 0 && random_.Chance(link.loss_per_million, kMillion)) latency += link.retransmission;
  return latency;
}

const char* Network::WhyNotConnect(const Host& from, const Host* to) const {
  if (to == nullptr) return "no such host";
  if (!to->machine_up() || !PathOpen(from, *to) || !PathOpen(*to, from)) return "no route";
  if (undialable_.contains({from.id(), to->id()})) return "not reachable";
  if (!to->process_up() || !to->listening()) return "connection refused";
  if (from.options().tls.enabled != to->options().tls.enabled) return "TLS on one side only";
  return nullptr;
}

void Network::SetLink(const Host& from, const Host& to, LinkModel model) { links_[{from.id(), to.id()}] = model; }

void Network::SetPath(Host& from, Host& to, bool open) {
  if (open) {
    blocked_.erase({from.id(), to.id()});
  } else {
    blocked_.insert({from.id(), to.id()});
  }
  ForEachConnection([&](SimulatedConnection& connection) {
    if (connection.Joins(from, to)) connection.PathChanged();
  });
}

void Network::Partition(const std::set<Host*>& group, bool open) {
  // In order of name, never of address.
  for (const auto& [inner_name, inner] : hosts_) {
    if (!group.contains(inner)) continue;
    for (const auto& [outer_name, outer] : hosts_) {
      if (group.contains(outer)) continue;
      SetPath(*inner, *outer, open);
      SetPath(*outer, *inner, open);
    }
  }
}

void Network::SetDialable(const Host& from, const Host& to, bool dialable) {
  if (dialable) {
    undialable_.erase({from.id(), to.id()});
  } else {
    undialable_.insert({from.id(), to.id()});
  }
}

void Network::ResetConnections(Host& a, Host& b) {
  ForEachConnection([&](SimulatedConnection& connection) {
    if (connection.Joins(a, b)) connection.Reset();
  });
}

void Network::HostCrashed(Host& host, CrashKind kind) {
  ForEachConnection([&](SimulatedConnection& connection) { connection.HostCrashed(host, kind); });
}

void Network::HostReads(Host& host) {
  ForEachConnection([&](SimulatedConnection& connection) { connection.HostReads(host); });
}

}  // namespace grapevine::simulation
