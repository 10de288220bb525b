#include "simulation/simulated_crypto.h"

#include <utility>

#include "simulation/simulated_block.h"

namespace grapevine::simulation {

using base::WorkKind;

SimulatedCrypto::SimulatedCrypto(base::Environment environment, const Authority& authority, base::Bytes own_identity)
    : workers_(environment.workers), authority_(authority), own_(std::move(own_identity)) {}

base::Result<wire::PkiId> SimulatedCrypto::PkiIdOf(base::ByteView identity) const {
  return Authority::PkiIdOf(identity);
}

base::Handle SimulatedCrypto::Validate(base::Bytes identity, msp::Done<msp::IdentityInfo> done) {
  return workers_.Run(
      WorkKind::kIdentity, [this, identity = std::move(identity)] { return authority_.Validate(identity); },
      std::move(done));
}

base::Handle SimulatedCrypto::OrganizationOf(base::Bytes identity, msp::Done<std::string> done) {
  return workers_.Run(
      WorkKind::kIdentity,
      [this, identity = std::move(identity)] { return base::Result<std::string>(authority_.OrganizationOf(identity)); },
      std::move(done));
}

base::Handle SimulatedCrypto::Verify(base::Bytes identity, base::Bytes signature, base::Bytes message,
                                     msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kVerify,
      [this, identity = std::move(identity), signature = std::move(signature), message = std::move(message)] {
        return authority_.CheckMember(authority_.OrganizationOf(own_), identity, signature, message);
      },
      std::move(done));
}

base::Handle SimulatedCrypto::VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature,
                                              base::Bytes message, msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kVerify,
      [this, channel = std::move(channel), identity = std::move(identity), signature = std::move(signature),
       message = std::move(message)] { return authority_.CheckReaders(channel, identity, signature, message); },
      std::move(done));
}

base::Handle SimulatedCrypto::Sign(base::Bytes message, msp::Done<base::Bytes> done) {
  return workers_.Run(
      WorkKind::kSign,
      [this, message = std::move(message)] { return base::Result<base::Bytes>(authority_.Sign(own_, message)); },
      std::move(done));
}

base::Handle SimulatedCrypto::VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block,
                                          msp::Done<void> done) {
  return workers_.Run(
      WorkKind::kBlock,
      [this, channel = std::move(channel), number, block = std::move(block)] {
        return CheckBlock(authority_, channel, number, block);
      },
      std::move(done));
}

}  // namespace grapevine::simulation
