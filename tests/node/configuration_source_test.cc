// core.yaml and environment variables; the sample files of Fabric's releases (specification 13.1, column "core.yaml").
#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <string>
#include <vector>

#include "node/config_check.h"
#include "node/config_source.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;

// The values of main's sample file that concern gossip.
constexpr char kSampleOfMain[] = R"(
peer:
  id: jdoe
  networkId: dev
  listenAddress: 0.0.0.0:7051
  address: 0.0.0.0:7051
  addressAutoDetect: false
  gateway:
    enabled: true
  keepalive:
    interval: 7200s
    timeout: 20s
    minInterval: 60s
    client:
      interval: 60s
      timeout: 20s
    deliveryClient:
      interval: 60s
      timeout: 20s
  gossip:
    bootstrap: 127.0.0.1:7051
    useLeaderElection: false
    orgLeader: true
    membershipTrackerInterval: 5s
    endpoint:
    maxBlockCountToStore: 10
    maxPropagationBurstLatency: 10ms
    maxPropagationBurstSize: 10
    propagateIterations: 1
    propagatePeerNum: 3
    pullInterval: 4s
    pullPeerNum: 3
    requestStateInfoInterval: 4s
    publishStateInfoInterval: 4s
    stateInfoRetentionInterval:
    publishCertPeriod: 10s
    skipBlockVerification: false
    dialTimeout: 3s
    connTimeout: 2s
    recvBuffSize: 20
    sendBuffSize: 200
    digestWaitTime: 1s
    requestWaitTime: 1500ms
    responseWaitTime: 2s
    aliveTimeInterval: 5s
    aliveExpirationTimeout: 25s
    reconnectInterval: 25s
    maxConnectionAttempts: 120
    msgExpirationFactor: 20
    externalEndpoint:
    election:
      startupGracePeriod: 15s
      membershipSampleInterval: 1s
      leaderAliveThreshold: 10s
      leaderElectionDuration: 5s
    pvtData:
      pullRetryThreshold: 60s
      transientstoreMaxBlockRetention: 20000
      pushAckTimeout: 3s
      btlPullMargin: 10
      reconcileBatchSize: 10
      reconcileSleepInterval: 1m
      reconciliationEnabled: true
      skipPullingInvalidTransactionsDuringCommit: false
      implicitCollectionDisseminationPolicy:
        requiredPeerCount: 0
        maxPeerCount: 1
    state:
      enabled: false
      checkInterval: 10s
      responseTimeout: 3s
      batchSize: 10
      blockBufferSize: 20
      maxRetries: 3
  tls:
    enabled: false
    clientAuthRequired: false
    cert:
      file: tls/server.crt
    key:
      file: tls/server.key
    rootcert:
      file: tls/ca.crt
    clientRootCAs:
      files:
        - tls/ca.crt
    clientKey:
      file:
    clientCert:
      file:
  authentication:
    timewindow: 15m
  fileSystemPath: /var/hyperledger/production
  BCCSP:
    Default: SW
    SW:
      Hash: SHA2
      Security: 256
      FileKeyStore:
        KeyStore:
    PKCS11:
      Library:
      Pin:
  mspConfigPath: msp
  localMspId: SampleOrg
  client:
    connTimeout: 3s
  deliveryclient:
    blockGossipEnabled: false
    reconnectTotalTimeThreshold: 3600s
    connTimeout: 3s
    reConnectBackoffThreshold: 3600s
    blockCensorshipTimeoutKey: 30s
    minimalReconnectInterval: 100ms
    addressOverrides:
    #  - from:
    #    to:
    #    caCertsFile:
    policy: cluster
  localMspType: bccsp
  profile:
    enabled: false
  handlers:
    authFilters:
      -
        name: DefaultAuth
  validatorPoolSize:
  discovery:
    enabled: true
  limits:
    concurrency:
      endorserService: 2500
      deliverService: 2500
      gatewayService: 500
  maxRecvMsgSize: 104857600
  maxSendMsgSize: 104857600
vm:
  endpoint: unix:///var/run/docker.sock
chaincode:
  mode: net
  externalBuilders:
    - name: ccaas_builder
      path: /opt/hyperledger/ccaas_builder
ledger:
  blockchain:
  state:
    stateDatabase: goleveldb
  snapshots:
    rootDir: /var/hyperledger/production/snapshots
operations:
  listenAddress: 127.0.0.1:9443
  tls:
    enabled: false
    cert:
      file:
    clientAuthRequired: false
    clientRootCAs:
      files: []
