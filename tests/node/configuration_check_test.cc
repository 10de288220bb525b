// Each constraint with a configuration that violates it and one that barely satisfies it (specification 13.3).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "node/config_check.h"
#include "node/config_reader.h"

namespace grapevine::node {
namespace {

using namespace std::chrono_literals;

// Nothing is to be said about it.
Configuration Good() {
  Configuration configuration;
  configuration.address = "peer0:7051";
  configuration.gossip.endpoint = "peer0:7051";
  configuration.gossip.bootstrap = {"peer1:7051"};
  configuration.election.org_leader = true;
  configuration.private_data.push_ack_timeout = 3s;
  configuration.private_data.pull_retry_threshold = 60s;
  return configuration;
}

std::vector<std::string> CheckWith(const std::function<void(Configuration&)>& change) {
  Configuration configuration = Good();
  change(configuration);
  std::vector<std::string> lines;
  for (const ConfigFinding& finding : Check(configuration)) {
    lines.push_back(std::string(ToString(finding.severity)) + ": " + ToString(finding));
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(ConfigCheckTest, AGoodConfigurationHasNoFindings) {
  EXPECT_EQ(CheckWith([](Configuration&) {}), Lines());
  EXPECT_FALSE(HasError(Check(Good())));
}

TEST(ConfigCheckTest, PullIntervalExceedsDigestAndResponseWait) {
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.pull_interval = 2s; }),
            Lines{"error: peer.gossip.pullInterval = 2s: must be greater than digestWaitTime + responseWaitTime (3s), "
                  "otherwise pull rounds overlap and items never arrive; set it to at least 3.1s"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.pull_interval = 3s; }).size(), 1u);
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.pull_interval = 3s + 1ns; }), Lines());
}

TEST(ConfigCheckTest, RequestWaitExceedsDigestWait) {
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.request_wait = 1s; }),
            Lines{"error: peer.gossip.requestWaitTime = 1s: must be greater than digestWaitTime (1s), otherwise every "
                  "request arrives after its nonce expired; set it to at least 1.1s"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.request_wait = 1s + 1ns; }), Lines());
}

TEST(ConfigCheckTest, ExpirationIsFiveHeartbeats) {
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.alive_expiration = 10s - 1ns; }),
      Lines{"error: peer.gossip.aliveExpirationTimeout = 9.999999999s: must not be less than 2 x aliveTimeInterval "
            "(10s), otherwise members die between two heartbeats; set it to at least 25s"});
  const std::string warning =
      ": should not be less than 5 x aliveTimeInterval (25s), otherwise members die at random: one wave misses a peer "
      "with probability 0.06; set it to at least 25s";
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.alive_expiration = 10s; }),
            Lines{"warning: peer.gossip.aliveExpirationTimeout = 10s" + warning});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.alive_expiration = 25s - 1ns; }),
            Lines{"warning: peer.gossip.aliveExpirationTimeout = 24.999999999s" + warning});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.alive_expiration = 25s; }), Lines());
}

TEST(ConfigCheckTest, IdentityIsPublishedForTwoHeartbeats) {
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.publish_cert_period = 9s; }),
            Lines{"warning: peer.gossip.publishCertPeriod = 9s: should not be less than 2 x aliveTimeInterval (10s), "
                  "otherwise the identity spreads by pull only; set it to at least 10s"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.publish_cert_period = 10s; }), Lines());
}

TEST(ConfigCheckTest, LeaderThresholdOtherThanTheDefaultIsNoted) {
  const auto threshold = [](base::Duration value, bool election) {
    return CheckWith([=](Configuration& c) {
      c.election = {.use_leader_election = election, .org_leader = !election, .leader_alive_threshold = value};
      c.state.enabled = true;
    });
  };
  EXPECT_EQ(
      threshold(20s, true),
      Lines{"note: peer.gossip.election.leaderAliveThreshold = 20s: must be equal on all peers of the organisation, "
            "otherwise leaders alternate for ever; compare it with theirs"});
  EXPECT_EQ(threshold(20s, false), Lines());
  EXPECT_EQ(threshold(10s, true), Lines());
}

