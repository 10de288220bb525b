// What is read of the files that a configuration names, and what is said of those that cannot be read (02, 2.1; 22.6).
#include "runtime/peer_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/peer_folder.h"

namespace grapevine::runtime {
namespace {

using test::PeerFolder;

node::Configuration ConfigurationOf(const PeerFolder& folder) {
  node::Configuration configuration;
  configuration.organization = "Org1MSP";
  configuration.msp_folder = folder / "msp";
  configuration.tls.enabled = true;
  configuration.tls.cert_file = folder / "tls/server.crt";
  configuration.tls.key_file = folder / "tls/server.key";
  configuration.tls.root_cert_file = folder / "tls/ca.crt";
  configuration.tls.client_auth_required = true;
  configuration.tls.client_root_ca_files = {folder / "tls/ca.crt"};
  return configuration;
}

std::string ErrorOf(const node::Configuration& configuration) {
  const auto files = LoadPeerFiles(configuration);
  return files ? "no error" : files.error().message;
}

TEST(PeerFilesTest, ReadsMspAndTls) {
  const PeerFolder folder;
  const auto files = LoadPeerFiles(ConfigurationOf(folder));
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->msp.at("signcerts").size(), 1u);
  EXPECT_EQ(files->msp.at("keystore").count("priv_sk"), 1u);
  EXPECT_EQ(files->msp.at("").count("config.yaml"), 1u);
  ASSERT_NE(files->tls.server, nullptr);
  EXPECT_EQ(files->tls.client, files->tls.server);
  EXPECT_EQ(files->tls.authorities.size(), 1u);
  EXPECT_EQ(files->tls.client_authorities, files->tls.authorities);
  EXPECT_EQ(files->operations_tls.server, nullptr);
  EXPECT_EQ(files->warnings, node::ConfigFindings());
}

TEST(PeerFilesTest, TheClientPairMayBeAnother) {
  const PeerFolder folder;
  node::Configuration configuration = ConfigurationOf(folder);
  configuration.tls.client_cert_file = folder / "msp/signcerts/peer0.org1.example.com-cert.pem";
  configuration.tls.client_key_file = folder / "msp/keystore/priv_sk";
  const auto files = LoadPeerFiles(configuration);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_NE(files->tls.client->certificate(), files->tls.server->certificate());

  configuration.tls.client_key_file = "";
  EXPECT_EQ(ErrorOf(configuration),
            "peer.tls.clientKey.file is not set: TLS is on, and so the private key is needed; name the file");
}

TEST(PeerFilesTest, PlaintextIsWarnedAbout) {
  const PeerFolder folder;
  node::Configuration configuration = ConfigurationOf(folder);
  configuration.tls = {};
  const auto files = LoadPeerFiles(configuration);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->tls.server, nullptr);
  ASSERT_EQ(files->warnings.size(), 1u);
  EXPECT_EQ(files->warnings[0].severity, node::Severity::kWarning);
  EXPECT_EQ(ToString(files->warnings[0]),
            "peer.tls.enabled = false: everybody on the way can read and change what peers send each other; set it to "
            "true if the network's other peers do");
}

TEST(PeerFilesTest, ErrorsNameKeyAndPathAndWhatWouldBeRight) {
  const PeerFolder folder;
  const node::Configuration good = ConfigurationOf(folder);
  folder.Write("text", "no PEM");

  node::Configuration c = good;
  c.organization = "";
  EXPECT_EQ(ErrorOf(c),
            "peer.localMspId is not set: the peer belongs to no organisation; set it to the organisation's MSP id");
  c = good;
  c.msp_folder = "";
  EXPECT_EQ(ErrorOf(c),
            "peer.mspConfigPath is not set: the peer has no identity; set it to the folder with signcerts, keystore, "
            "cacerts");
  c.msp_folder = folder / "none";
  EXPECT_EQ(ErrorOf(c), "peer.mspConfigPath = " + c.msp_folder + ": cannot read the MSP folder '" + c.msp_folder +
                            "': No such file or directory; it must be the folder with signcerts, keystore, cacerts");
  c = good;
  c.tls.cert_file = folder / "none";
  EXPECT_EQ(ErrorOf(c), "peer.tls.cert.file = " + c.tls.cert_file + ": cannot read the certificate '" +
                            c.tls.cert_file + "': No such file or directory; it must be a PEM certificate");
  c = good;
  c.tls.key_file = folder / "msp/keystore/priv_sk";
  EXPECT_TRUE(ErrorOf(c).starts_with("peer.tls.cert.file = " + c.tls.cert_file +
                                     ": with peer.tls.key.file = " + c.tls.key_file + ": "))
      << ErrorOf(c);
  EXPECT_TRUE(ErrorOf(c).ends_with("; the two must be a PEM certificate and its private key")) << ErrorOf(c);
  c = good;
  c.tls.root_cert_file = folder / "text";
  EXPECT_TRUE(ErrorOf(c).starts_with("peer.tls.rootcert.file = " + c.tls.root_cert_file + ": ")) << ErrorOf(c);
  EXPECT_TRUE(ErrorOf(c).ends_with("; it must be a PEM file with CA certificates")) << ErrorOf(c);
  c = good;
  c.tls.client_auth_required = false;
  c.tls.client_root_ca_files = {folder / "none"};
  EXPECT_TRUE(LoadPeerFiles(c)) << "not read unless clients must have certificates, as in Fabric";
  c.tls.client_auth_required = true;
  c.tls.client_root_ca_files = {folder / "tls"};
  EXPECT_EQ(ErrorOf(c), "peer.tls.clientRootCAs.files = " + folder / "tls" + ": the certificates '" + folder / "tls" +
                            "' is a folder; a file is wanted; it must be a PEM file with CA certificates");
}

