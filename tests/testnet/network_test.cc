// What testnet makes is accepted by our own MSPs, and looks as cryptogen's.
#include "testnet/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "msp/msp_folder.h"
#include "msp/msp_principal.pb.h"

namespace grapevine::testnet {
namespace {

using Files = std::map<std::string, std::string>;
using ::testing::ElementsAre;
using ::testing::Key;

base::WallTime Later() { return NetworkConfig().not_before + std::chrono::hours(24 * 30); }

base::Result<msp::LocalMsp> Load(const MspFolder& folder) {
  return msp::LoadLocalMsp(folder, "Org1MSP", msp::MspVersion::kV1_4_3, Later());
}

MspFolder FolderOfPeer0(const Network& network) {
  return LocalMspFolder(network.organizations()[0], network.peer(0, 0));
}

TEST(CryptoTree, HasTheFilesOfCryptogen) {
  const Files files = CryptoTree(Network({.organizations = 1, .peers = 1, .users = 0}));
  Files org1;
  for (const auto& [path, content] : files) {
    if (path.starts_with("peerOrganizations/org1.example.com/")) org1[path.substr(35)] = content;
  }
  const std::string peer = "peers/peer0.org1.example.com/";
  const std::string admin = "users/Admin@org1.example.com/";
  EXPECT_THAT(
      org1,
      ElementsAre(Key("ca/ca.org1.example.com-cert.pem"), Key("ca/priv_sk"),
                  Key("msp/cacerts/ca.org1.example.com-cert.pem"), Key("msp/config.yaml"),
                  Key("msp/tlscacerts/tlsca.org1.example.com-cert.pem"),
                  Key(peer + "msp/cacerts/ca.org1.example.com-cert.pem"), Key(peer + "msp/config.yaml"),
                  Key(peer + "msp/keystore/priv_sk"), Key(peer + "msp/signcerts/peer0.org1.example.com-cert.pem"),
                  Key(peer + "msp/tlscacerts/tlsca.org1.example.com-cert.pem"), Key(peer + "tls/ca.crt"),
                  Key(peer + "tls/server.crt"), Key(peer + "tls/server.key"), Key("tlsca/priv_sk"),
                  Key("tlsca/tlsca.org1.example.com-cert.pem"), Key(admin + "msp/cacerts/ca.org1.example.com-cert.pem"),
                  Key(admin + "msp/config.yaml"), Key(admin + "msp/keystore/priv_sk"),
                  Key(admin + "msp/signcerts/Admin@org1.example.com-cert.pem"),
                  Key(admin + "msp/tlscacerts/tlsca.org1.example.com-cert.pem"), Key(admin + "tls/ca.crt"),
                  Key(admin + "tls/client.crt"), Key(admin + "tls/client.key")));
}

TEST(CryptoTree, FollowsFromTheSeed) {
  EXPECT_EQ(CryptoTree(Network({.seed = 7})), CryptoTree(Network({.seed = 7})));
  const Files one = CryptoTree(Network({.seed = 7}));
  const Files other = CryptoTree(Network({.seed = 8}));
  ASSERT_EQ(one.size(), other.size());
  for (const auto& [path, content] : one) {
    EXPECT_EQ(content == other.at(path), path.ends_with("config.yaml")) << path;
  }
}

// Below the folder of the peer, the tree holds its MSP folder.
TEST(CryptoTree, HoldsTheMspFolders) {
  const Network network({});
  const Files files = CryptoTree(network);
  for (const auto& [subfolder, contents] : FolderOfPeer0(network)) {
    for (const auto& [name, content] : contents) {
      const std::string path = "peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/" +
                               (subfolder.empty() ? name : subfolder + "/" + name);
      EXPECT_EQ(files.at(path), content) << path;
    }
  }
}

TEST(LocalMspFolder, LoadsAsLocalMsp) {
  const Network network({});
  const auto local = Load(FolderOfPeer0(network));
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_THAT(local->warnings, ElementsAre());
  EXPECT_EQ(local->serialized_identity, network.peer(0, 0).SerializedIdentity());
  EXPECT_EQ(local->msp->tls_roots().size(), 1U);
}

TEST(LocalMspFolder, DoesNotLoadWithACertificateOfAnotherOrganisation) {
  const Network network({});
  MspFolder folder = FolderOfPeer0(network);
  folder["signcerts"] = {{"cert.pem", network.peer(1, 0).certificate}};
  EXPECT_FALSE(Load(folder));
}

TEST(Network, IdentitiesAreValidInTheirRolesOnly) {
  using Role = ::common::MSPRole;
  const Network network({});
  const auto local = Load(FolderOfPeer0(network));
  ASSERT_TRUE(local) << local.error().message;
  const Organization& org1 = network.organizations()[0];
  const std::vector<std::pair<const Member*, std::set<int>>> cases = {
      {&org1.nodes[1], {Role::MEMBER, Role::PEER}},
      {&org1.admin(), {Role::MEMBER, Role::ADMIN}},
      {&org1.users[1], {Role::MEMBER, Role::CLIENT}},
  };
  for (const auto& [member, roles] : cases) {
    const auto identity = local->msp->Deserialize(member->certificate);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_TRUE((*identity)->validation()) << member->name;
    EXPECT_EQ((*identity)->not_after(), network.config().not_before + network.config().lifetime);
    EXPECT_TRUE((*identity)->Verify("message", member->key.Sign("message")));
    for (const int role : {Role::MEMBER, Role::ADMIN, Role::CLIENT, Role::PEER, Role::ORDERER}) {
      Role asked;
      asked.set_msp_identifier("Org1MSP");
      asked.set_role(static_cast<Role::MSPRoleType>(role));
      ::common::MSPPrincipal principal;
      principal.set_principal(asked.SerializeAsString());
      EXPECT_EQ(local->msp->CheckPrincipal(**identity, principal).has_value(), roles.contains(role))
          << member->name << " as " << role;
    }
  }
}

TEST(Network, IssuesFurtherIdentities) {
  const Network network({});
  const auto local = Load(FolderOfPeer0(network));
  ASSERT_TRUE(local) << local.error().message;
  const Member late = network.Issue(network.organizations()[0], Role::kPeer, "late.org1.example.com");
  const auto identity = local->msp->Deserialize(late.certificate);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_TRUE((*identity)->validation());
}

// 03, 4.5: a revocation list of the CA that names the serial number.
TEST(Network, RevokesWhatARevocationListNames) {
  const Network network({});
  const Organization& org1 = network.organizations()[0];
  MspFolder folder = FolderOfPeer0(network);
  folder["crls"]["list.pem"] = IssueRevocationList(org1.ca.issuer, {org1.nodes[1].serial}, Later());
  const auto local = Load(folder);
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_TRUE(local->msp->Deserialize(org1.nodes[0].certificate).value()->validation());
  EXPECT_FALSE(local->msp->Deserialize(org1.nodes[1].certificate).value()->validation());
}

TEST(Network, TlsCertificatesAreOfTheTlsAuthority) {
  const Network network({});
  const Organization& org1 = network.organizations()[0];
  const auto certificate = msp::Certificate::FromPem(org1.nodes[0].tls_certificate);
  const auto authority = msp::Certificate::FromPem(org1.tls_ca.certificate);
  const auto identity_authority = msp::Certificate::FromPem(org1.ca.certificate);
  ASSERT_TRUE(certificate && authority && identity_authority);
  EXPECT_TRUE((*certificate)->CheckSignatureFrom(**authority));
  EXPECT_FALSE((*certificate)->CheckSignatureFrom(**identity_authority));
  EXPECT_TRUE((*certificate)->has_subject_alternative_name());
  EXPECT_TRUE((*certificate)->allows_server_authentication());
  EXPECT_FALSE((*certificate)->is_ca());
}

}  // namespace
}  // namespace grapevine::testnet
