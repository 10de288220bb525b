// Cryptography that a test counts and makes fail.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "msp/message_crypto.h"

namespace grapevine::testing {

// Counts what `real` is asked for, and fails on demand.
class ScriptedCrypto final : public msp::MessageCrypto {
 public:
  explicit ScriptedCrypto(msp::MessageCrypto& real) : real_(real) {}

  base::Result<wire::PkiId> PkiIdOf(base::ByteView identity) const override { return real_.PkiIdOf(identity); }
  base::Handle Validate(base::Bytes identity, msp::Done<msp::IdentityInfo> done) override {
    return real_.Validate(std::move(identity), std::move(done));
  }
  base::Handle OrganizationOf(base::Bytes identity, msp::Done<std::string> done) override {
    return real_.OrganizationOf(std::move(identity), std::move(done));
  }
  base::Handle Verify(base::Bytes identity, base::Bytes signature, base::Bytes message, msp::Done<void> done) override {
    ++verifications;
    return real_.Verify(std::move(identity), std::move(signature), std::move(message), std::move(done));
  }
  base::Handle VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature, base::Bytes message,
                               msp::Done<void> done) override {
    ++verifications;
    ++verifying;
    most_verifying = std::max(most_verifying, verifying);
    return real_.VerifyByChannel(std::move(channel), std::move(identity), std::move(signature), std::move(message),
                                 [this, busy = busy_verifications > 0 && busy_verifications-- > 0,
                                  done = std::move(done)](base::Result<void> verdict) mutable {
                                   --verifying;
                                   if (busy) verdict = base::Fail(base::ErrorCode::kExhausted, "no room");
                                   done(std::move(verdict));
                                 });
  }
  base::Handle Sign(base::Bytes message, msp::Done<base::Bytes> done) override {
    ++signatures;
    return real_.Sign(std::move(message), [fail = failing_signatures > 0 && failing_signatures-- > 0,
                                           done = std::move(done)](base::Result<base::Bytes> signature) mutable {
      if (fail) signature = base::Fail(base::ErrorCode::kUnavailable, "the key is locked");
      done(std::move(signature));
    });
  }
  base::Handle VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block,
                           msp::Done<void> done) override {
    return real_.VerifyBlock(std::move(channel), number, std::move(block), std::move(done));
  }
  base::Handle VerifyBlockAttestation(std::string channel, base::Bytes block, msp::Done<void> done) override {
    return real_.VerifyBlockAttestation(std::move(channel), std::move(block), std::move(done));
  }

  std::size_t signatures = 0;
  std::size_t failing_signatures = 0;  // so many of the next ones; SIZE_MAX: all
  std::size_t verifications = 0;
  std::size_t busy_verifications = 0;  // so many of the next ones by channel
  std::size_t verifying = 0;
  std::size_t most_verifying = 0;

 private:
  msp::MessageCrypto& real_;
};

}  // namespace grapevine::testing
