#include "simulation/transport.h"

#include <utility>

namespace grapevine::simulation {

using base::StatusCode;

namespace {
// TCP's handshake, TLS 1.3 and HTTP/2's settings.
constexpr int kDialRoundTrips = 3;

// What the dialling process holds of a connection.
class ClientConnection final : public base::Connection {
 public:
  explicit ClientConnection(std::shared_ptr<SimulatedConnection> connection) : connection_(std::move(connection)) {}
  ~ClientConnection() override { connection_->Close(SimulatedConnection::kClient); }

  const base::PeerInfo& peer() const override { return connection_->peer(SimulatedConnection::kClient); }
  std::unique_ptr<base::Stream> Open(std::string_view method, base::CallOptions options) override {
    return connection_->Open(method, std::move(options));
  }
  base::Handle Unary(std::string_view method, base::Bytes request, base::CallOptions options,
                     std::move_only_function<void(base::UnaryResult)> done) override {
    return connection_->Unary(method, std::move(request), std::move(options), std::move(done));
  }
  void OnClosed(std::move_only_function<void(const base::Status&)> closed) override {
    connection_->OnClosed(std::move(closed));
  }

 private:
  std::shared_ptr<SimulatedConnection> connection_;
};
}  // namespace

base::Handle SimulatedServer::ServeStream(std::string method, OnStream handler) {
  streams_[method] = std::make_shared<OnStream>(std::move(handler));
  return base::Handle([this, method] { streams_.erase(method); });
}

base::Handle SimulatedServer::ServeUnary(std::string method, OnUnary handler) {
  calls_[method] = std::make_shared<OnUnary>(std::move(handler));
  return base::Handle([this, method] { calls_.erase(method); });
}

std::shared_ptr<SimulatedServer::OnStream> SimulatedServer::StreamHandlerOf(const std::string& method) const {
  const auto found = streams_.find(method);
  return found == streams_.end() ? nullptr : found->second;
}

std::shared_ptr<SimulatedServer::OnUnary> SimulatedServer::UnaryHandlerOf(const std::string& method) const {
  const auto found = calls_.find(method);
  return found == calls_.end() ? nullptr : found->second;
}

SimulatedUnaryCall::SimulatedUnaryCall(std::shared_ptr<SimulatedConnection> connection, std::uint32_t id,
                                       base::Bytes request, base::Metadata metadata)
    : connection_(std::move(connection)), id_(id), request_(std::move(request)), metadata_(std::move(metadata)) {}

SimulatedUnaryCall::~SimulatedUnaryCall() {
  if (!answered_) Respond({{StatusCode::kInternal, "the call was not answered", ""}, {}});
}

void SimulatedUnaryCall::Respond(base::UnaryResult result) {
  answered_ = true;
  auto headers = std::make_unique<Packet::Headers>();
  headers->status = std::move(result.status);
  connection_->Transmit(SimulatedConnection::kServer,
                        {PacketType::kUnaryResponse, id_, 0, std::move(result.response), std::move(headers)});
}

base::Handle SimulatedTransport::Dial(base::Endpoint endpoint, base::Duration timeout, OnConnected done) {
  const std::uint64_t id = next_dial_++;
  Dialling& dial = dials_[id];
  dial.endpoint = std::move(endpoint);
  dial.done = std::move(done);
  dial.lane = host_.executor().NewLane();
  dial.backoff = network_.config_.dial_backoff;
  dial.deadline = host_.executor().After(timeout, [this, id] { GiveUp(id); });
  Attempt(id);
  return base::Handle([this, id] { dials_.erase(id); });
}

void SimulatedTransport::Attempt(std::uint64_t id) {
  Dialling& dial = dials_.at(id);
  const Host* target = network_.Find(dial.endpoint);
  if (const char* reason = network_.WhyNotConnect(host_, target)) {
    TryLater(id, reason);
    return;
  }
  base::Duration needed{};
  for (int i = 0; i < kDialRoundTrips; ++i) {
    needed += network_.Latency(host_, *target);
    needed += network_.Latency(*target, host_);
  }
  dial.attempt = network_.scheduler_.Schedule(network_.scheduler_.Now() + needed, &host_.executor(),
                                              {EventKind::kDial, id, dial.lane}, [this, id] { Connected(id); });
}

void SimulatedTransport::Connected(std::uint64_t id) {
  Host* const target = network_.Find(dials_.at(id).endpoint);
  if (const char* reason = network_.WhyNotConnect(host_, target)) {
    TryLater(id, reason);
    return;
  }
  auto dial = dials_.extract(id);
  dial.mapped().done(std::make_unique<ClientConnection>(SimulatedConnection::Establish(network_, host_, *target)));
}

void SimulatedTransport::TryLater(std::uint64_t id, std::string failure) {
  constexpr int kGrowthNumerator = 8;
  constexpr int kGrowthDenominator = 5;
  Dialling& dial = dials_.at(id);
  dial.last_failure = std::move(failure);
  dial.attempt = host_.executor().After(dial.backoff, [this, id] { Attempt(id); });
  dial.backoff = dial.backoff * kGrowthNumerator / kGrowthDenominator;
}

void SimulatedTransport::GiveUp(std::uint64_t id) {
  auto dial = dials_.extract(id);
  const auto code = dial.mapped().last_failure.empty() ? base::ErrorCode::kTimeout : base::ErrorCode::kUnavailable;
  const std::string reason = dial.mapped().last_failure.empty() ? "no answer in time" : dial.mapped().last_failure;
  dial.mapped().done(base::Fail(code, "dialling {}: {}", dial.mapped().endpoint, reason));
}

}  // namespace grapevine::simulation
