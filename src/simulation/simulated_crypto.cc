#include "simulation/simulated_crypto.h"

#include <utility>

#include "simulation/simulated_block.h"

namespace grapevine::simulation {

using base::WorkKind;

// A job that has begun runs to its end, also when this object is gone by then: jobs capture the authority, which
// outlives them, and never `this`.

SimulatedCrypto::SimulatedCrypto(const base::Environment& environment, const Authority& authority,
                                 base::Bytes own_identity)
    : workers_(environment.workers),
      authority_(authority),
      own_(std::move(own_identity)),
      own_organization_(authority.OrganizationOf(own_)) {}

base::Result<wire::PkiId> SimulatedCrypto::PkiIdOf(base::ByteView identity) const {
  return Authority::PkiIdOf(identity);
}

base::Handle SimulatedCrypto::Validate(base::Bytes identity, msp::Done<msp::IdentityInfo> done) {
  return workers_.Run(
      WorkKind::kIdentity,
      [&authority = authority_, identity = std::move(identity)] { return authority.Validate(identity); },
      std::move(done));
}

base::Handle SimulatedCrypto::OrganizationOf(base::Bytes identity, msp::Done<std::string> done) {
  return workers_.Run(
      WorkKind::kIdentity,
      [&authority = authority_, identity = std::move(identity)] {
        return base::Result<std::string>(authority.OrganizationOf(identity));
      },
      std::move(done));
}

base::Handle SimulatedCrypto::Verify(base::Bytes identity, base::Bytes signature, base::Bytes message,
                                     msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kVerify,
      [&authority = authority_, own = own_organization_, identity = std::move(identity),
       signature = std::move(signature),
       message = std::move(message)] { return authority.CheckMember(own, identity, signature, message); },
      std::move(done));
}

base::Handle SimulatedCrypto::VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature,
                                              base::Bytes message, msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kVerify,
      [&authority = authority_, channel = std::move(channel), identity = std::move(identity),
       signature = std::move(signature),
       message = std::move(message)] { return authority.CheckReaders(channel, identity, signature, message); },
      std::move(done));
}

base::Handle SimulatedCrypto::Sign(base::Bytes message, msp::Done<base::Bytes> done) {
  return workers_.Run(
      WorkKind::kSign,
      [&authority = authority_, own = own_, message = std::move(message)] {
        return base::Result<base::Bytes>(authority.Sign(own, message));
      },
      std::move(done));
}

base::Handle SimulatedCrypto::VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block,
                                          msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kBlock,
      [&authority = authority_, channel = std::move(channel), number, block = std::move(block)] {
        return CheckBlock(authority, channel, number, block);
      },
      std::move(done));
}

base::Handle SimulatedCrypto::VerifyBlockAttestation(std::string channel, base::Bytes block, msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kVerify,
      [&authority = authority_, channel = std::move(channel), block = std::move(block)] {
        return CheckAttestation(authority, channel, block);
      },
      std::move(done));
}

}  // namespace grapevine::simulation
