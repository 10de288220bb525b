// Signatures of envelopes, checked asynchronously and once for equal ones under way (specification 14, D-6 and 14.6.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/environment.h"
#include "msp/identity_mapper.h"
#include "msp/message_crypto.h"
#include "wire/envelope.h"
#include "wire/pki_id.h"

namespace grapevine::gossip {

// One executor. Callers repeat their acceptance test in `done`: the world may have changed meanwhile. Verdicts of
// signatures seen before come from the crypto's cache; this class joins equal requests that are under way.
class EnvelopeVerifier {
 public:
  using Done = std::function<void(const base::Result<void>&)>;

  EnvelopeVerifier(base::Environment environment, msp::IdentityMapper& mapper, msp::MessageCrypto& crypto);
  EnvelopeVerifier(const EnvelopeVerifier&) = delete;
  EnvelopeVerifier& operator=(const EnvelopeVerifier&) = delete;

  // The envelope's signature and, if it has one, the secret part's, by the identity that the mapper has for `signer`.
  // kNotFound if the mapper does not know it; kInvalid if a signature is missing. `done` runs as an event of its own;
  // not after this object is gone. `verified` is an envelope of this signer that was verified, or null: a secret part
  // that it has as well is known to be good. A PKI-ID is the hash of its identity, so what it has signed stays signed.
  void Verify(const wire::PkiId& signer, const wire::Envelope& envelope, Done done,
              const wire::Envelope* verified = nullptr);

  // The envelope's signature and whether its signer satisfies the channel's readers policy (03, 3.5), likewise.
  // `configuration` numbers the channel's configurations as the caller sees them: a verification that began under
  // another one is not joined (D-26).
  void VerifyByChannel(const std::string& channel, std::uint64_t configuration, const wire::PkiId& signer,
                       const wire::Envelope& envelope, Done done);

  // Different verifications under way.
  std::size_t under_way() const { return pending_.size(); }

 private:
  struct Key {
    wire::PkiId signer;
    std::string channel;              // empty: the identity's signature alone
    std::uint64_t configuration = 0;  // of the channel
    wire::Envelope envelope;

    friend bool operator<(const Key& a, const Key& b) {
      return std::tie(a.signer, a.channel, a.configuration, a.envelope.encoded()) <
             std::tie(b.signer, b.channel, b.configuration, b.envelope.encoded());
    }
  };
  struct Pending {
    std::vector<Done> waiting;
    bool with_secret = false;  // still to be verified
    base::Handle handle;
  };
  using Verification = std::map<Key, Pending>::iterator;

  // The new entry; the end if `done` joined one that is under way.
  Verification Join(Key key, Done done);
  void VerifySecret(Verification verification);
  void Finish(Verification verification, const base::Result<void>& verdict);
  void FailSoon(base::ErrorCode code, const char* message, Done done);

  base::Environment environment_;
  msp::IdentityMapper& mapper_;
  msp::MessageCrypto& crypto_;
  base::Counter& joined_;
  std::map<Key, Pending> pending_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::gossip
