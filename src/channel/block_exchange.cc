#include "channel/block_exchange.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "channel/block_candidates.h"
#include "channel/block_repair.h"
#include "channel/block_window.h"
#include "channel/refusal.h"
#include "gossip/select_peers.h"
#include "msp/block.h"
#include "wire/message.h"

namespace grapevine::channel {

class BlockExchange::Impl {
 public:
  Impl(base::Environment environment, const ChannelParts& parts, const StateInfoExchange& state_infos,
       const std::string& channel, const ChannelConfig& config, OnBlock on_block, gossip::PullItems& items)
      : environment_(std::move(environment)),
        parts_(parts),
        state_infos_(state_infos),
        channel_(channel),
        config_(config),
        on_block_(std::move(on_block)),
        duplicates_(environment_.metrics.GetCounter("gossip_channel_refused",
                                                    "Messages, or parts of them, that a channel ignored",
                                                    {{"type", kPushed}, {"reason", "duplicate"}})),
        log_limit_(environment_.executor, 5, std::chrono::minutes(1)),
        window_(config.block_window, config.max_uncommitted_blocks, config.pull.pull_interval * 100),
        candidates_(
            parts.crypto, channel, config_,
            [this](const BlockCandidate& candidate, const base::Result<void>& verdict) { Finish(candidate, verdict); }),
        pull_(environment_, parts.comm, parts.rounds, items, wire::PullType::kBlock, channel, config.pull),
        repair_(environment_, parts, state_infos, window_, candidates_, pull_, channel, config_) {}

