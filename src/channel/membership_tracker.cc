#include "channel/membership_tracker.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

namespace grapevine::channel {

namespace {

constexpr std::size_t kMaxNamed = 20;

// "a:1, b:2 and 5 more": the endpoints in `these` of the peers that are not in `those`; empty if there are none.
std::string Difference(const std::map<wire::PkiId, std::string>& these,
                       const std::map<wire::PkiId, std::string>& those) {
  std::string text;
  std::size_t count = 0;
  for (const auto& [pki_id, endpoint] : these) {
    if (those.contains(pki_id) || ++count > kMaxNamed) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", endpoint.empty() ? pki_id.Short() : endpoint);
  }
  if (count > kMaxNamed) text += fmt::format(" and {} more", count - kMaxNamed);
  return text;
}

}  // namespace

MembershipTracker::MembershipTracker(base::Environment environment, const std::string& channel, base::Duration interval,
                                     Members members)
    : environment_(std::move(environment)),
      channel_(channel),
      interval_(interval),
      members_(std::move(members)),
      known_(environment_.metrics.GetGauge("gossip_membership_total_peers_known", "Peers of the channel that are alive",
                                           {{"channel", channel}})) {}

void MembershipTracker::Changed() {
  if (std::exchange(armed_, true)) return;
  timer_ = environment_.executor.After(interval_, [this] { Look(); });
}

void MembershipTracker::Look() {
  std::map<wire::PkiId, std::string> view;
  for (const ChannelMember& member : members_()) view.emplace(member.peer.pki_id, member.peer.endpoint);
  armed_ = false;  // what asking for the members has changed is seen already
  known_.Set(static_cast<std::int64_t>(view.size()));
  const std::string came = Difference(view, view_);
  const std::string went = Difference(view_, view);
  view_ = std::move(view);
  if (came.empty() && went.empty()) return;
  environment_.log.Info("channel {}: membership view has changed: online: [{}], offline: [{}]; {} peers now", channel_,
                        came, went, view_.size());
}

}  // namespace grapevine::channel
