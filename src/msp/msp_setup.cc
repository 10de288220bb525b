// Setting an MSP up from its configuration (specification 03, section 4.3).
#include <openssl/evp.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "msp/msp.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_state.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

bool Contains(const std::vector<CertificatePtr>& certificates, const Certificate& wanted) {
  return std::ranges::any_of(certificates, [&](const CertificatePtr& it) { return it->der() == wanted.der(); });
}

// The certificates of a repeated field, each once.
template <typename Field>
Result<std::vector<CertificatePtr>> ParseCertificates(const Field& field, const char* name) {
  std::vector<CertificatePtr> certificates;
  for (int i = 0; i < field.size(); ++i) {
    auto certificate = Certificate::FromPem(field[i]);
    if (!certificate) return base::Wrap(certificate.error(), "{}[{}]", name, i);
    if (!Contains(certificates, **certificate)) certificates.push_back(std::move(*certificate));
  }
  return certificates;
}

class Setup {
 public:
  Setup(const ::msp::FabricMSPConfig& config, MspVersion version, Msp::State& state) : config_(config), state_(state) {
    state_.id = config.name();
    state_.version = version;
  }

  Result<void> Run() {
    using Step = Result<void> (Setup::*)();
    for (const Step step : {&Setup::ReadHashes, &Setup::ReadAuthorities, &Setup::ReadRevocationLists,
                            &Setup::CheckAuthorities, &Setup::ReadTlsAuthorities, &Setup::ReadOrganizationalUnits,
                            &Setup::ReadNodeOus, &Setup::ReadAdministrators}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    return {};
  }

 private:
  Result<void> ReadHashes() {
    const ::msp::FabricCryptoConfig& crypto = config_.crypto_config();
    const std::string& family = crypto.signature_hash_family();
    if (family == "SHA3") {
      state_.message_hash = crypto::HashAlgorithm::kSha3_256;
    } else if (!family.empty() && family != "SHA2") {
      return Fail(ErrorCode::kInvalid, "crypto_config.signature_hash_family '{}': expected SHA2 or SHA3", family);
    }
    const std::string& function = crypto.identity_identifier_hash_function();
    if (function.empty() || function == "SHA256") {
      state_.identifier_hash = EVP_sha256();
    } else if (function == "SHA384") {
      state_.identifier_hash = EVP_sha384();
    } else if (function == "SHA3_256") {
      state_.identifier_hash = EVP_sha3_256();
    } else if (function == "SHA3_384") {
      state_.identifier_hash = EVP_sha3_384();
    } else {
      return Fail(ErrorCode::kInvalid,
                  "crypto_config.identity_identifier_hash_function '{}': expected SHA256, SHA384, SHA3_256 or SHA3_384",
                  function);
    }
    return {};
  }

  // Loaded as they are first: sanitising one needs the chain, and so all others.
  Result<void> ReadAuthorities() {
    if (config_.root_certs().empty()) return Fail(ErrorCode::kInvalid, "root_certs is empty; expected at least one CA");
    auto roots = ParseCertificates(config_.root_certs(), "root_certs");
    if (!roots) return std::unexpected(roots.error());
    auto intermediates = ParseCertificates(config_.intermediate_certs(), "intermediate_certs");
    if (!intermediates) return std::unexpected(intermediates.error());
    state_.roots = std::move(*roots);
    state_.intermediates = std::move(*intermediates);
    auto sane_roots = SanitiseAll(state_.roots, "root_certs");
    if (!sane_roots) return std::unexpected(sane_roots.error());
    auto sane_intermediates = SanitiseAll(state_.intermediates, "intermediate_certs");
    if (!sane_intermediates) return std::unexpected(sane_intermediates.error());
    state_.roots = std::move(*sane_roots);
    state_.intermediates = std::move(*sane_intermediates);
    return {};
  }

  Result<std::vector<CertificatePtr>> SanitiseAll(const std::vector<CertificatePtr>& certificates,
                                                  const char* field) const {
    std::vector<CertificatePtr> sanitised;
    for (const CertificatePtr& certificate : certificates) {
      auto result = state_.Sanitise(certificate, state_.FindChain(certificate));
      if (!result) return base::Wrap(result.error(), "{}", field);
      if (!Contains(sanitised, **result)) sanitised.push_back(std::move(*result));
    }
    return sanitised;
  }

  Result<void> ReadRevocationLists() {
    for (int i = 0; i < config_.revocation_list_size(); ++i) {
      auto list = RevocationList::Parse(config_.revocation_list(i));
      if (!list) return base::Wrap(list.error(), "revocation_list[{}]", i);
      state_.revocation_lists.push_back(std::move(*list));
    }
    return {};
  }

  // A certificate authority in `field` with its chain.
  Result<void> CheckAuthority(const Certificate& authority, const Result<CertificateChain>& chain,
                              const char* field) const {
    if (!authority.is_ca()) {
      return Fail(ErrorCode::kInvalid,
                  "{}: '{}' is not a certificate authority; its basic constraints need the CA flag", field,
                  authority.subject_text());
    }
    if (!authority.subject_key_identifier()) {
      return Fail(ErrorCode::kInvalid, "{}: '{}' has no Subject Key Identifier; a certificate authority needs one",
                  field, authority.subject_text());
    }
    if (!chain) return base::Wrap(chain.error(), "{}", field);
    if (chain->size() == 1) return {};
    if (auto good = state_.CheckRevocation(*chain, state_.revocation_lists); !good) {
      return base::Wrap(good.error(), "{}", field);
    }
    return {};
  }

  Result<void> CheckAuthorities() {
    for (const CertificatePtr& root : state_.roots) {
      if (auto good = CheckAuthority(*root, state_.FindChain(root), "root_certs"); !good) return good;
    }
    for (const CertificatePtr& intermediate : state_.intermediates) {
      const auto chain = state_.FindChain(intermediate);
      if (auto good = CheckAuthority(*intermediate, chain, "intermediate_certs"); !good) return good;
      for (std::size_t i = 1; i < chain->size(); ++i) state_.internal_authorities.insert((*chain)[i]->der());
    }
    return {};
  }

  Result<void> ReadTlsAuthorities() {
    auto roots = ParseCertificates(config_.tls_root_certs(), "tls_root_certs");
    if (!roots) return std::unexpected(roots.error());
    auto intermediates = ParseCertificates(config_.tls_intermediate_certs(), "tls_intermediate_certs");
    if (!intermediates) return std::unexpected(intermediates.error());
    const auto check = [&](const std::vector<CertificatePtr>& authorities, const char* field) -> Result<void> {
      for (const CertificatePtr& authority : authorities) {
        const auto chain = FindUniqueChain(authority, *roots, *intermediates);
        if (auto good = CheckAuthority(*authority, chain, field); !good) return good;
      }
      return {};
    };
    if (auto good = check(*roots, "tls_root_certs"); !good) return good;
    if (auto good = check(*intermediates, "tls_intermediate_certs"); !good) return good;
    state_.tls_roots = std::move(*roots);
    state_.tls_intermediates = std::move(*intermediates);
    return {};
  }

  // Of a certificate authority that the configuration names: a root alone, an intermediate with all above it.
  Result<std::string> CertifiersIdentifier(const std::string& pem) const {
    auto certificate = Certificate::FromPem(pem);
    if (!certificate) return std::unexpected(certificate.error());
    auto sanitised = state_.Sanitise(*certificate, state_.FindChain(*certificate));
    if (!sanitised) return std::unexpected(sanitised.error());
    if (Contains(state_.roots, **sanitised)) return state_.Identifier({&*sanitised, 1});
    if (!Contains(state_.intermediates, **sanitised)) {
      return Fail(ErrorCode::kInvalid, "'{}' is neither in root_certs nor in intermediate_certs",
                  (*sanitised)->subject_text());
    }
    if (state_.internal_authorities.contains((*sanitised)->der())) {
      return Fail(ErrorCode::kInvalid, "'{}' issues certificate authorities and may not issue identities",
                  (*sanitised)->subject_text());
    }
    const auto chain = state_.FindChain(*sanitised);
    if (!chain) return std::unexpected(chain.error());
    return state_.Identifier(*chain);
  }

  Result<void> ReadOrganizationalUnits() {
    for (int i = 0; i < config_.organizational_unit_identifiers_size(); ++i) {
      const ::msp::FabricOUIdentifier& unit = config_.organizational_unit_identifiers(i);
      auto certifiers = CertifiersIdentifier(unit.certificate());
      if (!certifiers) return base::Wrap(certifiers.error(), "organizational_unit_identifiers[{}].certificate", i);
      state_.organizational_units.emplace(unit.organizational_unit_identifier(), std::move(*certifiers));
    }
    return {};
  }

  Result<std::optional<NodeOu>> ReadNodeOu(const ::msp::FabricOUIdentifier& unit, const char* name) const {
    if (unit.organizational_unit_identifier().empty()) return std::nullopt;
    NodeOu node_ou{unit.organizational_unit_identifier(), std::nullopt};
    if (!unit.certificate().empty()) {
      auto certifiers = CertifiersIdentifier(unit.certificate());
      if (!certifiers) return base::Wrap(certifiers.error(), "fabric_node_ous.{}.certificate", name);
      node_ou.certifiers_identifier = std::move(*certifiers);
    }
    return node_ou;
  }

  Result<void> ReadNodeOus() {
    const ::msp::FabricNodeOUs& node_ous = config_.fabric_node_ous();
    if (!node_ous.enable() || state_.version < MspVersion::kV1_1) return {};
    struct Role {
      const char* name;
      const ::msp::FabricOUIdentifier& unit;
      std::optional<NodeOu>& target;
      MspVersion since;
    };
    const std::initializer_list<Role> roles = {
        {"client_ou_identifier", node_ous.client_ou_identifier(), state_.client_ou, MspVersion::kV1_1},
        {"peer_ou_identifier", node_ous.peer_ou_identifier(), state_.peer_ou, MspVersion::kV1_1},
        {"admin_ou_identifier", node_ous.admin_ou_identifier(), state_.admin_ou, MspVersion::kV1_4_3},
        {"orderer_ou_identifier", node_ous.orderer_ou_identifier(), state_.orderer_ou, MspVersion::kV1_4_3}};
    for (const Role& role : roles) {
      if (state_.version < role.since) continue;
      auto node_ou = ReadNodeOu(role.unit, role.name);
      if (!node_ou) return std::unexpected(node_ou.error());
      role.target = std::move(*node_ou);
      if (role.target) state_.node_ous_enabled = true;
    }
    return {};
  }

  Result<void> ReadAdministrators() {
    for (int i = 0; i < config_.admins_size(); ++i) {
      auto certificate = Certificate::FromPem(config_.admins(i));
      if (!certificate) return base::Wrap(certificate.error(), "admins[{}]", i);
      auto identity = state_.MakeIdentity(*certificate);
      if (!identity) return base::Wrap(identity.error(), "admins[{}]", i);
      if (auto good = CheckAdministrator(**identity); !good) return base::Wrap(good.error(), "admins[{}]", i);
      state_.administrators.push_back((*identity)->certificate());
    }
    if (state_.version >= MspVersion::kV1_4_3 && state_.administrators.empty() &&
        !(state_.node_ous_enabled && state_.admin_ou)) {
      return Fail(ErrorCode::kInvalid,
                  "admins is empty and no OU means admin; list an administrator's certificate or set "
                  "fabric_node_ous.admin_ou_identifier");
    }
    return {};
  }

  Result<void> CheckAdministrator(const Identity& identity) const {
    if (!state_.node_ous_enabled) return identity.validation();
    if (state_.CheckNodeRole(identity, state_.admin_ou, "admin")) return {};
    return state_.CheckNodeRole(identity, state_.client_ou, "client");
  }

  const ::msp::FabricMSPConfig& config_;
  Msp::State& state_;
};

}  // namespace

Result<std::shared_ptr<const Msp>> Msp::Create(const ::msp::FabricMSPConfig& config, MspVersion version) {
  if (config.name().empty()) return Fail(ErrorCode::kInvalid, "MSP configuration: name is empty; expected the MSP id");
  auto state = std::make_unique<State>();
  if (auto done = Setup(config, version, *state).Run(); !done) {
    return base::Wrap(done.error(), "MSP {}", config.name());
  }
  return std::shared_ptr<const Msp>(new Msp(std::move(state)));
}

}  // namespace grapevine::msp
