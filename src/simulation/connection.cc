#include "simulation/connection.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "simulation/stream.h"
#include "simulation/transport.h"

namespace grapevine::simulation {

using base::Status;
using base::StatusCode;

namespace {
// What a packet costs on the wire besides its payload.
constexpr std::uint64_t kPacketOverheadBytes = 60;
// Larger payloads are fingerprinted at both ends only: the trace must stay cheap.
constexpr std::size_t kFingerprintBytes = 128;

std::uint64_t Fingerprint(const Packet& packet) {
  std::uint64_t hash = MixHash(static_cast<std::uint64_t>(packet.type), packet.stream);
  hash = MixHash(hash, packet.payload.size());
  const base::ByteView payload = packet.payload.view();
  const auto mix = [&hash](base::ByteView part) {
    for (; !part.empty(); part.remove_prefix(std::min(sizeof(std::uint64_t), part.size()))) {
      hash = MixHash(hash, base::FirstWord(part));
    }
  };
  mix(payload.substr(0, kFingerprintBytes));
  if (payload.size() > kFingerprintBytes) mix(payload.substr(payload.size() - kFingerprintBytes));
  return hash;
}

base::Bytes CertificateOf(const HostTls& tls, const std::string& host, SimulatedConnection::Side side) {
  if (!tls.enabled) return {};
  const bool server = side == SimulatedConnection::kServer;
  if (!(server ? tls.presents_server_certificate : tls.presents_client_certificate)) return {};
  const std::string& given = server ? tls.server_certificate : tls.client_certificate;
  return base::Bytes(given.empty() ? (server ? "server certificate of " : "client certificate of ") + host : given);
}
}  // namespace

std::shared_ptr<SimulatedConnection> SimulatedConnection::Establish(Network& network, Host& client, Host& server) {
  const std::uint64_t id = network.next_connection_++;
  auto connection = std::make_shared<SimulatedConnection>(network, id, client, server);
  network.connections_[id] = connection;
  connection->PathChanged();
  return connection;
}

SimulatedConnection::SimulatedConnection(Network& network, std::uint64_t id, Host& client, Host& server)
    : network_(network), id_(id) {
  constexpr std::uint64_t kFirstEphemeralPort = 32768;
  constexpr std::uint64_t kEphemeralPorts = 28232;
  Host* const hosts[] = {&client, &server};
  for (const Side side : {kClient, kServer}) {
    End& end = ends_[side];
    end.host = hosts[side];
    end.executor = &hosts[side]->executor();
    end.lane = client.executor().NewLane();
    end.info.secure = client.options().tls.enabled;
    end.info.local_certificate = CertificateOf(hosts[side]->options().tls, hosts[side]->name(), side);
    end.info.certificate = CertificateOf(hosts[Other(side)]->options().tls, hosts[Other(side)]->name(), Other(side));
  }
  ends_[kClient].info.address = server.endpoint();
  ends_[kServer].info.address = fmt::format("{}:{}", client.name(), kFirstEphemeralPort + id % kEphemeralPorts);
}

SimulatedConnection::~SimulatedConnection() { network_.connections_.erase(id_); }

base::SteadyTime SimulatedConnection::Transmit(Side side, Packet packet) {
  End& from = ends_[side];
  const End& to = ends_[Other(side)];
  const base::SteadyTime now = network_.scheduler_.Now();
  if (!from.open) return now;
  const LinkModel& link = network_.Link(*from.host, *to.host);
  const std::uint64_t bytes = packet.payload.size() + kPacketOverheadBytes;
  base::SteadyTime departure = now;
  if (link.bytes_per_second > 0) {
    // Whole nanoseconds, without overflow up to 16 GiB per packet.
    departure = std::max(now, from.free_at) + base::Duration(bytes * 1'000'000'000ULL / link.bytes_per_second);
    from.free_at = departure;
  }
  if (packet.type == PacketType::kMessage) {
    ++network_.messages_;
    network_.message_bytes_ += packet.payload.size();
    if (network_.observer_) network_.observer_(*from.host, *to.host, packet.payload, to.open);
  }
  if (!to.open) {
    if (to.vanished && to.host->machine_up() && PathIsOpen()) BounceLater(side, departure);
  } else if (!network_.PathOpen(*from.host, *to.host)) {
    from.held.push_back(std::move(packet));
  } else {
    Dispatch(side, std::move(packet), departure);
  }
  return departure;
}

// The other machine came back and does not know this connection: it answers with a reset.
void SimulatedConnection::BounceLater(Side side, base::SteadyTime departure) {
  const base::Duration there = network_.Latency(*ends_[side].host, *ends_[Other(side)].host);
  const base::Duration back = network_.Latency(*ends_[Other(side)].host, *ends_[side].host);
  network_.scheduler_.ScheduleDetached(
      departure + there + back, ends_[side].executor, {EventKind::kDelivery, id_},
      [self = shared_from_this(), side] { self->Break(side, "connection reset by peer"); });
}

void SimulatedConnection::Dispatch(Side side, Packet packet, base::SteadyTime departure) {
  End& from = ends_[side];
  End& to = ends_[Other(side)];
  // What leaves in one moment arrives in one: TCP makes one segment of it. Not while a test explores every order.
  if (!from.transit.empty() && from.last_departure == departure && !network_.scheduler_.explores()) {
    network_.scheduler_.MixIntoTrace(Fingerprint(packet));
    from.transit.back().followed = true;
    from.transit.push_back(std::move(packet));
    return;
  }
  const base::Duration latency = network_.Latency(*from.host, *to.host);
  from.last_departure = departure;
  from.last_arrival = std::max(departure + latency, from.last_arrival);
  const bool call = packet.type == PacketType::kUnaryRequest || packet.type == PacketType::kUnaryResponse;
  const EventInfo info{call ? EventKind::kCall : EventKind::kDelivery, MixHash(id_, Fingerprint(packet)), from.lane};
  from.transit.push_back(std::move(packet));
  network_.scheduler_.ScheduleDetached(from.last_arrival, to.executor, info,
                                       [self = shared_from_this(), at = Other(side)] { self->Arrive(at); });
}

void SimulatedConnection::Arrive(Side at) {
  End& from = ends_[Other(at)];
  bool more = true;
  while (more) {
    Packet packet = std::move(from.transit.front());
    from.transit.pop_front();
    more = packet.followed;
    if (ends_[at].open) Take(at, std::move(packet));
  }
}

void SimulatedConnection::Take(Side at, Packet packet) {
  switch (packet.type) {
    case PacketType::kOpen:
      return Accept(std::move(packet));
    case PacketType::kUnaryRequest:
      return AnswerCall(std::move(packet));
    case PacketType::kUnaryResponse:
      return CompleteCall(packet.stream, {std::move(packet.headers->status), std::move(packet.payload)});
    case PacketType::kClose:
      return Break(at, "the other side closed the connection");
    default:
      return ToStream(at, std::move(packet));
  }
}

void SimulatedConnection::ToStream(Side at, Packet packet) {
  const auto stream = ends_[at].streams.find(packet.stream);
  if (stream != ends_[at].streams.end()) stream->second->Deliver(std::move(packet));
}

void SimulatedConnection::Accept(Packet packet) {
  const auto handler = host(kServer).accepting().StreamHandlerOf(packet.headers->method);
  auto stream = std::make_unique<SimulatedStream>(shared_from_this(), kServer, packet.stream,
                                                  std::move(packet.headers->metadata));
  if (handler == nullptr) {
    stream->Reject({StatusCode::kUnimplemented, "unknown method " + packet.headers->method, ""});
    return;
  }
  (*handler)(std::move(stream));
}

void SimulatedConnection::AnswerCall(Packet packet) {
  auto call = std::make_unique<SimulatedUnaryCall>(shared_from_this(), packet.stream, std::move(packet.payload),
                                                   std::move(packet.headers->metadata));
  const auto handler = host(kServer).accepting().UnaryHandlerOf(packet.headers->method);
  if (handler == nullptr) {
    call->Respond({{StatusCode::kUnimplemented, "unknown method " + packet.headers->method, ""}, {}});
    return;
  }
  (*handler)(std::move(call));
}

void SimulatedConnection::CompleteCall(std::uint32_t id, base::UnaryResult result) {
  auto call = calls_.extract(id);
  if (!call.empty()) call.mapped().done(std::move(result));
}

void SimulatedConnection::Close(Side side) {
  End& end = ends_[side];
  if (!end.open) return;
  for (const auto& [id, stream] : end.streams) stream->Detach();
  Transmit(side, {PacketType::kClose, 0, 0, {}, nullptr});
  end.open = false;
  StopKeepalive(side);
  if (side == kClient) {
    closed_ = nullptr;
    calls_.clear();
  }
}

void SimulatedConnection::Break(Side side, const std::string& reason) {
  const auto self = shared_from_this();
  End& end = ends_[side];
  if (!end.open) return;
  end.open = false;
  StopKeepalive(side);
  const Status status{side == kClient ? StatusCode::kUnavailable : StatusCode::kCancelled, reason, ""};
  // A handler may destroy any stream of this connection, its own as well.
  std::vector<std::uint32_t> ids;
  for (const auto& [id, stream] : end.streams) ids.push_back(id);
  for (const std::uint32_t id : ids) {
    const auto stream = end.streams.find(id);
    if (stream != end.streams.end()) stream->second->End(status);
  }
  if (side == kServer) return;
  while (!calls_.empty()) CompleteCall(calls_.begin()->first, {status, {}});
  if (auto closed = std::exchange(closed_, nullptr)) closed(status);
}

std::unique_ptr<base::Stream> SimulatedConnection::Open(std::string_view method, base::CallOptions options) {
  const std::uint32_t id = next_stream_;
  next_stream_ += 2;
  auto stream = std::make_unique<SimulatedStream>(shared_from_this(), kClient, id, base::Metadata{});
  if (!ends_[kClient].open) {
    stream->EndSoon({StatusCode::kUnavailable, "the connection is closed", ""});
    return stream;
  }
  auto headers = std::make_unique<Packet::Headers>();
  headers->method = method;
  headers->metadata = std::move(options.metadata);
  Transmit(kClient, {PacketType::kOpen, id, 0, {}, std::move(headers)});
  if (options.timeout > base::Duration::zero()) stream->SetDeadline(options.timeout);
  return stream;
}

base::Handle SimulatedConnection::Unary(std::string_view method, base::Bytes request, base::CallOptions options,
                                        std::move_only_function<void(base::UnaryResult)> done) {
  const std::uint32_t id = next_stream_;
  next_stream_ += 2;
  PendingCall& call = calls_[id];
  call.done = std::move(done);
  const auto fail_after = [&](base::Duration delay, StatusCode code, std::string reason) {
    call.deadline = executor(kClient).After(
        delay, [this, id, code, reason = std::move(reason)] { CompleteCall(id, {{code, reason, ""}, {}}); });
  };
  if (!ends_[kClient].open) {
    fail_after(base::Duration::zero(), StatusCode::kUnavailable, "the connection is closed");
  } else {
    auto headers = std::make_unique<Packet::Headers>();
    headers->method = method;
    headers->metadata = std::move(options.metadata);
    Transmit(kClient, {PacketType::kUnaryRequest, id, 0, std::move(request), std::move(headers)});
    if (options.timeout > base::Duration::zero()) {
      fail_after(options.timeout, StatusCode::kDeadlineExceeded, "the call's deadline passed");
    }
  }
  return base::Handle([weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->calls_.erase(id);
  });
}

bool SimulatedConnection::PathIsOpen() const {
  const Host& client = *ends_[kClient].host;
  const Host& server = *ends_[kServer].host;
  return network_.PathOpen(client, server) && network_.PathOpen(server, client);
}

void SimulatedConnection::PathChanged() {
  for (const Side side : {kClient, kServer}) {
    if (PathIsOpen() && !ends_[Other(side)].vanished) {
      StopKeepalive(side);
    } else {
      WatchKeepalive(side);
    }
    if (!network_.PathOpen(*ends_[side].host, *ends_[Other(side)].host)) continue;
    for (auto held = std::exchange(ends_[side].held, {}); !held.empty(); held.pop_front()) {
      if (ends_[Other(side)].open) Dispatch(side, std::move(held.front()), network_.scheduler_.Now());
    }
  }
}

// Pings go unanswered from now on.
void SimulatedConnection::WatchKeepalive(Side side) {
  End& end = ends_[side];
  if (!end.open || end.awaiting_keepalive) return;
  end.awaiting_keepalive = true;
  const base::Duration patience = side == kClient ? config().client_keepalive : config().server_keepalive;
  end.keepalive = network_.scheduler_.Schedule(network_.scheduler_.Now() + patience, end.executor,
                                               {EventKind::kTimer, id_}, [weak = weak_from_this(), side] {
                                                 const auto self = weak.lock();
                                                 if (self == nullptr) return;
                                                 self->Transmit(side, {PacketType::kClose, 0, 0, {}, nullptr});
                                                 self->Break(side, "keepalive timeout");
                                               });
}

void SimulatedConnection::StopKeepalive(Side side) {
  ends_[side].awaiting_keepalive = false;
  ends_[side].keepalive.Reset();
}

void SimulatedConnection::HostCrashed(const Host& host, CrashKind kind) {
  for (const Side side : {kClient, kServer}) {
    End& end = ends_[side];
    if (end.host != &host || !end.open) continue;
    for (const auto& [id, stream] : end.streams) stream->Detach();
    if (kind == CrashKind::kProcess) Transmit(side, {PacketType::kClose, 0, 0, {}, nullptr});
    end.open = false;
    StopKeepalive(side);
    end.vanished = kind == CrashKind::kMachine;
    if (end.vanished) WatchKeepalive(Other(side));
  }
}

void SimulatedConnection::HostReads(const Host& host) {
  for (End& end : ends_) {
    if (end.host != &host) continue;
    for (const auto& [id, stream] : end.streams) stream->ScheduleDrain(base::Duration::zero());
  }
}

void SimulatedConnection::Reset() {
  for (const Side side : {kClient, kServer}) {
    const End& end = ends_[side];
    if (!end.open) continue;
    const base::Duration latency = network_.Latency(*ends_[Other(side)].host, *end.host);
    network_.scheduler_.ScheduleDetached(
        network_.scheduler_.Now() + latency, end.executor, {EventKind::kDelivery, id_},
        [self = shared_from_this(), side] { self->Break(side, "connection reset by the network"); });
  }
}

}  // namespace grapevine::simulation
