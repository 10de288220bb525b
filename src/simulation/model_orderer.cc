#include "simulation/model_orderer.h"

#include <algorithm>
#include <utility>

#include "ledger/block.h"
#include "simulation/simulated_block.h"

namespace grapevine::simulation {

namespace {
// Queued on one stream, so that a reader that is behind costs no more.
constexpr std::size_t kMaxUnsent = 4;
}  // namespace

OrderedChain::OrderedChain(Authority& authority, std::string channel)
    : authority_(authority),
      channel_(std::move(channel)),
      orderer_(authority.Issue(kOrdererMspId, "orderer of " + channel_)),
      outsider_(authority.Issue("OutsiderMSP", "outsider of " + channel_)) {
  blocks_.push_back(Make(orderer_, 0, ConfigTransaction(channel_, "genesis")));
}

base::Bytes OrderedChain::Make(base::ByteView signer, std::uint64_t number, const std::string& transaction) const {
  std::string previous;
  if (number > 0) previous = ledger::ParseBlock(blocks_[number - 1])->header.Hash().ToString();
  return MakeBlock(authority_, signer, channel_, number, previous, {transaction});
}

void OrderedChain::Order(std::size_t bytes) {
  blocks_.push_back(Make(orderer_, height(), std::string(bytes, 'x')));
  for (const auto& grown : grown_) {
    if (grown) grown();
  }
}

void OrderedChain::Order(std::size_t blocks, std::size_t bytes) {
  for (std::size_t i = 0; i < blocks; ++i) Order(bytes);
}

base::Bytes OrderedChain::ForgedBlock(std::uint64_t number) { return Make(outsider_, number, "forged"); }

// One stream of a client.
class ModelOrderer::Delivery final : public base::StreamHandler {
 public:
  Delivery(ModelOrderer& orderer, std::uint64_t id, std::unique_ptr<base::Stream> stream)
      : orderer_(orderer), id_(id), stream_(std::move(stream)) {
    stream_->SetHandler(*this);
    stream_->Read(1);
  }

  void OnMessage(base::Bytes message) override {
    const auto envelope = delivery::ParseSeekEnvelope(message);
    const auto seek = envelope ? delivery::ParseSeekInfo(envelope->seek_info)
                               : delivery::SeekResult<delivery::SeekInfo>(std::unexpected(envelope.error()));
    if (!seek) return stream_->Send(delivery::StatusResponse(seek.error().status));
    orderer_.requests_.push_back({*envelope, *seek, stream_->peer().certificate});
    headers_only_ = seek->headers_only;
    const auto range = delivery::ResolveSeek(*seek, orderer_.chain_.height());
    const OrdererBehaviour& behaviour = orderer_.behaviour_;
    if (behaviour.garbage) return stream_->Send(*behaviour.garbage);
    if (behaviour.status) return stream_->Send(delivery::StatusResponse(*behaviour.status));
    if (!range) return stream_->Send(delivery::StatusResponse(range.error().status));
    next_ = range->first;
    Pump();
  }
  void OnSent(std::size_t) override { Pump(); }
  void OnHalfClose() override {}
  void OnEnd(const base::Status&) override { orderer_.streams_.erase(id_); }

  void Pump() {
    const OrdererBehaviour& behaviour = orderer_.behaviour_;
    const std::uint64_t end = headers_only_ ? behaviour.withholds_headers_from : behaviour.withholds_from;
    while (next_ && *next_ < std::min(orderer_.chain_.height(), end) && stream_->unsent() < kMaxUnsent) {
      stream_->Send(delivery::BlockResponse(Content(*next_)));
      ++(headers_only_ ? orderer_.headers_sent_ : orderer_.blocks_sent_);
      if (*next_ == behaviour.drops_after) {
        next_.reset();
        return stream_->Finish({base::StatusCode::kUnavailable, "the orderer stops", ""});
      }
      ++*next_;
    }
  }

 private:
  base::Bytes Content(std::uint64_t number) const {
    const auto lie = orderer_.behaviour_.lies.find(number);
    const base::Bytes& block = lie == orderer_.behaviour_.lies.end() ? orderer_.chain_.block(number) : lie->second;
    return headers_only_ ? delivery::WithoutData(block) : block;
  }

  ModelOrderer& orderer_;
  std::uint64_t id_;
  std::unique_ptr<base::Stream> stream_;
  bool headers_only_ = false;
  std::optional<std::uint64_t> next_;  // nothing: no request is served
};

ModelOrderer::ModelOrderer(Host& host, OrderedChain& chain, OrdererBehaviour behaviour)
    : host_(host), chain_(chain), behaviour_(std::move(behaviour)), chain_slot_(chain.grown_.size()) {
  chain_.grown_.emplace_back([this] { Grown(); });
  serving_ = host_.server().ServeStream("/orderer.AtomicBroadcast/Deliver",
                                        [this](std::unique_ptr<base::Stream> stream) { Accept(std::move(stream)); });
}

ModelOrderer::~ModelOrderer() { chain_.grown_[chain_slot_] = nullptr; }

void ModelOrderer::Behave(OrdererBehaviour behaviour) {
  behaviour_ = std::move(behaviour);
  Grown();
}

void ModelOrderer::Accept(std::unique_ptr<base::Stream> stream) {
  const std::uint64_t id = next_stream_++;
  streams_[id] = std::make_unique<Delivery>(*this, id, std::move(stream));
}

// As an event of the orderer's process: whoever orders may be another one.
void ModelOrderer::Grown() {
  host_.executor().Post(lifetime_.Guard([this] {
    for (const auto& [id, delivery] : streams_) delivery->Pump();
  }));
}

}  // namespace grapevine::simulation
