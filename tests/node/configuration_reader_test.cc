// Reading of each key: present, absent, zero, negative and unreadable (specification 13, reading rules and 13.1).
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "node/config_reader.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;

// The specification's table once more: what the code's is compared with.
struct Row {
  char kind;  // d(uration), i(nteger), b(oolean)
  char rule;
  std::string key;
  std::string value_if_absent;
};

const std::vector<Row> kRows = {
    {'b', 'R', "peer.addressAutoDetect", "false"},
    {'d', 'Z', "peer.authentication.timewindow", "15m"},
    {'d', 'Z', "peer.connectiontimeout", "5s"},
    {'i', 'S', "peer.maxRecvMsgSize", "104857600"},
    {'i', 'S', "peer.maxSendMsgSize", "104857600"},
    {'b', 'R', "operations.tls.enabled", "false"},
    {'b', 'R', "operations.tls.clientAuthRequired", "false"},
    {'b', 'R', "peer.tls.enabled", "false"},
    {'b', 'R', "peer.tls.clientAuthRequired", "false"},
    {'d', 'S', "peer.keepalive.client.interval", "1m"},
    {'d', 'S', "peer.keepalive.client.timeout", "20s"},
    {'d', 'S', "peer.keepalive.interval", "2h"},
    {'d', 'S', "peer.keepalive.timeout", "20s"},
    {'d', 'S', "peer.keepalive.minInterval", "1m"},
    {'d', 'S', "peer.keepalive.deliveryClient.interval", "1m"},
    {'d', 'S', "peer.keepalive.deliveryClient.timeout", "20s"},
    {'d', 'Z', "peer.gossip.dialTimeout", "3s"},
    {'d', 'Z', "peer.gossip.connTimeout", "2s"},
    {'i', 'Z', "peer.gossip.recvBuffSize", "20"},
    {'i', 'Z', "peer.gossip.sendBuffSize", "20"},
    {'d', 'Z', "peer.gossip.publishCertPeriod", "10s"},
    {'i', 'Z', "peer.gossip.propagateIterations", "1"},
    {'i', 'Z', "peer.gossip.propagatePeerNum", "3"},
    {'i', 'Z', "peer.gossip.maxPropagationBurstSize", "10"},
    {'d', 'Z', "peer.gossip.maxPropagationBurstLatency", "10ms"},
    {'i', 'Z', "peer.gossip.maxBlockCountToStore", "10"},
    {'d', 'Z', "peer.gossip.pullInterval", "4s"},
    {'i', 'Z', "peer.gossip.pullPeerNum", "3"},
    {'d', 'Z', "peer.gossip.digestWaitTime", "1s"},
    {'d', 'Z', "peer.gossip.requestWaitTime", "1.5s"},
    {'d', 'Z', "peer.gossip.responseWaitTime", "2s"},
    {'d', 'Z', "peer.gossip.publishStateInfoInterval", "4s"},
    {'d', 'Z', "peer.gossip.requestStateInfoInterval", "4s"},
    {'d', 'Z', "peer.gossip.membershipTrackerInterval", "5s"},
    {'d', 'Z', "peer.gossip.aliveTimeInterval", "5s"},
    {'d', 'Z', "peer.gossip.aliveExpirationTimeout", "25s"},
    {'d', 'Z', "peer.gossip.reconnectInterval", "25s"},
    {'i', 'Z', "peer.gossip.maxConnectionAttempts", "120"},
    {'i', 'Z', "peer.gossip.msgExpirationFactor", "20"},
    {'b', 'R', "peer.gossip.useLeaderElection", "false"},
    {'b', 'R', "peer.gossip.orgLeader", "false"},
    {'d', 'Z', "peer.gossip.election.startupGracePeriod", "15s"},
    {'d', 'Z', "peer.gossip.election.membershipSampleInterval", "1s"},
    {'d', 'Z', "peer.gossip.election.leaderAliveThreshold", "10s"},
    {'d', 'Z', "peer.gossip.election.leaderElectionDuration", "5s"},
    {'b', 'S', "peer.gossip.state.enabled", "false"},
    {'d', 'S', "peer.gossip.state.checkInterval", "10s"},
    {'d', 'S', "peer.gossip.state.responseTimeout", "3s"},
    {'i', 'S', "peer.gossip.state.batchSize", "10"},
    {'i', 'S', "peer.gossip.state.blockBufferSize", "20"},
    {'i', 'S', "peer.gossip.state.maxRetries", "3"},
    {'i', 'S', "peer.gossip.state.channelSize", "100"},
    {'b', 'R', "peer.gossip.nonBlockingCommitMode", "false"},
    {'d', 'R', "peer.gossip.pvtData.pullRetryThreshold", "0s"},
    {'i', 'Z', "peer.gossip.pvtData.transientstoreMaxBlockRetention", "20000"},
    {'d', 'R', "peer.gossip.pvtData.pushAckTimeout", "0s"},
    {'i', 'S', "peer.gossip.pvtData.btlPullMargin", "10"},
    {'i', 'Z', "peer.gossip.pvtData.reconcileBatchSize", "10"},
    {'d', 'Z', "peer.gossip.pvtData.reconcileSleepInterval", "1m"},
    {'b', 'R', "peer.gossip.pvtData.reconciliationEnabled", "false"},
    {'b', 'R', "peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit", "false"},
    {'i', 'R', "peer.gossip.pvtData.implicitCollectionDisseminationPolicy.requiredPeerCount", "0"},
    {'i', 'S', "peer.gossip.pvtData.implicitCollectionDisseminationPolicy.maxPeerCount", "1"},
    {'b', 'S', "peer.deliveryclient.blockGossipEnabled", "true"},
    {'d', 'Z', "peer.deliveryclient.reconnectTotalTimeThreshold", "1h"},
    {'d', 'Z', "peer.deliveryclient.connTimeout", "3s"},
    {'d', 'Z', "peer.deliveryclient.reConnectBackoffThreshold", "1h"},
    {'d', 'S', "peer.deliveryclient.blockCensorshipTimeoutKey", "30s"},
    {'d', 'S', "peer.deliveryclient.minimalReconnectInterval", "100ms"},
};

