#include "gossip/envelope_verifier.h"

#include <utility>

namespace grapevine::gossip {

EnvelopeVerifier::EnvelopeVerifier(base::Environment environment, msp::IdentityMapper& mapper,
                                   msp::MessageCrypto& crypto)
    : environment_(std::move(environment)),
      mapper_(mapper),
      crypto_(crypto),
      joined_(environment_.metrics.GetCounter("gossip_verifications_joined",
                                              "Verifications that waited for an equal one under way")) {}

void EnvelopeVerifier::Verify(const wire::PkiId& signer, const wire::Envelope& envelope, Done done,
                              const wire::Envelope* verified) {
  if (!envelope.is_signed()) {
    return FailSoon(base::ErrorCode::kInvalid, "the envelope has no signature", std::move(done));
  }
  if (const auto secret = envelope.secret(); secret && (secret->payload.empty() || secret->signature.empty())) {
    return FailSoon(base::ErrorCode::kInvalid, "the secret part has no payload or no signature", std::move(done));
  }
  const Verification verification =
      Join({.signer = signer, .channel = {}, .configuration = 0, .envelope = envelope}, std::move(done));
  if (verification == pending_.end()) return;
  verification->second.with_secret =
      envelope.has_secret() && (verified == nullptr || !verified->HasSameSecret(envelope));
  verification->second.handle = mapper_.Verify(signer, envelope.signature(), envelope.payload(),
                                               [this, verification](const base::Result<void>& verdict) {
                                                 if (!verdict || !verification->second.with_secret)
                                                   return Finish(verification, verdict);
                                                 VerifySecret(verification);
                                               });
}

void EnvelopeVerifier::VerifySecret(Verification verification) {
  const wire::SecretEnvelope secret = *verification->first.envelope.secret();
  verification->second.handle =
      mapper_.Verify(verification->first.signer, secret.signature, secret.payload,
                     [this, verification](const base::Result<void>& verdict) { Finish(verification, verdict); });
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
