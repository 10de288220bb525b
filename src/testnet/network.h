// The organisations of a test network with all their certificates: what cryptogen makes, in memory and from a seed.
//
// Everything follows from the configuration: equal configurations give equal networks, bit for bit, signatures
// included. Keys are derived from the seed: for tests and benchmarks only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "testnet/certificate.h"
#include "testnet/ec_key.h"

namespace grapevine::testnet {

// The NodeOU of an identity (03, 4.5).
enum class Role { kPeer, kOrderer, kAdmin, kClient };

const char* ToString(Role role);

struct NetworkConfig {
  std::uint64_t seed = 1;
  // Start and length of every certificate's validity.
  base::WallTime not_before = std::chrono::sys_days(std::chrono::January / 1 / 2025);
  base::Duration lifetime = std::chrono::hours(24 * 365 * 20);
  std::string domain = "example.com";  // of the orderers; organisation N has orgN.example.com
  std::size_t organizations = 2;       // with peers: Org1MSP, Org2MSP, ...
  std::size_t peers = 2;               // per organisation
  std::size_t users = 1;               // per organisation, besides the admin
  std::size_t orderers = 1;            // of OrdererMSP
};

// A certificate authority: for identities or for TLS.
struct Authority {
  Issuer issuer;
  std::string certificate;  // PEM
};

// An identity and its TLS certificate, which serves in both roles.
struct Member {
  std::string name;  // "peer0.org1.example.com", "Admin@org1.example.com"
  Role role = Role::kPeer;
  std::string msp_id;
  std::string serial;  // of the identity's certificate, big-endian
  EcKey key;
  std::string certificate;  // PEM
  EcKey tls_key;
  std::string tls_certificate;  // PEM

  // msp.SerializedIdentity (03, 1.1).
  base::Bytes SerializedIdentity() const;
};

struct Organization {
  std::string domain;
  std::string msp_id;
  bool of_orderers = false;
  Authority ca;
  Authority tls_ca;
  std::vector<Member> nodes;  // peers or orderers
  std::vector<Member> users;  // Admin first, then User1, User2, ...

  const Member& admin() const { return users.front(); }
};

class Network {
 public:
  explicit Network(NetworkConfig config);

  const NetworkConfig& config() const { return config_; }
  // Those with peers, in order of number.
  const std::vector<Organization>& organizations() const { return organizations_; }
  const Organization& orderer_organization() const { return orderers_; }
  // peer(0, 1) is peer1.org1.
  const Member& peer(std::size_t organization, std::size_t index) const {
    return organizations_[organization].nodes[index];
  }

  // One more identity of an organisation of this network; `name` distinguishes it from all others of it.
  Member Issue(const Organization& organization, Role role, const std::string& name) const;

 private:
  Authority MakeAuthority(const std::string& prefix, const std::string& domain) const;
  Organization MakeOrganization(const std::string& domain, const std::string& msp_id, bool of_orderers) const;
  CertificateRequest Request(CertificateKind kind, DistinguishedName subject, std::string_view label) const;

  NetworkConfig config_;
  std::vector<Organization> organizations_;
  Organization orderers_;
};

// Subfolder -> file name -> content of an MSP folder (03, 4.1); config.yaml stands under "".
using MspFolder = std::map<std::string, std::map<std::string, std::string>>;
// Of a member, with its key: what msp::LoadLocalMsp takes.
MspFolder LocalMspFolder(const Organization& organization, const Member& member);

// The files of cryptogen's tree, path -> content: "peerOrganizations/org1.example.com/peers/..." with CAs, MSP folders
// and TLS files. Private keys have names ending in "_sk" or ".key".
std::map<std::string, std::string> CryptoTree(const Network& network);

}  // namespace grapevine::testnet
