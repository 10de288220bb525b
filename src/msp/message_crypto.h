// The interface between gossip and identities: what Fabric calls the message crypto service (specification 03,
// section 3). Gossip knows identities as opaque bytes and asks here what they mean.
//
// Real: msp::MspMessageCrypto (X.509, channel configurations). Simulated: simulation::SimulatedCrypto.
// One executor. Every `done` runs as an event of its own, never inside the call; destroying the handle suppresses it.
// Expensive work happens on the workers; configuration changes in between are seen by the next call.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/handle.h"
#include "base/result.h"
#include "wire/pki_id.h"

namespace grapevine::msp {

template <typename T>
using Done = std::move_only_function<void(base::Result<T>)>;

// Outcome of validating an identity (3.2).
struct IdentityInfo {
  std::string organization;    // MSP id
  base::WallTime not_after{};  // NotAfter of the certificate; being past it is not part of the validation
};

class MessageCrypto {
 public:
  virtual ~MessageCrypto() = default;

  // The PKI-ID of a serialised identity (1.2): cheap, validates nothing. kInvalid if empty or undecodable.
  virtual base::Result<wire::PkiId> PkiIdOf(base::ByteView identity) const = 0;
  // 3.2: validated identity and its expiry.
  virtual base::Handle Validate(base::Bytes identity, Done<IdentityInfo> done) = 0;
  // 1.3: MSP id, empty if no MSP knows it. Does not look at expiry, revocation or OUs.
  virtual base::Handle OrganizationOf(base::Bytes identity, Done<std::string> done) = 0;
  // 3.4: of the own organisation a plain signature check, of another one the Readers of its channel must accept it.
  virtual base::Handle Verify(base::Bytes identity, base::Bytes signature, base::Bytes message, Done<void> done) = 0;
  // 3.5: /Channel/Application/Readers of `channel`.
  virtual base::Handle VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature,
                                       base::Bytes message, Done<void> done) = 0;
  // Signature of the local signing identity over `message` (section 5).
  virtual base::Handle Sign(base::Bytes message, Done<base::Bytes> done) = 0;
  // 6.3: `block` is a serialised common.Block. The hash link to the previous block is the ledger's business.
  virtual base::Handle VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block, Done<void> done) = 0;
  // 6.5: header and metadata of a block that came without its data.
  virtual base::Handle VerifyBlockAttestation(std::string channel, base::Bytes block, Done<void> done) = 0;
};

}  // namespace grapevine::msp
