// A node with what its channels need, and other peers whose messages the test makes by hand.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "channel/state_info_exchange.h"
#include "comm/comm.h"
#include "gossip/emitter.h"
#include "gossip/envelope_verifier.h"
#include "msp/channel_mac.h"
#include "msp/identity_mapper.h"
#include "simulation/authority.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"
#include "support/given_peers.h"
#include "support/scripted_crypto.h"

namespace grapevine::channel {

using namespace std::chrono_literals;  // NOLINT

inline constexpr char kOrg1[] = "Org1MSP";
inline constexpr char kOrg2[] = "Org2MSP";
inline constexpr char kOrg3[] = "Org3MSP";  // not in the channel
inline constexpr char kMyChannel[] = "mychannel";

using testing::GivenPeers;
using testing::ScriptedCrypto;

// A peer that exists only by its identity.
struct OtherPeer {
  base::Bytes identity;
  wire::PkiId pki_id;
  std::string organization;
};

struct TestNode {
  TestNode(simulation::Host& on, simulation::Authority& authority, const std::string& organization)
      : host(on),
        simulated(on.environment(), authority, authority.Issue(organization, on.name())),
        crypto(simulated),
        mapper(on.environment(), crypto, simulated.own_identity()),
        comm(on.environment(), on.transport(), on.server(), mapper, crypto),
        rounds(on.environment(), [this] { return peers.unchanged_since; }),
        verifier(on.environment(), mapper, crypto),
        emitter(on.environment(), {}, [this](const std::vector<gossip::Emission>& batch) {
          emitted.insert(emitted.end(), batch.begin(), batch.end());
        }) {
    peers.self = {.pki_id = simulated.own_pki_id(),
                  .endpoint = on.endpoint(),
                  .external_endpoint = on.endpoint(),
                  .organization = organization};
  }

  wire::PkiId pki_id() const { return simulated.own_pki_id(); }
  ChannelParts parts() {
    return {.comm = comm,
            .rounds = rounds,
            .mapper = mapper,
            .crypto = crypto,
            .emitter = emitter,
            .verifier = verifier,
            .peers = peers};
  }
  std::uint64_t Refused(const std::string& type, const std::string& reason) const {
    return host.metrics().CounterValue("gossip_channel_refused", {{"type", type}, {"reason", reason}});
  }
  std::uint64_t Count(const std::string& metric) const { return host.metrics().CounterValue(metric); }
  // Number of messages refused for whatever reason.
  std::int64_t RefusedInAll() const {
    std::int64_t sum = 0;
    for (const auto& [name, value] : host.metrics().Snapshot()) {
      if (name.starts_with("gossip_channel_refused")) sum += value;
    }
    return sum;
  }

  simulation::Host& host;
  simulation::SimulatedCrypto simulated;
  ScriptedCrypto crypto;
  msp::IdentityMapper mapper;
  comm::Comm comm;
  gossip::Rounds rounds;
  gossip::EnvelopeVerifier verifier;
  std::vector<gossip::Emission> emitted;
  gossip::Emitter emitter;
  GivenPeers peers;
};

class ChannelWorld : public ::testing::Test {
 protected:
  ChannelWorld() : node_(world_.AddHost("node"), authority_, kOrg1) {
    authority_.SetReaders(kMyChannel, {kOrg1, kOrg2});
    RunFor(10ms);  // the own identity is in the mapper
  }

  // `external_endpoint` empty: hidden from other organisations.
  OtherPeer AddPeer(const std::string& name, const std::string& organization,
                    const std::string& external_endpoint = "external:7051") {
    const OtherPeer peer = Identify(name, organization);
    node_.peers.Add({.pki_id = peer.pki_id,
                     .endpoint = name + ":7051",
                     .external_endpoint = external_endpoint,
                     .organization = organization});
    return peer;
  }
  // Known to the mapper, and not to membership.
  OtherPeer Identify(const std::string& name, const std::string& organization) {
    OtherPeer peer = Stranger(name, organization);
    handles_.push_back(node_.mapper.Put(peer.pki_id, peer.identity, [](const auto& entry) { ASSERT_TRUE(entry); }));
    RunFor(1ms);
    return peer;
  }
  // Known to nobody.
  OtherPeer Stranger(const std::string& name, const std::string& organization) {
    const base::Bytes identity = authority_.Issue(organization, name);
    return {identity, *simulation::Authority::PkiIdOf(identity), organization};
  }

