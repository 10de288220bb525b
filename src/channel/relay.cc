#include "channel/relay.h"

#include "channel/refusal.h"
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
      seen_(config.time_to_live, config.capacity) {}

void StateInfoRelay::Refuse(const char* reason) { CountRefusal(environment_.metrics, "state_info", reason); }

bool StateInfoRelay::Knows(const wire::StateInfo& state_info) const {
  return !seen_.WouldAccept({state_info.pki_id, state_info.channel_mac}, state_info.timestamp);
}

const char* StateInfoRelay::Objection(const wire::StateInfo& state_info) const {
  // What is remembered of each is its MAC, which any length may be claimed to have.
  if (state_info.channel_mac.size() != crypto::Digest::kSize) return "relayed_mac";
  const std::size_t channels = seen_.CountWhile(
      {state_info.pki_id, {}}, [&](const Key& key) { return key.first == state_info.pki_id; },
      config_.max_channels_of_subject);
  if (channels < config_.max_channels_of_subject) return nullptr;
  return seen_.Holds({state_info.pki_id, state_info.channel_mac}) ? nullptr : "relayed_too_many_channels";
}

void StateInfoRelay::Handle(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  const auto& state_info = *message->message().As<wire::StateInfo>();
  if (Knows(state_info)) return CountDuplicate();
  if (const char* reason = Objection(state_info)) return Refuse(reason);
  verifier_.Verify(state_info.pki_id, message->envelope(),
                   lifetime_.Guard([this, message, ticket](const base::Result<void>& verdict) {
                     if (!verdict) return Refuse("relayed_signature");
                     Accept(message);
                   }));
}

void StateInfoRelay::Accept(const comm::ReceivedMessagePtr& message) {
  const base::SteadyTime now = environment_.executor.Now();
  seen_.Expire(now);
  const auto& state_info = *message->message().As<wire::StateInfo>();
  if (const char* reason = Objection(state_info)) return Refuse(reason);
  if (!seen_.Add({state_info.pki_id, base::Bytes::Copy(state_info.channel_mac)}, state_info.timestamp, {}, now)) {
    return duplicates_.Add();
  }
  emitter_.Add({.kind = gossip::EmissionKind::kStateInfo,
                .envelope = message->envelope(),
                .originator = state_info.pki_id,
                .received_from = message->connection().pki_id});
}

}  // namespace grapevine::channel