// Keys of other kinds, each with tests of its own below.
const std::set<std::string> kOthers = {
    "peer.id",
    "peer.networkId",
    "peer.mspConfigPath",
    "peer.localMspId",
    "peer.localMspType",
    "peer.BCCSP.Default",
    "peer.BCCSP.SW.Hash",
    "peer.BCCSP.SW.Security",
    "peer.BCCSP.SW.FileKeyStore.KeyStore",
    "peer.fileSystemPath",
    "grapevine.admin.socket",
    "peer.address",
    "peer.listenAddress",
    "peer.tls.cert.file",
    "peer.tls.key.file",
    "peer.tls.rootcert.file",
    "peer.tls.clientRootCAs.files",
    "peer.tls.clientCert.file",
    "peer.tls.clientKey.file",
    "operations.listenAddress",
    "operations.tls.cert.file",
    "operations.tls.key.file",
    "operations.tls.clientRootCAs.files",
    "metrics.provider",
    "peer.gossip.bootstrap",
    "peer.gossip.endpoint",
    "peer.gossip.externalEndpoint",
    "peer.gossip.skipBlockVerification",
    "peer.gossip.stateInfoRetentionInterval",
    "peer.deliveryclient.addressOverrides",
    "peer.deliveryclient.policy",
};

std::string ValueOf(const std::string& key, const ConfigReading& reading) {
  return FormatValue(*FindConfigKey(key), reading.configuration);
}

// What reading one key says of it. sendBuffSize is always set, since its absence is a finding of its own.
struct OneKey {
  OneKey(const std::string& key, const std::string& text) {
    ConfigValues values = {{"peer.gossip.sendBuffSize", "200"}};
    values[key] = text;
    const ConfigReading reading = ReadConfiguration(values);
    value = ValueOf(key, reading);
    for (const ConfigFinding& finding : reading.findings) {
      if (finding.severity != Severity::kNote) findings.push_back(finding);
    }
  }
  std::string value;
  ConfigFindings findings;
};

