// Identities as they travel: bytes that are stored, forwarded and hashed as they came (specification 03, sections 1 and
// 3.3). Pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/pki_id.h"

namespace grapevine::msp {

// Bound on what a remote peer can make a node parse; a certificate takes about one KiB.
inline constexpr std::size_t kMaxIdentitySize = 64 * 1024;

// A msp.SerializedIdentity, taken apart (1.1).
struct SerializedIdentity {
  std::string msp_id;
  std::string id_bytes;  // PEM
};

// kInvalid if empty, undecodable or larger than kMaxIdentitySize.
base::Result<SerializedIdentity> ParseSerializedIdentity(base::ByteView serialized);
std::string SerializeIdentity(const std::string& msp_id, const std::string& pem);

// 1.2: SHA-256 of the decoded MSP id and identity bytes. kInvalid as ParseSerializedIdentity.
base::Result<wire::PkiId> ComputePkiId(base::ByteView serialized);

// 3.3: exactly one PEM block of type CERTIFICATE or none, nothing behind it, canonical ECDSA signature. Looks at the
// certificate only, not at the MSP id or the issuer.
base::Result<void> CheckWellFormed(base::ByteView id_bytes);

}  // namespace grapevine::msp
