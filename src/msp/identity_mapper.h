// PKI-ID -> identity: everything that a node knows of who is who (specification 03, section 2).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "msp/message_crypto.h"

namespace grapevine::msp {

struct IdentityMapperConfig {
  // Identities not used for this long are forgotten (Fabric: 1 hour, checked every tenth of it); never the own one.
  base::Duration usage_threshold = std::chrono::hours(1);
  // Bound on what remote peers can make a node remember; the longest unused is forgotten first. The same bound holds
  // for insertions under way.
  std::size_t max_identities = 20000;
  // Validations of one Suspect at a time, so that messages are still verified meanwhile.
  std::size_t max_suspect_validations = 32;
};

// One per node, one executor. Purge hooks run as events of their own, with no state of the mapper half-changed, and may
// call the mapper (02, 15 #6).
class IdentityMapper {
 public:
  struct Entry {
    wire::PkiId pki_id;
    base::Bytes identity;      // serialised msp.SerializedIdentity, as received
    std::string organization;  // MSP id, fixed at insertion
    base::WallTime not_after{};
  };

  // Inserts `own`, which must be a valid identity; if it is not, this is logged as an error, and a Put of it says so
  // too. The own identity is never forgotten: its expiry is logged as an error instead.
  IdentityMapper(base::Environment environment, MessageCrypto& crypto, base::Bytes own,
                 IdentityMapperConfig config = {});
  ~IdentityMapper();
  IdentityMapper(const IdentityMapper&) = delete;
  IdentityMapper& operator=(const IdentityMapper&) = delete;

  const wire::PkiId& own_pki_id() const;
  const base::Bytes& own_identity() const;

  // 2.2: validates, checks that the PKI-ID belongs to the identity and that it has not expired, stores. Known already:
  // success, nothing changes. Equal pending insertions share one validation.
  base::Handle Put(const wire::PkiId& pki_id, base::Bytes identity, Done<Entry> done);
  // Marks the entry used now.
  std::optional<Entry> Get(const wire::PkiId& pki_id);
  // Without marking it used; empty if unknown.
  std::string OrganizationOf(const wire::PkiId& pki_id) const;
  // Get, then MessageCrypto::Verify. kNotFound if unknown.
  base::Handle Verify(const wire::PkiId& pki_id, base::Bytes signature, base::Bytes message, Done<void> done);
  // In order of PKI-ID; does not mark used.
  std::vector<Entry> List() const;

  // Every identity that `suspected` names is validated anew and purged if it fails; at each configuration update
  // everything is suspected (8.5). `done` runs when all verdicts are in.
  void Suspect(const std::function<bool(const Entry&)>& suspected, std::move_only_function<void()> done);
  void Purge(const wire::PkiId& pki_id);

  // Called after an identity was removed, with the reason; any number of subscribers, in order of subscription.
  base::Handle OnPurge(std::function<void(const Entry&, const std::string& reason)> hook);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::msp