TEST(ConfigCheckTest, ElectionExcludesStaticLeaders) {
  const auto roles = [](bool election, bool leader) {
    return CheckWith([=](Configuration& c) {
      c.election = {.use_leader_election = election, .org_leader = leader};
      c.state.enabled = true;
    });
  };
  EXPECT_EQ(roles(true, true),
            Lines{"error: peer.gossip.useLeaderElection = true: excludes peer.gossip.orgLeader, which "
                  "is true too; set one of them to false"});
  EXPECT_EQ(roles(true, false), Lines());
  EXPECT_EQ(roles(false, true), Lines());
  EXPECT_EQ(roles(false, false), Lines());
}

TEST(ConfigCheckTest, ElectionNeedsStateTransfer) {
  const auto enabled = [](bool election, bool state) {
    return CheckWith([=](Configuration& c) {
      c.election = {.use_leader_election = election, .org_leader = !election};
      c.state.enabled = state;
    });
  };
  EXPECT_EQ(
      enabled(true, false),
      Lines{"warning: peer.gossip.state.enabled = false: with peer.gossip.useLeaderElection, followers that miss a "
            "block by more than 10 never catch up; set it to true"});
  EXPECT_EQ(enabled(true, true), Lines());
  EXPECT_EQ(enabled(false, false), Lines());
}

TEST(ConfigCheckTest, SomebodyBringsBlocksToPeersThatDoNotLead) {
  const auto roles = [](bool election, bool leader, bool state, bool push) {
    return CheckWith([=](Configuration& c) {
      c.election = {.use_leader_election = election, .org_leader = leader};
      c.state.enabled = state;
      c.deliver.block_gossip_enabled = push;
    });
  };
  const std::string line =
      "peer.deliveryclient.blockGossipEnabled = false: without peer.gossip.orgLeader and peer.gossip.state.enabled, "
      "peers "
      "that do not lead never get blocks; set one of the three to true";
  EXPECT_EQ(roles(true, false, false, false), Lines{"error: " + line});
  EXPECT_EQ(roles(false, false, false, false), Lines{"warning: " + line});
  EXPECT_EQ(roles(false, true, false, false), Lines());
  EXPECT_EQ(roles(true, false, true, false), Lines());
  EXPECT_EQ(roles(false, false, true, false), Lines());
  EXPECT_EQ(roles(false, false, false, true), Lines());
}

TEST(ConfigCheckTest, PrivateDataHasItsTimeouts) {
  EXPECT_EQ(CheckWith([](Configuration& c) { c.private_data.push_ack_timeout = 0s; }),
            Lines{"warning: peer.gossip.pvtData.pushAckTimeout = 0s: must be positive, otherwise every push of private "
                  "data fails, and with it the endorsement; Fabric's sample file has 3s"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.private_data.push_ack_timeout = 1ns; }), Lines());
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.private_data.pull_retry_threshold = 0s; }),
      Lines{"warning: peer.gossip.pvtData.pullRetryThreshold = 0s: must be positive, otherwise missing private data "
            "is never pulled and blocks are committed without it; Fabric's sample file has 60s"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.private_data.pull_retry_threshold = 1ns; }), Lines());
}

TEST(ConfigCheckTest, ImplicitCollectionsHaveEnoughReceivers) {
  EXPECT_EQ(CheckWith([](Configuration& c) {
              c.private_data.implicit_required_peers = 2;
              c.private_data.implicit_max_peers = 1;
            }),
            Lines{"error: peer.gossip.pvtData.implicitCollectionDisseminationPolicy.maxPeerCount = 1: must not be less "
                  "than requiredPeerCount (2), otherwise no endorsement has enough receivers; set it to at least 2"});
  EXPECT_EQ(CheckWith([](Configuration& c) {
              c.private_data.implicit_required_peers = 2;
              c.private_data.implicit_max_peers = 2;
            }),
            Lines());
  EXPECT_EQ(CheckWith([](Configuration& c) { c.private_data.implicit_max_peers = 0; }), Lines());
}