metrics:
  provider: disabled
  statsd:
    network: udp
    prefix:
)";

// What the sample says that the code's defaults do not.
Configuration SampleOfMain() {
  Configuration sample;
  sample.id = "jdoe";
  sample.listen_address = "0.0.0.0:7051";
  sample.address = "0.0.0.0:7051";
  sample.msp_folder = "msp";
  sample.organization = "SampleOrg";
  sample.data_folder = "/var/hyperledger/production";
  sample.admin_socket = "/var/hyperledger/production/grapevine/admin.sock";
  sample.tls.cert_file = "tls/server.crt";
  sample.tls.key_file = "tls/server.key";
  sample.tls.root_cert_file = "tls/ca.crt";
  sample.tls.client_root_ca_files = {"tls/ca.crt"};
  sample.operations.listen_address = "127.0.0.1:9443";
  sample.gossip.endpoint = "0.0.0.0:7051";
  sample.gossip.bootstrap = {"127.0.0.1:7051"};
  sample.gossip.send_buffer_messages = 200;
  sample.election.org_leader = true;
  sample.private_data.pull_retry_threshold = 60s;
  sample.private_data.push_ack_timeout = 3s;
  sample.private_data.reconciliation_enabled = true;
  sample.deliver.block_gossip_enabled = false;
  return sample;
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::vector<std::string> KeysOf(const ConfigFindings& findings) {
  std::vector<std::string> keys;
  for (const ConfigFinding& finding : findings)
    keys.push_back(std::string(ToString(finding.severity)) + " " + finding.key);
  return keys;
}

TEST(ConfigSourceTest, TheSampleFileOfMainGivesTheDocumentedValues) {
  const auto values = ReadCoreYaml(kSampleOfMain);
  ASSERT_TRUE(values) << values.error().message;
  const ConfigReading reading = ReadConfiguration(*values);
  EXPECT_EQ(reading.configuration, SampleOfMain());
  EXPECT_EQ(KeysOf(reading.findings),
            (std::vector<std::string>{"note peer.gossip.skipBlockVerification",
                                      "note peer.gossip.maxConnectionAttempts", "note not applicable"}));
  EXPECT_EQ(reading.findings[2].value,
            "chaincode, ledger, metrics.statsd, peer.client, peer.discovery, peer.gateway, peer.handlers, peer.limits, "
            "peer.profile, vm");
  EXPECT_EQ(KeysOf(Check(reading.configuration)), (std::vector<std::string>{"warning peer.gossip.endpoint"}));
}

// 13.1, marks of difference: other values of two keys, and three keys that are absent.
TEST(ConfigSourceTest, TheSampleFileOf24DiffersInTheDocumentedValues) {
  std::string text = Replaced(kSampleOfMain, "blockGossipEnabled: false", "blockGossipEnabled: true");
  text = Replaced(text, "transientstoreMaxBlockRetention: 20000", "transientstoreMaxBlockRetention: 1000");
  text = Replaced(text, "    blockCensorshipTimeoutKey: 30s\n", "");
  text = Replaced(text, "    minimalReconnectInterval: 100ms\n", "");
  text = Replaced(text, "    policy: cluster\n", "");
  const auto values = ReadCoreYaml(text);
  ASSERT_TRUE(values) << values.error().message;
  const ConfigReading reading = ReadConfiguration(*values);
  Configuration expected = SampleOfMain();
  expected.deliver.block_gossip_enabled = true;
  expected.private_data.transient_store_blocks = 1000;
  EXPECT_EQ(reading.configuration, expected);
  EXPECT_EQ(KeysOf(Check(reading.configuration)), (std::vector<std::string>{"warning peer.gossip.endpoint"}));
}

// Every key with a value of its own: none lands in another's place.
TEST(ConfigSourceTest, EveryKeyLandsInItsPlace) {
  const auto values = ReadCoreYaml(R"(
grapevine: {admin: {socket: s}}
operations:
  listenAddress: l:1
  tls:
    enabled: true
    clientAuthRequired: true
    cert: {file: m}
    key: {file: n}
    clientRootCAs: {files: [o, p]}
metrics: {provider: prometheus}
peer:
  id: q
  mspConfigPath: r
  localMspId: t
  localMspType: bccsp
  BCCSP: {Default: SW, SW: {FileKeyStore: {KeyStore: u}}}
  fileSystemPath: v
  address: a:1
  addressAutoDetect: true
  listenAddress: w:1
  authentication: {timewindow: 136s}
  connectiontimeout: 137s
  maxRecvMsgSize: 219
  maxSendMsgSize: 220
  tls:
    enabled: true
    clientAuthRequired: true
    cert: {file: x}
    key: {file: y}
    rootcert: {file: z}
    clientRootCAs: {files: [aa, ab]}
    clientCert: {file: ac}
    clientKey: {file: ad}
  keepalive:
    interval: 101s
    timeout: 102s
    minInterval: 103s
    client: {interval: 104s, timeout: 105s}
    deliveryClient: {interval: 106s, timeout: 107s}
  gossip:
    bootstrap: [b:1, c:1]
    endpoint: d:1
    externalEndpoint: e:1
    dialTimeout: 108s
    connTimeout: 109s
    recvBuffSize: 201
    sendBuffSize: 202
    publishCertPeriod: 110s
    propagateIterations: 203
    propagatePeerNum: 204
    maxPropagationBurstSize: 205
    maxPropagationBurstLatency: 111s
    maxBlockCountToStore: 206
    pullInterval: 112s
    pullPeerNum: 207
    digestWaitTime: 113s
    requestWaitTime: 114s
    responseWaitTime: 115s
    publishStateInfoInterval: 116s
    requestStateInfoInterval: 117s
    membershipTrackerInterval: 118s
    aliveTimeInterval: 119s
    aliveExpirationTimeout: 120s
    reconnectInterval: 121s
    maxConnectionAttempts: 208
    msgExpirationFactor: 209
    useLeaderElection: true
    orgLeader: true
    nonBlockingCommitMode: true
    election: {startupGracePeriod: 122s, membershipSampleInterval: 123s, leaderAliveThreshold: 124s, leaderElectionDuration: 125s}
    state: {enabled: true, checkInterval: 126s, responseTimeout: 127s, batchSize: 210, blockBufferSize: 211, maxRetries: 212, channelSize: 213}
    pvtData:
      pullRetryThreshold: 128s
      transientstoreMaxBlockRetention: 214
      pushAckTimeout: 129s
      btlPullMargin: 215
      reconcileBatchSize: 216
      reconcileSleepInterval: 130s
      reconciliationEnabled: true
      skipPullingInvalidTransactionsDuringCommit: true
      implicitCollectionDisseminationPolicy: {requiredPeerCount: 217, maxPeerCount: 218}
  deliveryclient:
    blockGossipEnabled: false
    reconnectTotalTimeThreshold: 131s
    connTimeout: 132s
    reConnectBackoffThreshold: 133s
    blockCensorshipTimeoutKey: 134s
    minimalReconnectInterval: 135s
    addressOverrides:
      - {from: f:1, to: g:1, caCertsFile: h}
      - {from: i:1, to: j:1, caCertsFile: k}
    policy: simple
)");
  ASSERT_TRUE(values) << values.error().message;
  const ConfigReading reading = ReadConfiguration(*values);
  Configuration expected;
  expected.id = "q";
  expected.listen_address = "w:1";
  expected.address = "a:1";
  expected.address_auto_detect = true;
  expected.msp_folder = "r";
  expected.organization = "t";
  expected.key_store_folder = "u";
  expected.data_folder = "v";
  expected.authentication_time_window = 136s;
  expected.connection_timeout = 137s;
  expected.max_receive_bytes = 219;
  expected.max_send_bytes = 220;
  expected.tls = {.enabled = true,
                  .client_auth_required = true,
                  .cert_file = "x",
                  .key_file = "y",
                  .root_cert_file = "z",
                  .client_root_ca_files = {"aa", "ab"},
                  .client_cert_file = "ac",
                  .client_key_file = "ad"};
  expected.operations.listen_address = "l:1";
  expected.operations.tls.enabled = true;
  expected.operations.tls.client_auth_required = true;
  expected.operations.tls.cert_file = "m";
  expected.operations.tls.key_file = "n";
  expected.operations.tls.client_root_ca_files = {"o", "p"};
  expected.operations.metrics_provider = "prometheus";
  expected.admin_socket = "s";
  expected.keepalive = {.client_interval = 104s,
                        .client_timeout = 105s,
                        .server_interval = 101s,
                        .server_timeout = 102s,
                        .server_min_interval = 103s,
                        .deliver_interval = 106s,
                        .deliver_timeout = 107s};
  expected.gossip = {.bootstrap = {"b:1", "c:1"},
                     .endpoint = "d:1",
                     .external_endpoint = "e:1",
                     .dial_timeout = 108s,
                     .conn_timeout = 109s,
                     .receive_buffer_messages = 201,
                     .send_buffer_messages = 202,
                     .publish_cert_period = 110s,
                     .propagate_iterations = 203,
                     .propagate_peers = 204,
                     .max_burst_messages = 205,
                     .max_burst_latency = 111s,
                     .max_blocks_stored = 206,
                     .pull_interval = 112s,
                     .pull_peers = 207,
                     .digest_wait = 113s,
                     .request_wait = 114s,
                     .response_wait = 115s,
                     .publish_state_info_interval = 116s,
                     .request_state_info_interval = 117s,
                     .membership_tracker_interval = 118s,
                     .alive_interval = 119s,
                     .alive_expiration = 120s,
                     .reconnect_interval = 121s,
                     .max_connection_attempts = 208,
                     .expiration_factor = 209};
  expected.election = {.use_leader_election = true,
                       .org_leader = true,
                       .startup_grace_period = 122s,
                       .membership_sample_interval = 123s,
                       .leader_alive_threshold = 124s,
                       .leader_election_duration = 125s};
  expected.state = {.enabled = true,
                    .check_interval = 126s,
                    .response_timeout = 127s,
                    .batch_blocks = 210,
                    .buffer_blocks = 211,
                    .max_retries = 212,
                    .queue_messages = 213,
                    .non_blocking_commit = true};
  expected.private_data = {.pull_retry_threshold = 128s,
                           .transient_store_blocks = 214,
                           .push_ack_timeout = 129s,
                           .btl_pull_margin_blocks = 215,
                           .reconcile_batch_blocks = 216,
                           .reconcile_sleep_interval = 130s,
                           .reconciliation_enabled = true,
                           .skip_pulling_invalid_transactions = true,
                           .implicit_required_peers = 217,
                           .implicit_max_peers = 218};
  expected.deliver = {.block_gossip_enabled = false,
                      .reconnect_total_time_threshold = 131s,
                      .conn_timeout = 132s,
                      .reconnect_backoff_threshold = 133s,
                      .block_censorship_timeout = 134s,
                      .minimal_reconnect_interval = 135s,
                      .address_overrides = {{"f:1", "g:1", "h"}, {"i:1", "j:1", "k"}},
                      .policy = DelivererPolicy::kSimple};
  EXPECT_EQ(reading.configuration, expected);
  EXPECT_EQ(KeysOf(reading.findings), (std::vector<std::string>{"note peer.gossip.maxConnectionAttempts"}));
}

TEST(ConfigSourceTest, YamlFormsBecomeFlatText) {
  const auto values = ReadCoreYaml(
      "peer:\n  gossip:\n    bootstrap:\n      - a:1\n      - b:2\n    endpoint: \"c:3\"\n    externalEndpoint: ~\n"
      "    state: {}\n    election: &e {leaderAliveThreshold: 0x10s}\npeer.id: me\nlist: []\n");
  ASSERT_TRUE(values) << values.error().message;
  const ConfigValues expected = {{"peer.gossip.bootstrap", "a:1,b:2"},
                                 {"peer.gossip.endpoint", "c:3"},
                                 {"peer.gossip.election.leaderAliveThreshold", "0x10s"},
                                 {"peer.id", "me"}};
  EXPECT_EQ(*values, expected);
  EXPECT_EQ(ReadCoreYaml(""), base::Result<ConfigValues>(ConfigValues()));
}

TEST(ConfigSourceTest, RefusesWhatIsNoConfigurationFile) {
  const std::map<std::string, std::string> cases = {
      {"peer: [", "core.yaml: line 1: end of sequence flow not found"},
      {"peer:\n  gossip: {a: 1\n", "core.yaml: line 3: end of map flow not found"},
      {"just text", "core.yaml: must have keys, as peer:"},
      {"- a\n- b\n", "core.yaml: must have keys, as peer:"},
      {"peer:\n  ? [a, b]\n  : c\n", "core.yaml: line 2: a key must be text"},
      {"peer:\n  gossip:\n    pullInterval: 4s\n    PullInterval: 5s\n",
       "core.yaml: line 4: peer.gossip.PullInterval stands twice; remove one of them"},
  };
  for (const auto& [text, message] : cases) {
    const auto values = ReadCoreYaml(text);
    ASSERT_FALSE(values) << text;
    EXPECT_EQ(values.error().code, base::ErrorCode::kInvalid);
    EXPECT_EQ(values.error().message, message);
  }
}

// A small file with aliases of aliases of ... would have 10^9 keys.
TEST(ConfigSourceTest, BoundsTheNumberOfKeysAndTheirDepth) {
  std::string text = "a0: &a0 {x: 1, y: 1, z: 1, u: 1, v: 1, w: 1, p: 1, q: 1, r: 1, s: 1}\n";
  for (int i = 1; i < 9; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (const char name : std::string("xyzuvwpqrs")) text += std::string(1, name) + ": " + alias + ", ";
    text += "}\n";
  }
  const auto many = ReadCoreYaml(text);
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().message.find("more than 10000 keys"), std::string::npos) << many.error().message;

  std::string nested;
  for (int i = 0; i < 80; ++i) nested += "{a: ";
  nested += "1" + std::string(80, '}');
  const auto deep = ReadCoreYaml(nested);
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "core.yaml: line 1: nested too deeply");
}

