#include "channel/relay.h"

#include "crypto/hash.h"

namespace grapevine::channel {

StateInfoRelay::StateInfoRelay(base::Environment environment, gossip::Emitter& emitter,
                               gossip::EnvelopeVerifier& verifier, StateInfoRelayConfig config)
    : environment_(std::move(environment)),
      emitter_(emitter),
      verifier_(verifier),
      config_(config),
      duplicates_(environment_.metrics.GetCounter("gossip_channel_relay_duplicates",
                                                  "State infos of channels not joined that were known already")),
      refused_(environment_.metrics.GetCounter("gossip_channel_relay_refused",
                                               "State infos of channels not joined with a bad MAC or signature")),
      seen_(config.time_to_live, config.capacity) {}

void StateInfoRelay::Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  const auto& state_info = *message->message().As<wire::StateInfo>();
  // What is remembered of each is its MAC, which any length may be claimed to have.
  if (state_info.channel_mac.size() != crypto::Digest::kSize) return refused_.Add();
  if (!seen_.WouldAccept({state_info.pki_id, state_info.channel_mac}, state_info.timestamp)) return duplicates_.Add();
  verifier_.Verify(state_info.pki_id, message->envelope(),
                   lifetime_.Guard([this, message, ticket](const base::Result<void>& verdict) {
                     if (!verdict) return refused_.Add();
                     Accept(message);
                   }));
}

void StateInfoRelay::Accept(const comm::ReceivedMessagePtr& message) {
  const base::SteadyTime now = environment_.executor.Now();
  // As often as a periodic scan would (11.8), but only while something comes.
  if (now - expired_at_ >= config_.time_to_live / 100) {
    seen_.Expire(now);
    expired_at_ = now;
  }
  const auto& state_info = *message->message().As<wire::StateInfo>();
  if (!seen_.Add({state_info.pki_id, base::Bytes::Copy(state_info.channel_mac)}, state_info.timestamp, {}, now)) {
    return duplicates_.Add();
  }
  emitter_.Add({.kind = gossip::EmissionKind::kStateInfo,
                .envelope = message->envelope(),
                .originator = state_info.pki_id,
                .received_from = message->connection().pki_id});
}

}  // namespace grapevine::channel
