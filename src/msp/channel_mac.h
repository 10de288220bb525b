// Proof of knowing a channel's name without naming it (specification 01, section 9).
#pragma once

#include "base/bytes.h"
#include "crypto/hash.h"
#include "wire/pki_id.h"

namespace grapevine::msp {

// SHA-256(PKI-ID || channel name): the PKI-ID of a state info's subject, or of whoever asks for state infos.
inline crypto::Digest ChannelMac(const wire::PkiId& pki_id, base::ByteView channel) {
  return crypto::Sha256({pki_id.view(), channel});
}

}  // namespace grapevine::msp
