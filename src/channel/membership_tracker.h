// Tells operators who is in a channel (specification 11.12). Internal to the room.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/environment.h"
#include "channel/state_info_exchange.h"

namespace grapevine::channel {

// Keeps the gauge gossip_membership_total_peers_known and logs who came and who went: at most once per interval, and
// only after a change was reported. One executor.
class MembershipTracker {
 public:
  using Members = std::function<std::vector<ChannelMember>()>;

  // `members`: those of the channel now, in order of PKI-ID.
  MembershipTracker(base::Environment environment, const std::string& channel, base::Duration interval,
                    Members members);
  MembershipTracker(const MembershipTracker&) = delete;
  MembershipTracker& operator=(const MembershipTracker&) = delete;

  // The members may have changed.
  void Changed();

 private:
  void Look();

  base::Environment environment_;
  std::string channel_;
  base::Duration interval_;
  Members members_;
  base::Gauge& known_;
  std::map<wire::PkiId, std::string> view_;  // PKI-ID -> endpoint
  bool armed_ = false;
  base::Handle timer_;
};

}  // namespace grapevine::channel