TEST(ConfigSourceTest, TheEnvironmentWins) {
  auto values =
      ReadCoreYaml("peer:\n  gossip:\n    pullInterval: 4s\n    bootstrap: [a:1, b:2]\n    dialTimeout: 5s\n");
  ASSERT_TRUE(values);
  OverrideFromEnvironment({{"CORE_PEER_GOSSIP_PULLINTERVAL", "7s"},
                           {"CORE_PEER_GOSSIP_BOOTSTRAP", "c:3 d:4"},
                           {"CORE_PEER_GOSSIP_DIALTIMEOUT", ""},
                           {"CORE_PEER_GOSSIP_STATE_ENABLED", "true"},
                           {"CORE_PEER_DELIVERYCLIENT_RECONNECTTOTALTIMETHRESHOLD", "5m"},
                           {"CORE_PEER_TLS_ENABLED", "true"},
                           {"CORE_OPERATIONS_LISTENADDRESS", "0.0.0.0:9443"},
                           {"CORE_METRICS_PROVIDER", "prometheus"},
                           {"CORE_GRAPEVINE_ADMIN_SOCKET", "/run/a.sock"},
                           {"CORE_PEER_BCCSP_SW_FILEKEYSTORE_KEYSTORE", "/keys"},
                           {"CORE_VM_ENDPOINT", "x"},
                           {"FABRIC_CFG_PATH", "/etc"},
                           {"PEER_GOSSIP_PULLPEERNUM", "9"}},
                          *values);
  const ConfigValues expected = {{"peer.gossip.pullInterval", "7s"},
                                 {"peer.gossip.bootstrap", "c:3 d:4"},
                                 {"peer.gossip.dialTimeout", "5s"},
                                 {"peer.gossip.state.enabled", "true"},
                                 {"peer.deliveryclient.reconnectTotalTimeThreshold", "5m"},
                                 {"peer.tls.enabled", "true"},
                                 {"operations.listenAddress", "0.0.0.0:9443"},
                                 {"metrics.provider", "prometheus"},
                                 {"grapevine.admin.socket", "/run/a.sock"},
                                 {"peer.BCCSP.SW.FileKeyStore.KeyStore", "/keys"},
                                 {"VM.ENDPOINT", "x"}};
  EXPECT_EQ(*values, expected);
  const Configuration configuration = ReadConfiguration(*values).configuration;
  EXPECT_EQ(configuration.gossip.pull_interval, 7s);
  EXPECT_EQ(configuration.gossip.bootstrap, (std::vector<base::Endpoint>{"c:3", "d:4"}));
  EXPECT_EQ(configuration.gossip.dial_timeout, 5s);
}

// The rule of names holds for every key, whatever its letters.
TEST(ConfigSourceTest, EveryKeyHasItsEnvironmentVariable) {
  for (const ConfigKey& key : ConfigKeys()) {
    std::string name = "CORE_";
    for (const char c : key.name) {
      name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    ConfigValues values = {{std::string(key.name), "of the file"}};
    OverrideFromEnvironment({{name, "of the environment"}}, values);
    EXPECT_EQ(values, (ConfigValues{{std::string(key.name), "of the environment"}})) << name;
  }
}

TEST(ConfigSourceTest, UnknownEnvironmentVariablesAreReported) {
  ConfigValues values = {{"peer.gossip.sendBuffSize", "200"}};
  OverrideFromEnvironment({{"CORE_PEER_GOSSIP_PULINTERVAL", "7s"}}, values);
  const ConfigReading reading = ReadConfiguration(values);
  ASSERT_EQ(reading.findings.size(), 1u);
  EXPECT_EQ(ToString(reading.findings[0]),
            "PEER.GOSSIP.PULINTERVAL = 7s: no such key, nothing reads it; the nearest known key is "
            "peer.gossip.pullInterval");
}

}  // namespace
}  // namespace grapevine::node
