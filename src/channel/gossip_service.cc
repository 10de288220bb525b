#include "channel/gossip_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "channel/relay.h"
#include "comm/demultiplexer.h"
#include "gossip/envelope_verifier.h"
#include "gossip/select_peers.h"
#include "msp/channel_mac.h"
#include "wire/tag.h"

namespace grapevine::channel {

using base::ErrorCode;
using comm::ReceivedMessage;
using comm::ReceivedMessagePtr;
using gossip::Ticket;

namespace {

// Messages that wait for a place among those in work, per intake (13.2: node Accept).
constexpr std::size_t kIntakeCapacity = 100;

bool IsLiveness(const ReceivedMessage& received) { return wire::IsDiscoveryMessage(received.message()); }

// What the node's receive path handles (11.2): state transfer and private data have subscriptions of their own.
bool IsOtherGossip(const ReceivedMessage& received) {
  const wire::Message& message = received.message();
  return !wire::IsDiscoveryMessage(message) && !wire::IsPrivateDataMessage(message) &&
         !wire::IsRemoteStateMessage(message) && message.As<wire::Empty>() == nullptr &&
         message.As<wire::ConnEstablish>() == nullptr && message.As<wire::Acknowledgement>() == nullptr;
}

// Alive messages may share one tree only if the sync completes it well before anybody would be presumed dead, and leave
// in bursts that a peer's send queue can hold.
GossipConfig Consistent(GossipConfig config) {
  constexpr std::size_t kPeersAskedPerExpiration = 12;
  const membership::MembershipConfig& membership = config.membership;
  // While somebody is overdue all sync_peers are asked. Compared with zero first: the products are unsigned.
  const base::Duration time = membership.alive_expiration - membership::OverdueAfter(membership);
  const bool sync_completes = time > base::Duration::zero() &&
                              membership.sync_peers * time >= kPeersAskedPerExpiration * membership.sync_interval;
  config.router.share_trees = sync_completes && config.router.push == gossip::PushKind::kRing;
  if (!config.router.share_trees) config.membership.gathering = base::Duration::zero();
  config.emitter.max_patient_burst = std::min(config.emitter.max_patient_burst, config.comm.send_buffer);
  return config;
}

}  // namespace

class GossipService::Impl final : public gossip::ChannelDirectory {
 public:
  Impl(base::Environment environment, GossipParts parts, base::Bytes identity, GossipConfig config)
      : environment_(std::move(environment)),
        crypto_(parts.crypto),
        config_(Consistent(std::move(config))),
        mapper_(environment_, crypto_, std::move(identity), config_.identities),
        comm_(environment_, parts.transport, parts.server, mapper_, crypto_, config_.comm),
        verifier_(environment_, mapper_, crypto_),
        rounds_(environment_, [this] { return discovery_.UnchangedSince(); }),
        emitter_(environment_, config_.emitter, [this](const auto& batch) { router_.Route(batch); }),
        discovery_(environment_,
                   {.comm = comm_,
                    .rounds = rounds_,
                    .mapper = mapper_,
                    .crypto = crypto_,
                    .emitter = emitter_,
                    .verifier = verifier_},
                   config_.membership),
        router_(environment_, comm_, discovery_, *this, config_.router),
        identity_exchange_(environment_, comm_, rounds_, mapper_, crypto_, discovery_, config_.identity_exchange),
        relay_(environment_, emitter_, verifier_,
               {.time_to_live = config_.channel.publish_state_info_interval * 100,
                .capacity = config_.max_relayed,
                .max_channels_of_subject = config_.max_relayed_of_subject}),
        accepted_(environment_) {}

  void Start() {
    discovery_.Start();
    identity_exchange_.Start();
    membership_changes_ = discovery_.OnChange([this] {
      for (const auto& [name, joined] : channels_) joined.channel->MembershipChanged();
    });
    liveness_intake_ = std::make_unique<gossip::Intake>(
        environment_.metrics, comm_.Accept("membership", IsLiveness, kIntakeCapacity), config_.membership.intake,
        [this](const ReceivedMessagePtr& message, const Ticket& ticket) { HandleLiveness(message, ticket); });
    intake_ = std::make_unique<gossip::Intake>(
        environment_.metrics, comm_.Accept("gossip", IsOtherGossip, kIntakeCapacity), config_.intake,
        [this](const ReceivedMessagePtr& message, const Ticket& ticket) { Handle(message, ticket); });
  }

