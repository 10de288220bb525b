#include "election/leader_election.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "election/elector.h"

namespace grapevine::election {

using comm::ReceivedMessage;
using comm::ReceivedMessagePtr;

namespace {

constexpr std::size_t kQueuedMessages = 100;  // leadership messages that wait for this node

}  // namespace

// Modes, messages and terms; the algorithm is the elector's.
class LeaderElection::Impl final : public Surroundings {
 public:
  Impl(base::Environment environment, channel::GossipService& gossip, std::string channel, ElectionConfig config,
       std::function<std::uint64_t()> own_height, Observers observers);
  ~Impl() override { gauge_.Set(0); }

  void Yield(Term term);
  bool is_leader() const { return leads_; }
  wire::PkiId leader() const;

  // Surroundings.
  std::vector<Candidate> View() const override;
  bool OrganizationIsAlive() const override;
  std::uint64_t OwnHeight() const override { return own_height_(); }
  base::Handle Reach(const wire::PkiId& peer, std::move_only_function<void(bool)> done) override;
  void SendProposal() override { Send(false); }
  void SendDeclaration() override { Send(true); }
  void Gained() override;
  void Lost() override;

 private:
  bool IsInView(const wire::PkiId& peer) const;
  void Handle(const ReceivedMessagePtr& received);
  void Send(bool is_declaration);

  base::Environment environment_;
  channel::GossipService& gossip_;
  std::string channel_;
  std::function<std::uint64_t()> own_height_;
  Observers observers_;
  base::Gauge& gauge_;
  wire::PeerTime timestamp_;  // of the last own message
  bool leads_ = false;
  Term term_ = 0;
  std::optional<Elector> elector_;  // dynamic mode only
  comm::AcceptedMessages messages_;
  base::Lifetime lifetime_;
};

LeaderElection::Impl::Impl(base::Environment environment, channel::GossipService& gossip, std::string channel,
                           ElectionConfig config, std::function<std::uint64_t()> own_height, Observers observers)
    : environment_(std::move(environment)),
      gossip_(gossip),
      channel_(std::move(channel)),
      own_height_(std::move(own_height)),
      observers_(std::move(observers)),
      gauge_(environment_.metrics.GetGauge("gossip_leader_election_leader",
                                           "Whether this node leads its organisation in the channel: 1 or 0",
                                           {{"channel", channel_}})) {
  environment_.log = environment_.log.Named("election");
  gauge_.Set(0);
  if (!config.use_leader_election) {
    if (config.org_leader) Gained();
    return;
  }
  // Greater than every earlier one as long as membership's is, whatever the wall clock does (D-12).
  timestamp_.incarnation =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(environment_.executor.WallNow().time_since_epoch().count()),
                              gossip_.membership().incarnation());
  elector_.emplace(environment_, *this, gossip_.Self().pki_id, config);
  messages_ = gossip_.Accept(
      "election of channel " + channel_,
      [channel = channel_](const ReceivedMessage& received) {
        return received.message().As<wire::LeadershipMessage>() != nullptr && received.message().channel == channel;
      },
      kQueuedMessages);
  messages_.ReceiveAll([this](const ReceivedMessagePtr& received) { Handle(received); });
}

void LeaderElection::Impl::Yield(Term term) {
  if (elector_ && leads_ && term == term_) elector_->Yield();
}

wire::PkiId LeaderElection::Impl::leader() const {
  if (elector_) return elector_->leader();
  return leads_ ? gossip_.Self().pki_id : wire::PkiId();
}

// --- view ------------------------------------------------------------------------------------------------------------

bool LeaderElection::Impl::IsInView(const wire::PkiId& peer) const {
  const auto& alive = gossip_.Peers();
  const auto found = std::ranges::lower_bound(alive, peer, {}, &gossip::Peer::pki_id);
  if (found == alive.end() || found->pki_id != peer || !gossip_.IsInMyOrg(*found)) return false;
  const channel::Channel* channel = gossip_.FindChannel(channel_);
  return channel != nullptr && !channel->left() && channel->IsEligible(peer);
}

