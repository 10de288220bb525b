// The one form of a certificate of which ECDSA allows two: with the lower s in its signature (specification 03, 4.4).
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/certificate.h"

namespace grapevine::msp {

// `certificate` itself unless it is signed with ECDSA and s is above half the order of the curve of `issuer`; then the
// same certificate with n - s. What is signed stays untouched.
base::Result<CertificatePtr> Sanitize(const CertificatePtr& certificate, const Certificate& issuer);

// SEQUENCE{to be signed, algorithm, BIT STRING signature}: the outer form of certificates and revocation lists.
std::string AssembleSigned(base::ByteView tbs, base::ByteView algorithm, base::ByteView signature);

}  // namespace grapevine::msp