  bool Join(const std::string& name, const JoinMessage& join, BlockExchange::OnBlock on_block);
  void Leave(const std::string& name);
  Channel* Find(const std::string& name) const {
    const auto found = channels_.find(name);
    return found == channels_.end() ? nullptr : found->second.channel.get();
  }
  base::Result<void> Gossip(const wire::Message& message);
  base::Handle SendByCriteria(const wire::Message& message, SendCriteria criteria,
                              std::move_only_function<void(base::Result<std::vector<comm::AckResult>>)> done);

  const std::string& organization() const { return discovery_.Self().organization; }

  // gossip::ChannelDirectory.
  bool IsJoined(const std::string& name) const override { return Find(name) != nullptr; }
  bool IsOrgInChannel(const std::string& name, const std::string& organization) const override {
    const Channel* channel = Find(name);
    return channel != nullptr && channel->IsOrgInChannel(organization);
  }
  bool IsEligible(const std::string& name, const wire::PkiId& pki_id) const override {
    const Channel* channel = Find(name);
    return channel != nullptr && channel->IsEligible(pki_id);
  }

  struct Joined {
    std::unique_ptr<Channel> channel;
    base::Handle removal;  // set once the channel was left
  };

  base::Environment environment_;
  msp::MessageCrypto& crypto_;
  GossipConfig config_;
  msp::IdentityMapper mapper_;
  comm::Comm comm_;
  gossip::EnvelopeVerifier verifier_;
  gossip::Rounds rounds_;
  gossip::Emitter emitter_;
  membership::Discovery discovery_;
  gossip::Router router_;
  membership::IdentityExchange identity_exchange_;
  StateInfoRelay relay_;
  comm::Demultiplexer<ReceivedMessagePtr> accepted_;
  std::map<std::string, Joined> channels_;
  // By subject and MAC, of those found by trying every channel (11.4 step 4); emptied when it grows large and when
  // channels change.
  std::map<std::pair<wire::PkiId, base::Bytes>, Channel*> channel_by_mac_;
  base::Handle membership_changes_;
  std::unique_ptr<gossip::Intake> liveness_intake_;
  std::unique_ptr<gossip::Intake> intake_;
  base::Lifetime lifetime_;

