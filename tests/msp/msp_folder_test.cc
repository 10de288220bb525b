// MSPs from folders of files (specification 03, section 4.1).
#include "msp/msp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "msp/certificate_maker.h"
#include "msp/fixture_network.h"
#include "msp/serialized_identity.h"
#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPeer = "peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp";

std::string Error(const MspFolder& folder, base::WallTime now = FixtureTime()) {
  const auto local = LoadLocalMsp(folder, "Org1MSP", MspVersion::kV1_4_3, now);
  return local ? "" : local.error().message;
}

TEST(MspFolder, EveryRecordedFolderLoads) {
  namespace fs = std::filesystem;
  const fs::path root = testing::FixturePath("crypto");
  int nodes = 0;
  int organizations = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_directory() || entry.path().filename() != "msp") continue;
    const std::string name = fs::relative(entry.path(), root);
    SCOPED_TRACE(name);
    const MspFolder folder = ReadFixtureMspFolder(name);
    if (folder.contains("keystore")) {
      const auto local = LoadLocalMsp(folder, "SomeMSP", MspVersion::kV3_0, FixtureTime());
      EXPECT_TRUE(local.has_value()) << local.error().message;
      ++nodes;
    } else {
      const auto msp = LoadMsp(folder, "SomeMSP", MspVersion::kV3_0);
      EXPECT_TRUE(msp.has_value()) << msp.error().message;
      ++organizations;
    }
  }
  EXPECT_EQ(organizations, 3);
  EXPECT_EQ(nodes, 22) << "16 peers, an orderer, 5 users";
}

TEST(MspFolder, OwnIdentityIsTheOneThatFabricPublishes) {
  const LocalMsp local = LoadFixturePeer("org1", "Org1MSP");
  EXPECT_EQ(local.serialized_identity.view(), testing::ReadFixture("identities/peer0.org1.bin"));
  EXPECT_EQ(local.key.public_key(), local.identity->certificate()->public_key());
}

TEST(MspFolder, OwnIdentityIsSanitisedAndRewritten) {
  CertificateSpec ca = CaSpec("root");
  const TestIdentity root = MakeRoot(ca);
  CertificateSpec spec;
  spec.organizational_units = {"peer"};
  spec.high_s = true;
  const TestIdentity peer = Issue(root, spec);
  MspFolder folder;
  folder["cacerts"]["root.pem"] = root.pem();
  folder["admincerts"]["admin.pem"] = peer.pem();
  folder["signcerts"]["peer.pem"] = "some text\n" + peer.pem() + "more text";
  folder["keystore"]["any name"] = peer.key_pem();
  const LocalMsp local = Value(LoadLocalMsp(folder, "TestMSP", MspVersion::kV3_0, FixtureTime()));
  const auto own = Value(ParseSerializedIdentity(local.serialized_identity));
  EXPECT_TRUE(CheckWellFormed(own.id_bytes).has_value());
  EXPECT_NE(own.id_bytes, peer.pem()) << "low S now";
  EXPECT_EQ(Value(Certificate::FromPem(own.id_bytes))->tbs(), peer.certificate()->tbs());
}

TEST(MspFolder, RequiredEntries) {
  for (const char* required : {"cacerts", "signcerts", "keystore"}) {
    MspFolder folder = ReadFixtureMspFolder(kPeer);
    folder.erase(required);
    EXPECT_THAT(Error(folder), HasSubstr(required));
  }
}

TEST(MspFolder, KeyIsFoundByNameOrByTrying) {
  MspFolder folder = ReadFixtureMspFolder(kPeer);
  const std::string key = folder["keystore"]["priv_sk"];
  const std::string ski = LoadFixturePeer("org1", "Org1MSP").key.public_key().ski().ToHex();
  folder["keystore"] = {{"a", "no key"}, {"b", TestIdentity{MakeKey(), nullptr}.key_pem()}, {"z", key}};
  EXPECT_EQ(Error(folder), "");
  folder["keystore"] = {{ski + "_sk", key}};
  EXPECT_EQ(Error(folder), "");
  folder["keystore"] = {{"b", TestIdentity{MakeKey(), nullptr}.key_pem()}};
  EXPECT_THAT(Error(folder), HasSubstr("none of 1 files holds the private key"));
  folder["keystore"] = {{ski + "_sk", "no key"}};
  EXPECT_THAT(Error(folder), HasSubstr("keystore/" + ski + "_sk"));
}

TEST(MspFolder, ExpiredOwnCertificateRefusesToStart) {
  const base::WallTime end = LoadFixturePeer("org1", "Org1MSP").identity->not_after();
  const MspFolder folder = ReadFixtureMspFolder(kPeer);
  EXPECT_EQ(Error(folder, end - std::chrono::seconds(1)), "");
  EXPECT_THAT(Error(folder, end), HasSubstr("has expired"));
}

TEST(MspFolder, FilesThatAreNotPemAreSkippedWithAWarning) {
  MspFolder folder = ReadFixtureMspFolder(kPeer);
  folder["cacerts"]["README"] = "not a certificate";
  const LoadedMsp loaded = Value(LoadMsp(folder, "Org1MSP", MspVersion::kV1_4_3));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("cacerts/README")));
}

TEST(MspFolder, ConfigFileNamesOrganizationalUnits) {
  MspFolder folder = ReadFixtureMspFolder(kPeer);
  std::string& config = folder[""]["config.yaml"];
  config = "OrganizationalUnitIdentifiers:\n- Certificate: cacerts/none.pem\n  OrganizationalUnitIdentifier: sales\n";
  EXPECT_THAT(Error(folder), HasSubstr("there is no file 'cacerts/none.pem'"));
  config =
      "NodeOUs:\n  Enable: true\n  PeerOUIdentifier:\n    Certificate: none.pem\n"
      "    OrganizationalUnitIdentifier: peer\n  AdminOUIdentifier:\n    OrganizationalUnitIdentifier: admin\n";
  const LoadedMsp loaded = Value(LoadMsp(folder, "Org1MSP", MspVersion::kV1_4_3));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("NodeOUs.PeerOUIdentifier.Certificate: ignored")));
  config = "NodeOUs: [unclosed";
  EXPECT_THAT(Error(folder), HasSubstr("config.yaml: "));
  config = "NodeOUs:\n  Enable: false\n";
  EXPECT_THAT(Error(folder), HasSubstr("admins is empty")) << "NodeOUs are off";
}

}  // namespace
}  // namespace grapevine::msp
