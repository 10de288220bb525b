// Settings of membership (specification 10.12).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/transport.h"
#include "gossip/intake.h"

namespace grapevine::membership {

using namespace std::chrono_literals;  // NOLINT: 5s in the defaults below

// Defaults are Fabric's where Fabric has the key, named in the comment.
struct MembershipConfig {
  base::Endpoint endpoint{};        // peer.gossip.endpoint: host:port, shown to the own organisation only
  std::string external_endpoint{};  // peer.gossip.externalEndpoint: empty hides the peer from other organisations
  std::vector<base::Endpoint> bootstrap{};  // peer.gossip.bootstrap
  base::Duration alive_interval = 5s;       // peer.gossip.aliveTimeInterval; the same on all peers
  base::Duration alive_expiration = 25s;    // peer.gossip.aliveExpirationTimeout
  base::Duration reconnect_interval = 25s;  // peer.gossip.reconnectInterval
  std::uint32_t expiration_factor = 20;  // peer.gossip.msgExpirationFactor: silent for so many expirations: forgotten
  base::Duration publish_cert_period =
      10s;                            // peer.gossip.publishCertPeriod: how long alive messages carry the identity
  base::Duration sync_interval = 4s;  // peer.gossip.pullInterval
  // peer.gossip.pullPeerNum. One, if the round is quiet (gossip/rounds.h) and nobody is overdue.
  std::size_t sync_peers = 3;
  // An alive message that comes from its author and says nothing new waits so long for others with which it is passed
  // on, but at most a fifth of alive_interval, and not while the view is in motion. Zero where alive messages do not
  // share a tree (gossip/router.h).
  base::Duration gathering = 1s;
  base::Duration response_wait = 5s;  // for the response to a membership request that must arrive

  // The greatest incarnation that this peer is known to have used; the new one is greater also if the clock is not
  // (D-12). Whoever stores it asks Discovery::incarnation().
  std::uint64_t last_incarnation = 0;
  // A peer that is unknown or dead, and by its own account (incarnation plus sequence times alive_interval) last spoke
  // longer ago than this, is alive only when it speaks itself on its own connection; until then it is dead and gets
  // contacted (D-9). Zero: twenty expirations, as forgetting.
  base::Duration freshness_bound{};

  // Connecting to bootstrap and anchor peers: pauses grow from min to max by half each time, with jitter, for ever
  // (D-11). Never longer than Fabric's, which is always its reconnectInterval.
  base::Duration connect_pause_min = 1s;
  base::Duration connect_pause_max = 25s;

  std::size_t max_members = 20000;          // alive and dead; more are refused
  std::size_t max_alive_bytes = 64 * 1024;  // of one alive message, certificate included
  std::size_t max_tombstones = 20000;       // timestamps of the forgotten; the oldest makes room
  gossip::IntakeConfig intake{.max_in_work = 128, .max_in_work_per_peer = 64};  // liveness messages
};

// Who has not been heard of for so long is overdue: its last alive message was missed, or it is dead. A message waits a
// fifth of an interval at most (`gathering`), and is on its way for less than the rest.
inline base::Duration OverdueAfter(const MembershipConfig& config) { return config.alive_interval * 3 / 2; }

}  // namespace grapevine::membership