TEST(ConfigReaderTest, TheTableHasTheKeysOfTheSpecification) {
  std::set<std::string> expected = kOthers;
  for (const Row& row : kRows) expected.insert(row.key);
  std::set<std::string> keys;
  for (const ConfigKey& key : ConfigKeys()) EXPECT_TRUE(keys.emplace(key.name).second) << key.name << " stands twice";
  EXPECT_EQ(keys, expected);
  for (const Row& row : kRows) {
    const ConfigKey& key = *FindConfigKey(row.key);
    EXPECT_EQ(ToLetter(key.rule), row.rule) << row.key;
    EXPECT_EQ(KindOf(key), row.kind == 'd' ? "duration" : row.kind == 'i' ? "integer" : "true or false") << row.key;
  }
}

TEST(ConfigReaderTest, AbsentKeysHaveFabricsDefaults) {
  const ConfigReading reading = ReadConfiguration({});
  EXPECT_EQ(reading.configuration, Configuration{});
  for (const Row& row : kRows) EXPECT_EQ(ValueOf(row.key, reading), row.value_if_absent) << row.key;
}

TEST(ConfigReaderTest, EmptyValuesAreAbsent) {
  ConfigValues values;
  for (const ConfigKey& key : ConfigKeys()) values[std::string(key.name)] = "";
  const ConfigReading reading = ReadConfiguration(values);
  EXPECT_EQ(reading.configuration, Configuration{});
  ASSERT_EQ(reading.findings.size(), 1u);
  EXPECT_EQ(reading.findings[0].key, "peer.gossip.sendBuffSize");
}

TEST(ConfigReaderTest, PresentValuesAreTaken) {
  for (const Row& row : kRows) {
    const std::string text = row.kind == 'd'                 ? "77s"
                             : row.kind == 'i'               ? "77"
                             : row.value_if_absent == "true" ? "false"
                                                             : "true";
    const OneKey read(row.key, text);
    EXPECT_EQ(read.value, row.kind == 'd' ? "1m17s" : text) << row.key;
    EXPECT_EQ(read.findings, ConfigFindings()) << row.key;
  }
}

TEST(ConfigReaderTest, ZeroIsTheDefaultUnderRuleZOnly) {
  for (const Row& row : kRows) {
    if (row.kind == 'b') continue;
    const OneKey read(row.key, "0");
    if (row.rule != 'Z') {
      EXPECT_EQ(read.value, row.kind == 'd' ? "0s" : "0") << row.key;
      EXPECT_EQ(read.findings, ConfigFindings()) << row.key;
      continue;
    }
    EXPECT_EQ(read.value, row.value_if_absent) << row.key;
    ASSERT_EQ(read.findings.size(), 1u) << row.key;
    EXPECT_EQ(read.findings[0].severity, Severity::kWarning);
    EXPECT_EQ(ToString(read.findings[0]), row.key + " = 0: zero counts as absent, as in Fabric, so the default " +
                                              row.value_if_absent +
                                              " is used; set a positive value, or remove the key");
  }
}

TEST(ConfigReaderTest, UnreadableValuesAreTheDefaultUnderRuleZAndRefusedOtherwise) {
  for (const Row& row : kRows) {
    const OneKey read(row.key, "soon");
    const std::string what = row.kind == 'd'   ? "is not a duration such as 10ms, 4s or 1h30m"
                             : row.kind == 'i' ? "is not an integer such as 20"
                                               : "is neither true nor false";
    EXPECT_EQ(read.value, row.value_if_absent) << row.key;
    ASSERT_EQ(read.findings.size(), 1u) << row.key;
    if (row.rule == 'Z') {
      EXPECT_EQ(read.findings[0].severity, Severity::kWarning) << row.key;
      EXPECT_EQ(ToString(read.findings[0]), row.key + " = soon: " + what + ", so the default " + row.value_if_absent +
                                                " is used, as in Fabric; correct it");
    } else {
      EXPECT_EQ(read.findings[0].severity, Severity::kError) << row.key;
      EXPECT_EQ(ToString(read.findings[0]), row.key + " = soon: " + what + "; correct it, or remove the key");
    }
  }
}

