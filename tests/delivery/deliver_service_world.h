// A Deliver service over a given chain, and clients that say anything to it, on virtual time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "delivery/deliver_service.h"
#include "delivery/given_channel.h"
#include "msp/block.h"
#include "orderer/ab.pb.h"
#include "simulation/authority.h"
#include "simulation/simulated_block.h"
#include "simulation/world.h"

namespace grapevine::delivery {

using namespace std::chrono_literals;  // NOLINT

// What a client asks for; every part of it can be wrong.
struct Ask {
  orderer::SeekPosition start;
  orderer::SeekPosition stop;
  orderer::SeekInfo::SeekBehavior behavior = orderer::SeekInfo::BLOCK_UNTIL_READY;
  bool headers_only = false;
  std::string channel = kChannel;
  base::Duration clock_offset{};
  std::optional<std::string> tls_cert_hash{};  // none: the right one
};

inline orderer::SeekPosition Specified(std::uint64_t number) {
  orderer::SeekPosition position;
  position.mutable_specified()->set_number(number);
  return position;
}
inline orderer::SeekPosition Oldest() {
  orderer::SeekPosition position;
  position.mutable_oldest();
  return position;
}
inline orderer::SeekPosition Newest() {
  orderer::SeekPosition position;
  position.mutable_newest();
  return position;
}
inline orderer::SeekPosition NextCommit() {
  orderer::SeekPosition position;
  position.mutable_next_commit();
  return position;
}
inline Ask From(orderer::SeekPosition start, orderer::SeekPosition stop) {
  return {.start = std::move(start), .stop = std::move(stop)};
}

// A chain in memory. Blocks whose numbers are in `config_blocks` hold a configuration transaction.
class GivenChain final : public BlockChain {
 public:
  GivenChain(base::Executor& executor, const simulation::Authority& authority)
      : executor_(executor), authority_(authority) {}

  void Add(base::Bytes block) {
    blocks_.push_back(std::move(block));
    executor_.Post([this] {
      const auto grown = subscribers_;  // a subscriber may go while it is told
      for (const auto& [id, subscriber] : grown) {
        if (subscribers_.contains(id)) subscriber();
      }
    });
  }
  const base::Bytes& block(std::uint64_t number) const { return blocks_[number]; }
  std::size_t reads() const { return reads_; }
  void SetSequence(std::uint64_t sequence) { sequence_ = sequence; }
  // Reads fail with this from now on.
  void Fail(base::ErrorCode code) { failure_ = code; }
  // Checks of access fail with this from now on.
  void FailChecks(base::ErrorCode code) { check_failure_ = code; }
  void SetExpiry(base::WallTime expires) { expires_ = expires; }

  std::uint64_t height() const override { return blocks_.size(); }
  base::Handle Read(std::uint64_t number, std::move_only_function<void(base::Result<base::Bytes>)> done) override {
    ++reads_;
    base::Result<base::Bytes> result = blocks_.at(number);
    if (failure_) result = base::Fail(*failure_, "block {} cannot be read", number);
    return executor_.After(100us, [result, done = std::move(done)]() mutable { done(std::move(result)); });
  }
  base::Handle OnGrowth(std::function<void()> grown) override {
    const std::uint64_t id = next_id_++;
    subscribers_[id] = std::move(grown);
    return base::Handle([this, id] { subscribers_.erase(id); });
  }
  base::Handle CheckAccess(base::Bytes identity, base::Bytes signature, base::Bytes message,
                           std::move_only_function<void(base::Result<base::WallTime>)> done) override {
    return executor_.After(1ms, [this, identity, signature, message, done = std::move(done)]() mutable {
      if (check_failure_) return done(base::Fail(*check_failure_, "no"));
      const auto verdict = authority_.CheckReaders(kChannel, identity, signature, message);
      if (!verdict) return done(std::unexpected(verdict.error()));
      done(expires_);
    });
  }
  std::uint64_t config_sequence() const override { return sequence_; }

 private:
  base::Executor& executor_;
  const simulation::Authority& authority_;
  std::deque<base::Bytes> blocks_;
  std::map<std::uint64_t, std::function<void()>> subscribers_;
  std::uint64_t next_id_ = 0;
  std::size_t reads_ = 0;
  std::uint64_t sequence_ = 0;
  std::optional<base::ErrorCode> failure_;
  std::optional<base::ErrorCode> check_failure_;
  base::WallTime expires_ = base::WallTime::max();
};

// One stream of a client. What it has received reads as "block 3", "header 3", "SUCCESS", "end OK".
class Client final : public base::StreamHandler {
 public:
  explicit Client(std::unique_ptr<base::Stream> stream, std::size_t credit = 1000000) : stream_(std::move(stream)) {
    stream_->SetHandler(*this);
    stream_->Read(credit);
  }

  base::Stream& stream() { return *stream_; }
  void Close() { stream_.reset(); }
  const std::vector<std::string>& heard() const { return heard_; }
  const std::vector<base::Bytes>& blocks() const { return blocks_; }
  bool over() const { return over_; }

