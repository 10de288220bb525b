// Name constraints of certificate authorities as Go's library checks them: DNS names, e-mail addresses, URIs and IP
// addresses; other kinds are not looked at (specification 03, section 4.4).
#pragma once

#include "base/result.h"
#include "crypto/keys.h"

namespace grapevine::msp {

// Whether the subject alternative name has at least one name of a checked kind.
bool HasCheckableNames(X509* certificate);
// Whether all name constraints are of checked kinds and well-formed.
bool HasOnlyCheckableConstraints(X509* authority);

// The alternative names of `certificate` against the name constraints of `authority`, which stands above it in a chain.
// kDenied, naming the name.
base::Result<void> CheckNameConstraints(X509* certificate, X509* authority);

}  // namespace grapevine::msp
