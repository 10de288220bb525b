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
  if (const auto secret = envelope.secret(); secret && (secret->payload.empty() || secret->signature.empty())) {
    return FailSoon(base::ErrorCode::kInvalid, "the secret part has no payload or no signature", std::move(done));
  }
  const Verification verification =
      Join({.signer = signer, .channel = {}, .configuration = 0, .envelope = envelope}, std::move(done));
  if (verification == pending_.end()) return;
  verification->second.handle = mapper_.Verify(
      signer, envelope.signature(), envelope.payload(), [this, verification](const base::Result<void>& verdict) {
        const Key& key = verification->first;
        if (!verdict || !key.envelope.has_secret()) return Finish(verification, verdict);
        if (!HasKnownSecret(key.signer, key.envelope)) return VerifySecret(verification);
        Remember(key.signer, key.envelope);  // the newest one lies nearest in memory
        Finish(verification, verdict);
      });
}

void EnvelopeVerifier::VerifySecret(Verification verification) {
  const wire::SecretEnvelope secret = *verification->first.envelope.secret();
  verification->second.handle = mapper_.Verify(verification->first.signer, secret.signature, secret.payload,
                                               [this, verification](const base::Result<void>& verdict) {
                                                 if (verdict.has_value())
                                                   Remember(verification->first.signer, verification->first.envelope);
                                                 Finish(verification, verdict);
                                               });
}

bool EnvelopeVerifier::HasKnownSecret(const wire::PkiId& signer, const wire::Envelope& envelope) const {
  const auto known = secrets_.find(signer);
  return known != secrets_.end() && known->second.secret() == envelope.secret();
}

void EnvelopeVerifier::Remember(const wire::PkiId& signer, const wire::Envelope& envelope) {
  if (max_secrets_ == 0) return;
  if (secrets_.size() >= max_secrets_ && !secrets_.contains(signer)) secrets_.clear();  // what is needed is soon back
  secrets_[signer] = envelope.Detached();
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
  const Verification verification = Join(
      {.signer = signer, .channel = channel, .configuration = configuration, .envelope = envelope}, std::move(done));
  if (verification == pending_.end()) return;
  verification->second.handle = crypto_.VerifyByChannel(
      channel, identity->identity, envelope.signature(), envelope.payload(),
      [this, verification](const base::Result<void>& verdict) { Finish(verification, verdict); });
}

EnvelopeVerifier::Verification EnvelopeVerifier::Join(Key key, Done done) {
  const auto [at, is_new] = pending_.try_emplace(std::move(key));
  at->second.waiting.push_back(std::move(done));
  if (is_new) return at;
  joined_.Add();
  return pending_.end();
}

void EnvelopeVerifier::Finish(Verification verification, const base::Result<void>& verdict) {
  const auto finished = pending_.extract(verification);
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
