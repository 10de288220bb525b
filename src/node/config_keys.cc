#include "node/config_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <type_traits>

#include "node/config_value.h"

namespace grapevine::node {
namespace {

using C = Configuration;
using G = GossipKeys;
using K = KeepaliveConfig;
using E = ElectionConfig;
using S = StateTransferConfig;
using P = PrivateDataConfig;
using D = DeliverClientConfig;
using T = TlsConfig;
using O = OperationsConfig;
using enum ReadingRule;

// The member at the end of a path of pointers to members: At<&C::gossip, &G::pull_interval>(configuration).
template <auto... kPath>
auto& At(Configuration& configuration) {
  return (configuration.*....*kPath);
}

constexpr ConfigKey WithDefault(ConfigKey key, std::string_view text, void (*apply)(Configuration&)) {
  key.otherwise = {text, apply};
  return key;
}

constexpr ConfigKey WithNote(ConfigKey key, std::string_view note) {
  key.note = note;
  return key;
}

constexpr ConfigKey NegativeIsDefault(ConfigKey key) {
  key.negative_is_default = true;
  return key;
}

constexpr ConfigKey Path(ConfigKey key) {
  key.is_path = true;
  return key;
}

// Other values are errors, or else the default is used.
constexpr ConfigKey OneOf(ConfigKey key, Choices choices) {
  key.choices = choices;
  return key;
}

constexpr ConfigKey kKeys[] = {
    // Who the peer is, and where its files are.
    {"peer.id", kRaw, "node", &At<&C::id>, "name of the peer in logs"},
    {"peer.networkId", kIgnored, "-", {}, "a label of the network"},
    Path({"peer.mspConfigPath", kRaw, "node", &At<&C::msp_folder>, "folder with the own certificate, key and CAs"}),
    {"peer.localMspId", kRaw, "node", &At<&C::organization>, "MSP id of the own organisation"},
    OneOf({"peer.localMspType", kIgnored, "node", {}, "kind of the own MSP"},
          {{"bccsp"}, "is a kind of MSP that is not supported", true}),
    OneOf({"peer.BCCSP.Default", kIgnored, "node", {}, "where private keys are held"},
          {{"SW"}, "would keep the private key in a hardware module, which is not supported yet", true}),
    {"peer.BCCSP.SW.Hash", kIgnored, "-", {}, "signatures use SHA-256 whatever it says, as in Fabric"},
    {"peer.BCCSP.SW.Security", kIgnored, "-", {}, "signatures use SHA-256 whatever it says, as in Fabric"},
    Path({"peer.BCCSP.SW.FileKeyStore.KeyStore", kRaw, "node", &At<&C::key_store_folder>,
          "folder with the private key; none: keystore in peer.mspConfigPath"}),
    Path({"peer.fileSystemPath", kRaw, "node", &At<&C::data_folder>, "folder of ledgers and other durable data"}),
    WithDefault(Path({"grapevine.admin.socket", kRaw, "node", &At<&C::admin_socket>,
                      "Unix socket on which the command line talks to the running peer"}),
                "peer.fileSystemPath/grapevine/admin.sock",
                [](C& c) {
                  if (!c.data_folder.empty()) c.admin_socket = c.data_folder + "/grapevine/admin.sock";
                }),
    // Addresses and transport.
    {"peer.address", kRaw, "node", &At<&C::address>,
     "where other peers of the organisation reach this one; for 0.0.0.0 the host is detected, as in Fabric"},
    {"peer.addressAutoDetect", kRaw, "node", &At<&C::address_auto_detect>,
     "the host of peer.address is the machine's first address that is not a loopback one"},
    WithDefault({"peer.listenAddress", kRaw, "transport", &At<&C::listen_address>, "where the peer listens"},
                "peer.address", [](C& c) { c.listen_address = c.address; }),
    {"peer.authentication.timewindow", kUnlessPositive, "transport", &At<&C::authentication_time_window>,
     "how far a client's clock may differ from this peer's"},
    {"peer.connectiontimeout", kUnlessPositive, "transport", &At<&C::connection_timeout>,
     "TLS handshake with a client; not in the sample file"},
    {"peer.maxRecvMsgSize", kWhenAbsent, "transport", &At<&C::max_receive_bytes>, "largest message taken, in bytes"},
    {"peer.maxSendMsgSize", kWhenAbsent, "transport", &At<&C::max_send_bytes>, "largest message sent, in bytes"},
    {"peer.tls.enabled", kRaw, "transport", &At<&C::tls, &T::enabled>, "TLS on every connection"},
    {"peer.tls.clientAuthRequired", kRaw, "transport", &At<&C::tls, &T::client_auth_required>,
     "clients must show a certificate of a known CA; orderers are shown one"},
    Path({"peer.tls.cert.file", kRaw, "transport", &At<&C::tls, &T::cert_file>, "own TLS certificate"}),
    Path({"peer.tls.key.file", kRaw, "transport", &At<&C::tls, &T::key_file>, "its private key"}),
    Path({"peer.tls.rootcert.file", kRaw, "transport", &At<&C::tls, &T::root_cert_file>,
          "CAs of other peers' TLS certificates, besides those of the channels"}),
    Path({"peer.tls.clientRootCAs.files", kRaw, "transport", &At<&C::tls, &T::client_root_ca_files>,
          "CAs of clients' TLS certificates, besides those of the channels"}),
    Path({"peer.tls.clientCert.file", kRaw, "transport", &At<&C::tls, &T::client_cert_file>,
          "TLS certificate as client; none: peer.tls.cert.file"}),
    Path({"peer.tls.clientKey.file", kRaw, "transport", &At<&C::tls, &T::client_key_file>,
          "its private key; none: peer.tls.key.file"}),
    {"peer.keepalive.client.interval", kWhenAbsent, "transport", &At<&C::keepalive, &K::client_interval>,
     "ping of an idle connection to a peer"},
    {"peer.keepalive.client.timeout", kWhenAbsent, "transport", &At<&C::keepalive, &K::client_timeout>,
     "wait for the answer, then the connection is closed"},
    {"peer.keepalive.interval", kWhenAbsent, "transport", &At<&C::keepalive, &K::server_interval>,
     "ping of an idle connection from a peer"},
    {"peer.keepalive.timeout", kWhenAbsent, "transport", &At<&C::keepalive, &K::server_timeout>,
     "wait for the answer, then the connection is closed"},
    {"peer.keepalive.minInterval", kWhenAbsent, "transport", &At<&C::keepalive, &K::server_min_interval>,
     "clients that ping more often are disconnected"},
    {"peer.keepalive.deliveryClient.interval", kWhenAbsent, "transport", &At<&C::keepalive, &K::deliver_interval>,
     "ping of an idle connection to the ordering service"},
    {"peer.keepalive.deliveryClient.timeout", kWhenAbsent, "transport", &At<&C::keepalive, &K::deliver_timeout>,
     "wait for the answer, then the connection is closed"},
    // Identity, endpoints, bootstrap, connections.
    {"peer.gossip.bootstrap", kRaw, "discovery", &At<&C::gossip, &G::bootstrap>,
     "peers of the own organisation that are contacted at start and never forgotten"},
    WithDefault({"peer.gossip.endpoint", kRaw, "discovery", &At<&C::gossip, &G::endpoint>,
                 "internal endpoint, shown to the own organisation only"},
                "peer.address", [](C& c) { c.gossip.endpoint = c.address; }),
    {"peer.gossip.externalEndpoint", kRaw, "discovery", &At<&C::gossip, &G::external_endpoint>,
     "shown to other organisations; empty hides the peer from them"},
    {"peer.gossip.dialTimeout", kUnlessPositive, "comm", &At<&C::gossip, &G::dial_timeout>,
     "connecting: transport, ping, handshake"},
    {"peer.gossip.connTimeout", kUnlessPositive, "comm", &At<&C::gossip, &G::conn_timeout>,
     "the ping when connecting; each wait of the handshake"},
    {"peer.gossip.recvBuffSize", kUnlessPositive, "comm", &At<&C::gossip, &G::receive_buffer_messages>,
     "messages per connection, received and not yet dispatched"},
    {"peer.gossip.sendBuffSize", kUnlessPositive, "comm", &At<&C::gossip, &G::send_buffer_messages>,
     "messages per connection that wait to be sent; the sample file has 200"},
    {"peer.gossip.publishCertPeriod", kUnlessPositive, "discovery", &At<&C::gossip, &G::publish_cert_period>,
     "how long after the start alive messages carry the identity"},
    WithNote({"peer.gossip.skipBlockVerification", kIgnored, "-", {}, "Fabric loads it and uses it nowhere"},
             "has no effect, as in Fabric: blocks are always verified"),
    // Push and stores.
    {"peer.gossip.propagateIterations", kUnlessPositive, "emitter", &At<&C::gossip, &G::propagate_iterations>,
     "emissions per message"},
    {"peer.gossip.propagatePeerNum", kUnlessPositive, "emitter", &At<&C::gossip, &G::propagate_peers>,
     "peers per emission"},
    {"peer.gossip.maxPropagationBurstSize", kUnlessPositive, "emitter", &At<&C::gossip, &G::max_burst_messages>,
     "messages that are emitted at once when so many wait; alive messages that say nothing new go by up to 16"},
    {"peer.gossip.maxPropagationBurstLatency", kUnlessPositive, "emitter", &At<&C::gossip, &G::max_burst_latency>,
     "longest wait for an emission; alive messages that say nothing new wait up to the lesser of 1s and "
     "aliveTimeInterval / 5 for others where they come from their author"},
    {"peer.gossip.maxBlockCountToStore", kUnlessPositive, "channel", &At<&C::gossip, &G::max_blocks_stored>,
     "blocks kept in memory for pull, below the newest"},
    // Pull.
    {"peer.gossip.pullInterval", kUnlessPositive, "pull, discovery", &At<&C::gossip, &G::pull_interval>,
     "pause between rounds; must exceed digestWaitTime + responseWaitTime"},
    {"peer.gossip.pullPeerNum", kUnlessPositive, "pull, discovery, channel", &At<&C::gossip, &G::pull_peers>,
     "peers asked per round; one while nothing is likely to have been missed"},
    {"peer.gossip.digestWaitTime", kUnlessPositive, "pull", &At<&C::gossip, &G::digest_wait>, "collecting digests"},
    {"peer.gossip.requestWaitTime", kUnlessPositive, "pull", &At<&C::gossip, &G::request_wait>,
     "a responder remembers a hello; must exceed digestWaitTime"},
    {"peer.gossip.responseWaitTime", kUnlessPositive, "pull", &At<&C::gossip, &G::response_wait>,
     "waiting for the items"},
    // Channel state and membership.
    {"peer.gossip.publishStateInfoInterval", kUnlessPositive, "channel",
     &At<&C::gossip, &G::publish_state_info_interval>, "publishing the own state info if it changed"},
    {"peer.gossip.requestStateInfoInterval", kUnlessPositive, "channel",
     &At<&C::gossip, &G::request_state_info_interval>, "asking other members for theirs"},
    WithNote(
        {"peer.gossip.stateInfoRetentionInterval", kIgnored, "-", {}, "in the sample file; Fabric reads it nowhere"},
        "has no effect, as in Fabric: state infos expire after 100 x publishStateInfoInterval"),
    {"peer.gossip.membershipTrackerInterval", kUnlessPositive, "channel",
     &At<&C::gossip, &G::membership_tracker_interval>, "gauge and log of membership changes"},
    {"peer.gossip.aliveTimeInterval", kUnlessPositive, "discovery", &At<&C::gossip, &G::alive_interval>,
     "heartbeat; the same on all peers of an organisation"},
    WithDefault({"peer.gossip.aliveExpirationTimeout", kUnlessPositive, "discovery",
                 &At<&C::gossip, &G::alive_expiration>, "silence until a member counts as dead"},
                "5 x aliveTimeInterval", [](C& c) { c.gossip.alive_expiration = 5 * c.gossip.alive_interval; }),
    WithDefault({"peer.gossip.reconnectInterval", kUnlessPositive, "discovery", &At<&C::gossip, &G::reconnect_interval>,
                 "dead members are contacted again"},
                "aliveExpirationTimeout", [](C& c) { c.gossip.reconnect_interval = c.gossip.alive_expiration; }),
    WithNote({"peer.gossip.maxConnectionAttempts", kUnlessPositive, "-", &At<&C::gossip, &G::max_connection_attempts>,
              "attempts to reach a bootstrap or anchor peer, in Fabric"},
             "has no effect: bootstrap and anchor peers are tried until they answer, with growing pauses"),
    {"peer.gossip.msgExpirationFactor", kUnlessPositive, "discovery", &At<&C::gossip, &G::expiration_factor>,
     "a member silent for so many aliveExpirationTimeouts is forgotten"},
    // Election and leadership.
    {"peer.gossip.useLeaderElection", kRaw, "node", &At<&C::election, &E::use_leader_election>,
     "elect who pulls blocks from the ordering service; excludes orgLeader"},
    {"peer.gossip.orgLeader", kRaw, "node", &At<&C::election, &E::org_leader>,
     "always pull blocks from the ordering service"},
    {"peer.gossip.election.startupGracePeriod", kUnlessPositive, "election",
     &At<&C::election, &E::startup_grace_period>, "longest wait for a stable view"},
    {"peer.gossip.election.membershipSampleInterval", kUnlessPositive, "election",
     &At<&C::election, &E::membership_sample_interval>, "sampling of the view"},
    {"peer.gossip.election.leaderAliveThreshold", kUnlessPositive, "election, channel",
     &At<&C::election, &E::leader_alive_threshold>,
     "a leader silent for so long is replaced; the same on all peers of an organisation"},
    {"peer.gossip.election.leaderElectionDuration", kUnlessPositive, "election",
     &At<&C::election, &E::leader_election_duration>, "collecting proposals"},
    // State transfer.
    {"peer.gossip.state.enabled", kWhenAbsent, "state transfer", &At<&C::state, &S::enabled>,
     "ask other members for blocks that are missing; they are served regardless"},
    {"peer.gossip.state.checkInterval", kWhenAbsent, "state transfer", &At<&C::state, &S::check_interval>,
     "comparing the own height with the highest published one"},
    {"peer.gossip.state.responseTimeout", kWhenAbsent, "state transfer", &At<&C::state, &S::response_timeout>,
     "wait for one response"},
    {"peer.gossip.state.batchSize", kWhenAbsent, "state transfer", &At<&C::state, &S::batch_blocks>,
     "blocks per request, less one"},
    {"peer.gossip.state.blockBufferSize", kWhenAbsent, "state transfer", &At<&C::state, &S::buffer_blocks>,
     "blocks up to twice so far above the height are kept, and up to 200 in any case"},
    {"peer.gossip.state.maxRetries", kWhenAbsent, "state transfer", &At<&C::state, &S::max_retries>,
     "further attempts per range, then none until the next check"},
    {"peer.gossip.state.channelSize", kWhenAbsent, "state transfer", &At<&C::state, &S::queue_messages>,
     "requests that wait to be answered; not in the sample file"},
    {"peer.gossip.nonBlockingCommitMode", kRaw, "state transfer", &At<&C::state, &S::non_blocking_commit>,
     "no effect: the deliver client waits for room, holds nobody else up and drops nothing; not in the sample file"},
    // Private data.
    {"peer.gossip.pvtData.pullRetryThreshold", kRaw, "private data", &At<&C::private_data, &P::pull_retry_threshold>,
     "time spent on pulling missing data before a block is committed without it; zero: never pulled"},
    {"peer.gossip.pvtData.transientstoreMaxBlockRetention", kUnlessPositive, "private data",
     &At<&C::private_data, &P::transient_store_blocks>,
     "blocks after which transient data is purged; 1000 in Fabric 2.4 and 2.5"},
    {"peer.gossip.pvtData.pushAckTimeout", kRaw, "private data", &At<&C::private_data, &P::push_ack_timeout>,
     "wait for acknowledgements at endorsement; zero: every push fails"},
    NegativeIsDefault({"peer.gossip.pvtData.btlPullMargin", kWhenAbsent, "private data",
                       &At<&C::private_data, &P::btl_pull_margin_blocks>,
                       "data that expires within so many blocks is not asked for"}),
    {"peer.gossip.pvtData.reconcileBatchSize", kUnlessPositive, "private data",
     &At<&C::private_data, &P::reconcile_batch_blocks>, "blocks per reconciliation, newest first"},
    {"peer.gossip.pvtData.reconcileSleepInterval", kUnlessPositive, "private data",
     &At<&C::private_data, &P::reconcile_sleep_interval>, "pause between reconciliations"},
    {"peer.gossip.pvtData.reconciliationEnabled", kRaw, "private data",
     &At<&C::private_data, &P::reconciliation_enabled>, "fetch data that was missing at commit"},
    {"peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit", kRaw, "private data",
     &At<&C::private_data, &P::skip_pulling_invalid_transactions>,
     "leave data of invalid transactions to reconciliation"},
    {"peer.gossip.pvtData.implicitCollectionDisseminationPolicy.requiredPeerCount", kRaw, "private data",
     &At<&C::private_data, &P::implicit_required_peers>, "peers that must acknowledge data of an implicit collection"},
    {"peer.gossip.pvtData.implicitCollectionDisseminationPolicy.maxPeerCount", kWhenAbsent, "private data",
     &At<&C::private_data, &P::implicit_max_peers>, "peers that data of an implicit collection is sent to; zero: none"},
    // Deliver client.
    {"peer.deliveryclient.blockGossipEnabled", kWhenAbsent, "deliver client",
     &At<&C::deliver, &D::block_gossip_enabled>,
     "leaders push the blocks that they pull; the sample file has true up to 2.5 and false later; off for BFT"},
    {"peer.deliveryclient.reconnectTotalTimeThreshold", kUnlessPositive, "deliver client",
     &At<&C::deliver, &D::reconnect_total_time_threshold>,
     "an elected leader gives up; static leaders and BFT never do"},
    {"peer.deliveryclient.connTimeout", kUnlessPositive, "deliver client", &At<&C::deliver, &D::conn_timeout>,
     "connecting to an orderer"},
    {"peer.deliveryclient.reConnectBackoffThreshold", kUnlessPositive, "deliver client",
     &At<&C::deliver, &D::reconnect_backoff_threshold>, "longest pause between attempts"},
    {"peer.deliveryclient.blockCensorshipTimeoutKey", kWhenAbsent, "deliver client",
     &At<&C::deliver, &D::block_censorship_timeout>, "BFT: how long headers may be ahead of blocks; since 3.0"},
    {"peer.deliveryclient.minimalReconnectInterval", kWhenAbsent, "deliver client",
     &At<&C::deliver, &D::minimal_reconnect_interval>, "BFT: first pause between attempts; since 3.0"},
    {"peer.deliveryclient.addressOverrides", kRaw, "deliver client", &At<&C::deliver, &D::address_overrides>,
     "orderer endpoints replaced by others: from, to, caCertsFile"},
    {"peer.deliveryclient.policy", kWhenAbsent, "deliver client", &At<&C::deliver, &D::policy>,
     "BFT: cluster or simple; since 3.0"},
    // Operations.
    {"operations.listenAddress", kRaw, "operations", &At<&C::operations, &O::listen_address>,
     "where /metrics, /healthz, /logspec and /version are served; none: nowhere"},
    {"operations.tls.enabled", kRaw, "operations", &At<&C::operations, &O::tls, &T::enabled>,
     "TLS on the operations endpoint"},
    {"operations.tls.clientAuthRequired", kRaw, "operations", &At<&C::operations, &O::tls, &T::client_auth_required>,
     "its clients must show a certificate"},
    Path({"operations.tls.cert.file", kRaw, "operations", &At<&C::operations, &O::tls, &T::cert_file>,
          "its certificate"}),
    Path(
        {"operations.tls.key.file", kRaw, "operations", &At<&C::operations, &O::tls, &T::key_file>, "its private key"}),
    Path({"operations.tls.clientRootCAs.files", kRaw, "operations",
          &At<&C::operations, &O::tls, &T::client_root_ca_files>, "CAs of its clients' certificates"}),
    OneOf({"metrics.provider", kRaw, "operations", &At<&C::operations, &O::metrics_provider>,
           "whether /metrics is served"},
          {{"disabled", "prometheus"}, "is not offered", false}),
};

constexpr NotApplicablePart kNotApplicable[] = {
    {"chaincode", "chaincode is not executed"},
    {"ledger", "blocks are stored, but no state, history, private data or snapshots"},
    {"metrics.statsd", "metrics are to be had from the operations endpoint only"},
    {"peer.BCCSP.PKCS11", "private keys are read from files"},
    {"peer.chaincodeAddress", "chaincode is not executed"},
    {"peer.chaincodeListenAddress", "chaincode is not executed"},
    {"peer.client", "concerns Fabric's command line only"},
    {"peer.discovery", "clients ask Fabric's peers, whose answers contain this peer"},
    {"peer.gateway", "transactions are submitted by way of Fabric's peers"},
    {"peer.handlers", "transactions are neither endorsed nor validated"},
    {"peer.limits", "the services that they limit are not offered"},
    {"peer.profile", "there is no profiling endpoint"},
    {"peer.validatorPoolSize", "transactions are not validated"},
    {"vm", "chaincode is not executed"},
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Format(base::Duration value) { return FormatDuration(value); }
std::string Format(std::uint64_t value) { return fmt::format("{}", value); }
std::string Format(bool value) { return value ? "true" : "false"; }
std::string Format(const std::string& value) { return value; }
std::string Format(DelivererPolicy value) { return value == DelivererPolicy::kSimple ? "simple" : "cluster"; }
std::string Format(const std::vector<std::string>& value) {
  std::string text;
  for (const std::string& element : value) text += (text.empty() ? "" : ", ") + element;
  return text;
}
std::string Format(const std::vector<AddressOverride>& value) {
  std::string text;
  for (const AddressOverride& element : value) text += (text.empty() ? "" : ", ") + element.from + " -> " + element.to;
  return text;
}

}  // namespace

char ToLetter(ReadingRule rule) {
  switch (rule) {
    case kUnlessPositive:
      return 'Z';
    case kWhenAbsent:
      return 'S';
    case kRaw:
      return 'R';
    case kIgnored:
      return '-';
  }
  return '?';
}

std::span<const ConfigKey> ConfigKeys() { return kKeys; }

const ConfigKey* FindConfigKey(std::string_view name) {
  const KeyLess less;
  const auto* const found =
      std::ranges::find_if(kKeys, [&](const ConfigKey& key) { return !less(key.name, name) && !less(name, key.name); });
  return found == std::end(kKeys) ? nullptr : found;
}

std::span<const NotApplicablePart> NotApplicableParts() { return kNotApplicable; }

const NotApplicablePart* FindNotApplicablePart(std::string_view key) {
  const KeyLess less;
  const auto* const found = std::ranges::find_if(kNotApplicable, [&](const NotApplicablePart& part) {
    const std::string_view start = key.substr(0, part.name.size());
    const bool ends = key.size() == start.size() || key[start.size()] == '.';
    return ends && !less(start, part.name) && !less(part.name, start);
  });
  return found == std::end(kNotApplicable) ? nullptr : found;
}

std::string KindOf(const ConfigKey& key) {
  static constexpr std::array<std::string_view, std::variant_size_v<ConfigPlace>> kKinds = {
      "any",  "duration", "integer",           "true or false",
      "text", "list",     "cluster or simple", "list of from, to, caCertsFile"};
  const auto& [first, second] = key.choices.values;
  if (!second.empty()) return fmt::format("{} or {}", first, second);
  if (!first.empty()) return std::string(first);
  if (key.is_path) return std::holds_alternative<std::string& (*)(C&)>(key.place) ? "path" : "list of paths";
  return std::string(kKinds.at(key.place.index()));
}

void ResolvePaths(const std::string& folder, Configuration& configuration) {
  const auto resolve = [&](std::string& path) {
    if (!path.empty() && !path.starts_with('/')) path = folder + "/" + path;
  };
  for (const ConfigKey& key : kKeys) {
    if (!key.is_path) continue;
    if (const auto* text = std::get_if<std::string& (*)(C&)>(&key.place)) resolve((*text)(configuration));
    if (const auto* list = std::get_if<std::vector<std::string>& (*)(C&)>(&key.place)) {
      std::ranges::for_each((*list)(configuration), resolve);
    }
  }
  for (AddressOverride& entry : configuration.deliver.address_overrides) resolve(entry.ca_certs_file);
}

std::string FormatValue(const ConfigKey& key, const Configuration& configuration) {
  Configuration copy = configuration;  // places are for writing too
  return std::visit(
      [&](auto place) {
        if constexpr (std::is_same_v<decltype(place), std::monostate>) {
          return std::string();
        } else {
          return Format(place(copy));
        }
      },
      key.place);
}

std::string FormatDefault(const ConfigKey& key) {
  return key.otherwise.text.empty() ? FormatValue(key, Configuration{}) : std::string(key.otherwise.text);
}

bool KeyLess::operator()(std::string_view a, std::string_view b) const {
  return std::ranges::lexicographical_compare(a, b, {}, Lower, Lower);
}

}  // namespace grapevine::node
