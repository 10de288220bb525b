// The certificate authorities of a simulated world: who exists, of which organisation, and who has been revoked.
//
// Identities are serialised msp.SerializedIdentity with readable id_bytes, for example
// "name=peer0 ca=Org1MSP expires=1830297600". A signature is a keyed hash under a secret that only the authority
// knows, so nobody in the simulation can forge one, and checking is cheap. One per world; must outlive every node.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"
#include "msp/message_crypto.h"
#include "simulation/keyed_hash.h"

namespace grapevine::simulation {

class Authority {
 public:
  explicit Authority(std::uint64_t seed);

  // An identity of organisation `msp_id`, which becomes known by it. Default expiry: 2028-01-01.
  base::Bytes Issue(const std::string& msp_id, const std::string& name,
                    base::WallTime not_after = base::WallTime(std::chrono::seconds(1830297600)));
  // An identity that claims `msp_id`, but comes from a CA that nobody trusts. It can sign.
  base::Bytes IssueByUnknownCa(const std::string& msp_id, const std::string& name);
  // From now on validating `identity` fails, as after an update of a revocation list.
  void Revoke(base::ByteView identity);
  // Organisations that the Readers policy of `channel` accepts. A channel without this call does not exist.
  void SetReaders(const std::string& channel, std::set<std::string> organizations);

  // The definition of 03, 1.2. kInvalid if empty or undecodable.
  static base::Result<wire::PkiId> PkiIdOf(base::ByteView identity);
  // 03, 3.2, without well-formedness. kDenied names the reason.
  base::Result<msp::IdentityInfo> Validate(base::ByteView identity) const;
  // 03, 1.3. Empty: unknown.
  std::string OrganizationOf(base::ByteView identity) const;
  // What the owner of `identity` does with its private key. Empty for an identity that was never issued.
  base::Bytes Sign(base::ByteView identity, base::ByteView message) const;
  // The signature alone; kDenied if it is not `identity`'s over `message`.
  base::Result<void> CheckSignature(base::ByteView identity, base::ByteView signature, base::ByteView message) const;
  // 03, 3.5 on one signature.
  base::Result<void> CheckReaders(const std::string& channel, base::ByteView identity, base::ByteView signature,
                                  base::ByteView message) const;
  // 03, 3.4 for a peer of `own_organization`. While no channel exists, every known organisation is accepted.
  base::Result<void> CheckMember(const std::string& own_organization, base::ByteView identity, base::ByteView signature,
                                 base::ByteView message) const;

 private:
  struct Record {
    std::string organization;  // empty: of an unknown CA
    base::WallTime not_after{};
    bool revoked = false;
    HashKey secret;
  };

  base::Bytes Register(const std::string& msp_id, const std::string& name, const std::string& ca,
                       base::WallTime not_after);
  const Record* Find(base::ByteView identity) const;
  // As Validate.
  base::Result<const Record*> FindValid(base::ByteView identity) const;
  static base::Result<void> CheckSignatureOf(const Record& signer, base::ByteView signature, base::ByteView message);

  // Looks up views.
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  HashKey root_;
  std::unordered_map<std::string, Record, Hash, std::equal_to<>> identities_;  // looked up only, never walked
  std::map<std::string, std::set<std::string>> readers_;
};

}  // namespace grapevine::simulation
