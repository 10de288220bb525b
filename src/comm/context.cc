#include "comm/context.h"

namespace grapevine::comm {

CommMetrics::CommMetrics(base::Metrics& metrics)
    : sent(metrics.GetCounter("gossip_comm_messages_sent", "Messages written to streams")),
      received(metrics.GetCounter("gossip_comm_messages_received", "Envelopes read from authenticated streams")),
      overflow(metrics.GetCounter("gossip_comm_overflow_count", "Messages dropped because the peer's queue was full")),
      presumed_dead(metrics.GetCounter("gossip_comm_presumed_dead", "Peers to which no connection could be had")),
      identity_switches(metrics.GetCounter("gossip_comm_identity_switches", "Peers that changed or lost their PKI-ID")),
      trims(metrics.GetCounter("gossip_comm_stream_trims", "Own streams given up for the peer's own")),
      quick_redials(metrics.GetCounter("gossip_comm_quick_redials", "Dials after an own stream that ended at once")),
      incoming_evicted(metrics.GetCounter("gossip_comm_unauthenticated_evicted",
                                          "Incoming streams ended before authentication to make room")),
      streams(metrics.GetGauge("gossip_comm_streams", "Authenticated open streams")),
      send_queue(metrics.GetGauge("gossip_comm_send_queue_length",
                                  "Messages to all peers that have not left for the operating system")),
      receive_queue(metrics.GetGauge("gossip_comm_receive_queue_length",
                                     "Messages of all streams that no subscriber has taken yet")),
      metrics_(metrics) {
  for (MessageKind kind = 0; kind < kMessageKinds; ++kind) {
    const base::Labels labels = {{"type", TypeName(kind)}};
    sent_bytes_[kind] =
        &metrics.GetCounter("gossip_comm_bytes_sent", "Bytes of envelopes written to streams, by type", labels);
    received_bytes_[kind] = &metrics.GetCounter("gossip_comm_bytes_received",
                                                "Bytes of well-formed envelopes read from streams, by type", labels);
  }
}

void CommMetrics::DroppedSend(const char* reason) {
  metrics_
      .GetCounter("gossip_comm_dropped_messages", "Messages not sent or not delivered",
                  {{"direction", "sent"}, {"reason", reason}})
      .Add();
}

void CommMetrics::DroppedReceive(const char* reason) {
  metrics_
      .GetCounter("gossip_comm_dropped_messages", "Messages not sent or not delivered",
                  {{"direction", "received"}, {"reason", reason}})
      .Add();
}

void CommMetrics::Handshake(const char* role, const char* result) {
  metrics_.GetCounter("gossip_comm_handshakes", "Handshakes by role and result", {{"role", role}, {"result", result}})
      .Add();
}

void CommMetrics::StreamEnd(bool outgoing, const char* reason) {
  metrics_
      .GetCounter("gossip_comm_stream_ends", "Ends of authenticated streams",
                  {{"direction", outgoing ? "outgoing" : "incoming"}, {"reason", reason}})
      .Add();
}

void CommMetrics::Dial(const char* result) {
  metrics_.GetCounter("gossip_comm_dials", "Dials by result", {{"result", result}}).Add();
}

}  // namespace grapevine::comm
