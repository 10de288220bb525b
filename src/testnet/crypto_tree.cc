// Files of a network, as cryptogen lays them out.
#include <fmt/core.h>

#include "testnet/network.h"

namespace grapevine::testnet {
namespace {

using Files = std::map<std::string, std::string>;

std::string NodeOus(const Organization& organization) {
  std::string yaml = "NodeOUs:\n  Enable: true\n";
  for (const char* unit : {"Client", "Peer", "Admin", "Orderer"}) {
    std::string lower = unit;
    lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
    yaml += fmt::format(
        "  {}OUIdentifier:\n    Certificate: cacerts/ca.{}-cert.pem\n    OrganizationalUnitIdentifier: {}\n", unit,
        organization.domain, lower);
  }
  return yaml;
}

// What every MSP folder of the organisation has.
MspFolder VerifyingMspFolder(const Organization& organization) {
  return {{"", {{"config.yaml", NodeOus(organization)}}},
          {"cacerts", {{fmt::format("ca.{}-cert.pem", organization.domain), organization.ca.certificate}}},
          {"tlscacerts", {{fmt::format("tlsca.{}-cert.pem", organization.domain), organization.tls_ca.certificate}}}};
}

void AddMspFolder(const MspFolder& msp, const std::string& folder, Files& files) {
  for (const auto& [subfolder, contents] : msp) {
    for (const auto& [name, content] : contents) {
      files[folder + "/" + (subfolder.empty() ? "" : subfolder + "/") + name] = content;
    }
  }
}

void AddAuthority(const Authority& authority, const std::string& folder, const std::string& name, Files& files) {
  files[fmt::format("{}/{}-cert.pem", folder, name)] = authority.certificate;
  files[folder + "/priv_sk"] = authority.issuer.key.PrivatePem();
}

void AddMember(const Organization& organization, const Member& member, const std::string& folder, Files& files) {
  AddMspFolder(LocalMspFolder(organization, member), folder + "/msp", files);
  const bool node = member.role == Role::kPeer || member.role == Role::kOrderer;
  const std::string tls = folder + (node ? "/tls/server" : "/tls/client");
  files[folder + "/tls/ca.crt"] = organization.tls_ca.certificate;
  files[tls + ".crt"] = member.tls_certificate;
  files[tls + ".key"] = member.tls_key.PrivatePem();
}

void AddOrganization(const Organization& organization, Files& files) {
  const std::string folder =
      fmt::format("{}Organizations/{}", organization.of_orderers ? "orderer" : "peer", organization.domain);
  AddMspFolder(VerifyingMspFolder(organization), folder + "/msp", files);
  AddAuthority(organization.ca, folder + "/ca", "ca." + organization.domain, files);
  AddAuthority(organization.tls_ca, folder + "/tlsca", "tlsca." + organization.domain, files);
  const std::string nodes = folder + (organization.of_orderers ? "/orderers/" : "/peers/");
  for (const Member& node : organization.nodes) AddMember(organization, node, nodes + node.name, files);
  for (const Member& user : organization.users) AddMember(organization, user, folder + "/users/" + user.name, files);
}

}  // namespace

MspFolder LocalMspFolder(const Organization& organization, const Member& member) {
  MspFolder folder = VerifyingMspFolder(organization);
  folder["signcerts"][member.name + "-cert.pem"] = member.certificate;
  folder["keystore"]["priv_sk"] = member.key.PrivatePem();
  return folder;
}

std::map<std::string, std::string> CryptoTree(const Network& network) {
  Files files;
  AddOrganization(network.orderer_organization(), files);
  for (const Organization& organization : network.organizations()) AddOrganization(organization, files);
  return files;
}

}  // namespace grapevine::testnet
