#include "node/config_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "node/config_keys.h"
#include "node/config_value.h"

// An error is what cannot work whatever the other peers are like. What works in networks today, if not as well as it
// could, is a warning: nobody shall have to change a running network's configuration to bring a Grapevine peer into it.

namespace grapevine::node {
namespace {

using base::Duration;

// A remedy for "must be greater than" names a value that leaves some room.
constexpr Duration kRoom = 100ms;

struct NeverZero {
  std::string_view key;
  std::string_view consequence;
};
// Zero is an error: the part would do nothing, or turn without pause. Fabric's files cannot say zero for most of these.
constexpr NeverZero kNeverZero[] = {
    {"peer.authentication.timewindow", "no client's clock is ever right enough"},
    {"peer.connectiontimeout", "no client is ever let in"},
    {"peer.maxRecvMsgSize", "nothing is ever received"},
    {"peer.maxSendMsgSize", "nothing is ever sent"},
    {"peer.gossip.dialTimeout", "no connection is ever made"},
    {"peer.gossip.connTimeout", "no connection is ever made"},
    {"peer.gossip.recvBuffSize", "nothing is ever received"},
    {"peer.gossip.sendBuffSize", "nothing is ever sent"},
    {"peer.gossip.propagatePeerNum", "no message has a receiver"},
    {"peer.gossip.maxPropagationBurstSize", "no emission is ever full"},
    {"peer.gossip.pullPeerNum", "nothing is ever pulled, identities included"},
    {"peer.gossip.publishStateInfoInterval", "the peer does nothing else"},
    {"peer.gossip.requestStateInfoInterval", "the peer does nothing else"},
    {"peer.gossip.membershipTrackerInterval", "the peer does nothing else"},
    {"peer.gossip.aliveTimeInterval", "the peer does nothing else"},
    {"peer.gossip.reconnectInterval", "the peer does nothing else"},
    {"peer.gossip.msgExpirationFactor", "members are forgotten as soon as they are silent"},
    {"peer.gossip.election.membershipSampleInterval", "the peer does nothing else"},
    {"peer.gossip.election.leaderAliveThreshold", "every leader is replaced at once"},
    {"peer.gossip.election.leaderElectionDuration", "no proposal is ever heard"},
    {"peer.gossip.state.channelSize", "every request for blocks is dropped"},
    {"peer.gossip.pvtData.transientstoreMaxBlockRetention", "transient data is purged before it is used"},
    {"peer.gossip.pvtData.reconcileBatchSize", "nothing is ever reconciled"},
    {"peer.deliveryclient.reconnectTotalTimeThreshold", "an elected leader gives up at once"},
    {"peer.deliveryclient.connTimeout", "no orderer is ever reached"},
    {"peer.deliveryclient.reConnectBackoffThreshold", "an orderer that is down is dialled without pause"},
};

std::string Product(std::string_view factor, std::string_view key, Duration value) {
  return fmt::format("{} x {} ({})", factor, key, FormatDuration(value));
}

class Checker {
 public:
  explicit Checker(const Configuration& configuration) : configuration_(configuration) {}

  ConfigFindings Run() {
    CheckDurations();
    if (HasError(findings_)) return std::move(findings_);  // the products below might not be representable
    CheckZeros();
    CheckEndpoints();
    CheckTransport();
    CheckPull();
    CheckMembership();
    CheckLeadership();
    CheckStateTransfer();
    CheckPrivateData();
    CheckDeliverClient();
    return std::move(findings_);
  }

 private:
  void CheckDurations() {
    for (const ConfigKey& key : ConfigKeys()) {
      const auto* place = std::get_if<Duration& (*)(Configuration&)>(&key.place);
      if (place == nullptr) continue;
      const Duration value = (*place)(configuration_);
      if (value < Duration::zero()) Error(key.name, "must not be negative", "set a positive value");
      if (value > kLongestDuration) {
        Error(key.name, fmt::format("is longer than {}", FormatDuration(kLongestDuration)), "shorten it");
      }
    }
  }