TEST(ConfigCheckTest, PortZeroIsForThoseWhoListenOnAnyPort) {
  EXPECT_EQ(CheckWith([](Configuration& c) {
              c.listen_address = "127.0.0.1:0";
              c.gossip.endpoint = "127.0.0.1:0";
              c.gossip.external_endpoint = "127.0.0.1:0";
            }),
            Lines{"note: peer.gossip.endpoint = 127.0.0.1:0: the port is whatever is free at the start, which other "
                  "peers' files cannot name; set a port if they shall"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.endpoint = "127.0.0.1:0"; }),
            Lines{"error: peer.gossip.endpoint = 127.0.0.1:0: has no valid port; it must be 1 to 65535; correct it"});
}

TEST(ConfigCheckTest, OwnEndpointsCanBeReached) {
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.endpoint = ""; }),
      Lines{"error: peer.gossip.endpoint is not set: others could not reach this peer, and peer.address is not set "
            "either; set one of them to host:port"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.endpoint = "peer0"; }),
            Lines{"error: peer.gossip.endpoint = peer0: has no port; it must be host:port; correct it"});
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.endpoint = "[::]:7051"; }),
      Lines{"warning: peer.gossip.endpoint = [::]:7051: is an address to listen on, which others cannot dial; set it "
            "to the host name by which peers of the own organisation reach this one"});
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.external_endpoint = "peer0.example.com:port"; }),
      Lines{"error: peer.gossip.externalEndpoint = peer0.example.com:port: has no valid port; it must be 1 to 65535; "
            "correct it"});
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.external_endpoint = "0.0.0.0:7051"; }),
      Lines{"warning: peer.gossip.externalEndpoint = 0.0.0.0:7051: is an address to listen on, which others cannot "
            "dial; set it to the host name by which other organisations reach this peer"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.endpoint = "[2001:db8::1]:7051"; }), Lines());
}

TEST(ConfigCheckTest, BootstrapPeersAreOthersAndDistinct) {
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.bootstrap = {"peer1:7051", "peer2:7051", "peer1:7051"}; }),
            Lines{"warning: peer.gossip.bootstrap = peer1:7051: is listed twice; remove one"});
  EXPECT_EQ(
      CheckWith([](Configuration& c) {
        c.gossip.external_endpoint = "peer0.example.com:7051";
        c.gossip.bootstrap = {"peer0:7051", "peer0.example.com:7051"};
      }),
      (Lines{"warning: peer.gossip.bootstrap = peer0:7051: is this peer itself, which cannot introduce anybody; list "
             "other peers of the own organisation",
             "warning: peer.gossip.bootstrap = peer0.example.com:7051: is this peer itself, which cannot introduce "
             "anybody; list other peers of the own organisation"}));
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.bootstrap = {"peer1:7051", "peer2"}; }),
            Lines{"error: peer.gossip.bootstrap = peer2: has no port; it must be host:port; correct it"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.bootstrap = {}; }), Lines());
}

TEST(ConfigCheckTest, ClientsDoNotPingMoreOftenThanServersPermit) {
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.keepalive.client_interval = 59s; }),
      Lines{"warning: peer.keepalive.client.interval = 59s: must not be less than peer.keepalive.minInterval (1m), "
            "otherwise peers configured like this one disconnect it; set it to at least 1m"});
}

TEST(ConfigCheckTest, AddressOverridesAreComplete) {
  const auto with = [](AddressOverride entry) {
    return CheckWith([&](Configuration& c) { c.deliver.address_overrides = {entry}; });
  };
  EXPECT_EQ(with({"a:7050", "b:7050", "ca.pem"}), Lines());
  EXPECT_EQ(with({"a:7050", "b:7050", ""}), Lines());  // plaintext
  EXPECT_EQ(CheckWith([](Configuration& c) {
              c.tls.enabled = true;
              c.deliver.address_overrides = {{"a:7050", "b:7050", ""}};
            }),
            Lines{"warning: peer.deliveryclient.addressOverrides = a:7050: has no caCertsFile, so the orderer's TLS "
                  "certificate must be of a CA that this machine trusts; name the file with the CA of the orderer's "
                  "organisation"});
  EXPECT_EQ(with({"a:7050", "b", "ca.pem"}),
            Lines{"error: peer.deliveryclient.addressOverrides = b: has no port; it must be host:port; correct it"});
}

