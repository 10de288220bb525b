// Identities, certificates, PEM and revocation lists from remote peers and configurations: no input may do more than
// fail (specification 03, sections 1.1, 3.3 and 4).
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "msp/certificate.h"
#include "msp/certificate_chain.h"
#include "msp/der.h"
#include "msp/pem.h"
#include "msp/revocation_list.h"
#include "msp/serialized_identity.h"

namespace {

using grapevine::base::ByteView;

void Require(bool condition) {
  if (!condition) std::abort();
}

// A certificate that parses has parts inside its bytes, and can be asked for chains.
void FuzzCertificate(ByteView bytes, bool pem) {
  using grapevine::msp::Certificate;
  const auto certificate = pem ? Certificate::FromPem(bytes) : Certificate::FromDer(bytes);
  if (!certificate) return;
  const Certificate& parsed = **certificate;
  Require(grapevine::msp::IsStrictDer(parsed.der()));
  Require(parsed.tbs().size() + parsed.signature_algorithm().size() + parsed.signature().size() < parsed.der().size());
  (void)grapevine::msp::FindUniqueChain(*certificate, {&*certificate, 1}, {&*certificate, 1});
  (void)parsed.CheckSignatureFrom(parsed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      FuzzCertificate(input, false);
      break;
    case 1:
      FuzzCertificate(input, true);
      (void)grapevine::msp::CheckWellFormed(input);
      break;
    case 2:
      if (const auto block = grapevine::msp::DecodePem(input)) {
        // What we write ourselves reads back the same.
        const auto again = grapevine::msp::DecodePem(grapevine::msp::EncodePem("CERTIFICATE", block->content));
        Require(again && again->content == block->content && again->rest.empty());
      }
      break;
    case 3:
      if (const auto identity = grapevine::msp::ParseSerializedIdentity(input)) {
        Require(grapevine::msp::ComputePkiId(input).has_value());
        (void)grapevine::msp::CheckWellFormed(identity->id_bytes);
      }
      break;
    default:
      (void)grapevine::msp::RevocationList::Parse(input);
      break;
  }
  return 0;
}
