#include "channel/channel.h"

#include <map>
#include <utility>

#include "channel/dissemination_meter.h"
#include "channel/fabric_metrics.h"
#include "channel/membership_tracker.h"
#include "channel/refusal.h"
#include "gossip/latest_store.h"
#include "msp/channel_mac.h"
#include "wire/tag.h"

namespace grapevine::channel {

using comm::ReceivedMessagePtr;
using gossip::Ticket;

using PeerHeightObserver = std::function<void(const wire::PkiId& peer, std::uint64_t height)>;

class Channel::Impl {
 public:
  Impl(base::Environment environment, ChannelParts parts, std::string name, ChannelConfig config, Observers observers);

  bool Configure(const JoinMessage& join);
  void Leave();
  void MembershipChanged() { tracker_.Changed(); }
  void Handle(const ReceivedMessagePtr& message, const Ticket& ticket);
  base::Handle OnPeerHeight(PeerHeightObserver observer);
  bool IsOrgInChannel(const std::string& organization) const { return organizations_.contains(organization); }

  const std::string& name() const { return name_; }
  const JoinMessage& configuration() const { return configuration_; }
  bool left() const { return left_; }
  StateInfoExchange& state_infos() { return state_infos_; }
  BlockExchange& blocks() { return blocks_; }

 private:
  struct Nothing {};

  const std::string& own_organization() const { return parts_.peers.Self().organization; }
  // Null: the message may be handled; else the reason for refusing it.
  const char* CommonChecks(const comm::ReceivedMessage& received) const;
  bool IsAboutThisChannel(const comm::ReceivedMessage& received) const;
  const char* PullObjection(const comm::ReceivedMessage& received) const;
  const char* LeadershipObjection(const comm::ReceivedMessage& received) const;
  void HandleLeadership(const ReceivedMessagePtr& message, const Ticket& ticket);
  void AcceptLeadership(const ReceivedMessagePtr& message);
  void PeerHeight(const wire::PkiId& peer, std::uint64_t height);
  void Refuse(const comm::ReceivedMessage& received, const char* reason) {
    CountRefusal(environment_.metrics, wire::TypeName(received.message().content), reason);
  }

  base::Environment environment_;
  ChannelParts parts_;
  std::string name_;
  Channel::Observers observers_;
  base::Counter& duplicates_;

  StateInfoExchange state_infos_;
  DisseminationMeter meter_;
  BlockExchange blocks_;
  MembershipTracker tracker_;
  gossip::LatestStore<wire::PkiId, Nothing> leadership_;  // timestamps of what was delivered