 private:
  void HandleLiveness(const ReceivedMessagePtr& message, const Ticket& ticket);
  void Handle(const ReceivedMessagePtr& message, const Ticket& ticket);
  void HandleChannelMessage(const ReceivedMessagePtr& message, const Ticket& ticket);
  bool HasLegalTag(const ReceivedMessage& received);
  Channel* FindByMac(const wire::PkiId& subject, const base::Bytes& mac);
  Channel* ChannelOf(const ReceivedMessage& received);
  void ForgetMacs();
  void Refuse(const wire::Message& message, const char* reason);
  void Deliver(const ReceivedMessagePtr& message);
  void SignAndEmit(const wire::Message& message);
};

// --- receive path (11.4) ---------------------------------------------------------------------------------------------

void GossipService::Impl::Refuse(const wire::Message& message, const char* reason) {
  environment_.metrics
      .GetCounter("gossip_channel_refused", "Messages that the receive path dropped",
                  {{"type", wire::TypeName(message.content)}, {"reason", reason}})
      .Add();
}

bool GossipService::Impl::HasLegalTag(const ReceivedMessage& received) {
  if (wire::HasLegalTag(received.message())) return true;
  Refuse(received.message(), "tag");
  return false;
}

void GossipService::Impl::HandleLiveness(const ReceivedMessagePtr& message, const Ticket& ticket) {
  if (HasLegalTag(*message)) discovery_.Handle(message, ticket);
}

void GossipService::Impl::Handle(const ReceivedMessagePtr& received, const Ticket& ticket) {
  if (!HasLegalTag(*received)) return;
  const wire::Message& message = received->message();
  if (wire::IsChannelRestricted(message.tag)) return HandleChannelMessage(received, ticket);
  if (wire::IsPullMessage(message) && wire::PullTypeOf(message) == wire::PullType::kIdentity) {
    return identity_exchange_.Handle(received, ticket);
  }
  Refuse(message, "unexpected");
}

void GossipService::Impl::HandleChannelMessage(const ReceivedMessagePtr& received, const Ticket& ticket) {
  const wire::Message& message = received->message();
  const auto* state_info = message.As<wire::StateInfo>();
  // Copies of what was passed on are the most frequent; recognised before their MAC is compared with every channel's.
  if (state_info != nullptr && relay_.Knows(*state_info)) return relay_.CountDuplicate();
  if (Channel* channel = ChannelOf(*received); channel != nullptr) return channel->Handle(received, ticket);
  if (state_info == nullptr) return Refuse(message, "channel_not_joined");
  // A member of the organisation passes on what it cannot name (11.4 step 4).
  if (received->connection().organization != organization()) return Refuse(message, "relayed_by_foreign_organization");
  relay_.Handle(received, ticket);
}

Channel* GossipService::Impl::ChannelOf(const ReceivedMessage& received) {
  const wire::Message& message = received.message();
  if (const auto* request = message.As<wire::StateInfoPullRequest>()) {
    return FindByMac(received.connection().pki_id, request->channel_mac);
  }
  if (const auto* state_info = message.As<wire::StateInfo>()) {
    return FindByMac(state_info->pki_id, state_info->channel_mac);
  }
  return Find(message.channel);
}

Channel* GossipService::Impl::FindByMac(const wire::PkiId& subject, const base::Bytes& mac) {
  if (const auto known = channel_by_mac_.find({subject, mac}); known != channel_by_mac_.end()) return known->second;
  for (const auto& [name, joined] : channels_) {
    const auto expected = msp::ChannelMac(subject, name);
    if (mac.view() != expected.view()) continue;
    if (channel_by_mac_.size() >= config_.channel.max_members) channel_by_mac_.clear();
    channel_by_mac_.emplace(std::pair(subject, base::Bytes::Copy(mac)), joined.channel.get());
    return joined.channel.get();
  }
  return nullptr;
}

// What is remembered of MACs depends on which channels there are.
void GossipService::Impl::ForgetMacs() {
  channel_by_mac_.clear();
  relay_.Clear();
}

// A local subscriber that is behind loses the message; nobody waits for it (D-18).
void GossipService::Impl::Deliver(const ReceivedMessagePtr& message) {
  base::Handle withdraw;
  const auto published = accepted_.Publish(message, comm::Lane::kBulk, [](bool) {}, &withdraw);
  if (published == comm::Published::kPending) {
    environment_.metrics
        .GetCounter("gossip_channel_undelivered", "Messages that a full local subscriber did not get",
                    {{"type", wire::TypeName(message->message().content)}})
        .Add();
  }
}

// --- channels --------------------------------------------------------------------------------------------------------

bool GossipService::Impl::Join(const std::string& name, const JoinMessage& join, BlockExchange::OnBlock on_block) {
  auto found = channels_.find(name);
  if (found != channels_.end() && found->second.channel->left()) {
    channels_.erase(found);  // joined anew: a new incarnation, which outranks what was published on leaving
    found = channels_.end();
  }
  const bool created = found == channels_.end();
  if (created) {
    const ChannelParts parts{.comm = comm_,
                             .rounds = rounds_,
                             .mapper = mapper_,
                             .crypto = crypto_,
                             .emitter = emitter_,
                             .verifier = verifier_,
                             .peers = discovery_};
    Channel::Observers observers{.block = std::move(on_block),
                                 .delivered = [this](const ReceivedMessagePtr& message) { Deliver(message); }};
    auto channel = std::make_unique<Channel>(environment_, parts, name, config_.channel, std::move(observers));
    found = channels_.emplace(name, Joined{.channel = std::move(channel), .removal = {}}).first;
    ForgetMacs();
  }
  const bool accepted = found->second.channel->Configure(join);
  if (accepted) {
    discovery_.SetAnchorPeers(name, join.anchor_peers);
    identity_exchange_.Reconsider();  // who could not be identified may be now
  } else if (!found->second.channel->IsOrgInChannel(organization())) {
    discovery_.SetAnchorPeers(name, {});  // not in the channel: its peers are nobody's business here
  }
  return accepted;
}

void GossipService::Impl::Leave(const std::string& name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || found->second.channel->left()) return;
  found->second.channel->Leave();
  discovery_.SetAnchorPeers(name, {});
  // Long enough for everybody in the channel to hear of it, then it is gone from memory (D-19).
  found->second.removal = environment_.executor.After(config_.channel.publish_state_info_interval * 10, [this, name] {
    // The timer that runs belongs to what is erased: first out, then away.
    const auto removed = channels_.extract(name);
    ForgetMacs();
  });
}