  void CheckZeros() {
    for (const NeverZero& row : kNeverZero) {
      const std::string value = ValueOf(row.key);
      if (value != "0" && value != "0s") continue;
      Error(row.key, fmt::format("must be positive, otherwise {}", row.consequence),
            fmt::format("the default is {}", FormatDefault(*FindConfigKey(row.key))));
    }
  }

  void CheckEndpoints() {
    const GossipKeys& gossip = configuration_.gossip;
    // Nobody can reach a peer that has no address of its own, or a malformed one.
    if (gossip.endpoint.empty()) {
      Error("peer.gossip.endpoint", "others could not reach this peer, and peer.address is not set either",
            "set one of them to host:port");
    } else if (IsAnyPort(gossip.endpoint)) {
      Add(Severity::kNote, "peer.gossip.endpoint", gossip.endpoint,
          "the port is whatever is free at the start, which other peers' files cannot name",
          "set a port if they shall");
    } else if (IsWellFormed("peer.gossip.endpoint", gossip.endpoint) && IsUnspecified(gossip.endpoint)) {
      // Works where others meet this peer on connections that it makes itself; the sample file is like this.
      Warn("peer.gossip.endpoint", "is an address to listen on, which others cannot dial",
           "set it to the host name by which peers of the own organisation reach this one");
    }
    if (!gossip.external_endpoint.empty() && !IsAnyPort(gossip.external_endpoint) &&
        IsWellFormed("peer.gossip.externalEndpoint", gossip.external_endpoint) &&
        IsUnspecified(gossip.external_endpoint)) {
      Warn("peer.gossip.externalEndpoint", "is an address to listen on, which others cannot dial",
           "set it to the host name by which other organisations reach this peer");
    }
    std::set<std::string_view> seen;
    for (const base::Endpoint& peer : gossip.bootstrap) {
      if (!IsWellFormed("peer.gossip.bootstrap", peer)) continue;
      // Both are harmless: the peer is contacted once, and not by itself.
      if (!seen.insert(peer).second)
        Add(Severity::kWarning, "peer.gossip.bootstrap", peer, "is listed twice", "remove one");
      if (peer == gossip.endpoint || peer == gossip.external_endpoint) {
        Add(Severity::kWarning, "peer.gossip.bootstrap", peer, "is this peer itself, which cannot introduce anybody",
            "list other peers of the own organisation");
      }
    }
  }

  // Port 0 in an own endpoint is the one that was got by listening on port 0.
  bool IsAnyPort(const base::Endpoint& endpoint) const {
    return endpoint.ends_with(":0") && configuration_.listen_address.ends_with(":0");
  }

  void CheckTransport() {
    const KeepaliveConfig& keepalive = configuration_.keepalive;
    // The servers are other peers, whose own setting counts; usually all have the same.
    if (keepalive.client_interval < keepalive.server_min_interval) {
      Warn(
          "peer.keepalive.client.interval",
          fmt::format("must not be less than peer.keepalive.minInterval ({}), otherwise peers configured like this one "
                      "disconnect it",
                      FormatDuration(keepalive.server_min_interval)),
          AtLeast(keepalive.server_min_interval));
    }
  }

  void CheckPull() {
    const GossipKeys& gossip = configuration_.gossip;
    // Errors: nothing that is only to be had by pull would ever arrive, whatever others do.
    if (const Duration round = gossip.digest_wait + gossip.response_wait; gossip.pull_interval <= round) {
      Error(
          "peer.gossip.pullInterval",
          fmt::format("must be greater than digestWaitTime + responseWaitTime ({}), otherwise pull rounds overlap and "
                      "items never arrive",
                      FormatDuration(round)),
          AtLeast(round + kRoom));
    }
    if (gossip.request_wait <= gossip.digest_wait) {
      Error("peer.gossip.requestWaitTime",
            fmt::format("must be greater than digestWaitTime ({}), otherwise every request arrives after its nonce "
                        "expired",
                        FormatDuration(gossip.digest_wait)),
            AtLeast(gossip.digest_wait + kRoom));
    }
  }