  void OnMessage(base::Bytes message) override {
    orderer::DeliverResponse response;
    if (!response.ParseFromString(message.ToString())) {
      heard_.emplace_back("malformed");
    } else if (response.has_block()) {
      heard_.push_back((response.block().has_data() ? "block " : "header ") +
                       std::to_string(response.block().header().number()));
      blocks_.push_back(base::Bytes(response.block().SerializeAsString()));
    } else {
      heard_.push_back(common::Status_Name(response.status()));
    }
  }
  void OnSent(std::size_t) override {}
  void OnHalfClose() override {}
  void OnEnd(const base::Status& status) override {
    over_ = true;
    heard_.push_back(std::string("end ") + base::ToString(status.code));
  }

 private:
  std::unique_ptr<base::Stream> stream_;
  std::vector<std::string> heard_;
  std::vector<base::Bytes> blocks_;
  bool over_ = false;
};

struct ServiceWorld {
  explicit ServiceWorld(DeliverServiceConfig config = {}, std::size_t blocks = 5) {
    authority.SetReaders(kChannel, {"Org1MSP"});
    for (std::size_t i = 0; i < blocks; ++i) AddBlock({"transaction of " + std::to_string(i)});
    service = std::make_unique<DeliverService>(server.environment(), server.server(), config);
    service->AddChannel(kChannel, chain);
    dial = reader.transport().Dial(server.endpoint(), 3s, [this](base::Result<std::unique_ptr<base::Connection>> made) {
      connection = std::move(made.value());
    });
    world.scheduler().RunUntil([this] { return connection != nullptr; }, 3s);
  }

  void AddBlock(const std::vector<std::string>& transactions) {
    const std::uint64_t number = chain.height();
    const std::string previous =
        number == 0 ? "" : msp::ParseBlock(chain.block(number - 1)).value().header.Hash().ToString();
    chain.Add(simulation::MakeBlock(authority, orderer_identity, kChannel, number, previous, transactions));
  }
  // A transaction that makes its block a configuration block.
  static std::string ConfigTransaction() {
    common::ChannelHeader header;
    header.set_type(common::CONFIG);
    common::Payload payload;
    payload.mutable_header()->set_channel_header(header.SerializeAsString());
    common::Envelope envelope;
    envelope.set_payload(payload.SerializeAsString());
    return envelope.SerializeAsString();
  }

  std::unique_ptr<Client> Open(std::size_t credit = 1000000) {
    return std::make_unique<Client>(connection->Open("/orderer.AtomicBroadcast/Deliver", {}), credit);
  }

  common::Payload PayloadOf(const Ask& ask, const base::Bytes& identity) {
    common::ChannelHeader channel;
    channel.set_type(common::DELIVER_SEEK_INFO);
    const auto now = (server.executor().WallNow() + ask.clock_offset).time_since_epoch().count();
    channel.mutable_timestamp()->set_seconds(now / 1'000'000'000);
    channel.mutable_timestamp()->set_nanos(static_cast<std::int32_t>(now % 1'000'000'000));
    channel.set_channel_id(ask.channel);
    channel.set_tls_cert_hash(
        ask.tls_cert_hash.value_or(crypto::Sha256(connection->peer().local_certificate).ToString()));
    common::SignatureHeader signature;
    signature.set_creator(identity.ToString());
    signature.set_nonce("nonce");
    orderer::SeekInfo seek;
    *seek.mutable_start() = ask.start;
    *seek.mutable_stop() = ask.stop;
    seek.set_behavior(ask.behavior);
    if (ask.headers_only) seek.set_content_type(orderer::SeekInfo::HEADER_WITH_SIG_BYTES);
    common::Payload payload;
    payload.mutable_header()->set_channel_header(channel.SerializeAsString());
    payload.mutable_header()->set_signature_header(signature.SerializeAsString());
    payload.set_data(seek.SerializeAsString());
    return payload;
  }
  base::Bytes Sign(const std::string& payload, const base::Bytes& identity) const {
    common::Envelope envelope;
    envelope.set_payload(payload);
    envelope.set_signature(authority.Sign(identity, payload).ToString());
    return base::Bytes(envelope.SerializeAsString());
  }
  base::Bytes Request(const Ask& ask, const base::Bytes& identity) {
    return Sign(PayloadOf(ask, identity).SerializeAsString(), identity);
  }
  base::Bytes Request(const Ask& ask) { return Request(ask, member); }

  // What a client hears that sends this one message, until nothing more happens.
  std::vector<std::string> Answer(const base::Bytes& message) {
    const auto client = Open();
    client->stream().Send(message);
    Settle();
    return client->heard();
  }
  std::vector<std::string> Answer(const Ask& ask) { return Answer(Request(ask)); }

  // Long enough for everything to have happened, short of what a minute does.
  void Settle() { world.scheduler().RunFor(5s); }
  std::uint64_t Refused(const std::string& reason, const std::string& type = "seek") {
    return server.metrics().CounterValue("gossip_delivery_refused", {{"type", type}, {"reason", reason}});
  }

  simulation::World world{1};
  simulation::Authority authority{1};
  base::Bytes orderer_identity = authority.Issue(simulation::kOrdererMspId, "orderer");
  base::Bytes member = authority.Issue("Org1MSP", "peer0");
  base::Bytes stranger = authority.Issue("Org2MSP", "peer0");
  simulation::Host& server = world.AddHost("orderer");
  simulation::Host& reader = world.AddHost("reader");
  GivenChain chain{server.executor(), authority};
  std::unique_ptr<DeliverService> service;
  base::Handle dial;
  std::unique_ptr<base::Connection> connection;
};

}  // namespace grapevine::delivery