// --- sending ---------------------------------------------------------------------------------------------------------

void GossipService::Impl::SignAndEmit(const wire::Message& message) {
  const base::Bytes payload = wire::EncodeMessage(message);
  auto signed_now = [this, payload, channel = message.channel](base::Result<base::Bytes> signature) {
    if (!signature) {
      environment_.log.Error("cannot sign a message of channel '{}': {}", channel, signature.error().message);
      return;
    }
    emitter_.Add({.kind = gossip::EmissionKind::kLeadership,
                  .envelope = wire::Envelope::Make(payload, *signature),
                  .channel = channel,
                  .originator = mapper_.own_pki_id()});
  };
  crypto_.Sign(payload, lifetime_.Guard(std::move(signed_now))).Detach();
}

base::Result<void> GossipService::Impl::Gossip(const wire::Message& message) {
  if (!wire::HasLegalTag(message)) {
    return base::Fail(ErrorCode::kInvalid, "a {} must not have tag {}", wire::TypeName(message.content),
                      static_cast<int>(message.tag));
  }
  Channel* channel = Find(message.channel);
  if (channel == nullptr || channel->left()) {
    return base::Fail(ErrorCode::kNotFound, "channel '{}' is not joined", message.channel);
  }
  if (const auto* data = message.As<wire::DataMessage>()) {
    channel->blocks().Publish(data->payload.number, data->payload.block);
    return {};
  }
  if (message.As<wire::LeadershipMessage>() == nullptr) {
    return base::Fail(ErrorCode::kInvalid, "a {} is not pushed by its user: only blocks and leadership messages are",
                      wire::TypeName(message.content));
  }
  SignAndEmit(message);
  return {};
}

base::Handle GossipService::Impl::SendByCriteria(
    const wire::Message& message, SendCriteria criteria,
    std::move_only_function<void(base::Result<std::vector<comm::AckResult>>)> done) {
  using Outcome = base::Result<std::vector<comm::AckResult>>;
  auto later = [this, &done](Outcome outcome) {
    return environment_.executor.After(
        base::Duration::zero(),
        [done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
  };
  if (criteria.max_peers == 0) return later(std::vector<comm::AckResult>());
  if (criteria.timeout <= base::Duration::zero()) {
    return later(base::Fail(ErrorCode::kInvalid, "acknowledgements need a timeout above zero"));
  }
  std::vector<gossip::Peer> pool;
  if (criteria.channel.empty()) {
    pool = discovery_.Alive();
  } else if (const Channel* channel = Find(criteria.channel); channel != nullptr) {
    for (auto& member : channel->Members()) pool.push_back(std::move(member.peer));
  } else {
    return later(base::Fail(ErrorCode::kNotFound, "channel '{}' is not joined", criteria.channel));
  }
  const auto chosen = gossip::SelectPeers(environment_.random, criteria.max_peers, pool, [&](const gossip::Peer& peer) {
    return !criteria.is_eligible || criteria.is_eligible(peer);
  });
  if (chosen.size() < criteria.min_ack) {
    return later(base::Fail(ErrorCode::kUnavailable, "{} peers must acknowledge and only {} can be asked",
                            criteria.min_ack, chosen.size()));
  }
  std::vector<comm::RemotePeer> peers;
  for (const gossip::Peer* peer : chosen) peers.push_back(peer->remote());
  auto answered = [min_ack = criteria.min_ack, done = std::move(done)](std::vector<comm::AckResult> results) mutable {
    const auto acknowledged =
        std::ranges::count_if(results, [](const auto& result) { return result.outcome.has_value(); });
    if (static_cast<std::size_t>(acknowledged) >= min_ack) return done(std::move(results));
    std::string outcomes;
    for (const auto& result : results) {
      if (!result.outcome) outcomes += fmt::format("; {}: {}", result.peer.endpoint, result.outcome.error().message);
    }
    done(base::Fail(ErrorCode::kUnavailable, "{} of {} peers acknowledged{}", acknowledged, min_ack, outcomes));
  };
  return comm_.SendWithAck(message, criteria.timeout, criteria.min_ack, peers, std::move(answered));
}

// --- public face -----------------------------------------------------------------------------------------------------

GossipService::GossipService(base::Environment environment, GossipParts parts, base::Bytes identity,
                             GossipConfig config)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(identity), std::move(config))) {}