  void CheckMembership() {
    const GossipKeys& gossip = configuration_.gossip;
    const Duration alive = gossip.alive_interval;
    const Duration expiration = gossip.alive_expiration;
    if (expiration < 2 * alive) {
      // One heartbeat that comes late or not at all, and a member counts as dead: the view never settles.
      Error("peer.gossip.aliveExpirationTimeout",
            fmt::format("must not be less than {}, otherwise members die between two heartbeats",
                        Product("2", "aliveTimeInterval", 2 * alive)),
            AtLeast(5 * alive));
    } else if (expiration < 5 * alive) {
      // Members die now and then, and come back.
      Warn("peer.gossip.aliveExpirationTimeout",
           fmt::format("should not be less than {}, otherwise members die at random: one wave misses a peer with "
                       "probability 0.06",
                       Product("5", "aliveTimeInterval", 5 * alive)),
           AtLeast(5 * alive));
    }
    // Pull brings the identity later.
    if (gossip.publish_cert_period < 2 * alive) {
      Warn("peer.gossip.publishCertPeriod",
           fmt::format("should not be less than {}, otherwise the identity spreads by pull only",
                       Product("2", "aliveTimeInterval", 2 * alive)),
           AtLeast(2 * alive));
    }
    // A dead member is forgotten after twice this product (13.2).
    if (expiration.count() > 0 &&
        gossip.expiration_factor > static_cast<std::uint64_t>(Duration::max().count() / 2 / expiration.count())) {
      Error("peer.gossip.msgExpirationFactor",
            fmt::format("times aliveExpirationTimeout ({}) is more than 146 years", FormatDuration(expiration)),
            "reduce it");
    }
  }

  void CheckLeadership() {
    const ElectionConfig& election = configuration_.election;
    // Fabric does not start either.
    if (election.use_leader_election && election.org_leader) {
      Error("peer.gossip.useLeaderElection", "excludes peer.gossip.orgLeader, which is true too",
            "set one of them to false");
    }
    // Only the other peers' files can tell.
    if (election.use_leader_election && election.leader_alive_threshold != ElectionConfig{}.leader_alive_threshold) {
      Add(Severity::kNote, "peer.gossip.election.leaderAliveThreshold", FormatDuration(election.leader_alive_threshold),
          "must be equal on all peers of the organisation, otherwise leaders alternate for ever",
          "compare it with theirs");
    }
  }

  void CheckStateTransfer() {
    const ElectionConfig& election = configuration_.election;
    const StateTransferConfig& state = configuration_.state;
    if (state.enabled) {
      // Zero can be configured, and is of no consequence unless state transfer is on.
      NotZero("peer.gossip.state.checkInterval", state.check_interval, "the peer does nothing else");
      NotZero("peer.gossip.state.responseTimeout", state.response_timeout, "no response is ever in time");
      return;
    }
    const bool depends_on_others = election.use_leader_election || !election.org_leader;
    if (!configuration_.deliver.block_gossip_enabled && depends_on_others) {
      const std::string rule =
          "without peer.gossip.orgLeader and peer.gossip.state.enabled, peers that do not lead never get blocks";
      const std::string remedy = "set one of the three to true";
      // Whoever is elected pushes nothing: the others of the organisation starve. A static non-leader may have leaders
      // with another setting, and its own is of no consequence.
      constexpr std::string_view kKey = "peer.deliveryclient.blockGossipEnabled";
      Add(election.use_leader_election ? Severity::kError : Severity::kWarning, kKey, ValueOf(kKey), rule, remedy);
    } else if (election.use_leader_election) {
      // As long as nobody misses many blocks it works.
      Warn("peer.gossip.state.enabled",
           fmt::format("with peer.gossip.useLeaderElection, followers that miss a block by more than {} never catch up",
                       configuration_.gossip.max_blocks_stored),
           "set it to true");
    }
  }