TEST(PeerFilesTest, AllErrorsAreFound) {
  const PeerFolder folder;
  node::Configuration configuration = ConfigurationOf(folder);
  configuration.organization = "";
  configuration.msp_folder = folder / "none";
  configuration.tls.key_file = folder / "none";
  std::vector<std::string> keys;
  for (const node::ConfigFinding& finding : ReadPeerFiles(configuration).findings) keys.push_back(finding.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"peer.localMspId", "peer.mspConfigPath", "peer.tls.key.file"}));
}

TEST(PeerFilesTest, TheKeyStoreMayBeElsewhere) {
  const PeerFolder folder;
  node::Configuration configuration = ConfigurationOf(folder);
  std::filesystem::rename(folder / "msp/keystore", folder / "keys");
  configuration.key_store_folder = folder / "keys";
  const auto files = LoadPeerFiles(configuration);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->msp.at("keystore").count("priv_sk"), 1u);

  configuration.key_store_folder = folder / "none";
  EXPECT_TRUE(ErrorOf(configuration).starts_with("peer.BCCSP.SW.FileKeyStore.KeyStore = " + folder / "none" + ": "));
}

// 22.6: without readable certificates the entry is skipped, and the peer starts.
TEST(PeerFilesTest, OverridesWithoutReadableCertificatesAreSkipped) {
  const PeerFolder folder;
  node::Configuration configuration = ConfigurationOf(folder);
  folder.Write("empty", "");
  configuration.deliver.address_overrides = {{"a:1", "b:1", folder / "none"},
                                             {"c:1", "d:1", folder / "empty"},
                                             {"e:1", "f:1", folder / "tls/ca.crt"},
                                             {"g:1", "h:1", ""}};
  const auto files = LoadPeerFiles(configuration);
  ASSERT_TRUE(files) << files.error().message;
  ASSERT_EQ(files->overrides.size(), 2u);
  EXPECT_EQ(files->overrides[1].from, "g:1");
  EXPECT_TRUE(files->overrides[1].to.tls_authorities.empty()) << "the system's roots";
  EXPECT_EQ(files->overrides[0].from, "e:1");
  EXPECT_EQ(files->overrides[0].to.endpoint, "f:1");
  EXPECT_EQ(files->overrides[0].to.tls_authorities, files->tls.authorities);
  ASSERT_EQ(files->warnings.size(), 2u);
  EXPECT_EQ(ToString(files->warnings[0]), "peer.deliveryclient.addressOverrides = a:1: cannot read caCertsFile '" +
                                              folder / "none" +
                                              "': No such file or directory, so the entry is skipped; it must be a "
                                              "PEM file with certificates");
  EXPECT_EQ(files->warnings[1].value, "c:1");
  EXPECT_NE(files->warnings[1].rule.find(folder / "empty"), std::string::npos) << files->warnings[1].rule;
}

TEST(PeerFilesTest, OperationsHaveTheirOwnTls) {
  const PeerFolder folder;
  node::Configuration configuration = ConfigurationOf(folder);
  configuration.operations.listen_address = "127.0.0.1:9443";
  configuration.operations.tls = configuration.tls;
  const auto files = LoadPeerFiles(configuration);
  ASSERT_TRUE(files) << files.error().message;
  ASSERT_NE(files->operations_tls.server, nullptr);
  EXPECT_EQ(files->operations_tls.client_authorities.size(), 1u);

  configuration.operations.tls.client_auth_required = true;
  configuration.operations.tls.client_root_ca_files = {};
  EXPECT_TRUE(ErrorOf(configuration).starts_with("operations.tls.clientRootCAs.files is not set: no client is ever"))
      << ErrorOf(configuration);
}

TEST(PeerFilesTest, EveryFileIsWatched) {
  node::Configuration c;
  c.msp_folder = "msp";
  c.key_store_folder = "keys";
  c.tls = {.enabled = true,
           .cert_file = "a",
           .key_file = "b",
           .root_cert_file = "c",
           .client_root_ca_files = {"d", "e"},
           .client_cert_file = "f",
           .client_key_file = "g"};
  c.operations.tls.enabled = true;
  c.operations.tls.cert_file = "h";
  c.operations.tls.key_file = "i";
  c.deliver.address_overrides = {{"x:1", "y:1", "j"}};
  EXPECT_EQ(WatchedPaths(c),
            (std::vector<std::string>{"msp", "keys", "a", "b", "f", "g", "c", "d", "e", "h", "i", "j"}));
  c.tls.enabled = false;
  EXPECT_EQ(WatchedPaths(c), (std::vector<std::string>{"msp", "keys", "h", "i", "j"}));
}

}  // namespace
}  // namespace grapevine::runtime
