// Message crypto of a simulated node: fast, deterministic, with virtual CPU costs (specification 03, section 3).
#pragma once

#include <string>

#include "base/environment.h"
#include "msp/message_crypto.h"
#include "simulation/authority.h"

namespace grapevine::simulation {

// One per node; belongs to the node's executor. Every answer comes after the virtual time that WorkCosts gives it, and
// sees the authority as it is at that moment (a revocation in between counts).
class SimulatedCrypto final : public msp::MessageCrypto {
 public:
  // `own_identity` was issued by `authority`, which must outlive this object.
  SimulatedCrypto(const base::Environment& environment, const Authority& authority, base::Bytes own_identity);

  const base::Bytes& own_identity() const { return own_; }
  wire::PkiId own_pki_id() const { return *Authority::PkiIdOf(own_); }

  base::Result<wire::PkiId> PkiIdOf(base::ByteView identity) const override;
  base::Handle Validate(base::Bytes identity, msp::Done<msp::IdentityInfo> done) override;
  base::Handle OrganizationOf(base::Bytes identity, msp::Done<std::string> done) override;
  base::Handle Verify(base::Bytes identity, base::Bytes signature, base::Bytes message, msp::Done<void> done) override;
  base::Handle VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature, base::Bytes message,
                               msp::Done<void> done) override;
  base::Handle Sign(base::Bytes message, msp::Done<base::Bytes> done) override;
  base::Handle VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block, msp::Done<void> done) override;
  base::Handle VerifyBlockAttestation(std::string channel, base::Bytes block, msp::Done<void> done) override;

 private:
  base::Workers& workers_;
  const Authority& authority_;
  base::Bytes own_;
  std::string own_organization_;
};

}  // namespace grapevine::simulation
