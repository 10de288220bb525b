#include "msp/msp.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "msp/msp_state.h"
#include "msp/sanitize.h"

namespace grapevine::msp {

using base::ErrorCode;
using base::Fail;
using base::Result;

Msp::Msp(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Msp::~Msp() = default;

const std::string& Msp::id() const { return state_->id; }
MspVersion Msp::version() const { return state_->version; }
const std::vector<CertificatePtr>& Msp::tls_roots() const { return state_->tls_roots; }
const std::vector<CertificatePtr>& Msp::tls_intermediates() const { return state_->tls_intermediates; }

Result<IdentityPtr> Msp::Deserialize(base::ByteView id_bytes) const {
  auto certificate = Certificate::FromPem(id_bytes);
  if (!certificate) return base::Wrap(certificate.error(), "identity of MSP {}", state_->id);
  auto identity = state_->MakeIdentity(*certificate);
  if (!identity) return base::Wrap(identity.error(), "identity of MSP {}", state_->id);
  return identity;
}

std::string Msp::State::Identifier(std::span<const CertificatePtr> certificates) const {
  std::string content;
  for (const CertificatePtr& certificate : certificates) content += certificate->der();
  std::array<char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(content.data(), content.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, identifier_hash,
             nullptr);
  return {digest.data(), size};
}

Result<IdentityPtr> Msp::State::MakeIdentity(const CertificatePtr& certificate) const {
  const crypto::KeyAlgorithm algorithm = certificate->public_key().algorithm();
  const bool ed25519 = algorithm == crypto::KeyAlgorithm::kEd25519;
  if (ed25519 && version < MspVersion::kV3_0) {
    return Fail(ErrorCode::kInvalid, "'{}' has an Ed25519 key; the channel needs capability V3_0 for it",
                certificate->subject_text());
  }
  if (!ed25519 && !crypto::IsEcdsa(algorithm) && !certificate->has_rsa_key()) {
    return Fail(ErrorCode::kInvalid, "'{}' has an unsupported kind of key; expected ECDSA",
                certificate->subject_text());
  }
  auto chain = FindChain(certificate);
  const auto result = Sanitise(certificate, chain);
  if (!result) return std::unexpected(result.error());
  const CertificatePtr& sanitised = *result;
  if (chain) chain->front() = sanitised;
  std::vector<OrganizationalUnit> units;
  Result<void> validation = CheckIssuance(*sanitised, chain);
  if (validation) {
    const std::string certifiers = Identifier(std::span(*chain).subspan(1));
    for (const std::string& name : sanitised->organizational_units()) units.push_back({name, certifiers});
    validation = CheckRevocation(*chain, revocation_lists);
  }
  if (validation) validation = CheckOrganizationalUnits(units);
  if (validation) validation = CheckNodeOus(units);
  return std::make_shared<const Identity>(id, sanitised, base::ToHex(Identifier({&sanitised, 1})), std::move(units),
                                          message_hash, std::move(validation));
}

Result<CertificatePtr> Msp::State::Sanitise(const CertificatePtr& certificate,
                                            const Result<CertificateChain>& chain) const {
  if (!certificate->signed_with_ecdsa()) return certificate;
  if (certificate->is_ca() && certificate->subject() == certificate->issuer() &&
      certificate->CheckSignatureFrom(*certificate)) {
    const auto alone = FindUniqueChain(certificate, {&certificate, 1}, intermediates);
    if (!alone) return std::unexpected(alone.error());
    return Sanitize(certificate, *certificate);
  }
  if (!chain) return std::unexpected(chain.error());
  if (chain->size() < 2) {
    return Fail(ErrorCode::kInvalid, "'{}' is configured as a root but not signed by itself",
                certificate->subject_text());
  }
  return Sanitize(certificate, *(*chain)[1]);
}

Result<void> Msp::State::CheckIssuance(const Certificate& leaf, const Result<CertificateChain>& chain) const {
  if (leaf.is_ca()) {
    return Fail(ErrorCode::kInvalid, "'{}' is a certificate authority and cannot be an identity", leaf.subject_text());
  }
  if (!chain) return std::unexpected(chain.error());
  // Older versions let RSA keys in here and refuse their signatures.
  if (version >= MspVersion::kV3_0 && leaf.public_key().algorithm() == crypto::KeyAlgorithm::kOther) {
    return Fail(ErrorCode::kInvalid, "'{}' has neither an ECDSA nor an Ed25519 key", leaf.subject_text());
  }
  if (chain->size() < 2) {
    return Fail(ErrorCode::kInvalid, "'{}' has no certificate authority above it", leaf.subject_text());
  }
  if (internal_authorities.contains((*chain)[1]->der())) {
    return Fail(ErrorCode::kInvalid, "'{}' issues certificate authorities and may not issue identities",
                (*chain)[1]->subject_text());
  }
  return {};
}

Result<void> Msp::State::CheckRevocation(const CertificateChain& chain, std::span<const RevocationList> lists) const {
  const Certificate& certificate = *chain[0];
  const Certificate& issuer = *chain[1];
  if (!issuer.subject_key_identifier()) {
    return Fail(ErrorCode::kInvalid, "'{}' has no Subject Key Identifier", issuer.subject_text());
  }
  for (const RevocationList& list : lists) {
    if (!list.authority_key_identifier()) {
      return Fail(ErrorCode::kInvalid, "MSP {} has a revocation list without Authority Key Identifier", id);
    }
    if (list.authority_key_identifier() == issuer.subject_key_identifier() && list.Lists(certificate.serial()) &&
        list.CheckSignatureFrom(issuer)) {
      return Fail(ErrorCode::kDenied, "'{}' has been revoked by '{}'", certificate.subject_text(),
                  issuer.subject_text());
    }
  }
  return {};
}

Result<void> Msp::State::CheckOrganizationalUnits(const std::vector<OrganizationalUnit>& units) const {
  if (organizational_units.empty()) return {};
  for (const OrganizationalUnit& unit : units) {
    const auto [first, last] = organizational_units.equal_range(unit.name);
    for (auto it = first; it != last; ++it) {
      if (it->second == unit.certifiers_identifier) return {};
    }
  }
  return Fail(ErrorCode::kDenied, "none of its OUs is in organizational_unit_identifiers of MSP {}", id);
}

Result<void> Msp::State::CheckNodeOus(const std::vector<OrganizationalUnit>& units) const {
  if (!node_ous_enabled) return {};
  int count = 0;
  for (const OrganizationalUnit& unit : units) {
    const NodeOu* node_ou = nullptr;
    for (const auto* candidate : {&client_ou, &peer_ou, &admin_ou, &orderer_ou}) {
      if (node_ou == nullptr && *candidate && (*candidate)->name == unit.name) node_ou = &**candidate;
    }
    if (node_ou == nullptr) continue;
    if (node_ou->certifiers_identifier && *node_ou->certifiers_identifier != unit.certifiers_identifier) {
      return Fail(ErrorCode::kDenied, "its OU '{}' was not issued by the certificate authority that NodeOUs name",
                  unit.name);
    }
    ++count;
  }
  if (count != 1) {
    return Fail(ErrorCode::kDenied, "{} of its OUs mean client, peer, admin or orderer; there must be exactly one",
                count);
  }
  return {};
}

bool Msp::State::IsAdministrator(const Certificate& certificate) const {
  return std::ranges::any_of(administrators,
                             [&](const CertificatePtr& admin) { return admin->der() == certificate.der(); });
}

Result<void> Msp::State::CheckNodeRole(const Identity& identity, const std::optional<NodeOu>& ou,
                                       const char* role) const {
  if (!node_ous_enabled || !ou) {
    return Fail(ErrorCode::kDenied, "MSP {} does not define the role {}: NodeOUs are off or lack it", id, role);
  }
  if (!identity.validation()) return identity.validation();
  const auto has_name = [&](const OrganizationalUnit& unit) { return unit.name == ou->name; };
  if (std::ranges::none_of(identity.organizational_units(), has_name)) {
    return Fail(ErrorCode::kDenied, "the identity has not the OU '{}' of role {}", ou->name, role);
  }
  return {};
}

}  // namespace grapevine::msp