  wire::Envelope Sign(const OtherPeer& peer, const wire::Message& message) const {
    const base::Bytes payload = wire::EncodeMessage(message);
    return wire::Envelope::Make(payload, authority_.Sign(peer.identity, payload));
  }
  static wire::StateInfo Content(const OtherPeer& peer, wire::PeerTime timestamp, std::uint64_t height = 1,
                                 const std::string& channel = kMyChannel) {
    return {.timestamp = timestamp,
            .pki_id = peer.pki_id,
            .channel_mac = base::Bytes::Copy(msp::ChannelMac(peer.pki_id, channel).view()),
            .properties = wire::Properties{.ledger_height = height}};
  }
  wire::Envelope StateInfoOf(const OtherPeer& peer, wire::PeerTime timestamp, std::uint64_t height = 1) const {
    return Sign(peer, wire::NewMessage(Content(peer, timestamp, height)));
  }
  wire::Envelope LeftStateInfoOf(const OtherPeer& peer, wire::PeerTime timestamp) const {
    wire::StateInfo info = Content(peer, timestamp, 5);
    info.properties->left_channel = true;
    return Sign(peer, wire::NewMessage(info));
  }
  // With another signature.
  static wire::Envelope Forge(const wire::Envelope& envelope) {
    return wire::Envelope::Make(envelope.payload(), "forged!!");
  }
  static wire::Envelope SnapshotOf(std::vector<wire::Envelope> elements) {
    return wire::UnsignedEnvelope(wire::NewMessage(wire::StateInfoSnapshot{std::move(elements)}, kMyChannel));
  }
  static wire::Envelope PullRequestBy(const OtherPeer& peer) {
    return wire::UnsignedEnvelope(wire::NewMessage(
        wire::StateInfoPullRequest{base::Bytes::Copy(msp::ChannelMac(peer.pki_id, kMyChannel).view())}));
  }

  // As comm hands it over; answers go to `answers_`.
  comm::ReceivedMessagePtr From(const OtherPeer& sender, const wire::Envelope& envelope) {
    auto connection = std::make_shared<comm::ConnectionInfo>();
    connection->pki_id = sender.pki_id;
    connection->identity = sender.identity;
    connection->organization = sender.organization;
    auto responder = std::make_shared<const comm::ReceivedMessage::Responder>(
        [this](const wire::Envelope& answer, base::Handle) { answers_.push_back(answer); });
    auto message = wire::DecodeMessage(envelope.payload());
    EXPECT_TRUE(message);
    return std::make_shared<comm::ReceivedMessage>(envelope, std::move(*message), connection, responder);
  }
  // The PKI-IDs in a snapshot, in its order.
  static std::vector<wire::PkiId> Named(const wire::Envelope& snapshot) {
    std::vector<wire::PkiId> ids;
    const auto message = wire::DecodeMessage(snapshot.payload());
    for (const auto& element : message->As<wire::StateInfoSnapshot>()->elements) {
      ids.push_back(wire::DecodeMessage(element.payload())->As<wire::StateInfo>()->pki_id);
    }
    return ids;
  }

  void RunFor(base::Duration duration) { world_.scheduler().RunFor(duration); }

  simulation::World world_{1};
  simulation::Authority authority_{1};
  TestNode node_;
  std::vector<wire::Envelope> answers_;
  std::vector<base::Handle> handles_;
};

// With a state info exchange that is in the channel of kOrg1 and kOrg2.
class StateInfoTest : public ChannelWorld {
 protected:
  explicit StateInfoTest(ChannelConfig config = {}) { Create(config); }

  void Create(const ChannelConfig& config) {
    exchange_ = std::make_unique<StateInfoExchange>(node_.host.environment(), node_.parts(), kMyChannel, config);
    exchange_->SetObservers(
        {.height = [this](const wire::PkiId& peer, std::uint64_t height) { heights_.emplace_back(peer, height); },
         .members = [this] { ++member_changes_; },
         .added = [this](const comm::ReceivedMessagePtr& message) { added_.push_back(message); }});
    exchange_->SetOrganizations({kOrg1, kOrg2});
  }
  void Push(const OtherPeer& sender, const wire::Envelope& state_info) {
    exchange_->HandleStateInfo(From(sender, state_info), ticket_);
  }
  void PushAndWait(const OtherPeer& sender, const wire::Envelope& state_info) {
    Push(sender, state_info);
    RunFor(10ms);
  }
  void Snapshot(const OtherPeer& sender, std::vector<wire::Envelope> elements) {
    exchange_->HandleSnapshot(From(sender, SnapshotOf(std::move(elements))), ticket_);
  }
  std::uint64_t Duplicates() const { return node_.Count("gossip_channel_state_info_duplicates"); }
  // Decoded own state infos that were pushed.
  std::vector<wire::StateInfo> Published() const {
    std::vector<wire::StateInfo> published;
    for (const auto& emission : node_.emitted) {
      if (emission.originator != node_.pki_id()) continue;
      published.push_back(*wire::DecodeMessage(emission.envelope.payload())->As<wire::StateInfo>());
    }
    return published;
  }

  gossip::Ticket ticket_ = std::make_shared<int>(0);
  std::vector<std::pair<wire::PkiId, std::uint64_t>> heights_;
  std::size_t member_changes_ = 0;
  std::vector<comm::ReceivedMessagePtr> added_;
  std::unique_ptr<StateInfoExchange> exchange_;
};

}  // namespace grapevine::channel