GossipService::~GossipService() = default;

void GossipService::Start() { impl_->Start(); }

bool GossipService::JoinChannel(const std::string& channel, const JoinMessage& join, BlockExchange::OnBlock on_block) {
  return impl_->Join(channel, join, std::move(on_block));
}
void GossipService::LeaveChannel(const std::string& channel) { impl_->Leave(channel); }
Channel* GossipService::FindChannel(const std::string& channel) { return impl_->Find(channel); }
std::vector<std::string> GossipService::Channels() const {
  std::vector<std::string> names;
  for (const auto& [name, joined] : impl_->channels_) names.push_back(name);
  return names;
}

base::Result<void> GossipService::Gossip(const wire::Message& message) { return impl_->Gossip(message); }
base::Result<void> GossipService::GossipBlock(const std::string& channel, std::uint64_t number,
                                              const base::Bytes& block) {
  return impl_->Gossip(
      wire::NewMessage(wire::DataMessage{.payload = {.number = number, .block = block, .private_data = {}}}, channel));
}
void GossipService::Send(const wire::Message& message, const std::vector<comm::RemotePeer>& peers) {
  impl_->comm_.Send(wire::UnsignedEnvelope(message), peers);
}
base::Handle GossipService::SendByCriteria(
    const wire::Message& message, SendCriteria criteria,
    std::move_only_function<void(base::Result<std::vector<comm::AckResult>>)> done) {
  return impl_->SendByCriteria(message, std::move(criteria), std::move(done));
}

const gossip::Peer& GossipService::Self() const { return impl_->discovery_.Self(); }
const std::vector<gossip::Peer>& GossipService::Peers() const { return impl_->discovery_.Alive(); }
std::vector<ChannelMember> GossipService::PeersOfChannel(const std::string& channel) const {
  const Channel* found = impl_->Find(channel);
  return found == nullptr ? std::vector<ChannelMember>() : found->Members();
}
membership::Member GossipService::SelfMembershipInfo() const {
  return *impl_->discovery_.Lookup(impl_->mapper_.own_pki_id());
}
std::optional<wire::Envelope> GossipService::SelfChannelInfo(const std::string& channel) const {
  Channel* found = impl_->Find(channel);
  return found == nullptr ? std::nullopt : found->state_infos().own_state_info();
}
bool GossipService::IsInMyOrg(const gossip::Peer& peer) const { return peer.organization == impl_->organization(); }

AcceptedMessages GossipService::Accept(std::string name, std::function<bool(const ReceivedMessage&)> predicate,
                                       std::size_t capacity) {
  return impl_->accepted_.Subscribe(
      std::move(name),
      [predicate = std::move(predicate)](const ReceivedMessagePtr& message) {
        return predicate == nullptr || predicate(*message);
      },
      capacity);
}
AcceptedMessages GossipService::AcceptUnvalidated(std::string name,
                                                  std::function<bool(const ReceivedMessage&)> predicate,
                                                  std::size_t capacity) {
  return impl_->comm_.Accept(std::move(name), std::move(predicate), capacity);
}

void GossipService::UpdateMetadata(base::Bytes metadata) { impl_->discovery_.UpdateMetadata(std::move(metadata)); }
void GossipService::UpdateLedgerHeight(const std::string& channel, std::uint64_t height) {
  if (Channel* found = impl_->Find(channel)) {
    found->state_infos().SetLedgerHeight(height);
    found->blocks().SetLedgerHeight(height);
  }
}
void GossipService::UpdateChaincodes(const std::string& channel, std::vector<wire::Chaincode> chaincodes) {
  if (Channel* found = impl_->Find(channel)) found->state_infos().SetChaincodes(std::move(chaincodes));
}
void GossipService::SuspectPeers(std::move_only_function<void()> done) {
  impl_->mapper_.Suspect([](const msp::IdentityMapper::Entry&) { return true; }, std::move(done));
}

const std::string& GossipService::organization() const { return impl_->organization(); }
comm::Comm& GossipService::comm() { return impl_->comm_; }
msp::IdentityMapper& GossipService::identities() { return impl_->mapper_; }
membership::Discovery& GossipService::membership() { return impl_->discovery_; }
const membership::IdentityExchange& GossipService::identity_exchange() const { return impl_->identity_exchange_; }

}  // namespace grapevine::channel