TEST(ConfigReaderTest, NegativeValuesAreRefused) {
  for (const Row& row : kRows) {
    if (row.kind == 'b' || row.key == "peer.gossip.pvtData.btlPullMargin") continue;
    const OneKey read(row.key, row.kind == 'd' ? "-4s" : "-4");
    EXPECT_EQ(read.value, row.value_if_absent) << row.key;
    ASSERT_EQ(read.findings.size(), 1u) << row.key;
    EXPECT_EQ(read.findings[0].severity, Severity::kError);
    EXPECT_EQ(read.findings[0].rule, "must not be negative");
  }
}

TEST(ConfigReaderTest, NegativePullMarginIsTheDefault) {
  const OneKey read("peer.gossip.pvtData.btlPullMargin", "-1");
  EXPECT_EQ(read.value, "10");
  ASSERT_EQ(read.findings.size(), 1u);
  EXPECT_EQ(ToString(read.findings[0]),
            "peer.gossip.pvtData.btlPullMargin = -1: is negative, so the default 10 is used, as in Fabric; correct it");
}

TEST(ConfigReaderTest, HugeValuesAreRefused) {
  for (const Row& row : kRows) {
    if (row.kind == 'b') continue;
    const OneKey fits(row.key, row.kind == 'd' ? "20000h" : "2147483647");
    EXPECT_EQ(fits.value, row.kind == 'd' ? "20000h" : "2147483647") << row.key;
    EXPECT_EQ(fits.findings, ConfigFindings()) << row.key;
    const OneKey huge(row.key, row.kind == 'd' ? "20000h1ns" : "2147483648");
    EXPECT_EQ(huge.value, row.value_if_absent) << row.key;
    ASSERT_EQ(huge.findings.size(), 1u) << row.key;
    EXPECT_EQ(huge.findings[0].severity, Severity::kError);
    EXPECT_EQ(huge.findings[0].rule, row.kind == 'd' ? "is longer than 20000h" : "is larger than 2147483647");
  }
}

TEST(ConfigReaderTest, DurationsWithoutUnitAreNanosecondsAndSuspect) {
  const OneKey read("peer.gossip.pullInterval", "4");
  EXPECT_EQ(read.value, "4ns");
  ASSERT_EQ(read.findings.size(), 1u);
  EXPECT_EQ(read.findings[0].severity, Severity::kWarning);
  EXPECT_EQ(
      ToString(read.findings[0]),
      "peer.gossip.pullInterval = 4: has no unit and so counts nanoseconds, as in Fabric; write 4s for seconds, 4ns "
      "if it is meant");
}

TEST(ConfigReaderTest, ExpirationAndReconnectFollowTheHeartbeat) {
  const ConfigReading heartbeat = ReadConfiguration({{"peer.gossip.aliveTimeInterval", "1s"}});
  EXPECT_EQ(heartbeat.configuration.gossip.alive_expiration, 5s);
  EXPECT_EQ(heartbeat.configuration.gossip.reconnect_interval, 5s);

  const ConfigReading expiration =
      ReadConfiguration({{"peer.gossip.aliveTimeInterval", "1s"}, {"peer.gossip.aliveExpirationTimeout", "8s"}});
  EXPECT_EQ(expiration.configuration.gossip.alive_expiration, 8s);
  EXPECT_EQ(expiration.configuration.gossip.reconnect_interval, 8s);

  const ConfigReading zero = ReadConfiguration({{"peer.gossip.aliveTimeInterval", "1s"},
                                                {"peer.gossip.aliveExpirationTimeout", "0"},
                                                {"peer.gossip.reconnectInterval", "never"}});
  EXPECT_EQ(zero.configuration.gossip.alive_expiration, 5s);
  EXPECT_EQ(zero.configuration.gossip.reconnect_interval, 5s);
}

