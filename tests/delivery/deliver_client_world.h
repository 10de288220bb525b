// A peer that pulls the blocks of one channel from orderers of a simulated world, and what stands around the client.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delivery/deliver_client.h"
#include "delivery/given_channel.h"
#include "ledger/block.h"
#include "simulation/model_orderer.h"
#include "simulation/orderer_dialer.h"
#include "simulation/simulated_block.h"
#include "simulation/simulated_crypto.h"
#include "simulation/world.h"

namespace grapevine::delivery {

using namespace std::chrono_literals;

// Takes blocks in order, verifies each against the one before, and keeps them.
class GivenSink final : public ledger::BlockSink {
 public:
  GivenSink(simulation::Host& host, const simulation::Authority& authority, base::Bytes genesis)
      : environment_(host.environment()), authority_(authority) {
    chain.push_back(std::move(genesis));
  }

  std::uint64_t next() const override { return chain.size(); }
  std::uint64_t limit() const override { return chain.size() + room; }
  std::size_t pending_bytes() const override { return 0; }
  base::Handle Offer(std::uint64_t number, base::Bytes block, ledger::BlockOrigin origin, Verdict done) override {
    EXPECT_EQ(origin, ledger::BlockOrigin::kOrderer);
    EXPECT_LT(number, limit());
    ++offers;
    const std::uint64_t id = next_id_++;
    waiting_[id] = {number, std::move(block), std::move(done)};
    environment_.executor.After(delay, [this] { Judge(); }).Detach();
    return base::Handle([this, id] { waiting_.erase(id); });
  }

  // Another way into the ledger.
  void Append(base::Bytes block) {
    chain.push_back(std::move(block));
    environment_.executor.Post([this] { Judge(); });
  }

  std::vector<base::Bytes> chain;
  std::uint64_t room = 1000;
  base::Duration delay = 1ms;
  std::size_t refuse_as_full = 0;  // so many of the next verdicts
  std::size_t offers = 0;
  std::size_t refused = 0;

 private:
  struct Waiting {
    std::uint64_t number = 0;
    base::Bytes block;
    Verdict done;
  };

  // One verdict per event: of the first block that can have one.
  void Judge() {
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (it->second.number > chain.size()) continue;
      Waiting waiting = std::move(it->second);
      waiting_.erase(it);
      base::Result<void> verdict;
      if (refuse_as_full > 0) {
        --refuse_as_full;
        verdict = base::Fail(base::ErrorCode::kExhausted, "no room");
      } else if (waiting.number == chain.size()) {
        verdict = Check(waiting);
        if (verdict) Append(waiting.block);
      }
      if (!verdict && verdict.error().code == base::ErrorCode::kInvalid) ++refused;
      return waiting.done(std::move(verdict));
    }
  }

  base::Result<void> Check(const Waiting& waiting) const {
    const auto checked = simulation::CheckBlock(authority_, kChannel, waiting.number, waiting.block);
    if (!checked) return base::Fail(base::ErrorCode::kInvalid, "{}", checked.error().message);
    const auto previous = ledger::ParseBlock(chain.back())->header.Hash();
    return ledger::CheckLink(*ledger::ParseBlock(waiting.block), waiting.number, previous.view());
  }

  base::Environment environment_;
  const simulation::Authority& authority_;
  std::uint64_t next_id_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;
};

// Dials nobody: every attempt fails at once. Or passes on to another dialer.
class GivenDialer final : public Dialer {
 public:
  struct Attempt {
    base::SteadyTime at;
    OrdererAddress address;
    base::Duration timeout{};
  };

  GivenDialer(base::Environment environment, Dialer& inner) : environment_(std::move(environment)), inner_(inner) {}

  base::Handle Dial(const OrdererAddress& address, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override {
    attempts.push_back({environment_.executor.Now(), address, timeout});
    if (!refuses) return inner_.Dial(address, timeout, std::move(done));
    return environment_.executor.After(
        0s, [done = std::move(done)]() mutable { done(base::Fail(base::ErrorCode::kUnavailable, "nobody is there")); });
  }
  base::Bytes client_certificate() const override { return inner_.client_certificate(); }

  bool refuses = false;
  std::vector<Attempt> attempts;

 private:
  base::Environment environment_;
  Dialer& inner_;
};

class DeliverClientWorld {
 public:
  explicit DeliverClientWorld(std::uint64_t seed = 1, simulation::NetworkConfig network = {})
      : world(seed, network),
        authority(seed),
        chain(authority, kChannel),
        host(world.AddHost("peer")),
        crypto(host.environment(), authority, authority.Issue("Org1MSP", "peer")),
        simulated_dialer(host),
        dialer(host.environment(), simulated_dialer),
        sink(host, authority, chain.block(0)) {}

  // orderer0, orderer1, ...
  simulation::ModelOrderer& AddOrderer(simulation::OrdererBehaviour behaviour = {}) {
    hosts.push_back(&world.AddHost("orderer" + std::to_string(orderers.size())));
    orderers.push_back(std::make_unique<simulation::ModelOrderer>(*hosts.back(), chain, std::move(behaviour)));
    return *orderers.back();
  }

  // All orderers, of one organisation.
  OrdererSources Sources() const {
    OrdererSources sources;
    sources.consensus_type = consensus_type;
    OrdererOrganization& organization = sources.organizations["OrdererOrg"];
    organization.tls_authorities = {"CA of the orderers"};
    for (const simulation::Host* orderer : hosts) organization.addresses.push_back(orderer->endpoint());
    return sources;
  }

  void Start(OrdererSources sources) {
    options.channel = kChannel;
    options.identity = crypto.own_identity();
    client = std::make_unique<DeliverClient>(host.environment(),
                                             DeliverParts{dialer, signer != nullptr ? *signer : crypto, sink}, options,
                                             std::move(sources), [this](base::Error reason) {
                                               ended.push_back(std::move(reason));
                                               if (destroy_when_ended) client.reset();
                                             });
  }
  void Start() { Start(Sources()); }

  bool RunUntil(const std::function<bool()>& reached, base::Duration limit) {
    return world.scheduler().RunUntil(reached, limit);
  }
  void RunFor(base::Duration duration) { world.scheduler().RunFor(duration); }
  // The whole chain has arrived.
  bool Complete() const { return sink.next() == chain.height(); }
  base::SteadyTime Now() { return world.scheduler().Now(); }
  std::uint64_t Failures(const std::string& reason) {
    return host.metrics().CounterValue("grapevine_deliver_failures", {{"channel", kChannel}, {"reason", reason}});
  }
  // The milliseconds between attempts to dial so far.
  std::vector<std::int64_t> Pauses() const {
    std::vector<std::int64_t> pauses;
    for (std::size_t i = 1; i < dialer.attempts.size(); ++i) {
      const base::Duration pause = dialer.attempts[i].at - dialer.attempts[i - 1].at;
      pauses.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(pause).count());
    }
    return pauses;
  }

  simulation::World world;
  simulation::Authority authority;
  simulation::OrderedChain chain;
  simulation::Host& host;
  simulation::SimulatedCrypto crypto;
  simulation::OrdererDialer simulated_dialer;
  GivenDialer dialer;
  GivenSink sink;
  std::vector<simulation::Host*> hosts;
  std::vector<std::unique_ptr<simulation::ModelOrderer>> orderers;
  std::string consensus_type = "etcdraft";
  DeliverOptions options;
  msp::MessageCrypto* signer = nullptr;  // in the place of crypto
  bool destroy_when_ended = false;
  std::vector<base::Error> ended;
  std::unique_ptr<DeliverClient> client;
};

}  // namespace grapevine::delivery