  JoinMessage configuration_;
  bool configured_ = false;
  bool started_ = false;
  bool left_ = false;
  std::set<std::string> organizations_;  // none while the own organisation is not in the channel
  std::map<std::uint64_t, PeerHeightObserver> height_observers_;
  std::uint64_t next_observer_ = 1;
  base::Lifetime lifetime_;
};

Channel::Impl::Impl(base::Environment environment, ChannelParts parts, std::string name, ChannelConfig config,
                    Observers observers)
    : environment_(std::move(environment)),
      parts_(parts),
      name_(std::move(name)),
      observers_(std::move(observers)),
      duplicates_(environment_.metrics.GetCounter("gossip_channel_leadership_duplicates",
                                                  "Leadership messages that were not newer than the last one")),
      state_infos_(environment_, parts_, name_, config),
      meter_(environment_, name_),
      blocks_(environment_, parts_, state_infos_, name_, config,
              [this](std::uint64_t number, const base::Bytes& block, std::uint64_t epoch) {
                meter_.Arrived(number);
                if (observers_.block) observers_.block(number, block, epoch);
              }),
      tracker_(environment_, name_, config.tracker_interval,
               [this] {
                 state_infos_.ForgetUnknownPeers();
                 return state_infos_.Members();
               }),
      leadership_(config.leader_alive_threshold * 10, config.max_members) {
  state_infos_.SetObservers(
      {.height = [this](const wire::PkiId& peer, std::uint64_t height) { PeerHeight(peer, height); },
       .members = [this] { tracker_.Changed(); },
       .added = observers_.delivered});
  blocks_.SetOnAccepted(observers_.delivered);
  RegisterPrivateDataMetrics(environment_.metrics, name_);
}

bool Channel::Impl::Configure(const JoinMessage& join) {
  if (join.organizations.empty()) {
    environment_.log.Warn("channel {}: ignoring configuration {}, which has no organisations", name_, join.sequence);
    return false;
  }
  if (configured_ && join.sequence < configuration_.sequence) {
    environment_.log.Warn("channel {}: ignoring configuration {}, {} is in force", name_, join.sequence,
                          configuration_.sequence);
    return false;
  }
  configured_ = true;
  configuration_ = join;
  organizations_ = {join.organizations.begin(), join.organizations.end()};
  const bool is_member = organizations_.contains(own_organization());
  if (!is_member) organizations_.clear();
  state_infos_.SetOrganizations(organizations_);
  blocks_.SetEpoch(join.sequence);
  tracker_.Changed();
  if (!is_member) {
    environment_.log.Error("channel {}: {} is not in configuration {}: nothing more is exchanged until it is in again",
                           name_, own_organization(), join.sequence);
    return false;
  }
  if (!std::exchange(started_, true)) {
    state_infos_.Start();
    blocks_.Start();
  }
  return true;
}

void Channel::Impl::Leave() {
  if (std::exchange(left_, true)) return;
  state_infos_.SetLeft();
  blocks_.Leave();
  tracker_.Changed();
}

void Channel::Impl::PeerHeight(const wire::PkiId& peer, std::uint64_t height) {
  meter_.Known(height);
  blocks_.PeerHeight(peer, height);
  for (const auto& [id, observer] : height_observers_) observer(peer, height);
}

base::Handle Channel::Impl::OnPeerHeight(PeerHeightObserver observer) {
  const std::uint64_t id = next_observer_++;
  height_observers_.emplace(id, std::move(observer));
  return base::Handle(lifetime_.Guard([this, id] { height_observers_.erase(id); }));
}

// --- receiving (11.9) ------------------------------------------------------------------------------------------------

bool Channel::Impl::IsAboutThisChannel(const comm::ReceivedMessage& received) const {
  const wire::Message& message = received.message();
  if (const auto* info = message.As<wire::StateInfo>()) {
    // What is cached had the right MAC.
    return state_infos_.Holds(received.envelope()) ||
           info->channel_mac.view() == msp::ChannelMac(info->pki_id, name_).view();
  }
  if (const auto* request = message.As<wire::StateInfoPullRequest>()) {
    return request->channel_mac.view() == msp::ChannelMac(received.connection().pki_id, name_).view();
  }
  return message.channel == name_;
}

const char* Channel::Impl::CommonChecks(const comm::ReceivedMessage& received) const {
  const wire::Message& message = received.message();
  if (received.connection().pki_id == wire::PkiId()) return "no_sender";
  if (!IsAboutThisChannel(received)) return message.channel.empty() ? "MAC" : "channel";
  if (!wire::IsChannelRestricted(message.tag)) return "tag";
  return organizations_.contains(received.connection().organization) ? nullptr : "sender_organization";
}

void Channel::Impl::Handle(const ReceivedMessagePtr& received, const Ticket& ticket) {
  if (const char* reason = CommonChecks(*received)) return Refuse(*received, reason);
  const wire::Message& message = received->message();
  if (message.As<wire::StateInfo>() != nullptr) return state_infos_.HandleStateInfo(received, ticket);
  if (message.As<wire::StateInfoSnapshot>() != nullptr) return state_infos_.HandleSnapshot(received, ticket);
  if (message.As<wire::StateInfoPullRequest>() != nullptr) return state_infos_.HandlePullRequest(received);
  if (wire::IsRemoteStateMessage(message)) return;  // state transfer has a subscription of its own
  if (left_) return Refuse(*received, "channel_left");
  if (message.As<wire::DataMessage>() != nullptr) return blocks_.HandleBlock(received, ticket);
  if (message.As<wire::LeadershipMessage>() != nullptr) return HandleLeadership(received, ticket);
  if (wire::PullTypeOf(message) != wire::PullType::kBlock) return Refuse(*received, "unexpected");
  if (const char* reason = PullObjection(*received)) return Refuse(*received, reason);
  blocks_.HandlePull(received, ticket);
}

// Blocks are pulled within an organisation only: one of another could be the configuration that evicts the puller.
const char* Channel::Impl::PullObjection(const comm::ReceivedMessage& received) const {
  if (received.connection().organization != own_organization()) return "foreign_organization";
  return state_infos_.IsEligible(received.connection().pki_id) ? nullptr : "not_eligible";
}

const char* Channel::Impl::LeadershipObjection(const comm::ReceivedMessage& received) const {
  const auto& leadership = *received.message().As<wire::LeadershipMessage>();
  if (!organizations_.contains(own_organization())) return "sender_organization";
  if (received.connection().organization != own_organization()) return "foreign_organization";
  if (leadership.pki_id == parts_.mapper.own_pki_id()) return "own";
  if (leadership.timestamp.incarnation == 0) return "no_timestamp";
  const std::string originator = parts_.mapper.OrganizationOf(leadership.pki_id);
  if (originator.empty()) return "unknown_identity";
  return originator == own_organization() ? nullptr : "foreign_originator";
}

void Channel::Impl::HandleLeadership(const ReceivedMessagePtr& message, const Ticket& ticket) {
  if (const char* reason = LeadershipObjection(*message)) return Refuse(*message, reason);
  const auto& leadership = *message->message().As<wire::LeadershipMessage>();
  leadership_.Expire(environment_.executor.Now());
  if (!leadership_.WouldAccept(leadership.pki_id, leadership.timestamp)) return duplicates_.Add();
  auto verified = [this, message, ticket](const base::Result<void>& verdict) {
    if (!verdict) return Refuse(*message, "signature");
    AcceptLeadership(message);
  };
  parts_.verifier.Verify(leadership.pki_id, message->envelope(), lifetime_.Guard(std::move(verified)));
}

// The world may have changed while the signature was being checked.
void Channel::Impl::AcceptLeadership(const ReceivedMessagePtr& message) {
  if (left_) return Refuse(*message, "channel_left");
  if (const char* reason = LeadershipObjection(*message)) return Refuse(*message, reason);
  const auto& leadership = *message->message().As<wire::LeadershipMessage>();
  if (!leadership_.Add(leadership.pki_id, leadership.timestamp, {}, environment_.executor.Now())) {
    return duplicates_.Add();
  }
  if (observers_.delivered) observers_.delivered(message);
}

Channel::Channel(base::Environment environment, ChannelParts parts, std::string name, ChannelConfig config,
                 Observers observers)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(name), config, std::move(observers))) {}
Channel::~Channel() = default;

bool Channel::Configure(const JoinMessage& join) { return impl_->Configure(join); }
void Channel::Leave() { impl_->Leave(); }
void Channel::MembershipChanged() { impl_->MembershipChanged(); }
void Channel::Handle(const ReceivedMessagePtr& message, const Ticket& ticket) { impl_->Handle(message, ticket); }
bool Channel::IsOrgInChannel(const std::string& organization) const { return impl_->IsOrgInChannel(organization); }
bool Channel::IsEligible(const wire::PkiId& peer) const { return impl_->state_infos().IsEligible(peer); }
std::vector<ChannelMember> Channel::Members() const { return impl_->state_infos().Members(); }
base::Handle Channel::OnPeerHeight(PeerHeightObserver observer) { return impl_->OnPeerHeight(std::move(observer)); }
const std::string& Channel::name() const { return impl_->name(); }
StateInfoExchange& Channel::state_infos() { return impl_->state_infos(); }
BlockExchange& Channel::blocks() { return impl_->blocks(); }
const JoinMessage& Channel::configuration() const { return impl_->configuration(); }
bool Channel::left() const { return impl_->left(); }

}  // namespace grapevine::channel