TEST(ConfigReaderTest, EndpointFallsBackToTheAddress) {
  const ConfigReading address = ReadConfiguration({{"peer.address", "peer0:7051"}});
  EXPECT_EQ(address.configuration.address, "peer0:7051");
  EXPECT_EQ(address.configuration.gossip.endpoint, "peer0:7051");
  EXPECT_EQ(address.configuration.gossip.external_endpoint, "");
  EXPECT_EQ(address.configuration.listen_address, "peer0:7051");
  EXPECT_EQ(ReadConfiguration({{"peer.address", "peer0:7051"}, {"peer.listenAddress", "0.0.0.0:7052"}})
                .configuration.listen_address,
            "0.0.0.0:7052");

  const ConfigReading both = ReadConfiguration({{"peer.address", "0.0.0.0:7051"},
                                                {"peer.gossip.endpoint", "peer0.org1:7051"},
                                                {"peer.gossip.externalEndpoint", "peer0.example.com:7051"}});
  EXPECT_EQ(both.configuration.address, "0.0.0.0:7051");
  EXPECT_EQ(both.configuration.gossip.endpoint, "peer0.org1:7051");
  EXPECT_EQ(both.configuration.gossip.external_endpoint, "peer0.example.com:7051");
}

TEST(ConfigReaderTest, ReadsLists) {
  const ConfigReading reading = ReadConfiguration({{"peer.gossip.bootstrap", "peer1:7051, peer2:7051 peer3:7051"}});
  EXPECT_EQ(reading.configuration.gossip.bootstrap,
            (std::vector<base::Endpoint>{"peer1:7051", "peer2:7051", "peer3:7051"}));
}

TEST(ConfigReaderTest, ReadsAddressOverrides) {
  const ConfigReading reading = ReadConfiguration({{"peer.deliveryclient.addressOverrides.0.from", "a:7050"},
                                                   {"peer.deliveryclient.addressOverrides.0.to", "b:7050"},
                                                   {"peer.deliveryclient.addressOverrides.0.caCertsFile", "my ca.pem"},
                                                   {"peer.deliveryclient.addressoverrides.1.FROM", "c:7050"},
                                                   {"peer.deliveryclient.addressOverrides.3.from", "behind a gap"},
                                                   {"peer.gossip.sendBuffSize", "200"}});
  EXPECT_EQ(reading.configuration.deliver.address_overrides,
            (std::vector<AddressOverride>{{"a:7050", "b:7050", "my ca.pem"}, {"c:7050", "", ""}}));
  ASSERT_EQ(reading.findings.size(), 1u);
  EXPECT_EQ(reading.findings[0].key, "peer.deliveryclient.addressOverrides.3.from");

  const OneKey text("peer.deliveryclient.addressOverrides", "a:7050");
  ASSERT_EQ(text.findings.size(), 1u);
  EXPECT_EQ(ToString(text.findings[0]),
            "peer.deliveryclient.addressOverrides = a:7050: is not a list of from, to and caCertsFile; correct it, or "
            "remove the key");
}

TEST(ConfigReaderTest, UnknownPolicyIsCluster) {
  EXPECT_EQ(OneKey("peer.deliveryclient.policy", "cluster").findings, ConfigFindings());
  const OneKey simple("peer.deliveryclient.policy", "simple");
  EXPECT_EQ(simple.value, "simple");
  EXPECT_EQ(simple.findings, ConfigFindings());
  const OneKey other("peer.deliveryclient.policy", "swarm");
  EXPECT_EQ(other.value, "cluster");
  ASSERT_EQ(other.findings.size(), 1u);
  EXPECT_EQ(other.findings[0].severity, Severity::kWarning);
}

TEST(ConfigReaderTest, KeysCompareWithoutCase) {
  const ConfigReading reading = ReadConfiguration({{"PEER.Gossip.pullinterval", "6s"}});
  EXPECT_EQ(reading.configuration.gossip.pull_interval, 6s);
}

