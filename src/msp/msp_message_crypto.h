// The message crypto service over X.509 MSPs and channel configurations (specification 03, section 3).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/environment.h"
#include "msp/channel_config.h"
#include "msp/message_crypto.h"
#include "msp/msp_folder.h"

namespace grapevine::msp {

struct MspMessageCryptoConfig {
  // Identities whose parsed and judged form is kept; all are forgotten when a channel configuration changes.
  std::size_t max_cached_identities = 5000;
  // Verdicts on signatures that are kept; these depend on the key only and survive configurations.
  std::size_t max_cached_signatures = 5000;  // some 140 bytes each; duplicates come within seconds
  // Identities and signatures that wait for a worker; beyond that their checks fail with kExhausted. Whoever signs or
  // verifies blocks bounds that by itself.
  std::size_t max_pending_jobs = 20000;
};

// One per node, one executor. Identities and signatures that are being checked already are not checked twice. An
// operation sees the configuration of the moment when it began.
class MspMessageCrypto final : public MessageCrypto {
 public:
  MspMessageCrypto(base::Environment environment, LocalMsp local, MspMessageCryptoConfig config = {});
  ~MspMessageCrypto() override;

  // Joins the channel or replaces its configuration. `config` is not null.
  void SetChannel(const std::string& name, ChannelConfigPtr config);
  void RemoveChannel(const std::string& name);

  // The node's own identity, serialised.
  const base::Bytes& own_identity() const;

  base::Result<wire::PkiId> PkiIdOf(base::ByteView identity) const override;
  base::Handle Validate(base::Bytes identity, Done<IdentityInfo> done) override;
  base::Handle OrganizationOf(base::Bytes identity, Done<std::string> done) override;
  base::Handle Verify(base::Bytes identity, base::Bytes signature, base::Bytes message, Done<void> done) override;
  base::Handle VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature, base::Bytes message,
                               Done<void> done) override;
  base::Handle Sign(base::Bytes message, Done<base::Bytes> done) override;
  base::Handle VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block, Done<void> done) override;
  base::Handle VerifyBlockAttestation(std::string channel, base::Bytes block, Done<void> done) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace grapevine::msp
