#include "membership/connector.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

namespace grapevine::membership {
namespace {

enum class Phase : std::uint8_t {
  kIdle,     // every owner's contact has been made
  kQueued,   // waits for one of kMaxAttempts
  kAttempt,  // handshake or introduction
  kPause,    // after a failure
};

// What one owner wants of an endpoint.
struct Interest {
  std::string organization;
  bool must_be_own = false;
  bool made = false;
};

struct Target {
  std::map<std::string, Interest> owners;
  Phase phase = Phase::kIdle;
  base::Duration pause{};    // the next one, before jitter
  base::Handle operation{};  // of the phase

  bool AllMade() const {
    return std::ranges::all_of(owners, [](const auto& owner) { return owner.second.made; });
  }
};

}  // namespace

class Connector::Impl {
 public:
  Impl(base::Environment environment, comm::Comm& comm, const MembershipConfig& config, std::string own_organization,
       Introduce introduce);

  void Want(const std::string& owner, const std::vector<Contact>& contacts);
  bool IsWanted(const base::Endpoint& endpoint) const { return targets_.contains(endpoint); }
  std::size_t under_way() const;

 private:
  void GiveUp(const std::string& owner, const std::map<base::Endpoint, Interest>& wanted);
  void Leave(const base::Endpoint& endpoint, Target& target);
  void Queue(const base::Endpoint& endpoint, Target& target);
  void StartAttempts();
  void Identified(const base::Endpoint& endpoint, const base::Result<comm::ConnectionInfo>& remote);
  void Introduced(const base::Endpoint& endpoint, bool own_organization, bool answered);
  void Fail(const base::Endpoint& endpoint, Target& target, const char* result, const std::string& reason);
  void Count(const char* result);

  base::Environment environment_;
  comm::Comm& comm_;
  const base::Duration pause_min_;
  const base::Duration pause_max_;
  const std::string own_organization_;
  Introduce introduce_;
  std::size_t attempts_ = 0;  // targets in kAttempt
  std::deque<base::Endpoint> queue_;
  std::map<base::Endpoint, Target> targets_;
};

Connector::Impl::Impl(base::Environment environment, comm::Comm& comm, const MembershipConfig& config,
                      std::string own_organization, Introduce introduce)
    : environment_(std::move(environment)),
      comm_(comm),
      pause_min_(std::max(config.connect_pause_min, kLeastPause)),
      pause_max_(std::max(config.connect_pause_max, pause_min_)),
      own_organization_(std::move(own_organization)),
      introduce_(std::move(introduce)) {}

std::size_t Connector::Impl::under_way() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(targets_, [](const auto& entry) { return !entry.second.AllMade(); }));
}

void Connector::Impl::Count(const char* result) {
  environment_.metrics
      .GetCounter("gossip_membership_connects", "Attempts at bootstrap and anchor peers, by result.",
                  {{"result", result}})
      .Add();
}

void Connector::Impl::Want(const std::string& owner, const std::vector<Contact>& contacts) {
  std::map<base::Endpoint, Interest> wanted;
  for (const Contact& contact : contacts) {
    const auto [found, added] =
        wanted.try_emplace(contact.endpoint, Interest{contact.organization, contact.must_be_own});
    if (!added && !contact.must_be_own) found->second = {contact.organization, false};
  }
  GiveUp(owner, wanted);
  for (const Contact& contact : contacts) {  // in the order of the caller
    auto interest = wanted.extract(contact.endpoint);
    if (interest.empty()) continue;  // handled at its first mention
    Target& target = targets_[contact.endpoint];
    const auto known = target.owners.find(owner);
    if (known != target.owners.end() && known->second.must_be_own == interest.mapped().must_be_own &&
        known->second.organization == interest.mapped().organization) {
      continue;
    }
    target.owners[owner] = std::move(interest.mapped());
    target.pause = pause_min_;
    if (target.phase == Phase::kIdle || target.phase == Phase::kPause) Queue(contact.endpoint, target);
  }
  StartAttempts();
}

// Forgets the owner's interest in everything but `wanted`.
void Connector::Impl::GiveUp(const std::string& owner, const std::map<base::Endpoint, Interest>& wanted) {
  for (auto it = targets_.begin(); it != targets_.end();) {
    auto& [endpoint, target] = *it;
    const bool given_up = !wanted.contains(endpoint) && target.owners.erase(owner) > 0;
    if (given_up && target.AllMade()) Leave(endpoint, target);
    it = target.owners.empty() ? targets_.erase(it) : std::next(it);
  }
}