TEST(ConfigReaderTest, TheAdminSocketIsInTheDataFolder) {
  const ConfigReading reading = ReadConfiguration({{"peer.fileSystemPath", "/var/peer"}});
  EXPECT_EQ(reading.configuration.admin_socket, "/var/peer/grapevine/admin.sock");
  EXPECT_EQ(OneKey("grapevine.admin.socket", "/run/peer.sock").value, "/run/peer.sock");
}

TEST(ConfigReaderTest, PathsAreRelativeToTheFolderOfTheFile) {
  ConfigReading reading = ReadConfiguration({{"peer.mspConfigPath", "msp"},
                                             {"peer.fileSystemPath", "../data"},
                                             {"peer.tls.cert.file", "tls/server.crt"},
                                             {"peer.tls.key.file", "/secret/server.key"},
                                             {"peer.tls.clientRootCAs.files", "tls/a.crt, tls/b.crt"},
                                             {"peer.deliveryclient.addressOverrides.0.caCertsFile", "ca.pem"},
                                             {"peer.address", "peer0:7051"}});
  ResolvePaths("/etc/fabric", reading.configuration);
  Configuration expected;
  expected.msp_folder = "/etc/fabric/msp";
  expected.data_folder = "/etc/fabric/../data";
  expected.admin_socket = "/etc/fabric/../data/grapevine/admin.sock";
  expected.tls.cert_file = "/etc/fabric/tls/server.crt";
  expected.tls.key_file = "/secret/server.key";
  expected.tls.client_root_ca_files = {"/etc/fabric/tls/a.crt", "/etc/fabric/tls/b.crt"};
  expected.deliver.address_overrides = {{"", "", "/etc/fabric/ca.pem"}};
  expected.address = "peer0:7051";
  expected.listen_address = "peer0:7051";
  expected.gossip.endpoint = "peer0:7051";
  EXPECT_EQ(reading.configuration, expected);
}

TEST(ConfigReaderTest, KeysWithChoicesRefuseOthers) {
  EXPECT_EQ(OneKey("peer.localMspType", "bccsp").findings, ConfigFindings());
  EXPECT_EQ(OneKey("peer.BCCSP.Default", "SW").findings, ConfigFindings());
  const OneKey idemix("peer.localMspType", "idemix");
  ASSERT_EQ(idemix.findings.size(), 1u);
  EXPECT_EQ(idemix.findings[0].severity, Severity::kError);
  EXPECT_EQ(ToString(idemix.findings[0]),
            "peer.localMspType = idemix: is a kind of MSP that is not supported; set it to bccsp");
  const OneKey hardware("peer.BCCSP.Default", "PKCS11");
  ASSERT_EQ(hardware.findings.size(), 1u);
  EXPECT_EQ(hardware.findings[0].severity, Severity::kError);
  EXPECT_EQ(ToString(hardware.findings[0]),
            "peer.BCCSP.Default = PKCS11: would keep the private key in a hardware module, which is not supported yet; "
            "set it to SW");
}

TEST(ConfigReaderTest, OtherMetricsProvidersThanPrometheusAreDisabled) {
  const OneKey prometheus("metrics.provider", "prometheus");
  EXPECT_EQ(prometheus.value, "prometheus");
  EXPECT_EQ(prometheus.findings, ConfigFindings());
  EXPECT_EQ(OneKey("metrics.provider", "disabled").findings, ConfigFindings());
  const OneKey statsd("metrics.provider", "statsd");
  EXPECT_EQ(statsd.value, "disabled");
  ASSERT_EQ(statsd.findings.size(), 1u);
  EXPECT_EQ(statsd.findings[0].severity, Severity::kWarning);
  EXPECT_EQ(ToString(statsd.findings[0]),
            "metrics.provider = statsd: is not offered, so disabled is used; set it to disabled or prometheus");
}

