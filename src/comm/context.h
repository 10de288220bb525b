// What every part of the communication layer works with. Internal to the room.
#pragma once

#include <array>
#include <cstddef>

#include "base/environment.h"
#include "comm/config.h"
#include "comm/message_kind.h"
#include "msp/identity_mapper.h"
#include "msp/message_crypto.h"

namespace grapevine::comm {

inline constexpr char kGossipStreamMethod[] = "/gossip.Gossip/GossipStream";
inline constexpr char kPingMethod[] = "/gossip.Gossip/Ping";

// Counters of section 12 under Fabric's names, and one per reason for everything that is refused or dropped.
class CommMetrics {
 public:
  explicit CommMetrics(base::Metrics& metrics);

  base::Counter& sent;
  base::Counter& received;
  base::Counter& overflow;
  base::Counter& presumed_dead;
  base::Counter& identity_switches;
  base::Counter& trims;
  base::Counter& quick_redials;
  base::Counter& incoming_evicted;  // unauthenticated streams beyond the bound
  base::Gauge& streams;             // authenticated and open
  base::Gauge& send_queue;          // messages of all peers
  base::Gauge& receive_queue;       // messages of all streams

  // gossip_comm_bytes_sent{type=...}, gossip_comm_bytes_received{type=...}: envelopes, by type of message.
  void SentBytes(MessageKind kind, std::size_t bytes) { sent_bytes_.at(kind)->Add(bytes); }
  void ReceivedBytes(MessageKind kind, std::size_t bytes) { received_bytes_.at(kind)->Add(bytes); }

  // gossip_comm_dropped_messages{direction="sent" or "received", reason=...}: accepted and then not sent, or received
  // and then not delivered.
  void DroppedSend(const char* reason);
  void DroppedReceive(const char* reason);
  // gossip_comm_handshakes{role="initiator" or "responder", result="ok" or the reason}.
  void Handshake(const char* role, const char* result);
  // gossip_comm_stream_ends{direction="outgoing" or "incoming", reason=...}.
  void StreamEnd(bool outgoing, const char* reason);
  // gossip_comm_dials{result=...}.
  void Dial(const char* result);

 private:
  base::Metrics& metrics_;
  std::array<base::Counter*, kMessageKinds> sent_bytes_{};
  std::array<base::Counter*, kMessageKinds> received_bytes_{};
};

// References; owned by Comm and by whoever built it.
struct Context {
  base::Environment& environment;
  const CommConfig& config;
  msp::IdentityMapper& mapper;
  msp::MessageCrypto& crypto;
  CommMetrics& metrics;

  base::Executor& executor() const { return environment.executor; }
  const base::Logger& log() const { return environment.log; }
};

}  // namespace grapevine::comm
