#include "simulation/stream.h"

#include <algorithm>
#include <utility>

namespace grapevine::simulation {

using base::Status;
using base::StatusCode;

SimulatedStream::SimulatedStream(std::shared_ptr<SimulatedConnection> connection, SimulatedConnection::Side side,
                                 std::uint32_t id, base::Metadata metadata)
    : connection_(std::move(connection)), side_(side), id_(id), metadata_(std::move(metadata)) {
  connection_->Register(side_, id_, this);
}

SimulatedStream::~SimulatedStream() {
  if (!over_) Reset();
  connection_->Unregister(side_, id_);
}

void SimulatedStream::Send(base::Bytes message) {
  if (over_ || half_closed_ || finished_) return;
  if (message.size() > connection_->config().max_message_bytes) {
    EndSoon({StatusCode::kResourceExhausted,
             fmt::format("message of {} bytes is larger than the limit of {}", message.size(),
                         connection_->config().max_message_bytes),
             ""});
    return;
  }
  outbox_.push_back(std::move(message));
  ++unsent_;
  Pump();
}

void SimulatedStream::Pump() {
  while (!over_ && !outbox_.empty() && in_flight_ < connection_->config().window_bytes) {
    base::Bytes message = std::move(outbox_.front());
    outbox_.pop_front();
    in_flight_ += message.size();
    Departed(connection_->Transmit(side_, {PacketType::kMessage, id_, 0, std::move(message), nullptr}));
  }
  if (over_ || last_packet_sent_ || !outbox_.empty()) return;
  if (half_closed_) {
    last_packet_sent_ = true;
    connection_->Transmit(side_, {PacketType::kHalfClose, id_, 0, {}, nullptr});
  } else if (finished_) {
    last_packet_sent_ = true;
    const base::SteadyTime gone = SendTrailers(*finished_);
    end_ = executor().scheduler().Schedule(gone, &executor(), {EventKind::kSent, id_},
                                           [this] { End({StatusCode::kOk, "", ""}); });
  }
}

void SimulatedStream::Departed(base::SteadyTime at) {
  if (!departures_.empty() && departures_.back().at == at) {
    ++departures_.back().count;
    return;
  }
  departures_.push_back({at, 1, {}});
  departures_.back().event =
      executor().scheduler().Schedule(at, &executor(), {EventKind::kSent, id_}, [this] { ReportSent(); });
}

void SimulatedStream::ReportSent() {
  const std::size_t count = departures_.front().count;
  departures_.pop_front();
  unsent_ -= count;
  handler_->OnSent(count);
}

void SimulatedStream::Read(std::size_t messages) {
  if (over_) return;
  credit_ += messages;
  if (!inbox_.empty()) ScheduleDrain(base::Duration::zero());
}

void SimulatedStream::HalfClose() {
  if (over_ || side_ != SimulatedConnection::kClient) return;
  half_closed_ = true;
  Pump();
}

void SimulatedStream::Finish(Status status) {
  if (over_ || finished_ || side_ != SimulatedConnection::kServer) return;
  finished_ = std::move(status);
  Pump();
}

base::SteadyTime SimulatedStream::SendTrailers(Status status) {
  auto headers = std::make_unique<Packet::Headers>();
  headers->status = std::move(status);
  return connection_->Transmit(side_, {PacketType::kTrailers, id_, 0, {}, std::move(headers)});
}

void SimulatedStream::Reject(Status status) {
  SendTrailers(std::move(status));
  Detach();
}

void SimulatedStream::Deliver(Packet packet) {
  if (over_) return;
  switch (packet.type) {
    case PacketType::kMessage:
      if (finished_) return;  // the own side has said its last word
      inbox_.push_back(std::move(packet.payload));
      Drain();
      return;
    case PacketType::kWindow:
      in_flight_ -= std::min(in_flight_, packet.number);
      Pump();
      return;
    case PacketType::kHalfClose:
      remote_half_closed_ = true;
      Drain();
      return;
    case PacketType::kTrailers:
      remote_status_ = std::move(packet.headers->status);
      Drain();
      return;
    case PacketType::kReset:
      End({StatusCode::kCancelled, "the other side cancelled the stream", ""});
      return;
    default:
      return;
  }
}

void SimulatedStream::ScheduleDrain(base::Duration delay) {
  drain_ = executor().scheduler().Schedule(executor().Now() + delay, &executor(), {EventKind::kDelivery, id_},
                                           [this] { Drain(); });
}

// Reports what has arrived, in order, as far as credit and the host's reading speed allow.
void SimulatedStream::Drain() {
  const auto alive = lifetime_.Watch();
  while (!alive.expired() && !over_) {
    if (!inbox_.empty()) {
      if (!DeliverOne()) return;
    } else if (std::exchange(remote_half_closed_, false)) {
      handler_->OnHalfClose();
    } else if (remote_status_) {
      End(std::move(*remote_status_));
    } else {
      return;
    }
  }
}

// False: not now.
bool SimulatedStream::DeliverOne() {
  if (credit_ == 0) return false;
  const base::Duration interval = connection_->host(side_).read_interval();
  if (interval == base::Duration::max()) return false;
  if (interval > base::Duration::zero()) {
    if (executor().Now() < next_read_) {
      ScheduleDrain(next_read_ - executor().Now());
      return false;
    }
    next_read_ = executor().Now() + interval;
  }
  if (inbox_.front().size() > receive_limit_) {
    RefuseTooLarge(inbox_.front().size());
    return false;
  }
  --credit_;
  base::Bytes message = std::move(inbox_.front());
  inbox_.pop_front();
  Consumed(message.size());
  handler_->OnMessage(std::move(message));
  return true;
}

void SimulatedStream::RefuseTooLarge(std::size_t size) {
  Status status{StatusCode::kResourceExhausted,
                fmt::format("received message of {} bytes is larger than the limit of {}", size, receive_limit_), ""};
  if (side_ == SimulatedConnection::kServer) {
    SendTrailers(status);
  } else {
    connection_->Transmit(side_, {PacketType::kReset, id_, 0, {}, nullptr});
  }
  End(std::move(status));
}

void SimulatedStream::Consumed(std::size_t bytes) {
  consumed_ += bytes;
  if (consumed_ < connection_->config().window_bytes / 2) return;
  connection_->Transmit(side_, {PacketType::kWindow, id_, std::exchange(consumed_, 0), {}, nullptr});
}

// A copy: the caller's status may lie in what Detach destroys.
void SimulatedStream::End(Status status) {  // NOLINT(performance-unnecessary-value-param)
  if (over_) return;
  Detach();
  handler_->OnEnd(status);  // may destroy this stream
}

void SimulatedStream::Detach() {
  over_ = true;
  outbox_.clear();
  departures_.clear();
  unsent_ = 0;
  inbox_.clear();
  drain_.Reset();
  deadline_.Reset();
  end_.Reset();
}

void SimulatedStream::Reset() {
  Detach();
  connection_->Transmit(side_, {PacketType::kReset, id_, 0, {}, nullptr});
}

void SimulatedStream::EndSoon(Status status) {
  finished_ = status;  // nothing is taken any more, in either direction
  last_packet_sent_ = true;
  end_ = executor().scheduler().Schedule(executor().Now(), &executor(), {EventKind::kTask, id_},
                                         [this, status = std::move(status)] {
                                           connection_->Transmit(side_, {PacketType::kReset, id_, 0, {}, nullptr});
                                           End(status);
                                         });
}

void SimulatedStream::SetDeadline(base::Duration timeout) {
  deadline_ = executor().After(timeout, [this] {
    connection_->Transmit(side_, {PacketType::kReset, id_, 0, {}, nullptr});
    End({StatusCode::kDeadlineExceeded, "the call's deadline passed", ""});
  });
}

}  // namespace grapevine::simulation