// Ends what is under way.
void Connector::Impl::Leave(const base::Endpoint& endpoint, Target& target) {
  target.operation.Reset();
  if (target.phase == Phase::kAttempt) --attempts_;
  if (target.phase == Phase::kQueued) std::erase(queue_, endpoint);
  target.phase = Phase::kIdle;
}

void Connector::Impl::Queue(const base::Endpoint& endpoint, Target& target) {
  target.operation.Reset();
  target.phase = Phase::kQueued;
  queue_.push_back(endpoint);
}

void Connector::Impl::StartAttempts() {
  while (attempts_ < kMaxAttempts && !queue_.empty()) {
    const base::Endpoint endpoint = std::move(queue_.front());
    queue_.pop_front();
    Target& target = targets_.at(endpoint);
    target.phase = Phase::kAttempt;
    ++attempts_;
    target.operation = comm_.Handshake({.endpoint = endpoint, .pki_id = std::nullopt},
                                       [this, endpoint](const base::Result<comm::ConnectionInfo>& remote) {
                                         Identified(base::Endpoint(endpoint), remote);
                                       });
  }
}

void Connector::Impl::Identified(const base::Endpoint& endpoint, const base::Result<comm::ConnectionInfo>& remote) {
  Target& target = targets_.at(endpoint);
  if (!remote) return Fail(endpoint, target, "unreachable", remote.error().message);
  const bool own = !own_organization_.empty() && remote->organization == own_organization_;
  const bool acceptable = std::ranges::any_of(
      target.owners, [own](const auto& owner) { return !owner.second.made && (own || !owner.second.must_be_own); });
  if (!acceptable) {
    return Fail(endpoint, target, "wrong_organization",
                fmt::format("{} answered, who is of '{}' and not of the own organisation '{}' as was declared",
                            remote->pki_id.Short(), remote->organization, own_organization_));
  }
  target.operation = introduce_(
      *remote, endpoint, [this, endpoint, own](bool answered) { Introduced(base::Endpoint(endpoint), own, answered); });
}

void Connector::Impl::Introduced(const base::Endpoint& endpoint, bool own_organization, bool answered) {
  Target& target = targets_.at(endpoint);
  if (!answered) return Fail(endpoint, target, "no_response", "it did not answer the membership request");
  for (auto& [owner, interest] : target.owners) {
    if (interest.made || (interest.must_be_own && !own_organization)) continue;
    interest.made = true;
    environment_.log.Info("contact with {} made for {}", endpoint, owner);
  }
  if (!target.AllMade()) {
    return Fail(endpoint, target, "wrong_organization",
                "others want it to be of the own organisation, which it is not");
  }
  Count("ok");
  Leave(endpoint, target);
  StartAttempts();
}

// Every failure pauses, of whatever kind (D-11).
void Connector::Impl::Fail(const base::Endpoint& endpoint, Target& target, const char* result,
                           const std::string& reason) {
  Count(result);
  const base::Duration pause = environment_.random.Between(target.pause * 4 / 5, target.pause * 6 / 5);
  const std::string& organization = target.owners.begin()->second.organization;
  environment_.log.Warn("no contact with {}{}{} ({}), trying again in {} ms: {}", endpoint,
                        organization.empty() ? "" : " of ", organization, result,
                        std::chrono::duration_cast<std::chrono::milliseconds>(pause).count(), reason);
  target.pause = std::min(target.pause + target.pause / 2, pause_max_);
  Leave(endpoint, target);
  target.phase = Phase::kPause;
  target.operation = environment_.executor.After(pause, [this, endpoint] {
    // The timer's handle goes, and what it holds.
    const base::Endpoint due = endpoint;  // NOLINT(performance-unnecessary-copy-initialization)
    Queue(due, targets_.at(due));
    StartAttempts();
  });
  StartAttempts();
}

Connector::Connector(base::Environment environment, comm::Comm& comm, const MembershipConfig& config,
                     std::string own_organization, Introduce introduce)
    : impl_(std::make_unique<Impl>(std::move(environment), comm, config, std::move(own_organization),
                                   std::move(introduce))) {}

Connector::~Connector() = default;

void Connector::Want(const std::string& owner, const std::vector<Contact>& contacts) { impl_->Want(owner, contacts); }
bool Connector::IsWanted(const base::Endpoint& endpoint) const { return impl_->IsWanted(endpoint); }
std::size_t Connector::under_way() const { return impl_->under_way(); }

}  // namespace grapevine::membership