  void SetOnAccepted(std::function<void(const comm::ReceivedMessagePtr&)> on_accepted) {
    on_accepted_ = std::move(on_accepted);
  }
  void Start() {
    if (!left_) pull_.Start();
  }
  void Leave();
  void Publish(std::uint64_t number, const base::Bytes& block);
  void Discard(std::uint64_t number) {
    window_.Discard(number);
    repair_.Changed();
  }
  void HandleBlock(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void HandlePull(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket);
  void SetLedgerHeight(std::uint64_t height);
  void SetEpoch(std::uint64_t epoch) { candidates_.SetEpoch(epoch); }
  void PeerHeight(const wire::PkiId& peer, std::uint64_t height);
  std::size_t stored() const { return window_.size(); }

  std::vector<const gossip::Peer*> Partners(base::Random& random, std::size_t count) const;
  bool Wants(const base::Bytes& id) const;
  bool MayLack() { return std::exchange(news_, false) || repair_.IsBehind(); }
  void Receive(const comm::ReceivedMessage& update, const std::vector<wire::Envelope>& items,
               const gossip::Ticket& ticket);
  std::vector<base::Bytes> Digest() const;
  std::vector<wire::Envelope> Find(const std::vector<base::Bytes>& ids) const;

 private:
  // What refusals are counted under: as the message types are named.
  static constexpr const char* kPushed = "data_msg";
  static constexpr const char* kPulled = "data_update";

  void Refuse(const char* type, const char* reason) { CountRefusal(environment_.metrics, type, reason); }
  void Add(const char* type, BlockCandidate candidate);
  void Finish(const BlockCandidate& candidate, const base::Result<void>& verdict);
  void Deliver(const BlockCandidate& accepted);
  void Hold(std::uint64_t number, const HeldBlock& block);
  void Emit(const HeldBlock& block, std::optional<wire::PkiId> received_from);
  void ArmExpiry();

  base::Environment environment_;
  ChannelParts parts_;
  const StateInfoExchange& state_infos_;
  std::string channel_;
  ChannelConfig config_;
  OnBlock on_block_;
  std::function<void(const comm::ReceivedMessagePtr&)> on_accepted_;
  base::Counter& duplicates_;
  base::LogLimit log_limit_;
  bool left_ = false;
  BlockWindow window_;
  bool news_ = false;  // since the last round
  BlockCandidates candidates_;
  gossip::PullEngine pull_;
  BlockRepair repair_;
  // Accepted and held, but further above the ledger than the committer takes: delivered when its height comes near.
  std::map<std::uint64_t, BlockCandidate> waiting_;
  base::Handle expiry_;
  bool expiry_armed_ = false;
  base::Lifetime lifetime_;
};

namespace {

base::Bytes HeaderHash(base::ByteView block) {
  const auto view = msp::ParseBlock(block);
  return view ? base::Bytes(view->header.Hash().ToString()) : base::Bytes();
}

}  // namespace

void BlockExchange::Impl::Leave() {
  left_ = true;
  pull_.Stop();
  candidates_.Clear();
  repair_.End();
}

void BlockExchange::Impl::Publish(std::uint64_t number, const base::Bytes& block) {
  if (left_ || !window_.Fits(number)) return;
  const wire::DataMessage data{.payload = {.number = number, .block = block}};
  const HeldBlock held{wire::UnsignedEnvelope(wire::NewMessage(data, channel_)), HeaderHash(block), true};
  Hold(number, held);
  Emit(held, std::nullopt);
  repair_.Changed();
}

void BlockExchange::Impl::HandleBlock(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  const auto* data = message->message().As<wire::DataMessage>();
  if (data == nullptr || left_) return Refuse(kPushed, left_ ? "left" : "wrong_type");
  const std::uint64_t number = data->payload.number;
  const wire::PkiId& sender = message->connection().pki_id;
  if (window_.Holds(number)) {
    duplicates_.Add();
    repair_.SourceHint(sender, number + 1);
    // It came by pull before: push goes on from here all the same, or those who depend on this node would miss it.
    if (const HeldBlock* held = window_.PassOn(number)) Emit(*held, sender);
    return;
  }
  if (!window_.WouldAccept(number)) return Refuse(kPushed, "out_of_window");
  if (!message->envelope().signature().empty()) return Refuse(kPushed, "signed");
  if (!data->payload.private_data.empty()) return Refuse(kPushed, "private_data");
  Add(kPushed, {.number = number,
                .block = data->payload.block,
                .sender = sender,
                .received = message,
                .pushed = true,
                .ticket = ticket});
}

void BlockExchange::Impl::HandlePull(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  if (left_) return Refuse(wire::TypeName(message->message().content), "left");
  if (const auto* digest = message->message().As<wire::PullDigest>()) {
    std::uint64_t height = 0;
    for (std::size_t i = 0; i < std::min(digest->digests.size(), config_.pull.max_digest_items); ++i) {
      const auto number = ParseBlockId(digest->digests[i]);
      if (number && window_.WouldAccept(*number)) height = std::max(height, *number + 1);
    }
    repair_.SourceHint(message->connection().pki_id, height);
  }
  pull_.Handle(message, ticket);
}

void BlockExchange::Impl::SetLedgerHeight(std::uint64_t height) {
  window_.SetHeight(height);
  while (!waiting_.empty() && waiting_.begin()->first < height + config_.max_uncommitted_blocks) {
    const auto next = waiting_.extract(waiting_.begin());
    if (window_.Holds(next.key())) Deliver(next.mapped());
  }
  repair_.Changed();
}

void BlockExchange::Impl::PeerHeight(const wire::PkiId& peer, std::uint64_t height) {
  if (!left_) repair_.HeightHint(peer, height);
}

// ---- Verification

void BlockExchange::Impl::Add(const char* type, BlockCandidate candidate) {
  if (const char* reason = candidates_.Add(std::move(candidate))) Refuse(type, reason);
}

void BlockExchange::Impl::Finish(const BlockCandidate& candidate, const base::Result<void>& verdict) {
  const std::uint64_t number = candidate.number;
  const char* type = candidate.pushed ? kPushed : kPulled;
  if (!verdict) {
    Refuse(type, "invalid");
    if (log_limit_.Allow()) {
      environment_.log.Warn("block {} of channel {} from {} ignored: {}", number, channel_, candidate.sender.Short(),
                            verdict.error().message);
    }
  } else if (!window_.WouldAccept(number)) {  // the window has moved, or the block came another way meanwhile
    Refuse(type, "out_of_window");
  } else {
    const HeldBlock held{candidate.received->envelope(), HeaderHash(candidate.block), candidate.pushed};
    Hold(number, held);
    environment_.log.Debug("block {} accepted, {} {}", number, candidate.pushed ? "pushed by" : "pulled from",
                           candidate.sender.Short());
    // What came by pull is not pushed on, as in Fabric (11.6): who lacks it is pulling or repairing as well, and would
    // get it twice.
    if (candidate.pushed) Emit(held, candidate.received->connection().pki_id);
    Deliver(candidate);
    repair_.SourceHint(candidate.sender, number + 1);
  }
  repair_.Changed();
}

void BlockExchange::Impl::Deliver(const BlockCandidate& accepted) {
  if (accepted.number >= window_.height() + config_.max_uncommitted_blocks) {
    waiting_.erase(waiting_.begin(), waiting_.lower_bound(window_.begin()));
    waiting_.emplace(accepted.number, accepted).first->second.ticket.reset();
    return;
  }
  environment_.executor.Post(lifetime_.Guard(
      [this, number = accepted.number, block = accepted.block, epoch = accepted.epoch, received = accepted.received] {
        const auto alive = lifetime_.Watch();
        if (on_block_) on_block_(number, block, epoch);
        if (!alive.expired() && on_accepted_) on_accepted_(received);
      }));
}

void BlockExchange::Impl::Hold(std::uint64_t number, const HeldBlock& block) {
  window_.Add(number, block, environment_.executor.Now());
  news_ = true;
  ArmExpiry();
}

void BlockExchange::Impl::Emit(const HeldBlock& block, std::optional<wire::PkiId> received_from) {
  parts_.emitter.Add({.kind = gossip::EmissionKind::kBlock,
                      .envelope = block.envelope,
                      .channel = channel_,
                      .key = block.header_hash,
                      .received_from = received_from});
}

// One timer for all, and none while nothing is held.
void BlockExchange::Impl::ArmExpiry() {
  const auto next = window_.NextExpiry();
  if (!next || std::exchange(expiry_armed_, true)) return;
  expiry_ = environment_.executor.After(*next - environment_.executor.Now(), [this] {
    expiry_armed_ = false;
    window_.Expire(environment_.executor.Now());
    ArmExpiry();
  });
}

// ---- Pull

std::vector<const gossip::Peer*> BlockExchange::Impl::Partners(base::Random& random, std::size_t count) const {
  if (left_) return {};
  const std::string& organization = parts_.peers.Self().organization;
  return gossip::SelectPeers(random, count, parts_.peers.Alive(), [&](const gossip::Peer& peer) {
    const ChannelMember* member = peer.organization == organization ? state_infos_.Find(peer.pki_id) : nullptr;
    return member != nullptr && !member->properties.left_channel;
  });
}

bool BlockExchange::Impl::Wants(const base::Bytes& id) const {
  const auto number = ParseBlockId(id);
  return number && window_.WouldAccept(*number) && !candidates_.Contains(*number) && !repair_.IsFetching(*number);
}

void BlockExchange::Impl::Receive(const comm::ReceivedMessage& update, const std::vector<wire::Envelope>& items,
                                  const gossip::Ticket& ticket) {
  // 11.9: one element that is not what was asked for, and the whole update is dropped.
  std::vector<std::uint64_t> numbers;
  for (const wire::Envelope& item : items) {
    const auto message = wire::DecodeMessage(item.payload());
    if (!message) return Refuse(kPulled, "malformed");
    const auto* data = message->As<wire::DataMessage>();
    if (data == nullptr) return Refuse(kPulled, "wrong_type");
    if (message->channel != channel_) return Refuse(kPulled, "other_channel");
    if (!item.signature().empty()) return Refuse(kPulled, "signed");
    if (!data->payload.private_data.empty()) return Refuse(kPulled, "private_data");
    numbers.push_back(data->payload.number);
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!window_.WouldAccept(numbers[i])) {
      Refuse(kPulled, "out_of_window");
      continue;
    }
    // In a buffer of its own, so that one stored block does not keep the others in memory.
    const wire::Envelope envelope = items[i].Detached();
    const auto carried = update.Carried(envelope, *wire::DecodeMessage(envelope.payload()));
    Add(kPulled, {.number = numbers[i],
                  .block = carried->message().As<wire::DataMessage>()->payload.block,
                  .sender = update.connection().pki_id,
                  .received = carried,
                  .ticket = ticket});
  }
}

std::vector<base::Bytes> BlockExchange::Impl::Digest() const {
  std::vector<base::Bytes> ids;
  for (const std::uint64_t number : window_.Numbers()) ids.push_back(EncodeBlockId(number));
  return ids;
}

std::vector<wire::Envelope> BlockExchange::Impl::Find(const std::vector<base::Bytes>& ids) const {
  std::vector<wire::Envelope> found;
  std::set<std::uint64_t> answered;
  std::size_t bytes = 0;
  for (const base::Bytes& id : ids) {
    const auto number = ParseBlockId(id);
    const HeldBlock* held = number ? window_.Find(*number) : nullptr;
    if (held == nullptr || !answered.insert(*number).second) continue;
    bytes += held->envelope.encoded().size();
    if (!found.empty() && bytes > config_.max_update_bytes) break;
    found.push_back(held->envelope);
  }
  return found;
}

// ---- BlockExchange

BlockExchange::BlockExchange(base::Environment environment, ChannelParts parts, const StateInfoExchange& state_infos,
                             const std::string& channel, ChannelConfig config, OnBlock on_block)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, state_infos, channel, config, std::move(on_block),
                                   *this)) {}

