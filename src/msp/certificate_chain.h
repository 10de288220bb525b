// Chains from a certificate to configured root certificates, all of them, by the rules of 4.4 of specification 03.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "msp/certificate.h"

namespace grapevine::msp {

// From the certificate in question up to a root. A root itself has a chain of one.
using CertificateChain = std::vector<CertificatePtr>;

// The only chain of `certificate`, as of its own NotBefore + 1 second. Chains are distinguished by their certificates,
// so that two certificates for one authority make two chains; none and several are both kInvalid. A configured
// intermediate is no anchor. Not checked here: that the certificate is no CA, and who may issue identities.
base::Result<CertificateChain> FindUniqueChain(const CertificatePtr& certificate, std::span<const CertificatePtr> roots,
                                               std::span<const CertificatePtr> intermediates);

}  // namespace grapevine::msp