  void CheckPrivateData() {
    const PrivateDataConfig& data = configuration_.private_data;
    // Warnings, since networks without private data work; said, since Fabric does not say it (D-25).
    if (data.push_ack_timeout == Duration::zero()) {
      Warn("peer.gossip.pvtData.pushAckTimeout",
           "must be positive, otherwise every push of private data fails, and with it the endorsement",
           "Fabric's sample file has 3s");
    }
    if (data.pull_retry_threshold == Duration::zero()) {
      Warn("peer.gossip.pvtData.pullRetryThreshold",
           "must be positive, otherwise missing private data is never pulled and blocks are committed without it",
           "Fabric's sample file has 60s");
    }
    if (data.reconciliation_enabled) {
      NotZero("peer.gossip.pvtData.reconcileSleepInterval", data.reconcile_sleep_interval,
              "the peer does nothing else");
    }
    // Fabric does not start either.
    if (data.implicit_max_peers < data.implicit_required_peers) {
      Error("peer.gossip.pvtData.implicitCollectionDisseminationPolicy.maxPeerCount",
            fmt::format("must not be less than requiredPeerCount ({}), otherwise no endorsement has enough receivers",
                        data.implicit_required_peers),
            fmt::format("set it to at least {}", data.implicit_required_peers));
    }
  }

  void CheckDeliverClient() {
    const DeliverClientConfig& deliver = configuration_.deliver;
    // BFT channels only, hence warnings.
    if (deliver.block_censorship_timeout == Duration::zero()) {
      Warn("peer.deliveryclient.blockCensorshipTimeoutKey",
           "should be positive, otherwise every BFT orderer is suspected as soon as a header is ahead of its block",
           "the default is 30s");
    }
    if (deliver.minimal_reconnect_interval == Duration::zero()) {
      Warn("peer.deliveryclient.minimalReconnectInterval",
           "should be positive, otherwise BFT orderers that are down are dialled without pause",
           "the default is 100ms");
    }
    static constexpr std::string_view kOverrides = "peer.deliveryclient.addressOverrides";
    for (const AddressOverride& entry : deliver.address_overrides) {
      if (!IsWellFormed(kOverrides, entry.from) || !IsWellFormed(kOverrides, entry.to)) continue;
      if (entry.ca_certs_file.empty() && configuration_.tls.enabled) {
        Add(Severity::kWarning, kOverrides, entry.from,
            "has no caCertsFile, so the orderer's TLS certificate must be of a CA that this machine trusts",
            "name the file with the CA of the orderer's organisation");
      }
    }
  }

  // A malformed endpoint is an error: it can never be dialled, and is a slip.
  bool IsWellFormed(std::string_view key, const base::Endpoint& endpoint) {
    const auto checked = CheckEndpoint(endpoint);
    if (!checked) Add(Severity::kError, key, endpoint, checked.error().message, "correct it");
    return checked.has_value();
  }

  void NotZero(std::string_view key, Duration value, std::string_view consequence) {
    if (value != Duration::zero()) return;
    Error(key, fmt::format("must be positive, otherwise {}", consequence),
          fmt::format("the default is {}", FormatDefault(*FindConfigKey(key))));
  }

  static std::string AtLeast(Duration value) { return fmt::format("set it to at least {}", FormatDuration(value)); }

  std::string ValueOf(std::string_view key) const { return FormatValue(*FindConfigKey(key), configuration_); }

  void Error(std::string_view key, std::string rule, std::string remedy) {
    Add(Severity::kError, key, ValueOf(key), std::move(rule), std::move(remedy));
  }
  void Warn(std::string_view key, std::string rule, std::string remedy) {
    Add(Severity::kWarning, key, ValueOf(key), std::move(rule), std::move(remedy));
  }
  void Add(Severity severity, std::string_view key, std::string value, std::string rule, std::string remedy) {
    findings_.push_back({severity, std::string(key), std::move(value), std::move(rule), std::move(remedy)});
  }

  Configuration configuration_;
  ConfigFindings findings_;
};

}  // namespace

ConfigFindings Check(const Configuration& configuration) { return Checker(configuration).Run(); }

}  // namespace grapevine::node
