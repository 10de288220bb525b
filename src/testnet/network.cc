#include "testnet/network.h"

#include <fmt/core.h>

#include <utility>

#include "crypto/hash.h"
#include "msp/identities.pb.h"

namespace grapevine::testnet {
namespace {

constexpr std::size_t kSerialBytes = 16;
constexpr std::string_view kLoopback("\x7f\x00\x00\x01", 4);

}  // namespace

const char* ToString(Role role) {
  switch (role) {
    case Role::kPeer:
      return "peer";
    case Role::kOrderer:
      return "orderer";
    case Role::kAdmin:
      return "admin";
    case Role::kClient:
      return "client";
  }
  return "?";
}

base::Bytes Member::SerializedIdentity() const {
  ::msp::SerializedIdentity identity;
  identity.set_mspid(msp_id);
  identity.set_id_bytes(certificate);
  return base::Bytes(identity.SerializeAsString());
}

Network::Network(NetworkConfig config)
    : config_(std::move(config)), orderers_(MakeOrganization(config_.domain, "OrdererMSP", true)) {
  for (std::size_t i = 1; i <= config_.organizations; ++i) {
    organizations_.push_back(
        MakeOrganization(fmt::format("org{}.{}", i, config_.domain), fmt::format("Org{}MSP", i), false));
  }
}

CertificateRequest Network::Request(CertificateKind kind, DistinguishedName subject, std::string_view label) const {
  CertificateRequest request;
  request.kind = kind;
  request.subject = std::move(subject);
  request.serial =
      crypto::Sha256(fmt::format("testnet serial {} {}", config_.seed, label)).ToString().substr(0, kSerialBytes);
  request.not_before = config_.not_before;
  request.not_after = config_.not_before + config_.lifetime;
  return request;
}

Authority Network::MakeAuthority(const std::string& prefix, const std::string& domain) const {
  const std::string name = prefix + "." + domain;
  const Issuer self{{.organization = domain, .unit = {}, .common_name = name}, EcKey::Derive(config_.seed, name)};
  return {self, IssueCertificate(Request(CertificateKind::kAuthority, self.name, name), self.key, self)};
}

Member Network::Issue(const Organization& organization, Role role, const std::string& name) const {
  const CertificateRequest request =
      Request(CertificateKind::kIdentity, {.organization = {}, .unit = ToString(role), .common_name = name}, name);
  CertificateRequest tls_request =
      Request(CertificateKind::kTls, {.organization = {}, .unit = {}, .common_name = name}, "tls " + name);
  if (role == Role::kPeer || role == Role::kOrderer) {
    tls_request.dns_names = {name, name.substr(0, name.find('.')), "localhost"};
    tls_request.ip_addresses = {std::string(kLoopback)};
  }
  const EcKey key = EcKey::Derive(config_.seed, name);
  const EcKey tls_key = EcKey::Derive(config_.seed, "tls " + name);
  return {.name = name,
          .role = role,
          .msp_id = organization.msp_id,
          .serial = request.serial,
          .key = key,
          .certificate = IssueCertificate(request, key, organization.ca.issuer),
          .tls_key = tls_key,
          .tls_certificate = IssueCertificate(tls_request, tls_key, organization.tls_ca.issuer)};
}

Organization Network::MakeOrganization(const std::string& domain, const std::string& msp_id, bool of_orderers) const {
  Organization organization{.domain = domain,
                            .msp_id = msp_id,
                            .of_orderers = of_orderers,
                            .ca = MakeAuthority("ca", domain),
                            .tls_ca = MakeAuthority("tlsca", domain),
                            .nodes = {},
                            .users = {}};
  const std::size_t nodes = of_orderers ? config_.orderers : config_.peers;
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::string name =
        of_orderers ? (nodes == 1 ? "orderer" : fmt::format("orderer{}", i)) : fmt::format("peer{}", i);
    organization.nodes.push_back(Issue(organization, of_orderers ? Role::kOrderer : Role::kPeer, name + "." + domain));
  }
  organization.users.push_back(Issue(organization, Role::kAdmin, "Admin@" + domain));
  for (std::size_t i = 1; i <= (of_orderers ? 0 : config_.users); ++i) {
    organization.users.push_back(Issue(organization, Role::kClient, fmt::format("User{}@{}", i, domain)));
  }
  return organization;
}

}  // namespace grapevine::testnet
