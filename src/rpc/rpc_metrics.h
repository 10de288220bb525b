// Counters of the transport; without a registry they count for nobody.
#pragma once

#include <cstddef>
#include <string>

#include "base/metrics.h"

namespace grapevine::rpc {

class RpcMetrics {
 public:
  // `metrics` may be null, and must outlive this otherwise.
  explicit RpcMetrics(base::Metrics* metrics) : metrics_(metrics) {
    if (metrics == nullptr) return;
    received_ = &metrics->GetCounter("rpc_received_bytes", "Bytes received on connections, TLS included");
    sent_ = &metrics->GetCounter("rpc_sent_bytes", "Bytes sent on connections, TLS included");
  }

  void Received(std::size_t bytes) {
    if (received_ != nullptr) received_->Add(bytes);
  }
  void Sent(std::size_t bytes) {
    if (sent_ != nullptr) sent_->Add(bytes);
  }
  // A connection that ended before it was ready.
  void HandshakeFailed(const std::string& reason) {
    Count("rpc_failed_handshakes", "Connections that ended before they were ready", reason);
  }
  // Something the remote sent that a limit or the protocol forbids.
  void Refused(const std::string& reason) {
    Count("rpc_refused", "Remote input and connections refused by a limit or by the protocol", reason);
  }

 private:
  void Count(const std::string& name, const std::string& help, const std::string& reason) {
    if (metrics_ != nullptr) metrics_->GetCounter(name, help, {{"reason", reason}}).Add();
  }

  base::Metrics* metrics_;
  base::Counter* received_ = nullptr;
  base::Counter* sent_ = nullptr;
};

}  // namespace grapevine::rpc