TEST(ConfigReaderTest, KeysOfAbsentPartsAreListedOnce) {
  const ConfigReading reading = ReadConfiguration({{"peer.gossip.sendBuffSize", "200"},
                                                   {"VM.ENDPOINT", "unix:///var/run/docker.sock"},
                                                   {"chaincode.builder", "x"},
                                                   {"chaincode.externalBuilders.0.name", "y"},
                                                   {"peer.gateway.enabled", "true"},
                                                   {"ledger.state.couchDBConfig.username", "z"},
                                                   {"peer.validatorPoolSize", "4"}});
  ASSERT_EQ(reading.findings.size(), 1u);
  EXPECT_EQ(reading.findings[0].severity, Severity::kNote);
  EXPECT_EQ(
      ToString(reading.findings[0]),
      "not applicable = chaincode, ledger, peer.gateway, peer.validatorPoolSize, vm: concern parts of Fabric that "
      "Grapevine does not have, so nothing reads them; remove them if you like");
  for (const NotApplicablePart& part : NotApplicableParts()) {
    EXPECT_EQ(FindNotApplicablePart(part.name), &part) << part.name;
    EXPECT_EQ(FindNotApplicablePart(std::string(part.name) + ".x"), &part) << part.name;
    EXPECT_EQ(FindNotApplicablePart(std::string(part.name) + "x"), nullptr) << part.name;
    for (const ConfigKey& key : ConfigKeys()) EXPECT_NE(FindNotApplicablePart(key.name), &part) << key.name;
  }
}

TEST(ConfigReaderTest, UnknownKeysAreNamedWithTheNearestKnownOne) {
  const ConfigReading reading = ReadConfiguration({{"peer.gossip.sendBuffSize", "200"},
                                                   {"peer.gossip.pullIntervall", "4s"},
                                                   {"peer.gossip.privData.pushAckTimeout", "3s"},
                                                   {"peer.deliveryclient.BLOCKGOSSIP", "true"},
                                                   {"peer.gossip.state", "on"},
                                                   {"peer.fileSystemPaht", "/var"},
                                                   {"peer.gatway.enabled", "true"},
                                                   {"operation.listenAddress", "1"}});
  ASSERT_EQ(reading.findings.size(), 7u);
  for (const ConfigFinding& finding : reading.findings) EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(reading.findings[0].remedy, "the nearest known key is operations.listenAddress");
  EXPECT_EQ(ToString(reading.findings[1]),
            "peer.deliveryclient.BLOCKGOSSIP = true: no such key, nothing reads it; the nearest known key is "
            "peer.deliveryclient.blockGossipEnabled");
  EXPECT_EQ(reading.findings[2].remedy, "the nearest known key is peer.fileSystemPath");
  EXPECT_EQ(reading.findings[3].remedy, "the nearest known key is peer.gateway");
  EXPECT_EQ(reading.findings[4].remedy, "the nearest known key is peer.gossip.pvtData.pushAckTimeout");
  EXPECT_EQ(reading.findings[5].remedy, "the nearest known key is peer.gossip.pullInterval");
  EXPECT_EQ(reading.findings[6].key, "peer.gossip.state");
}

TEST(ConfigReaderTest, KeysWithoutEffectAreNoted) {
  const ConfigReading reading = ReadConfiguration({{"peer.gossip.sendBuffSize", "200"},
                                                   {"peer.gossip.skipBlockVerification", "true"},
                                                   {"peer.gossip.stateInfoRetentionInterval", "soon"},
                                                   {"peer.gossip.maxConnectionAttempts", "7"}});
  ASSERT_EQ(reading.findings.size(), 3u);
  for (const ConfigFinding& finding : reading.findings) EXPECT_EQ(finding.severity, Severity::kNote);
  EXPECT_EQ(
      ToString(reading.findings[0]),
      "peer.gossip.skipBlockVerification = true: has no effect, as in Fabric: blocks are always verified; remove it "
      "if you like");
  EXPECT_EQ(reading.findings[1].key, "peer.gossip.stateInfoRetentionInterval");
  EXPECT_EQ(reading.findings[2].key, "peer.gossip.maxConnectionAttempts");
}

}  // namespace
}  // namespace grapevine::node
