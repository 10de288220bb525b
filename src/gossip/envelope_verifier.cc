#include "gossip/envelope_verifier.h"

#include <utility>

namespace grapevine::gossip {

EnvelopeVerifier::EnvelopeVerifier(base::Environment environment, msp::IdentityMapper& mapper,
                                   msp::MessageCrypto& crypto, std::size_t max_secrets)
    : environment_(std::move(environment)),
      mapper_(mapper),
      crypto_(crypto),
      max_secrets_(max_secrets),
      joined_(environment_.metrics.GetCounter("gossip_verifications_joined",
                                              "Verifications that waited for an equal one under way")) {}

void EnvelopeVerifier::Verify(const wire::PkiId& signer, const wire::Envelope& envelope, Done done) {
  if (!envelope.is_signed()) {
    return FailSoon(base::ErrorCode::kInvalid, "the envelope has no signature", std::move(done));
  }
  const auto& secret = envelope.secret();
  if (secret.has_value() && (secret->payload.empty() || secret->signature.empty())) {
    return FailSoon(base::ErrorCode::kInvalid, "the secret part has no payload or no signature", std::move(done));
  }
  const Key key{.signer = signer, .channel = {}, .configuration = 0, .envelope = envelope.encoded()};
  Pending* pending = Join(key, std::move(done));
  if (pending == nullptr) return;
  pending->verification = mapper_.Verify(
      signer, envelope.signature(), envelope.payload(), [this, key, secret](const base::Result<void>& verdict) {
        if (!verdict.has_value() || !secret.has_value() || IsKnown(key.signer, *secret)) {
          return Finish(key, verdict);
        }
        VerifySecret(key, *secret);
      });
}

void EnvelopeVerifier::VerifySecret(const Key& key, const wire::SecretEnvelope& secret) {
  pending_.at(key).verification = mapper_.Verify(key.signer, secret.signature, secret.payload,
                                                 [this, key, secret](const base::Result<void>& verdict) {
                                                   if (verdict.has_value()) Remember(key.signer, secret);
                                                   Finish(key, verdict);
                                                 });
}

bool EnvelopeVerifier::IsKnown(const wire::PkiId& signer, const wire::SecretEnvelope& secret) const {
  const auto known = secrets_.find(signer);
  return known != secrets_.end() && known->second == secret;
}

void EnvelopeVerifier::Remember(const wire::PkiId& signer, const wire::SecretEnvelope& secret) {
  if (max_secrets_ == 0) return;
  if (secrets_.size() >= max_secrets_) secrets_.clear();  // what is needed is soon here again
  // Copies: the originals keep their whole messages in memory.
  secrets_[signer] = {base::Bytes::Copy(secret.payload), base::Bytes::Copy(secret.signature)};
}

void EnvelopeVerifier::VerifyByChannel(const std::string& channel, std::uint64_t configuration,
                                       const wire::PkiId& signer, const wire::Envelope& envelope, Done done) {
  if (!envelope.is_signed()) {
    return FailSoon(base::ErrorCode::kInvalid, "the envelope has no signature", std::move(done));
  }
  const auto identity = mapper_.Get(signer);
  if (!identity.has_value()) {
    return FailSoon(base::ErrorCode::kNotFound, "the signer's identity is not known", std::move(done));
  }
  const Key key{.signer = signer, .channel = channel, .configuration = configuration, .envelope = envelope.encoded()};
  Pending* pending = Join(key, std::move(done));
  if (pending == nullptr) return;
  pending->verification =
      crypto_.VerifyByChannel(channel, identity->identity, envelope.signature(), envelope.payload(),
                              [this, key](const base::Result<void>& verdict) { Finish(key, verdict); });
}

EnvelopeVerifier::Pending* EnvelopeVerifier::Join(const Key& key, Done done) {
  const auto [at, is_new] = pending_.try_emplace(key);
  at->second.waiting.push_back(std::move(done));
  if (is_new) return &at->second;
  joined_.Add();
  return nullptr;
}

void EnvelopeVerifier::Finish(const Key& key, const base::Result<void>& verdict) {
  const auto finished = pending_.extract(key);
  const auto alive = lifetime_.Watch();
  for (const Done& done : finished.mapped().waiting) {
    if (alive.expired()) return;
    done(verdict);
  }
}

void EnvelopeVerifier::FailSoon(base::ErrorCode code, const char* message, Done done) {
  environment_.executor.Post(
      lifetime_.Guard([code, message, done = std::move(done)] { done(base::Fail(code, "{}", message)); }));
}

}  // namespace grapevine::gossip
