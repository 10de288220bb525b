// Nodes that exchange the blocks of a channel; the test decides what is pushed and who knows whom.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/block_exchange.h"
#include "channel/block_window.h"
#include "channel/state_info_world.h"
#include "msp/block.h"
#include "simulation/simulated_block.h"
#include "wire/tag.h"

namespace grapevine::channel {

// Of every link: a message on an open stream arrives exactly this later.
inline constexpr base::Duration kLinkLatency = 1ms;
// What verifying a block takes.
inline constexpr base::Duration kVerification = 200us;
inline constexpr base::Duration kJitter = 100ms;

inline ChannelConfig FixedJitter() {
  ChannelConfig config;
  config.repair_jitter_min = kJitter;
  config.repair_jitter_max = kJitter;
  return config;
}

struct Delivery {
  std::uint64_t number;
  base::Bytes block;
  std::uint64_t epoch;
  base::SteadyTime time;
};

// A node with one channel, whose blocks come and go over its communication layer.
struct BlockNode : TestNode {
  BlockNode(simulation::Host& on, simulation::Authority& authority, const std::string& organization,
            const ChannelConfig& config)
      : TestNode(on, authority, organization), state_infos(on.environment(), parts(), kMyChannel, config) {
    state_infos.SetOrganizations({kOrg1, kOrg2});
    blocks = std::make_unique<BlockExchange>(
        on.environment(), parts(), state_infos, kMyChannel, config,
        [this](std::uint64_t number, const base::Bytes& block, std::uint64_t epoch) {
          delivered.push_back({number, block, epoch, host.environment().executor.Now()});
        });
    blocks->SetOnAccepted([this](const comm::ReceivedMessagePtr& message) { accepted.push_back(message); });
    messages = comm.Accept("test", [](const comm::ReceivedMessage&) { return true; });
    messages.ReceiveAll([this](const comm::ReceivedMessagePtr& message) {
      received.push_back(message);
      if (silent) return;
      if (message->message().As<wire::DataMessage>() != nullptr) blocks->HandleBlock(message, ticket);
      if (wire::PullTypeOf(message->message()) == wire::PullType::kBlock) blocks->HandlePull(message, ticket);
    });
  }

  comm::RemotePeer AsRemote() const { return {host.endpoint(), pki_id()}; }
  std::vector<std::uint64_t> Numbers() const {
    std::vector<std::uint64_t> numbers;
    for (const Delivery& delivery : delivered) numbers.push_back(delivery.number);
    return numbers;
  }
  std::vector<gossip::Emission> EmittedBlocks() const {
    std::vector<gossip::Emission> blocks_emitted;
    for (const gossip::Emission& emission : emitted) {
      if (emission.kind == gossip::EmissionKind::kBlock) blocks_emitted.push_back(emission);
    }
    return blocks_emitted;
  }
  // Pull messages of type T that came in.
  template <typename T>
  std::vector<comm::ReceivedMessagePtr> Got() const {
    std::vector<comm::ReceivedMessagePtr> got;
    for (const auto& message : received) {
      if (message->message().As<T>() != nullptr) got.push_back(message);
    }
    return got;
  }
  std::uint64_t Fetches() const {
    return host.metrics().CounterValue("gossip_channel_repair_fetches", {{"channel", kMyChannel}});
  }
  std::uint64_t GivenUp() const {
    return host.metrics().CounterValue("gossip_channel_repair_given_up", {{"channel", kMyChannel}});
  }
  std::int64_t BeyondWindow() const {
    return host.metrics().GetGauge("gossip_channel_blocks_beyond_window", "", {{"channel", kMyChannel}}).value();
  }

  bool silent = false;  // receives and does nothing
  gossip::Ticket ticket = std::make_shared<int>(0);
  StateInfoExchange state_infos;
  std::vector<Delivery> delivered;
  std::vector<comm::ReceivedMessagePtr> accepted;
  std::vector<comm::ReceivedMessagePtr> received;
  std::unique_ptr<BlockExchange> blocks;
  comm::AcceptedMessages messages;
};

class BlockWorld : public ::testing::Test {
 protected:
  BlockWorld() {
    world_.network().SetDefaultLink({.latency_min = kLinkLatency, .latency_max = kLinkLatency});
    authority_.SetReaders(kMyChannel, {kOrg1, kOrg2});
  }

