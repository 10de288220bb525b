#include "membership/own_alive.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace grapevine::membership {

OwnAlive::OwnAlive(const base::Environment& environment, msp::MessageCrypto& crypto, const MembershipConfig& config,
                   const wire::PkiId& pki_id, base::Bytes identity)
    : environment_(environment),
      crypto_(crypto),
      config_(config),
      pki_id_(pki_id),
      identity_(std::move(identity)),
      start_(environment.executor.Now()),
      external_endpoint_(config.external_endpoint) {
  const auto clock = environment.executor.WallNow().time_since_epoch().count();
  timestamp_.incarnation = clock > 0 ? static_cast<std::uint64_t>(clock) : 1;
  Outrank(config.last_incarnation);
}

bool OwnAlive::Outrank(std::uint64_t incarnation) {
  if (incarnation < timestamp_.incarnation) return true;
  if (incarnation == std::numeric_limits<std::uint64_t>::max()) return false;
  timestamp_ = {incarnation + 1, 0};
  BuildAnew();
  return true;
}

void OwnAlive::SetMetadata(base::Bytes metadata) {
  metadata_ = std::move(metadata);
  BuildAnew();
}

void OwnAlive::SetExternalEndpoint(std::string endpoint) {
  external_endpoint_ = std::move(endpoint);
  BuildAnew();
}

void OwnAlive::BuildAnew() {
  latest_until_.reset();
  if (!waiting_.empty()) Begin();
}

void OwnAlive::Current(Done done) {
  if (!latest_until_ || environment_.executor.Now() >= *latest_until_) return Sign(std::move(done));
  environment_.executor.Post(lifetime_.Guard([envelope = latest_, done = std::move(done)] { done(envelope); }));
}

void OwnAlive::Sign(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() == 1) Begin();
}

void OwnAlive::Begin() {
  if (secret_ || config_.endpoint.empty()) return SignMessage();
  const base::Bytes payload = wire::EncodeSecret(config_.endpoint);
  signature_ = crypto_.Sign(payload, [this, payload](base::Result<base::Bytes> signature) {
    if (!signature) return Finish(std::unexpected(signature.error()));
    secret_ = {payload, std::move(*signature)};
    SignMessage();
  });
}

void OwnAlive::SignMessage() {
  // The sequence keeps up with the time also while nobody listens, so that what peers reckon from it about the age of
  // this message is true (D-9).
  const base::Duration elapsed = environment_.executor.Now() - start_;
  timestamp_.sequence = std::max(timestamp_.sequence + 1, static_cast<std::uint64_t>(elapsed / config_.alive_interval));
  wire::AliveMessage alive;
  alive.membership = {external_endpoint_, metadata_, pki_id_};
  alive.timestamp = timestamp_;
  if (environment_.executor.Now() - start_ < config_.publish_cert_period) alive.identity = identity_;
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(std::move(alive)));
  signature_ = crypto_.Sign(payload, [this, payload](base::Result<base::Bytes> signature) {
    if (!signature) return Finish(std::unexpected(signature.error()));
    latest_ = wire::Envelope::Make(payload, *signature, secret_);
    latest_until_ = environment_.executor.Now() + config_.alive_interval;
    Finish(latest_);
  });
}

void OwnAlive::Finish(const base::Result<wire::Envelope>& envelope) {
  const auto alive = lifetime_.Watch();
  for (const Done& done : std::exchange(waiting_, {})) {
    done(envelope);
    if (alive.expired()) return;
  }
}

}  // namespace grapevine::membership