TEST(ConfigCheckTest, BftDurationsAreNotZero) {
  EXPECT_EQ(CheckWith([](Configuration& c) { c.deliver.block_censorship_timeout = 0s; }).size(), 1u);
  EXPECT_EQ(CheckWith([](Configuration& c) { c.deliver.block_censorship_timeout = 1ns; }), Lines());
  EXPECT_EQ(CheckWith([](Configuration& c) { c.deliver.minimal_reconnect_interval = 0s; }).size(), 1u);
  EXPECT_EQ(CheckWith([](Configuration& c) { c.deliver.minimal_reconnect_interval = 1ns; }), Lines());
}

// Sets the key to zero, or to the smallest positive value.
void SetSmallest(const std::string& key, bool zero, Configuration& configuration) {
  const ConfigPlace& place = FindConfigKey(key)->place;
  if (const auto* duration = std::get_if<base::Duration& (*)(Configuration&)>(&place)) {
    (*duration)(configuration) = zero ? 0ns : 1ns;
  } else {
    std::get<std::uint64_t& (*)(Configuration&)>(place)(configuration) = zero ? 0 : 1;
  }
}

bool SaysMustBePositive(const std::string& key, const Configuration& configuration) {
  return std::ranges::any_of(Check(configuration), [&](const ConfigFinding& finding) {
    return finding.severity == Severity::kError && finding.key == key &&
           finding.rule.starts_with("must be positive, otherwise ");
  });
}

TEST(ConfigCheckTest, CountsAndIntervalsThatMustBePositive) {
  for (const std::string key : {"peer.gossip.dialTimeout",
                                "peer.gossip.connTimeout",
                                "peer.gossip.recvBuffSize",
                                "peer.gossip.sendBuffSize",
                                "peer.gossip.propagatePeerNum",
                                "peer.gossip.maxPropagationBurstSize",
                                "peer.gossip.pullPeerNum",
                                "peer.gossip.publishStateInfoInterval",
                                "peer.gossip.requestStateInfoInterval",
                                "peer.gossip.membershipTrackerInterval",
                                "peer.gossip.aliveTimeInterval",
                                "peer.gossip.reconnectInterval",
                                "peer.gossip.msgExpirationFactor",
                                "peer.gossip.election.membershipSampleInterval",
                                "peer.gossip.election.leaderAliveThreshold",
                                "peer.gossip.election.leaderElectionDuration",
                                "peer.gossip.state.channelSize",
                                "peer.gossip.pvtData.transientstoreMaxBlockRetention",
                                "peer.gossip.pvtData.reconcileBatchSize",
                                "peer.deliveryclient.reconnectTotalTimeThreshold",
                                "peer.deliveryclient.connTimeout",
                                "peer.deliveryclient.reConnectBackoffThreshold"}) {
    Configuration configuration = Good();
    SetSmallest(key, true, configuration);
    EXPECT_TRUE(SaysMustBePositive(key, configuration)) << key;
    SetSmallest(key, false, configuration);
    EXPECT_FALSE(SaysMustBePositive(key, configuration)) << key;
  }
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.send_buffer_messages = 0; }),
      Lines{"error: peer.gossip.sendBuffSize = 0: must be positive, otherwise nothing is ever sent; the default is "
            "20"});
}

TEST(ConfigCheckTest, SomeIntervalsMustBePositiveOnlyWhenTheirPartIsOn) {
  for (const std::string key : {"peer.gossip.state.checkInterval", "peer.gossip.state.responseTimeout",
                                "peer.gossip.pvtData.reconcileSleepInterval"}) {
    Configuration configuration = Good();
    SetSmallest(key, true, configuration);
    EXPECT_FALSE(HasError(Check(configuration))) << key;
    configuration.state.enabled = true;
    configuration.private_data.reconciliation_enabled = true;
    EXPECT_TRUE(SaysMustBePositive(key, configuration)) << key;
    SetSmallest(key, false, configuration);
    EXPECT_FALSE(HasError(Check(configuration))) << key;
  }
}

