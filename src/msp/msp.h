// One membership service provider: the organisation's certificate authorities and the rules that say who is a member
// and in which role (specification 03, section 4).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/identity.h"

namespace common {
class MSPPrincipal;
}
namespace msp {
class FabricMSPConfig;
}

namespace grapevine::msp {

// What an MSP may use (4.2), in ascending order.
enum class MspVersion {
  kV1_0,    // roles member and admin, OUs
  kV1_1,    // NodeOUs client and peer
  kV1_3,    // combined and anonymity principals
  kV1_4_3,  // NodeOUs admin and orderer, administrators by OU
  kV3_0,    // Ed25519 keys; RSA keys are no longer valid
};

// Immutable: any thread may use it. A new configuration makes a new Msp.
class Msp {
 public:
  struct State;  // msp_state.h, for the files of this class

  // Sets an MSP up and checks its configuration in the order of 4.3. Errors name the field of FabricMSPConfig.
  static base::Result<std::shared_ptr<const Msp>> Create(const ::msp::FabricMSPConfig& config, MspVersion version);
  ~Msp();

  const std::string& id() const;
  MspVersion version() const;

  // Parses the PEM certificate of an identity, requires its unique chain (4.4) and computes its validation (4.5), which
  // the caller finds in Identity::validation().
  base::Result<IdentityPtr> Deserialize(base::ByteView id_bytes) const;
  // 4.6. kDenied with the reason if `identity` does not satisfy `principal`; a principal of another MSP denies.
  base::Result<void> CheckPrincipal(const Identity& identity, const ::common::MSPPrincipal& principal) const;

  // The TLS certificate authorities (8.4).
  const std::vector<CertificatePtr>& tls_roots() const;
  const std::vector<CertificatePtr>& tls_intermediates() const;

 private:
  explicit Msp(std::unique_ptr<const State> state);

  std::unique_ptr<const State> state_;
};
using MspPtr = std::shared_ptr<const Msp>;

}  // namespace grapevine::msp