std::vector<Candidate> LeaderElection::Impl::View() const {
  std::vector<Candidate> view;
  channel::Channel* channel = gossip_.FindChannel(channel_);
  if (channel == nullptr || channel->left()) return view;
  for (const gossip::Peer& peer : gossip_.Peers()) {
    if (!gossip_.IsInMyOrg(peer) || !channel->IsEligible(peer.pki_id)) continue;
    const channel::ChannelMember* member = channel->state_infos().Find(peer.pki_id);
    view.push_back({peer.pki_id, member->properties.ledger_height});
  }
  return view;
}

bool LeaderElection::Impl::OrganizationIsAlive() const {
  return std::ranges::any_of(gossip_.Peers(), [this](const gossip::Peer& peer) { return gossip_.IsInMyOrg(peer); });
}

base::Handle LeaderElection::Impl::Reach(const wire::PkiId& peer, std::move_only_function<void(bool)> done) {
  const gossip::Peer* found = gossip_.membership().Find(peer);
  if (found == nullptr || found->endpoint.empty()) return {};  // nothing to be learnt
  return gossip_.comm().Probe(found->endpoint, [done = std::move(done)](const base::Result<void>& answer) mutable {
    done(answer.has_value());
  });
}

// --- messages (12.3) -------------------------------------------------------------------------------------------------

void LeaderElection::Impl::Handle(const ReceivedMessagePtr& received) {
  const auto& leadership = *received->message().As<wire::LeadershipMessage>();
  if (!IsInView(leadership.pki_id)) {
    environment_.metrics
        .GetCounter("gossip_election_refused", "Leadership messages that were ignored",
                    {{"type", wire::TypeName(received->message().content)}, {"reason", "outside_view"}})
        .Add();
    return;
  }
  if (leadership.is_declaration) {
    elector_->HandleDeclaration(leadership.pki_id);
  } else {
    elector_->HandleProposal(leadership.pki_id);
  }
}

void LeaderElection::Impl::Send(bool is_declaration) {
  ++timestamp_.sequence;
  const auto sent = gossip_.Gossip(wire::NewMessage(
      wire::LeadershipMessage{
          .pki_id = gossip_.Self().pki_id, .timestamp = timestamp_, .is_declaration = is_declaration},
      channel_));
  if (!sent) environment_.log.Warn("channel {}: {}", channel_, sent.error().message);
}

// --- leadership ------------------------------------------------------------------------------------------------------

void LeaderElection::Impl::Gained() {
  leads_ = true;
  ++term_;
  gauge_.Set(1);
  environment_.log.Info("channel {}: leading the organisation, term {}", channel_, term_);
  environment_.executor.Post(lifetime_.Guard([observer = observers_.gained, term = term_] {
    if (observer) observer(term);
  }));
}

void LeaderElection::Impl::Lost() {
  leads_ = false;
  gauge_.Set(0);
  environment_.log.Info("channel {}: no longer leading the organisation, term {} is over", channel_, term_);
  environment_.executor.Post(lifetime_.Guard([observer = observers_.lost, term = term_] {
    if (observer) observer(term);
  }));
}

LeaderElection::LeaderElection(base::Environment environment, channel::GossipService& gossip, std::string channel,
                               ElectionConfig config, std::function<std::uint64_t()> own_height, Observers observers)
    : impl_(std::make_unique<Impl>(std::move(environment), gossip, std::move(channel), config, std::move(own_height),
                                   std::move(observers))) {}
LeaderElection::~LeaderElection() = default;

void LeaderElection::Yield(Term term) { impl_->Yield(term); }
bool LeaderElection::is_leader() const { return impl_->is_leader(); }
wire::PkiId LeaderElection::leader() const { return impl_->leader(); }

}  // namespace grapevine::election