TEST(ConfigCheckTest, ZeroThatMeansSomethingIsAccepted) {
  EXPECT_EQ(CheckWith([](Configuration& c) {
              c.gossip.propagate_iterations = 0;  // no push
              c.gossip.max_burst_latency = 0s;
              c.gossip.max_blocks_stored = 0;
              c.election.startup_grace_period = 0s;
              c.state.max_retries = 0;
              c.state.batch_blocks = 0;
              c.private_data.btl_pull_margin_blocks = 0;
            }),
            Lines());
}

TEST(ConfigCheckTest, DurationsAndTheirMultiplesAreRepresentable) {
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.alive_interval = base::Duration::max(); }),
      Lines{"error: peer.gossip.aliveTimeInterval = 2562047h47m16.854775807s: is longer than 20000h; shorten it"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.dial_timeout = -1s; }),
            Lines{"error: peer.gossip.dialTimeout = -1s: must not be negative; set a positive value"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.deliver.reconnect_total_time_threshold = 20000h; }), Lines());
  EXPECT_EQ(
      CheckWith([](Configuration& c) { c.gossip.expiration_factor = 1'000'000'000; }),
      Lines{"error: peer.gossip.msgExpirationFactor = 1000000000: times aliveExpirationTimeout (25s) is more than 146 "
            "years; reduce it"});
  EXPECT_EQ(CheckWith([](Configuration& c) { c.gossip.expiration_factor = 100'000'000; }), Lines());
}

// D-25: what Fabric leaves unsaid: zeros that cannot be configured, the send buffer whose default differs between code
// and sample file, keys without effect, undocumented keys, and private data that is off because a key is missing.
TEST(ConfigCheckTest, D25_NothingIsDisabledOrReplacedSilently) {
  const ConfigReading reading = ReadConfiguration({{"peer.address", "peer0:7051"},
                                                   {"peer.gossip.orgLeader", "true"},
                                                   {"peer.gossip.propagateIterations", "0"},
                                                   {"peer.gossip.skipBlockVerification", "true"},
                                                   {"peer.gossip.stateInfoRetentionInterval", "4s"},
                                                   {"peer.gossip.state.channelSize", "50"},
                                                   {"peer.gossip.nonBlockingCommitMode", "true"}});
  Lines lines;
  for (const ConfigFinding& finding : reading.findings) lines.push_back(ToString(finding));
  for (const ConfigFinding& finding : Check(reading.configuration)) lines.push_back(ToString(finding));
  EXPECT_EQ(
      lines,
      (Lines{
          "peer.gossip.sendBuffSize is not set: only 20 messages wait per connection, not the 200 of Fabric's sample "
          "file, "
          "and further ones are dropped; set it to 200",
          "peer.gossip.skipBlockVerification = true: has no effect, as in Fabric: blocks are always verified; remove "
          "it if "
          "you like",
          "peer.gossip.propagateIterations = 0: zero counts as absent, as in Fabric, so the default 1 is used; set a "
          "positive value, or remove the key",
          "peer.gossip.stateInfoRetentionInterval = 4s: has no effect, as in Fabric: state infos expire after 100 x "
          "publishStateInfoInterval; remove it if you like",
          "peer.gossip.pvtData.pushAckTimeout = 0s: must be positive, otherwise every push of private data fails, and "
          "with "
          "it the endorsement; Fabric's sample file has 3s",
          "peer.gossip.pvtData.pullRetryThreshold = 0s: must be positive, otherwise missing private data is never "
          "pulled "
          "and blocks are committed without it; Fabric's sample file has 60s",
      }));
  EXPECT_EQ(reading.configuration.state.queue_messages, 50u);
  EXPECT_TRUE(reading.configuration.state.non_blocking_commit);
}

}  // namespace
}  // namespace grapevine::node
