// A node that is behind, others that have blocks, on virtual time: complete gossip services, and a sink and servers
// that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/block_sink.h"
#include "simulation/gossip_peer.h"
#include "statetransfer/block_plan.h"
#include "statetransfer/state_transfer.h"

namespace grapevine::statetransfer {

using namespace std::chrono_literals;  // NOLINT

inline constexpr char kChannel[] = "mychannel";
inline constexpr char kOrg1[] = "Org1MSP";
inline constexpr char kOrg2[] = "Org2MSP";
// Of every link: a message on an open stream arrives exactly this later.
inline constexpr base::Duration kLinkLatency = 1ms;
// What the check of an answerer takes.
inline constexpr base::Duration kCheck = 80us;

inline base::Bytes BlockOf(std::uint64_t number, std::size_t bytes = 0) {
  std::string content = "block " + std::to_string(number);
  content.resize(std::max(content.size(), bytes), '.');
  return base::Bytes(std::move(content));
}

// Takes blocks in order; one is good if it begins like BlockOf. Judges a block when those before it are judged.
class PlayedSink final : public ledger::BlockSink {
 public:
  explicit PlayedSink(base::Environment environment) : environment_(std::move(environment)) {}

  std::uint64_t next() const override { return next_; }
  std::uint64_t limit() const override { return next_ + window; }
  std::size_t pending_bytes() const override { return pending_bytes_; }
  base::Handle Offer(std::uint64_t number, base::Bytes block, ledger::BlockOrigin origin, Verdict done) override {
    EXPECT_EQ(origin, ledger::BlockOrigin::kStateTransfer);
    auto shared = std::make_shared<Verdict>(std::move(done));
    offers.push_back(number);
    if (full || number >= limit()) {
      Tell(shared, base::Fail(base::ErrorCode::kExhausted, "no room"));
    } else {
      pending_bytes_ += block.size();
      most_pending_bytes = std::max(most_pending_bytes, pending_bytes_);
      waiting_.emplace(number, std::pair(std::move(block), shared));
      if (!held) Advance();
    }
    return base::Handle([shared] { *shared = nullptr; });
  }
  // Blocks came another way.
  void SetNext(std::uint64_t next) {
    next_ = next;
    Advance();
  }
  // Judges everything that is in order; by itself unless `held`.
  void Advance() {
    while (!waiting_.empty() && waiting_.begin()->first <= next_) {
      const auto [number, offer] = std::pair(waiting_.begin()->first, waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      pending_bytes_ -= offer.first.size();
      if (number < next_) {
        Tell(offer.second, {});
      } else if (offer.first.view().starts_with(BlockOf(number).view())) {
        ++next_;
        Tell(offer.second, {});
      } else {
        Tell(offer.second, base::Fail(base::ErrorCode::kInvalid, "not block {}", number));
      }
    }
  }

  std::uint64_t window = 200;
  bool full = false;
  bool held = false;
  std::vector<std::uint64_t> offers;
  std::size_t most_pending_bytes = 0;

 private:
  void Tell(const std::shared_ptr<Verdict>& verdict, base::Result<void> result) {
    environment_.executor.Post([verdict, result = std::move(result)] {
      if (auto done = std::exchange(*verdict, nullptr)) done(result);
    });
  }

  base::Environment environment_;
  std::uint64_t next_ = 1;
  std::size_t pending_bytes_ = 0;
  std::multimap<std::uint64_t, std::pair<base::Bytes, std::shared_ptr<Verdict>>> waiting_;
};

// A peer of the channel that receives requests and does what the test says.
struct Server {
  struct Request {
    BlockRange range;
    base::SteadyTime time;
    comm::ReceivedMessagePtr message;

    std::uint64_t nonce() const { return message->message().nonce; }
  };
  using Play = std::function<void(const Request&)>;

  Server(simulation::World& world, simulation::Authority& authority, simulation::GossipPeerOptions options)
      : scheduler(world.scheduler()), peer(world, authority, std::move(options)) {}

  void Listen() {
    subscription = peer.gossip().AcceptUnvalidated("requests", [](const comm::ReceivedMessage& received) {
      return received.message().As<wire::StateRequest>() != nullptr;
    });
    subscription.ReceiveAll([this](const comm::ReceivedMessagePtr& message) {
      const auto* wanted = message->message().As<wire::StateRequest>();
      requests.push_back({{wanted->start, wanted->end}, scheduler.Now(), message});
      if (play) play(Request(requests.back()));
    });
  }
  std::vector<BlockRange> Ranges() const {
    std::vector<BlockRange> ranges;
    for (const Request& request : requests) ranges.push_back(request.range);
    return ranges;
  }
  static wire::BlockPayload Payload(std::uint64_t number, const base::Bytes& block) {
    return {.number = number, .block = block, .private_data = {}};
  }
  static void Answer(const Request& request, std::vector<wire::BlockPayload> payloads,
                     std::optional<std::uint64_t> nonce = std::nullopt) {
    request.message->Respond(wire::UnsignedEnvelope(
        wire::NewMessage(wire::StateResponse{std::move(payloads)}, kChannel, nonce.value_or(request.nonce()))));
  }
  // All that was asked for.
  static void Serve(const Request& request, std::size_t block_bytes = 0) {
    std::vector<wire::BlockPayload> payloads;
    for (std::uint64_t number = request.range.first; number <= request.range.last; ++number) {
      payloads.push_back(Payload(number, BlockOf(number, block_bytes)));
    }
    Answer(request, std::move(payloads));
  }

