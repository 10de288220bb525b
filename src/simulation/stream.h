// One end of a simulated stream: flow control by credit and window, half-close, status, cancel by destruction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/handle.h"
#include "base/ring_queue.h"
#include "base/transport.h"
#include "simulation/connection.h"

namespace grapevine::simulation {

class SimulatedStream final : public base::Stream {
 public:
  SimulatedStream(std::shared_ptr<SimulatedConnection> connection, SimulatedConnection::Side side, std::uint32_t id,
                  base::Metadata metadata);
  ~SimulatedStream() override;

  void SetHandler(base::StreamHandler& handler) override { handler_ = &handler; }
  void Send(base::Bytes message) override;
  std::size_t unsent() const override { return unsent_; }
  void Read(std::size_t messages) override;
  void SetReceiveLimit(std::size_t bytes) override { receive_limit_ = bytes; }
  void HalfClose() override;
  void Finish(base::Status status) override;
  const base::PeerInfo& peer() const override { return connection_->peer(side_); }
  const base::Metadata& metadata() const override { return metadata_; }

  // A packet of this stream has arrived. In an event of this end.
  void Deliver(Packet packet);
  // The stream ends at once; what was not read is lost. In an event of this end.
  void End(base::Status status);
  // Its connection was destroyed by its user: nothing happens any more.
  void Detach();
  // The host reads again.
  void ScheduleDrain(base::Duration delay);
  void SetDeadline(base::Duration timeout);
  // Server: answers with `status` alone. The stream may be destroyed afterwards.
  void Reject(base::Status status);
  // For a stream opened on a connection that is already broken.
  void EndSoon(base::Status status);

 private:
  struct Departure {
    base::SteadyTime at;
    std::size_t count;
    base::Handle event;
  };

  void Pump();
  void Departed(base::SteadyTime at);
  void ReportSent();
  void Drain();
  bool DeliverOne();
  void RefuseTooLarge(std::size_t size);
  void Consumed(std::size_t bytes);
  void Reset();
  base::SteadyTime SendTrailers(base::Status status);
  SimulatedExecutor& executor() { return connection_->executor(side_); }

  std::shared_ptr<SimulatedConnection> connection_;
  const SimulatedConnection::Side side_;
  const std::uint32_t id_;
  base::Metadata metadata_;
  base::StreamHandler* handler_ = nullptr;

  base::RingQueue<base::Bytes> outbox_;    // waiting for window
  base::RingQueue<Departure> departures_;  // on their way out of this host
  std::size_t unsent_ = 0;                 // in either
  std::uint64_t in_flight_ = 0;            // bytes that the other end has not consumed
  bool half_closed_ = false;               // by HalfClose
  std::optional<base::Status> finished_;   // by Finish
  bool last_packet_sent_ = false;          // the half-close or the trailers

  base::RingQueue<base::Bytes> inbox_;
  std::size_t credit_ = 0;
  std::size_t receive_limit_ = kTransportLimit;
  std::uint64_t consumed_ = 0;  // bytes since the last kWindow
  base::SteadyTime next_read_{};
  bool remote_half_closed_ = false;  // not yet reported
  std::optional<base::Status> remote_status_;
  bool over_ = false;

  base::Handle drain_;
  base::Handle deadline_;
  base::Handle end_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::simulation