  BlockNode& AddNode(const std::string& name, const ChannelConfig& config = FixedJitter(),
                     const std::string& organization = kOrg1) {
    nodes_.push_back(std::make_unique<BlockNode>(world_.AddHost(name), authority_, organization, config));
    return *nodes_.back();
  }
  // `to` believes `about` alive and in the channel, with `height` blocks.
  void Introduce(BlockNode& about, BlockNode& to, std::uint64_t height = 0) {
    handles_.push_back(to.mapper.Put(about.pki_id(), about.simulated.own_identity(), [](const auto&) {}));
    if (to.peers.Find(about.pki_id()) == nullptr) to.peers.Add(about.peers.self);
    RunFor(1ms);
    SendStateInfo(about, to, height);
  }
  void IntroduceAll() {
    for (auto& to : nodes_) {
      for (auto& about : nodes_) {
        if (to != about) Introduce(*about, *to);
      }
    }
  }
  void SendStateInfo(const BlockNode& about, BlockNode& to, std::uint64_t height, bool left = false) {
    const wire::StateInfo info{.timestamp = {1, ++sequence_},
                               .pki_id = about.pki_id(),
                               .channel_mac = base::Bytes::Copy(msp::ChannelMac(about.pki_id(), kMyChannel).view()),
                               .properties = wire::Properties{.ledger_height = height, .left_channel = left}};
    const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(info));
    to.state_infos.HandleStateInfo(
        From(about, wire::Envelope::Make(payload, authority_.Sign(about.simulated.own_identity(), payload))),
        to.ticket);
    RunFor(1ms);
    ASSERT_NE(to.state_infos.Find(about.pki_id()), nullptr);
  }

  base::Bytes Block(std::uint64_t number, const std::string& transaction = "transaction",
                    const std::string& channel = kMyChannel) const {
    return simulation::MakeBlock(authority_, orderer_, channel, number, "previous", {transaction});
  }
  // Signed by somebody who is no orderer.
  base::Bytes Forged(std::uint64_t number, const std::string& transaction = "forged") const {
    return simulation::MakeBlock(authority_, impostor_, kMyChannel, number, "previous", {transaction});
  }
  static wire::Envelope Data(std::uint64_t number, const base::Bytes& block, const std::string& channel = kMyChannel) {
    return wire::UnsignedEnvelope(wire::NewMessage(wire::DataMessage{{.number = number, .block = block}}, channel));
  }

  // As comm hands it over.
  static comm::ReceivedMessagePtr From(const BlockNode& sender, const wire::Envelope& envelope) {
    auto connection = std::make_shared<comm::ConnectionInfo>();
    connection->pki_id = sender.pki_id();
    connection->identity = sender.simulated.own_identity();
    connection->organization = sender.peers.self.organization;
    auto message = wire::DecodeMessage(envelope.payload());
    EXPECT_TRUE(message);
    return std::make_shared<comm::ReceivedMessage>(
        envelope, std::move(*message), connection,
        std::make_shared<const comm::ReceivedMessage::Responder>([](const wire::Envelope&, base::Handle) {}));
  }
  static void Push(const BlockNode& from, BlockNode& to, std::uint64_t number, const base::Bytes& block) {
    to.blocks->HandleBlock(From(from, Data(number, block)), to.ticket);
  }
  void PushAndWait(const BlockNode& from, BlockNode& to, std::uint64_t number) {
    Push(from, to, number, Block(number));
    RunFor(1ms);
  }

  void RunFor(base::Duration duration) { world_.scheduler().RunFor(duration); }
  base::SteadyTime Now() { return world_.scheduler().Now(); }

  simulation::World world_{1};
  simulation::Authority authority_{1};
  base::Bytes orderer_ = authority_.Issue(simulation::kOrdererMspId, "orderer");
  base::Bytes impostor_ = authority_.Issue(kOrg1, "impostor");
  std::uint64_t sequence_ = 0;
  std::vector<std::unique_ptr<BlockNode>> nodes_;
  std::vector<base::Handle> handles_;
};

}  // namespace grapevine::channel