  simulation::Scheduler& scheduler;
  simulation::GossipPeer peer;
  Play play = [](const Request& request) { Serve(request); };
  std::vector<Request> requests;
  comm::AcceptedMessages subscription;
};

// The node under test is `node`, of Org1MSP; its requester begins with the first StartTransfer.
class TransferWorld : public ::testing::Test {
 protected:
  // Servers of Org1MSP, then of Org2MSP; afterwards all know each other and that everybody's height is 1.
  void Build(std::size_t own, std::size_t foreign = 0) {
    world_.network().SetDefaultLink({.latency_min = kLinkLatency, .latency_max = kLinkLatency});
    authority_.SetReaders(kChannel, {kOrg1, kOrg2});
    join_.organizations = {kOrg1, kOrg2};
    node_ = std::make_unique<simulation::GossipPeer>(world_, authority_, Options("node", kOrg1));
    join_.anchor_peers = {{.endpoint = node_->endpoint(), .organization = kOrg1}};
    node_->Join(kChannel, join_);
    node_->Start();
    crypto_ = std::make_unique<simulation::SimulatedCrypto>(node_->host().environment(), authority_, node_->identity());
    sink_ = std::make_unique<PlayedSink>(node_->host().environment());
    for (std::size_t i = 0; i < own + foreign; ++i) {
      servers_.push_back(
          std::make_unique<Server>(world_, authority_, Options("server" + std::to_string(i), i < own ? kOrg1 : kOrg2)));
      servers_.back()->peer.Join(kChannel, join_);
      servers_.back()->peer.Start();
      servers_.back()->Listen();
    }
    ASSERT_TRUE(RunUntil(
        [&] {
          return std::ranges::all_of(servers_,
                                     [&](const auto& server) {
                                       return server->peer.gossip().PeersOfChannel(kChannel).size() == servers_.size();
                                     }) &&
                 node_->gossip().PeersOfChannel(kChannel).size() == servers_.size();
        },
        60s));
  }
  simulation::GossipPeerOptions Options(const std::string& name, const std::string& organization) const {
    simulation::GossipPeerOptions options{.name = name, .organization = organization, .gossip = {}, .host = {}};
    options.gossip.channel.repair_attempts = 0;  // blocks come by state transfer only
    if (node_ != nullptr && organization == kOrg1) options.gossip.membership.bootstrap = {node_->endpoint()};
    return options;
  }
  void StartTransfer(StateTransferConfig config = {.enabled = true}, StateTransferLimits limits = {}) {
    transfer_ = std::make_unique<StateTransfer>(
        node_->host().environment(),
        StateTransferParts{.gossip = node_->gossip(), .crypto = *crypto_, .blocks = *sink_}, kChannel, config, limits);
    knows_ = node_->gossip().FindChannel(kChannel)->OnPeerHeight(
        [this](const wire::PkiId&, std::uint64_t) { knew_ = Now(); });
  }
  // The node learns before the next step that each server in `heights` has so many blocks.
  void Advertise(std::vector<std::uint64_t> heights) {
    for (std::size_t i = 0; i < heights.size(); ++i) {
      servers_[i]->peer.gossip().UpdateLedgerHeight(kChannel, heights[i]);
    }
    ASSERT_TRUE(RunUntil(
        [&] {
          const auto members = node_->gossip().PeersOfChannel(kChannel);
          return std::ranges::all_of(members, [&](const channel::ChannelMember& member) {
            for (std::size_t i = 0; i < heights.size(); ++i) {
              if (servers_[i]->peer.pki_id() == member.peer.pki_id)
                return member.properties.ledger_height == heights[i];
            }
            return true;
          });
        },
        60s));
  }

  Server& server(std::size_t index) { return *servers_[index]; }
  std::uint64_t Refused(const std::string& reason, const std::string& type = "state_response") {
    return node_->host().metrics().CounterValue("gossip_statetransfer_refused", {{"type", type}, {"reason", reason}});
  }
  std::uint64_t Unanswered(const std::string& reason) {
    return node_->host().metrics().CounterValue("gossip_statetransfer_unanswered",
                                                {{"channel", kChannel}, {"reason", reason}});
  }
  bool RunUntilHeight(std::uint64_t height, base::Duration limit = 60s) {
    return RunUntil([&] { return sink_->next() >= height; }, limit);
  }
  bool RunUntil(const std::function<bool()>& reached, base::Duration limit) {
    return world_.scheduler().RunUntil(reached, limit);
  }
  void RunFor(base::Duration duration) { world_.scheduler().RunFor(duration); }
  base::SteadyTime Now() { return world_.scheduler().Now(); }

  simulation::World world_{1};
  simulation::Authority authority_{1};
  channel::JoinMessage join_;
  std::unique_ptr<simulation::GossipPeer> node_;
  std::unique_ptr<simulation::SimulatedCrypto> crypto_;
  std::unique_ptr<PlayedSink> sink_;
  std::vector<std::unique_ptr<Server>> servers_;
  base::SteadyTime knew_;
  std::unique_ptr<StateTransfer> transfer_;
  base::Handle knows_;
};

}  // namespace grapevine::statetransfer