BlockExchange::~BlockExchange() = default;

void BlockExchange::SetOnAccepted(std::function<void(const comm::ReceivedMessagePtr&)> on_accepted) {
  impl_->SetOnAccepted(std::move(on_accepted));
}

void BlockExchange::Start() { impl_->Start(); }

void BlockExchange::Leave() { impl_->Leave(); }

void BlockExchange::Publish(std::uint64_t number, const base::Bytes& block) { impl_->Publish(number, block); }

void BlockExchange::Discard(std::uint64_t number) { impl_->Discard(number); }

void BlockExchange::HandleBlock(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  impl_->HandleBlock(message, ticket);
}

void BlockExchange::HandlePull(const comm::ReceivedMessagePtr& message, const gossip::Ticket& ticket) {
  impl_->HandlePull(message, ticket);
}

void BlockExchange::SetLedgerHeight(std::uint64_t height) { impl_->SetLedgerHeight(height); }

void BlockExchange::SetEpoch(std::uint64_t epoch) { impl_->SetEpoch(epoch); }

void BlockExchange::PeerHeight(const wire::PkiId& peer, std::uint64_t height) { impl_->PeerHeight(peer, height); }

std::size_t BlockExchange::stored() const { return impl_->stored(); }

std::vector<const gossip::Peer*> BlockExchange::Partners(base::Random& random, std::size_t count) const {
  return impl_->Partners(random, count);
}

bool BlockExchange::Wants(const base::Bytes& id) const { return impl_->Wants(id); }

bool BlockExchange::MayLack() { return impl_->MayLack(); }

void BlockExchange::Receive(const comm::ReceivedMessagePtr& update, const std::vector<wire::Envelope>& items,
                            const gossip::Ticket& ticket) {
  impl_->Receive(*update, items, ticket);
}

std::vector<base::Bytes> BlockExchange::Digest(const comm::ConnectionInfo&) const { return impl_->Digest(); }

std::vector<wire::Envelope> BlockExchange::Find(const comm::ConnectionInfo&,
                                                const std::vector<base::Bytes>& ids) const {
  return impl_->Find(ids);
}

}  // namespace grapevine::channel
