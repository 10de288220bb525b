// Where the configuration is found, and what the process adds to it.
#include "runtime/configuration_file.h"

#include <gtest/gtest.h>

#include <string>

#include "node/config_address.h"
#include "support/peer_folder.h"

namespace grapevine::runtime {
namespace {

using test::PeerFolder;

TEST(ConfigurationFileTest, PathsAreRelativeToItsFolderAndTheEnvironmentWins) {
  const PeerFolder folder;
  folder.Write("core.yaml", "peer:\n  id: file\n  mspConfigPath: msp\n  tls: {cert: {file: tls/server.crt}}\n");
  const auto loaded = LoadConfiguration(
      folder / "core.yaml",
      {{"CORE_PEER_ID", "environment"}, {"CORE_PEER_TLS_KEY_FILE", "tls/server.key"}, {"HOME", "/nowhere"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->path, folder / "core.yaml");
  const node::Configuration& configuration = loaded->reading.configuration;
  EXPECT_EQ(configuration.id, "environment");
  EXPECT_EQ(configuration.msp_folder, folder / "msp");
  EXPECT_EQ(configuration.tls.cert_file, folder / "tls/server.crt");
  EXPECT_EQ(configuration.tls.key_file, folder / "tls/server.key");
}

TEST(ConfigurationFileTest, IsFoundInItsFolder) {
  const PeerFolder folder;
  folder.Write("core.yaml", "peer: {id: found}\n");
  const auto named = LoadConfiguration(folder.path(), {});
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->path, folder / "core.yaml");
  const auto by_variable = LoadConfiguration("", {{"FABRIC_CFG_PATH", folder.path()}});
  ASSERT_TRUE(by_variable) << by_variable.error().message;
  EXPECT_EQ(by_variable->reading.configuration.id, "found");

  const auto missing = LoadConfiguration("", {{"FABRIC_CFG_PATH", folder / "msp"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "there is no core.yaml in '" + folder / "msp" +
                                         "'; name the file with --config, or its folder with FABRIC_CFG_PATH");
}

TEST(ConfigurationFileTest, WhatIsNoYamlIsRefused) {
  const PeerFolder folder;
  folder.Write("core.yaml", "peer: [");
  const auto loaded = LoadConfiguration(folder.path(), {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message,
            "'" + folder / "core.yaml" + "': core.yaml: line 1: end of sequence flow not found");
  EXPECT_EQ(LoadConfiguration(folder / "none.yaml", {}).error().code, base::ErrorCode::kNotFound);
}

// As Fabric: 0.0.0.0 in peer.address, or peer.addressAutoDetect, stands for the machine's own address.
TEST(ConfigurationFileTest, TheHostOfTheAddressIsDetected) {
  node::Configuration c;
  c.address = c.listen_address = c.gossip.endpoint = "0.0.0.0:7051";
  ASSERT_TRUE(node::WantsDetectedHost(c));
  node::UseDetectedHost("192.0.2.7", c);
  EXPECT_EQ(c.address, "192.0.2.7:7051");
  EXPECT_EQ(c.gossip.endpoint, "192.0.2.7:7051");
  EXPECT_EQ(c.listen_address, "0.0.0.0:7051");
  EXPECT_FALSE(node::WantsDetectedHost(c));

  c.address = "peer0:7051";
  c.gossip.endpoint = "peer0.org1:7051";
  c.address_auto_detect = true;
  ASSERT_TRUE(node::WantsDetectedHost(c));
  node::UseDetectedHost("192.0.2.7", c);
  EXPECT_EQ(c.address, "192.0.2.7:7051");
  EXPECT_EQ(c.gossip.endpoint, "peer0.org1:7051");

  c.address = "no port";
  EXPECT_FALSE(node::WantsDetectedHost(c));
}

}  // namespace
}  // namespace grapevine::runtime
