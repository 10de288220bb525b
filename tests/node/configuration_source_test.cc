// core.yaml and environment variables; the sample files of Fabric's releases (specification 13.1, column "core.yaml").
#include <gtest/gtest.h>

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
  address: 0.0.0.0:7051
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
    clientRootCAs:
      files:
        - tls/ca.crt
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
chaincode:
  mode: net
)";

// What the sample says that the code's defaults do not.
Configuration SampleOfMain() {
  Configuration sample;
  sample.address = "0.0.0.0:7051";
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
  EXPECT_EQ(KeysOf(reading.findings), (std::vector<std::string>{"note peer.gossip.skipBlockVerification",
                                                                "note peer.gossip.maxConnectionAttempts"}));
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
peer:
  address: a:1
  tls: {enabled: true, clientAuthRequired: true}
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
  expected.address = "a:1";
  expected.tls.enabled = true;
  expected.tls.client_auth_required = true;
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
                           {"CORE_LEDGER_STATE", "x"},
                           {"PEER_GOSSIP_PULLPEERNUM", "9"}},
                          *values);
  const ConfigValues expected = {{"peer.gossip.pullInterval", "7s"},
                                 {"peer.gossip.bootstrap", "c:3 d:4"},
                                 {"peer.gossip.dialTimeout", "5s"},
                                 {"peer.gossip.state.enabled", "true"},
                                 {"peer.deliveryclient.reconnectTotalTimeThreshold", "5m"},
                                 {"peer.tls.enabled", "true"}};
  EXPECT_EQ(*values, expected);
  const Configuration configuration = ReadConfiguration(*values).configuration;
  EXPECT_EQ(configuration.gossip.pull_interval, 7s);
  EXPECT_EQ(configuration.gossip.bootstrap, (std::vector<base::Endpoint>{"c:3", "d:4"}));
  EXPECT_EQ(configuration.gossip.dial_timeout, 5s);
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
