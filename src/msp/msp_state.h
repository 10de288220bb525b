// What an Msp consists of, and the rules of chains and organisational units over it. For the files of Msp only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crypto/hash.h"
#include "msp/certificate_chain.h"
#include "msp/msp.h"
#include "msp/revocation_list.h"

struct evp_md_st;

namespace grapevine::msp {

// One of NodeOUs: the name of an OU and, if the configuration names a certificate, who must have issued it.
struct NodeOu {
  std::string name;
  std::optional<std::string> certifiers_identifier;
};

struct Msp::State {
  std::string id;
  MspVersion version = MspVersion::kV1_4_3;
  crypto::HashAlgorithm message_hash = crypto::HashAlgorithm::kSha256;
  const evp_md_st* identifier_hash = nullptr;

  // Sanitised, without duplicates.
  std::vector<CertificatePtr> roots;
  std::vector<CertificatePtr> intermediates;
  std::set<std::string> internal_authorities;  // DER; they issued authorities and may not issue identities
  std::vector<CertificatePtr> tls_roots;
  std::vector<CertificatePtr> tls_intermediates;
  std::vector<RevocationList> revocation_lists;
  std::vector<CertificatePtr> administrators;

  std::multimap<std::string, std::string> organizational_units;  // name -> certifiers identifier
  bool node_ous_enabled = false;
  std::optional<NodeOu> client_ou, peer_ou, admin_ou, orderer_ou;

  base::Result<CertificateChain> FindChain(const CertificatePtr& certificate) const {
    return FindUniqueChain(certificate, roots, intermediates);
  }
  // Hash of the concatenated DER.
  std::string Identifier(std::span<const CertificatePtr> certificates) const;

  // 4.4: a self-signed authority is sanitised against its own key, configured or not; others against the issuer in
  // their `chain`, without which there is no sanitised form.
  base::Result<CertificatePtr> Sanitise(const CertificatePtr& certificate,
                                        const base::Result<CertificateChain>& chain) const;
  // The certificate with its sanitised form and what follows from it.
  base::Result<IdentityPtr> MakeIdentity(const CertificatePtr& certificate) const;
  // 4.5 row 1: who may be an identity, and by whom it may be issued.
  base::Result<void> CheckIssuance(const Certificate& leaf, const base::Result<CertificateChain>& chain) const;
  // 4.5 row 2, for the first of `chain`, which has at least two.
  base::Result<void> CheckRevocation(const CertificateChain& chain, std::span<const RevocationList> lists) const;
  // 4.5 rows 3 and 4.
  base::Result<void> CheckOrganizationalUnits(const std::vector<OrganizationalUnit>& units) const;
  base::Result<void> CheckNodeOus(const std::vector<OrganizationalUnit>& units) const;
  bool IsAdministrator(const Certificate& certificate) const;
  // Valid and with `ou` among its OUs.
  base::Result<void> CheckNodeRole(const Identity& identity, const std::optional<NodeOu>& ou, const char* role) const;
};

}  // namespace grapevine::msp
